// The unigram language model: of all ways to cut a text, the likeliest.
// Paper: Kudo 2018, arXiv:1804.10959. Reference: google/sentencepiece 0.2, `unigram_model.cc`.

/// Pieces with their log probabilities.
struct UnigramVocabulary: Sendable {
    struct Piece: Sendable {
        let bytes: [UInt8]
        let score: Float
        let id: Int
        var isUserDefined = false
    }

    private var trie = ByteTrie()
    private let pieces: [Piece]
    private let unknownID: Int
    private let unknownScore: Float
    private let bestScore: Float
    /// The id of each byte's piece; empty without byte fallback.
    private let byteIDs: [Int]
    private static let unknownPenalty: Float = 10

    init(_ pieces: [Piece], unknownID: Int, byteIDs: [Int]) {
        self.pieces = pieces
        self.unknownID = unknownID
        self.byteIDs = byteIDs
        let scores = pieces.filter { !$0.isUserDefined }.map(\.score)
        bestScore = scores.max() ?? 0
        unknownScore = (scores.min() ?? 0) - Self.unknownPenalty
        for (index, piece) in pieces.enumerated() where !piece.bytes.isEmpty {
            trie.insert(piece.bytes, value: index)
        }
    }

    /// The best path to a place of the text: what ends there, where it began, and the sum so far.
    private struct Node {
        var start = -1
        var score: Float = 0
        var piece: Int?
    }

    /// The ids of a text, in time proportional to its length.
    func encode(_ text: [UInt8]) -> [Int] {
        var nodes = [Node](repeating: Node(), count: text.count + 1)
        var place = 0
        func reach(_ end: Int, _ score: Float, _ piece: Int?) {
            if nodes[end].start < 0 || score > nodes[end].score {
                nodes[end] = Node(start: place, score: score, piece: piece)
            }
        }
        while place < text.count {
            var next = place + 1
            while next < text.count, text[next] & 0xC0 == 0x80 { next += 1 }
            let so = nodes[place].score
            var hasWholeCharacter = false
            trie.forEachMatch(text[place...]) { index, length in
                let piece = pieces[index]
                let score =
                    piece.isUserDefined ? Float(length) * bestScore - 0.1 : piece.score
                reach(place + length, score + so, index)
                if place + length == next { hasWholeCharacter = true }
            }
            if !hasWholeCharacter { reach(next, unknownScore + so, nil) }
            place = next
        }
        var (path, end) = ([(range: Range<Int>, piece: Int?)](), text.count)
        while end > 0 {
            path.append((nodes[end].start..<end, nodes[end].piece))
            end = nodes[end].start
        }
        var (ids, afterUnknown) = ([Int](), false)
        for (range, piece) in path.reversed() {
            if let piece {
                ids.append(pieces[piece].id)
            } else if !byteIDs.isEmpty {
                ids += text[range].map { byteIDs[Int($0)] }
            } else if !afterUnknown {
                ids.append(unknownID)
            }
            afterUnknown = piece == nil && byteIDs.isEmpty
        }
        return ids
    }
}
