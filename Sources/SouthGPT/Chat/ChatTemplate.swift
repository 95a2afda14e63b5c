// How a conversation is written for a language model that was tuned on it.
// Sources: FastChat v0.1.10 and its `conversation.py` of today; the published prompts of Llama-2,
// Llama-3 and ChatML; the training text of NExT-GPT for `human`.

import ModelZoo

/// A way of writing conversations.
public enum ChatTemplate: String, CaseIterable, Sendable {
    /// No template: what the human says is the text that the model continues.
    case raw
    /// This system's own: `### Human: …`, `### Assistant:`.
    case human
    /// Vicuna v0 as FastChat 0.1.10 wrote it: `###` without a line break.
    case vicunaV0 = "vicuna-v0"
    /// Vicuna v0 as later releases write it: each turn begins on a line of its own.
    case vicunaZeroShot = "vicuna-zero-shot"
    /// Vicuna v1.1, v1.3 and v1.5.
    case vicunaV11 = "vicuna-v1.1"
    case llama2
    case llama3
    /// Qwen and SmolLM2.
    case chatML = "chatml"

    /// Who speaks.
    public enum Role: String, Sendable {
        case human, assistant
    }

    /// One turn.
    public struct Turn: Equatable, Sendable {
        public var role: Role
        public var text: String

        /// A turn as given.
        public init(_ role: Role, _ text: String) { (self.role, self.text) = (role, text) }
    }

    /// A stretch of the written conversation.
    public enum Piece: Equatable, Sendable {
        /// Text, and never a token that a text may spell.
        case text(String)
        /// A special token by its text.
        case token(String)
    }

    /// The system's sentence that belongs to the template; nil for none.
    public var system: String? {
        let vicuna =
            "A chat between a curious %1 and an artificial intelligence assistant. The "
            + "assistant gives helpful, detailed, and polite answers to the %1's questions."
        return switch self {
        case .vicunaV0, .vicunaZeroShot: vicuna.replacing("%1", with: "human")
        case .vicunaV11: vicuna.replacing("%1", with: "user")
        case .raw, .human, .llama2, .llama3, .chatML: nil
        }
    }

    /// What ends a reply where it is written in the text.
    public var stops: [String] {
        switch self {
        case .human, .vicunaV0, .vicunaZeroShot: ["###"]
        case .raw, .vicunaV11, .llama2, .llama3, .chatML: []
        }
    }

    /// Tokens that end a reply, beside the vocabulary's own.
    public var endTokens: [String] {
        switch self {
        case .llama3: ["<|eot_id|>", "<|end_of_text|>"]
        case .chatML: ["<|im_end|>"]
        default: []
        }
    }

    /// A conversation up to where the assistant speaks, without the token that begins every text.
    public func prompt(_ turns: [Turn], system given: String? = nil) -> [Piece] {
        let system = given ?? self.system
        switch self {
        case .raw: return [.text(turns.map(\.text).joined())]
        case .human:
            return [.text((system.map { $0 + "\n" } ?? "") + marked(turns, "###", "\n###"))]
        case .vicunaV0:
            let lines = turns.map { "\(name($0.role)): \($0.text)###" }
            return [.text((system.map { $0 + "###" } ?? "") + lines.joined() + "Assistant:")]
        case .vicunaZeroShot:
            let lines = turns.map { "\(name($0.role)): \($0.text)\n### " }
            return [.text((system.map { $0 + "\n### " } ?? "") + lines.joined() + "Assistant:")]
        case .vicunaV11: return vicuna(turns, system)
        case .llama2: return llama2(turns, system)
        case .llama3: return headed(turns, system)
        case .chatML: return chatML(turns, system)
        }
    }

    private func name(_ role: Role) -> String { role == .human ? "Human" : "Assistant" }

    private func marked(_ turns: [Turn], _ first: String, _ mark: String) -> String {
        var text = first
        for turn in turns { text += " \(name(turn.role)): \(turn.text)\(mark)" }
        return text + " Assistant:"
    }

    private func vicuna(_ turns: [Turn], _ system: String?) -> [Piece] {
        var (pieces, text) = ([Piece](), system.map { $0 + " " } ?? "")
        for turn in turns {
            if turn.role == .human {
                text += "USER: \(turn.text) "
            } else {
                pieces += [.text(text + "ASSISTANT: \(turn.text)"), .token("</s>")]
                text = ""
            }
        }
        return pieces + [.text(text + "ASSISTANT:")]
    }

    private func llama2(_ turns: [Turn], _ system: String?) -> [Piece] {
        var pieces: [Piece] = []
        var text = ""
        for (index, turn) in turns.enumerated() {
            if turn.role == .human {
                let frame = system.map { "<<SYS>>\n\($0)\n<</SYS>>\n\n" } ?? ""
                text = "[INST] \(index == 0 ? frame : "")\(turn.text) [/INST]"
            } else {
                pieces += [.text("\(text) \(turn.text) "), .token("</s>"), .token("<s>")]
                text = ""
            }
        }
        return pieces + (text.isEmpty ? [] : [.text(text)])
    }

    private func headed(_ turns: [Turn], _ system: String?) -> [Piece] {
        func header(_ role: String) -> [Piece] {
            [.token("<|start_header_id|>"), .text(role), .token("<|end_header_id|>")]
        }
        func message(_ role: String, _ text: String) -> [Piece] {
            header(role) + [.text("\n\n" + text.trimmingWhitespace), .token("<|eot_id|>")]
        }
        return (system.map { message("system", $0) } ?? [])
            + turns.flatMap { message($0.role == .human ? "user" : "assistant", $0.text) }
            + header("assistant") + [.text("\n\n")]
    }

    private func chatML(_ turns: [Turn], _ system: String?) -> [Piece] {
        func message(_ role: String, _ text: String) -> [Piece] {
            [
                .token("<|im_start|>"), .text("\(role)\n\(text)"), .token("<|im_end|>"),
                .text("\n"),
            ]
        }
        return (system.map { message("system", $0) } ?? [])
            + turns.flatMap { message($0.role == .human ? "user" : "assistant", $0.text) }
            + [.token("<|im_start|>"), .text("assistant\n")]
    }
}

extension ChatTemplate {
    /// The template that a model's files ask for: by the Jinja text they carry, else by their name.
    static func guessed(jinja: String?, name: String) -> ChatTemplate {
        if let jinja {
            if jinja.contains("<|im_start|>") { return .chatML }
            if jinja.contains("<|start_header_id|>") { return .llama3 }
            if jinja.contains("[INST]") { return .llama2 }
            if jinja.contains("USER:") { return .vicunaV11 }
        }
        let name = name.lowercased()
        guard name.contains("vicuna") else { return .raw }
        return name.hasSuffix("v0") ? .vicunaZeroShot : .vicunaV11
    }

    /// The ids of pieces: what a text spells is never a special token.
    func ids(of pieces: [Piece], in tokenizer: any TextTokenizer) throws -> [Int] {
        var ids = tokenizer.beginID.map { [$0] } ?? []
        for (index, piece) in pieces.enumerated() {
            switch piece {
            case .text(let text) where self == .raw: ids += tokenizer.encode(text)
            case .text(let text): ids += tokenizer.encode(literal: text, isFirst: index == 0)
            case .token(let text):
                guard let id = tokenizer.id(of: text) else {
                    throw ModelError.invalidOption(
                        name: "template", found: rawValue,
                        expected: "one that this vocabulary has the tokens of; it has no '\(text)'")
                }
                ids.append(id)
            }
        }
        return ids
    }
}
