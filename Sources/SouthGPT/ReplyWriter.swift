import Dialogue
import ModelZoo
import TensorCore

/// Writes one reply: samples tokens under the grammar and turns each finished span into the
/// conditioning of a decoder.
struct ReplyWriter {
    private let model: MultimodalModel
    private let cache: KVCache
    private let output: OutputChoice?
    private let tokenLimit: Int
    private let stops: [String]
    private var sampler: Sampler
    private var grammar: SignalGrammar
    private let endOfSequence: Int
    /// The tokens that the cache holds of the reply.
    private(set) var fed: [Int] = []

    init(
        _ model: MultimodalModel, cache: KVCache, output: OutputChoice?, tokenLimit: Int,
        stops: [String] = [], sampling: SamplingOptions
    ) throws {
        self.model = model
        self.cache = cache
        self.output = output
        self.tokenLimit = tokenLimit
        self.stops = stops
        sampler = Sampler(sampling)
        let tokenizer = model.layout.tokenizer
        endOfSequence = tokenizer.eosID
        var spans: [Modality: [Int]] = [:]
        for modality in Modality.allCases {
            spans[modality] = try model.layout.signalTokens.ids(of: modality, in: tokenizer)
        }
        let available = model.folder.modalities
        let unavailable = spans.filter { !available.contains($0.key) }.flatMap(\.value)
        let marks = [SignalTokens.mediumStart, SignalTokens.mediumEnd]
        grammar = SignalGrammar(
            spans: spans.filter { available.contains($0.key) },
            neverSampled: Set(
                marks.compactMap(tokenizer.id(of:)) + [tokenizer.bosID] + unavailable),
            wanted: output?.media)
    }

    /// What the writer reports.
    enum Step {
        case text(String)
        /// A span is complete; the conditioning is `[1, tokens, width]`.
        case span(Modality, conditioning: Tensor, position: Int, asked: Bool)
        case token
    }

    /// Writes until the reply ends. `scores` are those of its first token.
    mutating func write(from scores: Tensor, report: (Step) throws -> Void) throws {
        var scores = scores
        var textTokens = 0
        if output?.text != false {
            var segment = newSegment()
            while textTokens < tokenLimit {
                guard case .free(let forbidden) = grammar.rule else { break }
                let id = try sampler.draw(scores.floats(), forbidden: forbidden, after: fed)
                if id == endOfSequence { break }
                if grammar.startsSpan(id) {
                    try report(.text(segment.finish()))
                    scores = try writeSpan(startingWith: id, asked: false, report)
                    segment = newSegment()
                    continue
                }
                textTokens += 1
                try report(.token)
                try report(.text(segment.append(id)))
                if segment.hasEnded { break }
                scores = states(after: [id]).scores
            }
            try report(.text(segment.finish()))
            // What follows continues the text, not its terminator.
            forget(after: segment.start + segment.lengthWithoutTerminator)
        }
        while grammar.beginOwedSpan() {
            guard case .forced(let id) = grammar.rule else { break }
            _ = try writeSpan(startingWith: id, asked: true, report)
        }
    }

    private func newSegment() -> TextSegment {
        TextSegment(model.layout.tokenizer, start: cache.length, stops: stops)
    }

    /// Takes tokens back, so that the cache ends at a position.
    private mutating func forget(after position: Int) {
        fed.removeLast(min(fed.count, max(0, cache.length - position)))
        cache.truncate(to: position)
    }

    /// Feeds tokens; returns the states of each that chosen layers leave, and what may follow.
    private mutating func states(after ids: [Int], layers: [Int] = []) -> SharedPasses.States {
        fed += ids
        return model.passes.states(after: model.embeddings(of: ids), cache: cache, layers: layers)
    }

    /// Feeds a whole span and reports its conditioning; returns the scores of what follows.
    private mutating func writeSpan(
        startingWith id: Int, asked: Bool, _ report: (Step) throws -> Void
    ) throws -> Tensor {
        let position = cache.length
        var (next, span) = (id, grammar.accept(id))
        while span == nil {
            guard case .forced(let forced) = grammar.rule else { break }
            next = forced
            span = grammar.accept(next)
        }
        guard let span, let projection = model.outputProjections[span.modality] else {
            preconditionFailure("token \(id) begins no span that can be made")
        }
        // A signal token's state is the one after it was read, not the one that predicted it.
        let states = states(after: span.ids, layers: projection.config.hiddenLayers)
        let conditioning = projection(
            states.layers.map { $0.unsqueezed(0) },
            embeddings: model.embeddings(of: span.ids).unsqueezed(0))
        for _ in span.ids { try report(.token) }
        try report(
            .span(span.modality, conditioning: conditioning, position: position, asked: asked))
        return states.scores
    }
}

/// A stretch of text tokens between spans.
private struct TextSegment {
    let start: Int
    private let tokenizer: LLaMATokenizer
    private let given: [String]
    private var ids: [Int] = []
    private var decoder: StreamingDecoder
    private var text = ReplyText()
    private var stops: StopStrings
    private var shown = ""

    /// - Parameter stops: strings that end it beside the dialogue's own terminator
    init(_ tokenizer: LLaMATokenizer, start: Int, stops given: [String]) {
        self.tokenizer = tokenizer
        self.start = start
        self.given = given
        decoder = StreamingDecoder(tokenizer)
        stops = StopStrings(given)
    }

    var hasEnded: Bool { text.hasEnded || stops.hasEnded }

    mutating func append(_ id: Int) -> String {
        ids.append(id)
        return show(stops.append(text.append(decoder.append(id))))
    }

    /// What was held back.
    mutating func finish() -> String {
        show(stops.append(text.append(decoder.finish()) + text.flush()) + stops.finish())
    }

    private mutating func show(_ piece: String) -> String {
        shown += piece
        return piece
    }

    /// How many of the tokens, from the first, hold no part of a terminator.
    var lengthWithoutTerminator: Int {
        guard hasEnded else { return ids.count }
        if shown.isEmpty { return 0 }
        var probe = TextSegment(tokenizer, start: start, stops: given)
        for (index, id) in ids.enumerated() {
            _ = probe.append(id)
            if probe.shown == shown { return index + 1 }
        }
        return ids.count
    }
}
