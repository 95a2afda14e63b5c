/// The text of a reply as it arrives, up to the first of some strings: what may yet become one of
/// them is held back.
package struct StopStrings {
    private let stops: [String]
    private var held = ""
    /// Whether one of them came.
    package private(set) var hasEnded = false

    package init(_ stops: [String]) { self.stops = stops.filter { !$0.isEmpty } }

    /// Takes a piece in and returns what is now certain to be text.
    package mutating func append(_ piece: String) -> String {
        guard !hasEnded else { return "" }
        held += piece
        let found = stops.compactMap { held.firstRange(of: $0)?.lowerBound }.min()
        if let found {
            hasEnded = true
            defer { held = "" }
            return String(held[..<found])
        }
        var start = held.endIndex
        while start > held.startIndex {
            let earlier = held.index(before: start)
            let tail = held[earlier...]
            // No stop is longer than what may have to be held.
            guard tail.count < stops.map(\.count).max() ?? 0 else { break }
            start = earlier
        }
        while start < held.endIndex, !stops.contains(where: { $0.hasPrefix(held[start...]) }) {
            start = held.index(after: start)
        }
        defer { held = String(held[start...]) }
        return String(held[..<start])
    }

    /// Lets through what was held back: nothing more comes.
    package mutating func finish() -> String {
        defer { held = "" }
        return held
    }
}
