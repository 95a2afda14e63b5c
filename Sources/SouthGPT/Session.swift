public import Dialogue
import Diffusion
import ModelZoo
import Synchronization
import TensorCore

/// A conversation with a model: turns of text and media, where what the model made is context of
/// the next turn.
///
/// One reply is made at a time; further calls wait. Replies of several sessions with one model share
/// the passes of its language model. A failed or cancelled turn leaves the
/// conversation as it was.
public final class Session: Sendable {
    /// Who answers.
    public let model: MultimodalModel

    private struct State {
        var messages: [Message] = []
        /// The input row of each medium in the dialogue.
        var rows: [String: Tensor] = [:]
        /// What the cache holds, row by row.
        var cached: [CachedRow] = []
        var cache: KVCache
        /// Media that were made, which gives each its name.
        var made = 0
    }

    private enum CachedRow: Equatable {
        case token(Int)
        case medium(String)
    }

    private let state: Mutex<State>

    /// A conversation that has not begun.
    public init(_ model: MultimodalModel) {
        self.model = model
        state = Mutex(State(cache: model.languageModel.newCache()))
    }

    /// The turns so far.
    public var messages: [Message] { state.withLock { $0.messages } }

    /// Forgets everything.
    public func reset() {
        state.withLock { $0 = State(cache: model.languageModel.newCache()) }
    }

    /// Forgets what was computed, not what was said: the next turn reads the dialogue anew.
    package func forgetCache() {
        state.withLock {
            $0.cache = model.languageModel.newCache()
            $0.cached = []
        }
    }

    /// Answers, on the caller's thread; the events come in order while the reply is made.
    ///
    /// - Parameters:
    ///   - turns: what the conversation was until now, in place of what this session remembers; what
    ///     both have in common is not read again
    ///   - onEvent: what it throws ends the reply, within one token or denoising step
    /// - Throws: `ModelError`, `MediaError`, `CheckpointError`, `MemoryError`, or what `onEvent`
    ///   threw
    public func respond(
        to request: Request, after turns: [Turn]? = nil,
        onEvent: (Event) throws -> Void = { _ in }
    ) throws -> Response {
        try state.withLock { state in
            // A copy is changed, and kept only if the turn succeeds.
            var turn = state
            do {
                if let turns { try resume(turns, in: &turn, onEvent) }
                let response = try respond(to: request, in: &turn, onEvent)
                state = turn
                return response
            } catch {
                state.cache = model.languageModel.newCache()
                state.cached = []
                throw error
            }
        }
    }

    /// Makes `turns` the conversation until now.
    private func resume(
        _ turns: [Turn], in state: inout State, _ onEvent: (Event) throws -> Void
    ) throws {
        let known = state.rows
        state.rows = [:]
        state.messages = try turns.map { turn in
            Message(
                turn.role,
                try turn.pieces.map { piece in
                    switch piece {
                    case .text(let text): return .text(text)
                    case .medium(let file): return try row(of: file, in: &state, known, onEvent)
                    }
                })
        }
    }

    /// The row of a file, encoded unless it was before.
    private func row(
        of file: MediumFile, in state: inout State, _ known: [String: Tensor],
        _ onEvent: (Event) throws -> Void
    ) throws -> Part {
        let name = file.identity
        if state.rows[name] == nil {
            try onEvent(
                .progress(ReplyProgress(job: .reading(file.modality), completed: 0, total: 1)))
            state.rows[name] =
                try known[name] ?? model.row(of: model.encoderInput(file), file.modality)
        }
        return .medium(file.modality, name: name)
    }

    private func respond(
        to request: Request, in state: inout State, _ onEvent: (Event) throws -> Void
    ) throws -> Response {
        let order = try ReplyOrder(request, for: model)
        var response = Response()
        var clock = Stopwatch()

        let human = try read(request, into: &state, onEvent)
        response.seconds["reading"] = clock.lap()
        state.messages.append(human)

        var reply = ReplyRecorder()
        try model.passes.joined {
            try write(order, into: &state, &reply, &response, &clock, onEvent)
        }
        response.segments = reply.segments
        let signals = response.media.map { model.layout.signalTokens.count(of: $0.modality) }
        response.isCut = response.generatedTokens - signals.reduce(0, +) >= order.tokenLimit
        response.explanation += model.decoders.opened.map { "loaded: decoder of \($0.rawValue)" }
        try remember(reply, in: &state)
        return response
    }

