// Byte-pair encoding itself: merge neighbours, best pair first, until no pair can be merged.
// SentencePiece's and the byte-level vocabularies differ only in what a symbol is and in `rounds`.
// Paper: Sennrich et al. 2015, arXiv:1508.07909.

/// Merges neighbouring symbols by rank: the lowest first, at equal ranks the leftmost. A heap over
/// a linked list: n symbols take O(n log n).
///
/// - Parameter rounds: whether a rank's pairs are all merged, left to right, before the pairs that
///   this makes are considered, as the byte-level tokenizers do
/// - Parameter pair: the rank, not negative, and the symbol of two neighbours; nil where they do
///   not merge
@inline(__always)
func mergePairs<Symbol>(
    _ symbols: [Symbol], rounds: Bool,
    pair: (Symbol, Symbol) -> (rank: Int32, symbol: Symbol)?
) -> [Symbol] {
    guard symbols.count > 1 else { return symbols }
    var chain = MergeChain(symbols)
    for left in 0..<(symbols.count - 1) {
        if let found = pair(symbols[left], symbols[left + 1]) {
            chain.offer(left, found.rank, found.symbol)
        }
    }
    chain.orderOffers()
    var changed: [Int] = []
    while let first = chain.heap.first {
        let rank = MergeChain<Symbol>.rank(first)
        repeat {
            guard let key = chain.heap.popFirst(), let left = chain.take(key) else { continue }
            let previous = chain.previous[left]
            if previous >= 0 { changed.append(Int(previous)) }
            changed.append(left)
        } while rounds && chain.heap.first.map(MergeChain<Symbol>.rank) == rank
        for left in changed {
            guard let (a, b) = chain.pair(at: left) else { continue }
            if let found = pair(a, b) {
                chain.offer(left, found.rank, found.symbol)
                chain.heap.push(MergeChain<Symbol>.key(found.rank, left))
            } else {
                chain.withdraw(left)
            }
        }
        changed.removeAll(keepingCapacity: true)
    }
    return chain.remaining
}

/// The symbols as a linked list, and what each would become with its right neighbour.
///
/// A place in the heap is a rank and an index in one number. It counts only while the symbol there
/// still makes that offer; whatever changed meanwhile is found out when it comes up.
private struct MergeChain<Symbol> {
    private var symbols: [Symbol]
    /// −1: merged into the left neighbour.
    private(set) var previous: [Int32]
    private var next: [Int32]
    private var offers: [Int32]
    private var merged: [Symbol]
    var heap = Heap<UInt64>()

    init(_ symbols: [Symbol]) {
        self.symbols = symbols
        merged = symbols
        previous = symbols.indices.map { Int32($0) - 1 }
        next = symbols.indices.map { Int32($0) + 1 }
        offers = [Int32](repeating: -1, count: symbols.count)
        next[symbols.count - 1] = -1
    }

    static func key(_ rank: Int32, _ index: Int) -> UInt64 {
        UInt64(UInt32(bitPattern: rank)) << 32 | UInt64(index)
    }

    static func rank(_ key: UInt64) -> Int32 { Int32(truncatingIfNeeded: key >> 32) }

    mutating func offer(_ left: Int, _ rank: Int32, _ symbol: Symbol) {
        offers[left] = rank
        merged[left] = symbol
    }

    mutating func withdraw(_ left: Int) { offers[left] = -1 }

    /// Fills the heap with all offers at once.
    mutating func orderOffers() {
        heap = Heap(
            offers.indices.compactMap { offers[$0] < 0 ? nil : Self.key(offers[$0], $0) })
    }

    /// Merges what a place of the heap stands for; nil where that offer is gone.
    mutating func take(_ key: UInt64) -> Int? {
        let left = Int(key & 0xFFFF_FFFF)
        guard offers[left] == Self.rank(key), next[left] >= 0 else { return nil }
        let right = Int(next[left])
        symbols[left] = merged[left]
        next[left] = next[right]
        if next[left] >= 0 { previous[Int(next[left])] = Int32(left) }
        // Neither makes an offer until its new neighbour was looked at; nor does the left one's.
        offers[left] = -1
        offers[right] = -1
        next[right] = -2
        if previous[left] >= 0 { offers[Int(previous[left])] = -1 }
        return left
    }

    /// A symbol and its right neighbour; nil where it has none or is gone.
    func pair(at left: Int) -> (Symbol, Symbol)? {
        next[left] >= 0 ? (symbols[left], symbols[Int(next[left])]) : nil
    }

    /// What is left, in order.
    var remaining: [Symbol] {
        var result: [Symbol] = []
        var index = 0
        while index >= 0 {
            result.append(symbols[index])
            index = Int(next[index])
        }
        return result
    }
}
