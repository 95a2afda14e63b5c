/// The steps of `tokenizer.json` from tokens back to text.
///
/// - Source: tokenizers 0.23, `decoders`
indirect enum TokenDecoder: Sendable {
    case sequence([TokenDecoder])
    /// What stands for bytes becomes them; broken characters become U+FFFD.
    case byteLevel
    case replace(SplitPattern, String)
    /// `<0x0A>` and its like become bytes; where they make no text, one U+FFFD each.
    case byteFallback
    case fuse
    case strip(Unicode.Scalar, left: Int, right: Int)
    case metaspace(Unicode.Scalar, dropsFirst: Bool)
    case bpe(suffix: String)
    /// Tokens divided by spaces: what happens without a decoder.
    case spaced

    /// The text of tokens.
    func callAsFunction(_ tokens: [String]) -> String {
        if case .spaced = self { return tokens.joined(separator: " ") }
        return chain(tokens).joined()
    }

    private func chain(_ tokens: [String]) -> [String] {
        switch self {
        case .sequence(let steps): return steps.reduce(tokens) { $1.chain($0) }
        case .spaced: return [tokens.joined(separator: " ")]
        case .fuse: return [tokens.joined()]
        case .byteLevel:
            let bytes = tokens.flatMap { token -> [UInt8] in
                let bytes = token.unicodeScalars.map { ByteLevelBPE.Alphabet.bytes[$0] }
                return bytes.contains(nil) ? Array(token.utf8) : bytes.compactMap { $0 }
            }
            return [String(decoding: bytes, as: UTF8.self)]
        case .replace(let pattern, let content):
            let step = TextNormalizer.replace(pattern, content)
            return tokens.map { step($0) }
        case .byteFallback: return joiningBytes(tokens)
        case .strip(let content, let left, let right):
            return tokens.map { token in
                var rest = token[...].unicodeScalars
                for _ in 0..<left where rest.first == content { rest.removeFirst() }
                for _ in 0..<right where rest.last == content { rest.removeLast() }
                return String(rest)
            }
        case .metaspace(let mark, let dropsFirst):
            return tokens.enumerated().map { index, token in
                var text = String.UnicodeScalarView()
                for scalar in token.unicodeScalars {
                    let isDropped = index == 0 && dropsFirst && scalar == mark
                    if !isDropped { text.append(scalar == mark ? " " : scalar) }
                }
                return String(text)
            }
        case .bpe(let suffix):
            return tokens.enumerated().map { index, token in
                let space = index == tokens.count - 1 ? "" : " "
                return token.replacing(suffix, with: space)
            }
        }
    }

    private func joiningBytes(_ tokens: [String]) -> [String] {
        var (result, bytes) = ([String](), [UInt8]())
        func endRun() {
            guard !bytes.isEmpty else { return }
            let broken = [String](repeating: "\u{FFFD}", count: bytes.count)
            result += String(validating: bytes, as: UTF8.self).map { [$0] } ?? broken
            bytes = []
        }
        for token in tokens {
            if token.utf8.count == 6, token.hasPrefix("<0x"), token.hasSuffix(">"),
                let byte = UInt8(token.dropFirst(3).dropLast(), radix: 16)
            {
                bytes.append(byte)
            } else {
                endRun()
                result.append(token)
            }
        }
        endRun()
        return result
    }
}
