// Text to pieces and back, as google/sentencepiece does for BPE models.

extension SentencePieceModel: Tokenizer {
    /// How many pieces there are.
    public var vocabularySize: Int { pieces.count }

    /// The ids of a text taken as one unit: nothing is split off first.
    public func encode(_ text: String) -> [Int] {
        let bytes = normalized(text)
        if let unigram { return unigram.encode(bytes) }
        let symbols = bytes.withUnsafeBytes { storage in
            var formed: [Int: (left: Symbol, right: Symbol)] = [:]
            let merged = mergePairs(characters(bytes), rounds: false) { left, right in
                guard !left.isFrozen, !right.isFrozen else { return nil }
                let range = left.start..<right.end
                guard let index = table.find(UnsafeRawBufferPointer(rebasing: storage[range]))
                else { return nil }
                let entry = matchable[index]
                if hasUnusedPieces, entry.kind == .unused { formed[entry.id] = (left, right) }
                return (entry.rank, Symbol(start: range.lowerBound, end: range.upperBound))
            }
            guard hasUnusedPieces else { return merged }
            return merged.flatMap { split($0, formed, storage) }
        }
        return ids(symbols, bytes)
    }

    /// The text of ids. Control pieces give nothing, bytes that form no character U+FFFD each.
    public func decode(_ ids: [Int]) -> String {
        var decoder = PieceDecoder(self)
        return ids.reduce(into: "") { $0 += decoder.append($1) } + decoder.finish()
    }

    /// A stretch of the normalized text.
    private struct Symbol {
        let start: Int
        let end: Int
        var isFrozen = false
    }

    private static let space: [UInt8] = [0xE2, 0x96, 0x81]

    /// The text with `▁` for spaces, in front of it too.
    private func normalized(_ text: String) -> [UInt8] {
        var input = mapped(Array(text.utf8))[...]
        if removesExtraWhitespaces { input = input.drop { $0 == 0x20 } }
        guard !input.isEmpty else { return [] }
        let space = escapesWhitespaces ? Self.space : [0x20]
        var output: [UInt8] = addsDummyPrefix ? space : []
        output.reserveCapacity(input.count + input.count / 3)
        var afterSpace = false
        for byte in input {
            let isSpace = byte == 0x20
            if !isSpace {
                output.append(byte)
            } else if !(removesExtraWhitespaces && afterSpace) {
                output += space
            }
            afterSpace = isSpace
        }
        if removesExtraWhitespaces {
            while output.count >= space.count, output.suffix(space.count).elementsEqual(space) {
                output.removeLast(space.count)
            }
        }
        return output
    }

    /// The text after the character map, which leaves user-defined pieces alone.
    private func mapped(_ text: [UInt8]) -> [UInt8] {
        guard let characterMap else { return text }
        var (output, place) = ([UInt8](), 0)
        while place < text.count {
            if !userDefined.isEmpty, let match = userDefined.longestMatch(text[place...]) {
                output += text[place..<(place + match.length)]
                place += match.length
            } else if let match = characterMap.longestMatch(text[place...]) {
                output += match.replacement
                place += match.length
            } else {
                repeat {
                    output.append(text[place])
                    place += 1
                } while place < text.count && text[place] & 0xC0 == 0x80
            }
        }
        return output
    }

    /// User-defined pieces, and characters between them.
    private func characters(_ bytes: [UInt8]) -> [Symbol] {
        var symbols: [Symbol] = []
        symbols.reserveCapacity(bytes.count)
        var start = 0
        while start < bytes.count {
            if !userDefined.isEmpty, let match = userDefined.longestMatch(bytes[start...]) {
                symbols.append(Symbol(start: start, end: start + match.length, isFrozen: true))
            } else {
                var end = start + 1
                while end < bytes.count, bytes[end] & 0xC0 == 0x80 { end += 1 }
                symbols.append(Symbol(start: start, end: end))
            }
            start = symbols[symbols.count - 1].end
        }
        return symbols
    }

    /// An unused piece is undone into what formed it, again and again.
    private func split(
        _ symbol: Symbol, _ formed: [Int: (left: Symbol, right: Symbol)],
        _ storage: UnsafeRawBufferPointer
    ) -> [Symbol] {
        // The parts of `formed` are another place's text of the same bytes: only lengths count.
        var (done, waiting) = ([Symbol](), [symbol])
        while let next = waiting.popLast() {
            let key = UnsafeRawBufferPointer(rebasing: storage[next.start..<next.end])
            if let index = table.find(key), matchable[index].kind == .unused,
                let (left, _) = formed[matchable[index].id]
            {
                let middle = next.start + left.end - left.start
                waiting.append(Symbol(start: middle, end: next.end))
                waiting.append(Symbol(start: next.start, end: middle))
            } else {
                done.append(next)
            }
        }
        return done
    }

    private func ids(_ symbols: [Symbol], _ bytes: [UInt8]) -> [Int] {
        var ids: [Int] = []
        ids.reserveCapacity(symbols.count)
        var afterUnknown = false
        bytes.withUnsafeBytes { storage in
            for symbol in symbols {
                let range = symbol.start..<symbol.end
                if let index = table.find(UnsafeRawBufferPointer(rebasing: storage[range])) {
                    ids.append(matchable[index].id)
                    afterUnknown = false
                } else if !byteIDs.isEmpty {
                    ids += storage[range].map { byteIDs[Int($0)] }
                } else {
                    if !afterUnknown { ids.append(unknownID) }
                    afterUnknown = true
                }
            }
        }
        return ids
    }
}

/// The text of pieces as they arrive.
struct PieceDecoder: Sendable {
    private let model: SentencePieceModel
    private var bytes = UTF8Assembler()
    private var atStart = true

    init(_ model: SentencePieceModel) {
        self.model = model
    }

    /// The text that is certain after one more piece.
    mutating func append(_ id: Int) -> String {
        if let byte = model.byteOfID[id] {
            let text = bytes.append(byte)
            if !text.isEmpty { atStart = false }
            return text
        }
        let before = bytes.finish()
        if !before.isEmpty { atStart = false }
        return before + text(of: id)
    }

    /// What is left, broken bytes replaced.
    mutating func finish() -> String { bytes.finish() }

    private mutating func text(of id: Int) -> String {
        guard model.pieces.indices.contains(id) else { return "" }
        let piece = model.pieces[id]
        switch piece.kind {
        case .control: return ""
        case .unknown:
            atStart = false
            return model.unknownSurface
        default: break
        }
        var scalars = Substring(piece.text).unicodeScalars
        if atStart, model.addsDummyPrefix || model.removesExtraWhitespaces,
            scalars.first == "\u{2581}"
        {
            scalars.removeFirst()
            // Without extra white space every leading space goes, so the next piece's does too.
            atStart = model.removesExtraWhitespaces
        }
        if !scalars.isEmpty { atStart = false }
        var text = String.UnicodeScalarView()
        for scalar in scalars { text.append(scalar == "\u{2581}" ? " " : scalar) }
        return String(text)
    }
}
