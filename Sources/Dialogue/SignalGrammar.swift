public import ModelZoo

/// What the language model may say next, so that spans of signal tokens are always whole.
///
/// Once the first token of a span is sampled the rest of it is forced; spans neither interleave
/// nor nest. Where the caller names modalities each is produced exactly once, and no other;
/// otherwise the model decides, up to `limit` spans of a modality.
public struct SignalGrammar: Sendable {
    /// The rule for one position.
    public enum Rule: Equatable, Sendable {
        /// This token and no other.
        case forced(Int)
        /// Any token but these.
        case free(forbidden: Set<Int>)
    }

    /// A finished span.
    public struct Span: Equatable, Sendable {
        public let modality: Modality
        public let ids: [Int]

        package init(modality: Modality, ids: [Int]) {
            self.modality = modality
            self.ids = ids
        }
    }

    private let spans: [Modality: [Int]]
    private let owner: [Int: Modality]
    private let neverSampled: Set<Int>
    private let wanted: [Modality]?
    private let limit: Int
    private var produced: [Modality: Int] = [:]
    private var open: (modality: Modality, next: Int)?

    /// - Parameter spans: the ids of each modality's span
    /// - Parameter neverSampled: tokens that only the input has, like those around a medium
    /// - Parameter wanted: the modalities to produce, in order; nil lets the model decide
    /// - Parameter limit: spans of one modality that the model may decide on
    public init(
        spans: [Modality: [Int]], neverSampled: Set<Int> = [], wanted: [Modality]? = nil,
        limit: Int = 1
    ) {
        self.spans = spans.filter { !$0.value.isEmpty }
        self.neverSampled = neverSampled
        self.wanted = wanted
        self.limit = limit
        owner = Dictionary(
            uniqueKeysWithValues: spans.flatMap { modality, ids in ids.map { ($0, modality) } })
    }

    /// Whether a span has begun and not ended.
    public var isInsideSpan: Bool { open != nil }

    /// The rule for the next token.
    public var rule: Rule {
        if let open, let ids = spans[open.modality] { return .forced(ids[open.next]) }
        let startable = spans.filter { mayStart($0.key) }.compactMap(\.value.first)
        return .free(forbidden: neverSampled.union(owner.keys).subtracting(startable))
    }

    /// Whether a token begins a span.
    public func startsSpan(_ id: Int) -> Bool {
        owner[id].flatMap { spans[$0]?.first } == id
    }

    private func mayStart(_ modality: Modality) -> Bool {
        let count = produced[modality] ?? 0
        guard let wanted else { return count < limit }
        return wanted.contains(modality) && count == 0
    }

    /// Takes note of a token that follows the rule; returns the span it ends, if any.
    public mutating func accept(_ id: Int) -> Span? {
        if let current = open, let ids = spans[current.modality] {
            precondition(id == ids[current.next], "token \(id) inside a \(current.modality) span")
            let next = current.next + 1
            open = next < ids.count ? (current.modality, next) : nil
            return open == nil ? finish(current.modality, ids) : nil
        }
        guard let modality = owner[id], let ids = spans[modality], ids.first == id else {
            return nil
        }
        if ids.count == 1 { return finish(modality, ids) }
        open = (modality, 1)
        return nil
    }

    private mutating func finish(_ modality: Modality, _ ids: [Int]) -> Span {
        produced[modality, default: 0] += 1
        return Span(modality: modality, ids: ids)
    }

    /// Begins the next modality that was asked for and is still owed, once the text has ended.
    /// Returns whether there was one.
    public mutating func beginOwedSpan() -> Bool {
        guard open == nil,
            let modality = wanted?.first(where: { spans[$0] != nil && produced[$0] == nil })
        else { return false }
        open = (modality, 0)
        return true
    }
}