    /// Reads the dialogue and writes the reply, in passes that other sessions share.
    private func write(
        _ order: ReplyOrder, into state: inout State, _ reply: inout ReplyRecorder,
        _ response: inout Response, _ clock: inout Stopwatch, _ onEvent: (Event) throws -> Void
    ) throws {
        let limit = order.tokenLimit
        let thinking = Event.progress(
            ReplyProgress(job: .thinking, completed: 0, total: limit))
        let scores = try prefill(&state, replyTokens: limit, &response) { try onEvent(thinking) }
        response.seconds["prefill"] = clock.lap()
        try onEvent(thinking)

        var writer = try ReplyWriter(
            model, cache: state.cache, output: order.request.output, tokenLimit: limit,
            stops: order.options.stops ?? [], sampling: order.sampling)
        func goOn() throws {
            try Task.checkCancellation()
            try onEvent(
                .progress(
                    ReplyProgress(
                        job: .thinking, completed: response.generatedTokens,
                        // Signal tokens come on top of the limit.
                        total: max(limit, response.generatedTokens))))
        }
        try writer.write(from: scores) { step in
            switch step {
            case .token:
                response.generatedTokens += 1
                try goOn()
            case .text(let piece):
                guard !piece.isEmpty else { return }
                reply.append(piece)
                try onEvent(.text(piece))
            case .span(let modality, let conditioning, let position, let asked):
                response.seconds["text", default: 0] += clock.lap()
                response.explanation.append(
                    "\(modality.rawValue): signal span at position \(position), "
                        + (asked ? "because it was asked for" : "by the model's own choice"))
                let caption = reply.caption
                let medium = try model.passes.apart {
                    try model.make(
                        modality, conditioning, order, caption: caption, whileWaiting: goOn,
                        onEvent)
                }
                reply.append(medium)
                response.seconds[modality.rawValue, default: 0] += clock.lap()
                try onEvent(.medium(medium))
            }
        }
        response.seconds["text", default: 0] += clock.lap()
        state.cached += writer.fed.map { .token($0) }
    }

    /// Encodes the request's media; returns the human's message.
    private func read(
        _ request: Request, into state: inout State, _ onEvent: (Event) throws -> Void
    ) throws -> Message {
        var parts = try request.media.map { try row(of: $0, in: &state, [:], onEvent) }
        if !request.prompt.isEmpty { parts.append(.text(request.prompt)) }
        return Message(.human, parts)
    }

    /// Reads the dialogue up to where the assistant speaks; what the cache already holds is not
    /// read again. Returns the scores of what may follow, `[vocabulary]`.
    private func prefill(
        _ state: inout State, replyTokens: Int, _ response: inout Response,
        pause: () throws -> Void
    ) throws -> Tensor {
        let sequence = try model.layout.sequence(of: state.messages)
        let spans = model.folder.modalities.map(model.layout.signalTokens.count(of:))
        let reply = replyTokens + spans.reduce(0, +)
        let context = model.languageModel.config.contextLength
        guard sequence.elements.count + reply <= context else {
            throw ModelError.promptTooLong(
                tokens: sequence.elements.count, reply: reply, context: context)
        }
        let rows = sequence.elements.map { element -> CachedRow in
            switch element {
            case .token(let id): .token(id)
            case .medium(let index): .medium(sequence.media[index].name)
            }
        }
        // The last row is always read: its state is where the reply begins.
        let shared = min(
            zip(rows, state.cached).prefix { $0 == $1 }.count, rows.count - 1)
        state.cache.truncate(to: shared)
        state.cache.reserve(rows.count + reply)
        let embeddings = Tensor.concatenate(
            try inputRows(rows[shared...], state.rows), axis: 0)
        let bytes = try model.languageModel.config.bytesNeeded(
            reading: rows.count, writing: reply)
        let scores = try model.decoders.makingRoom {
            try model.memory.reserving(
                bytes, for: "Reading a dialogue of \(rows.count) tokens"
            ) {
                try model.passes.states(after: embeddings, cache: state.cache, pause: pause).scores
            }
        }
        state.cached = rows
        response.promptTokens = rows.count
        return scores
    }

    /// The embeddings of rows, runs of tokens together.
    private func inputRows(
        _ rows: ArraySlice<CachedRow>, _ media: [String: Tensor]
    ) throws -> [Tensor] {
        var parts: [Tensor] = []
        var run: [Int] = []
        for row in rows {
            switch row {
            case .token(let id): run.append(id)
            case .medium(let name):
                if !run.isEmpty { parts.append(model.embeddings(of: run)) }
                run = []
                guard let tensor = media[name] else {
                    preconditionFailure("no row for medium '\(name)'")
                }
                parts.append(tensor)
            }
        }
        if !run.isEmpty { parts.append(model.embeddings(of: run)) }
        return parts
    }

    /// Makes the reply context of the next turn; its media are seen and heard as any others.
    private func remember(_ reply: ReplyRecorder, in state: inout State) throws {
        var parts: [Part] = []
        for segment in reply.segments {
            switch segment {
            case .text(let text): parts.append(.text(text))
            case .medium(let medium):
                state.made += 1
                let name = "made \(state.made)"
                state.rows[name] = try model.row(
                    of: model.encoderInput(medium), medium.modality)
                parts.append(.medium(medium.modality, name: name))
            }
        }
        state.messages.append(Message(.assistant, parts))
    }
}
