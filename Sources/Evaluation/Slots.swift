import FoundationEssentials

/// What may be said of media of one kind: of each slot, such as `instrument`, its values. A text
/// fills a slot by the words of exactly one value.
public struct Slots: Codable, Equatable, Sendable {
    /// The slots in the order of their names, each with its values.
    public let all: [Slot]

    /// A question that a medium answers.
    public struct Slot: Codable, Equatable, Sendable {
        public let name: String
        public let values: [String]

        /// A slot.
        public init(_ name: String, _ values: [String]) {
            (self.name, self.values) = (name, values)
        }
    }

    /// Slots by name.
    public init(_ values: [String: [String]]) {
        all = values.sorted { $0.key < $1.key }.map { Slot($0.key, $0.value) }
    }

    /// The names, in order.
    public var names: [String] { all.map(\.name) }

    /// What a text says: of each slot the one value whose words occur in it. A slot that the text
    /// says nothing of, or several things, is left out.
    public func read(_ text: String) -> [String: String] {
        let words = TextMetrics.words(text)
        var found: [String: String] = [:]
        for slot in all {
            let said = slot.values.filter { Slots.contains(TextMetrics.words($0), in: words) }
            if said.count == 1 { found[slot.name] = said[0] }
        }
        return found
    }

    private static func contains(_ run: [String], in words: [String]) -> Bool {
        guard !run.isEmpty, run.count <= words.count else { return false }
        return (0...(words.count - run.count)).contains { start in
            words[start..<(start + run.count)].elementsEqual(run)
        }
    }
}
