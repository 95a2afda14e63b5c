import FoundationEssentials
import ModelZoo
import SouthGPT

/// `POST /v1/embeddings`: media in ImageBind's space. An item is a content part as in a chat, or, in
/// `input` as OpenAI has it, a text.
struct EmbeddingsRequest: Decodable {
    let items: [DialogueRequest.Piece]
    var format: String?

    private enum Key: String, CodingKey {
        case input
        case format = "encoding_format"
    }

    private enum Item: Decodable {
        case text(String)
        case piece(DialogueRequest.Piece)

        init(from decoder: any Decoder) throws {
            if let text = try? decoder.singleValueContainer().decode(String.self) {
                self = .text(text)
            } else {
                self = .piece(try DialogueRequest.Piece(from: decoder))
            }
        }

        var piece: DialogueRequest.Piece {
            switch self {
            case .text(let text): .text(text)
            case .piece(let piece): piece
            }
        }
    }

    init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: Key.self)
        if let one = try? container.decode(Item.self, forKey: .input) {
            items = [one.piece]
        } else {
            items = try container.decode([Item].self, forKey: .input).map(\.piece)
        }
        format = try container.decodeIfPresent(String.self, forKey: .format)
    }
}

private struct Embeddings: Encodable {
    struct Item: Encodable {
        let object = "embedding"
        let index: Int
        let embedding: Vector
        private enum CodingKeys: String, CodingKey { case object, index, embedding }
    }

    enum Vector: Encodable {
        case numbers([Float])
        case base64(String)

        func encode(to encoder: any Encoder) throws {
            var container = encoder.singleValueContainer()
            switch self {
            case .numbers(let numbers): try container.encode(numbers)
            case .base64(let text): try container.encode(text)
            }
        }
    }

    let object = "list"
    let model: String
    let data: [Item]
    let usage = Usage(prompt: 0, completion: 0)
    private enum CodingKeys: String, CodingKey { case object, model, data, usage }
}

extension Exchange {
    func embeddings(_ body: Data) throws -> Answer {
        let request = try limits.read(EmbeddingsRequest.self, from: body)
        guard !request.items.isEmpty else {
            throw ServerError.invalid(field: "input", problem: "is empty")
        }
        guard request.items.count <= limits.embeddings else {
            throw ServerError.tooLarge(
                what: "the number of inputs", found: request.items.count, limit: limits.embeddings)
        }
        guard ["float", "base64"].contains(request.format ?? "float") else {
            throw ServerError.invalid(
                field: "encoding_format",
                problem: "is '\(request.format ?? "")'; known are float, base64")
        }
        _ = try engine.model
        let items = try request.items.map { piece -> EmbeddingInput in
            switch piece {
            case .text(let text):
                guard text.utf8.count <= limits.promptCharacters else {
                    throw ServerError.tooLarge(
                        what: "a text, in bytes,", found: text.utf8.count,
                        limit: limits.promptCharacters)
                }
                return .text(text)
            case .medium(let modality, let source):
                return .medium(MediumFile(modality, try media.path(modality, source)))
            }
        }
        return .work { [self] in
            await replying {
                let vectors = try await engine.run { model, goOn in
                    try model.embeddings(of: items, onInput: goOn)
                }
                return Reply(
                    json: Embeddings(
                        model: engine.name,
                        data: vectors.enumerated().map { index, vector in
                            let bytes = vector.withUnsafeBytes { Data($0) }
                            return Embeddings.Item(
                                index: index,
                                embedding: request.format == "base64"
                                    ? .base64(bytes.base64EncodedString()) : .numbers(vector))
                        }))
            }
        }
    }
}
