import ModelZoo
import Synchronization
import TensorCore

/// A conversation with a language model alone.
///
/// One reply is made at a time; further calls wait. Replies of several sessions with one model share
/// its passes. What the model has read is not read again: the
/// part of a turn that it shares with the one before stays in its cache. A failed or cancelled turn
/// leaves the conversation as it was.
public final class TextSession: Sendable {
    /// Who answers.
    public let model: LanguageModel
    /// How the conversation is written.
    public let template: ChatTemplate
    /// The system's sentence in place of the template's own; nil for that.
    public let system: String?

    private struct State {
        var turns: [ChatTemplate.Turn] = []
        /// The tokens that the cache holds.
        var cached: [Int] = []
        var cache: KVCache
    }

    private let state: Mutex<State>

    /// A conversation that has not begun.
    ///
    /// - Parameter template: how it is written; nil as the model's files have it
    /// - Parameter system: the system's sentence in place of the template's own
    public init(_ model: LanguageModel, template: ChatTemplate? = nil, system: String? = nil) {
        self.model = model
        self.template = template ?? model.template
        self.system = system
        state = Mutex(State(cache: model.network.newCache()))
    }

    /// The turns so far.
    public var turns: [ChatTemplate.Turn] { state.withLock { $0.turns } }

    /// Forgets everything.
    public func reset() { state.withLock { $0 = State(cache: model.network.newCache()) } }

    /// Answers, on the caller's thread; the text comes in pieces while it is made, never half a
    /// character.
    ///
    /// - Parameters:
    ///   - turns: what the conversation was until now, in place of what this session remembers
    ///   - onText: gets an empty piece for a token that completes no character; what it throws ends
    ///     the reply within one token
    /// - Throws: `ModelError`, `MemoryError`, or what `onText` threw
    public func respond(
        to prompt: String, after turns: [ChatTemplate.Turn]? = nil,
        options: GenerationOptions = GenerationOptions(),
        onText: (String) throws -> Void = { _ in }
    ) throws -> Response {
        try state.withLock { state in
            let before = state.turns
            do {
                if let turns { state.turns = turns }
                return try model.passes.joined {
                    try respond(to: prompt, options, in: &state, onText)
                }
            } catch {
                state.turns = before
                state.cached = []
                state.cache = model.network.newCache()
                throw error
            }
        }
    }

    private func respond(
        to prompt: String, _ options: GenerationOptions, in state: inout State,
        _ onText: (String) throws -> Void
    ) throws -> Response {
        let options = options.completed(by: model.defaults)
        let limit = try options.tokenLimit()
        var reply = try TextReply(of: model, template, options)
        guard !prompt.isEmpty || template == .raw else { throw ModelError.emptyRequest }
        var (response, clock) = (Response(), Stopwatch())
        state.turns.append(ChatTemplate.Turn(.human, prompt))
        let ids = try template.ids(
            of: template.prompt(state.turns, system: system), in: model.tokenizer)
        var scores = try prefill(ids, reply: limit, &state) { try onText("") }
        response.promptTokens = ids.count
        response.seconds["prefill"] = clock.lap()

        while !reply.hasEnded {
            try Task.checkCancellation()
            let count = reply.text.utf8.count
            guard let id = try reply.draw(scores.floats(), after: state.cached, onText) else {
                break
            }
            if reply.text.utf8.count == count { try onText("") }
            // The last token is read with the next turn, if there is one.
            if reply.hasEnded { break }
            state.cached.append(id)
            scores = model.states(after: [id], state.cache).scores
        }
        response.generatedTokens = reply.tokens
        response.seconds["text"] = clock.lap()
        response.segments = [.text(reply.text)]
        response.isCut = reply.tokens >= limit
        state.turns.append(
            ChatTemplate.Turn(
                .assistant, template == .raw ? reply.text : reply.text.trimmingWhitespace))
        return response
    }

    /// Reads what the cache does not hold yet; returns the scores of what may follow.
    private func prefill(
        _ ids: [Int], reply: Int, _ state: inout State, pause: () throws -> Void
    ) throws -> Tensor {
        let config = model.network.config
        try model.check(ids, reply: reply)
        let shared = min(zip(ids, state.cached).prefix { $0 == $1 }.count, ids.count - 1)
        state.cache.truncate(to: shared)
        state.cache.reserve(ids.count + reply)
        state.cached = ids
        return try model.memory.reserving(
            try config.bytesNeeded(reading: ids.count, writing: reply),
            for: "Reading a dialogue of \(ids.count) tokens"
        ) {
            try model.states(after: Array(ids[shared...]), state.cache, pause: pause).scores
        }
    }
}

extension LanguageModel {
    /// - Throws: `ModelError` where that is nothing to read, or more than the model can
    func check(_ ids: [Int], reply: Int) throws {
        guard !ids.isEmpty else { throw ModelError.emptyRequest }
        guard ids.count + reply <= network.config.contextLength else {
            throw ModelError.promptTooLong(
                tokens: ids.count, reply: reply, context: network.config.contextLength)
        }
    }

    /// Feeds tokens, in passes that other sequences may share.
    func states(
        after ids: [Int], _ cache: KVCache, pause: () throws -> Void
    ) rethrows -> SharedPasses.States {
        let rows = network.embedTokens(Tensor(ids.map(Int32.init), device: device))
        return try passes.states(after: rows, cache: cache, pause: pause)
    }

    /// The same without a pause.
    func states(after ids: [Int], _ cache: KVCache) -> SharedPasses.States {
        states(after: ids, cache) {}
    }
}
