// Byte-pair encoding itself: merge neighbours, best pair first, until no pair can be merged.
// SentencePiece's and the byte-level vocabularies differ only in what a symbol is and in `rounds`.
// Paper: Sennrich et al. 2015, arXiv:1508.07909.

/// Merges neighbouring symbols by rank: the lowest first, at equal ranks the leftmost. A heap over
/// a linked list: n symbols take O(n log n).
///
/// - Parameter rounds: whether a rank's pairs are all merged, left to right, before the pairs that
///   this makes are considered, as the byte-level tokenizers do
/// - Parameter pair: the rank and the symbol of two neighbours; nil where they do not merge
func mergePairs<Symbol>(
    _ symbols: [Symbol], rounds: Bool,
    pair: (Symbol, Symbol) -> (rank: Int32, symbol: Symbol)?
) -> [Symbol] {
    guard symbols.count > 1 else { return symbols }
    var nodes = symbols.indices.map { index in
        MergeNode(symbol: symbols[index], previous: index - 1, next: index + 1, length: 1)
    }
    nodes[nodes.count - 1].next = -1

    func candidate(_ left: Int) -> MergeCandidate<Symbol>? {
        guard left >= 0, nodes[left].length > 0, nodes[left].next >= 0 else { return nil }
        let right = nodes[left].next
        guard let (rank, symbol) = pair(nodes[left].symbol, nodes[right].symbol) else {
            return nil
        }
        return MergeCandidate(
            rank: rank, left: left, right: right,
            length: nodes[left].length + nodes[right].length, symbol: symbol)
    }

    var heap = Heap(nodes.indices.compactMap(candidate))
    var changed: [Int] = []
    while let rank = heap.first?.rank {
        repeat {
            guard let best = heap.popFirst() else { break }
            let (left, right) = (best.left, best.right)
            // A side that was merged meanwhile has grown, or is gone.
            guard nodes[left].length > 0, nodes[right].length > 0,
                nodes[left].length + nodes[right].length == best.length
            else { continue }
            nodes[left].symbol = best.symbol
            nodes[left].length = best.length
            nodes[left].next = nodes[right].next
            nodes[right].length = 0
            if nodes[left].next >= 0 { nodes[nodes[left].next].previous = left }
            changed.append(nodes[left].previous)
            changed.append(left)
        } while rounds && heap.first?.rank == rank
        for left in changed {
            if let next = candidate(left) { heap.push(next) }
        }
        changed.removeAll(keepingCapacity: true)
    }
    return nodes.lazy.filter { $0.length > 0 }.map(\.symbol)
}

private struct MergeNode<Symbol> {
    var symbol: Symbol
    var previous: Int
    var next: Int
    /// How many of the original symbols it covers; 0: merged into its left neighbour.
    var length: Int
}

private struct MergeCandidate<Symbol>: Comparable {
    let rank: Int32
    let left: Int
    let right: Int
    let length: Int
    let symbol: Symbol

    static func < (a: Self, b: Self) -> Bool {
        a.rank != b.rank ? a.rank < b.rank : a.left < b.left
    }

    static func == (a: Self, b: Self) -> Bool { a.rank == b.rank && a.left == b.left }
}
