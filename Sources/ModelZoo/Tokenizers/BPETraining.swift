// Learning merges, the same for SentencePiece's and the byte-level vocabularies.
// Paper: Sennrich et al. 2015, arXiv:1508.07909.

/// Learns merges from words and how often each occurs: the most frequent pair of neighbours first,
/// at equal counts the one whose text comes first. The same words give the same merges anywhere.
struct BPETraining {
    /// The symbols' texts as bytes, the given ones first, then one a merge.
    private(set) var symbols: [[UInt8]]
    /// The pairs that were merged, in order; the n-th made symbol `symbols.count - merges.count + n`.
    private(set) var merges: [(left: Int, right: Int)] = []

    private var words: [[Int]]
    private let wordCounts: [Int]
    private var counts: [Pair: Int] = [:]
    private var places: [Pair: Set<Int>] = [:]

    private struct Pair: Hashable {
        let left: Int
        let right: Int
    }

    private struct Candidate: Comparable {
        let count: Int
        let text: [UInt8]
        let pair: Pair

        static func < (a: Self, b: Self) -> Bool {
            if a.count != b.count { return a.count > b.count }
            if a.text != b.text { return a.text.lexicographicallyPrecedes(b.text) }
            return (a.pair.left, a.pair.right) < (b.pair.left, b.pair.right)
        }
    }

    /// - Parameter symbols: the text of each symbol; a word is a list of their places
    /// - Parameter words: each word once, with its count, in an order of its own
    init(symbols: [[UInt8]], words: [(symbols: [Int], count: Int)]) {
        self.symbols = symbols
        self.words = words.map(\.symbols)
        wordCounts = words.map(\.count)
        for word in self.words.indices { count(word, sign: 1) }
    }

    /// Learns until there are `limit` merges or no pair is left.
    mutating func run(limit: Int) {
        var heap = Heap(counts.map { candidate($0.key, $0.value) })
        while merges.count < limit, let best = heap.popFirst() {
            let current = counts[best.pair] ?? 0
            guard current > 0 else { continue }
            guard current == best.count else {
                heap.push(candidate(best.pair, current))
                continue
            }
            for pair in merge(best.pair) {
                if let count = counts[pair], count > 0 { heap.push(candidate(pair, count)) }
            }
        }
    }

    /// Merges a pair in every word; returns the pairs that this made.
    private mutating func merge(_ pair: Pair) -> Set<Pair> {
        let new = symbols.count
        symbols.append(symbols[pair.left] + symbols[pair.right])
        merges.append((pair.left, pair.right))
        var made: Set<Pair> = []
        for word in places[pair] ?? [] {
            count(word, sign: -1)
            var (merged, index) = ([Int](), 0)
            let old = words[word]
            while index < old.count {
                if index + 1 < old.count, old[index] == pair.left, old[index + 1] == pair.right {
                    merged.append(new)
                    index += 2
                } else {
                    merged.append(old[index])
                    index += 1
                }
            }
            words[word] = merged
            count(word, sign: 1)
            for (left, right) in zip(merged, merged.dropFirst()) where left == new || right == new {
                made.insert(Pair(left: left, right: right))
            }
        }
        places[pair] = nil
        counts[pair] = nil
        return made
    }

    private mutating func count(_ word: Int, sign: Int) {
        for (left, right) in zip(words[word], words[word].dropFirst()) {
            let pair = Pair(left: left, right: right)
            counts[pair, default: 0] += sign * wordCounts[word]
            if sign > 0 {
                places[pair, default: []].insert(word)
            } else {
                places[pair]?.remove(word)
            }
        }
    }

    private func candidate(_ pair: Pair, _ count: Int) -> Candidate {
        Candidate(count: count, text: symbols[pair.left] + symbols[pair.right], pair: pair)
    }
}

extension BPETraining {
    /// Each distinct word and its count, in the order of their bytes.
    static func counted(_ words: some Sequence<[UInt8]>) -> [(word: [UInt8], count: Int)] {
        var counts: [[UInt8]: Int] = [:]
        for word in words { counts[word, default: 0] += 1 }
        return counts.map { ($0, $1) }.sorted { $0.0.lexicographicallyPrecedes($1.0) }
    }
}
