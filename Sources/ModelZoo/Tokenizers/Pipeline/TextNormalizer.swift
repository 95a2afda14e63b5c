import Foundation
import TensorCore

/// A step of `tokenizer.json` that changes the text before it is cut.
///
/// - Source: tokenizers 0.23, `normalizers`
indirect enum TextNormalizer: Sendable {
    case sequence([TextNormalizer])
    case nfc, nfd, nfkc, nfkd, lowercase, stripAccents
    case strip(left: Bool, right: Bool)
    case replace(SplitPattern, String)
    case prepend(String)
    case charsmap(CharacterMap)

    func callAsFunction(_ text: String) -> String {
        switch self {
        case .sequence(let steps): return steps.reduce(text) { $1($0) }
        case .nfc: return text.precomposedStringWithCanonicalMapping
        case .nfd: return text.decomposedStringWithCanonicalMapping
        case .nfkc: return text.precomposedStringWithCompatibilityMapping
        case .nfkd: return text.decomposedStringWithCompatibilityMapping
        case .lowercase:
            // One character at a time: a sigma at the end of a word stays one of the middle.
            var result = String.UnicodeScalarView()
            for scalar in text.unicodeScalars {
                result.append(contentsOf: scalar.properties.lowercaseMapping.unicodeScalars)
            }
            return String(result)
        case .stripAccents:
            return String(
                String.UnicodeScalarView(
                    text.unicodeScalars.filter { $0.properties.generalCategory != .nonspacingMark })
            )
        case .strip(let left, let right):
            var rest = text[...].unicodeScalars
            if left { rest = rest.drop(while: \.properties.isWhitespace) }
            while right, let last = rest.last, last.properties.isWhitespace { rest.removeLast() }
            return String(rest)
        case .replace(let pattern, let content):
            let scalars = Array(text.unicodeScalars)
            var (result, start) = (String.UnicodeScalarView(), 0)
            for match in pattern.matches(in: scalars) {
                result.append(contentsOf: scalars[start..<match.lowerBound])
                result.append(contentsOf: content.unicodeScalars)
                start = match.upperBound
            }
            result.append(contentsOf: scalars[start...])
            return String(result)
        case .prepend(let content): return text.isEmpty ? text : content + text
        case .charsmap(let map): return map.normalizedByGraphemes(text)
        }
    }
}

/// The character map of a SentencePiece model: a trie of what is replaced, and the replacements.
///
/// - Source: google/sentencepiece 0.2, `normalizer.cc`; the double array is darts-clone's
struct CharacterMap: Sendable {
    private let units: [UInt32]
    private let replacements: [UInt8]
    /// Bytes of the longest replacement.
    let longestReplacement: Int
    /// Published ones have 33 bytes at most, and rules of a few characters.
    private static let longest = 1024

    /// Nil where the bytes are no such map.
    init?(_ bytes: [UInt8]) {
        guard bytes.count >= 4 else { return nil }
        let size = bytes.withUnsafeBytes { Int(UInt32(littleEndian: $0.load(as: UInt32.self))) }
        guard size > 0, size % 4 == 0, size <= bytes.count - 4 else { return nil }
        units = bytes.withUnsafeBytes { bytes in
            (0..<(size / 4)).map {
                UInt32(
                    littleEndian: bytes.loadUnaligned(fromByteOffset: 4 + 4 * $0, as: UInt32.self))
            }
        }
        replacements = Array(bytes[(4 + size)...])
        longestReplacement =
            replacements.split(separator: 0).reduce(0) { max($0, $1.count) }
        guard longestReplacement <= Self.longest else { return nil }
    }

    /// Every rule that `text` begins with, the shortest first: its length and what replaces it.
    private func matches(
        _ text: ArraySlice<UInt8>, all: Bool
    ) -> (length: Int, replacement: ArraySlice<UInt8>)? {
        func offset(_ unit: UInt32) -> Int { Int((unit >> 10) << ((unit & (1 << 9)) >> 6)) }
        var node = offset(units[0])
        var best: (Int, Int)?
        for (index, byte) in text.prefix(Self.longest).enumerated() {
            node ^= Int(byte)
            guard units.indices.contains(node) else { break }
            let unit = units[node]
            guard unit & (1 << 31 | 0xFF) == UInt32(byte) else { break }
            node ^= offset(unit)
            guard unit >> 8 & 1 == 1 else { continue }
            guard units.indices.contains(node) else { break }
            best = (index + 1, Int(units[node] & 0x7FFF_FFFF))
            if !all { break }
        }
        guard let (length, place) = best, place <= replacements.count else { return nil }
        let end = replacements[place...].firstIndex(of: 0) ?? replacements.count
        return (length, replacements[place..<end])
    }

    /// As SentencePiece normalises: the longest rule at each place, else the character itself.
    func longestMatch(_ text: ArraySlice<UInt8>) -> (length: Int, replacement: ArraySlice<UInt8>)? {
        matches(text, all: true)
    }

    /// As the tokenizers package does: short clusters whole, others character by character, and of
    /// the rules that fit the shortest.
    func normalizedByGraphemes(_ text: String) -> String {
        func replaced(_ part: String) -> String? {
            matches(Array(part.utf8)[...], all: false).map {
                String(decoding: $0.replacement, as: UTF8.self)
            }
        }
        var result = ""
        for cluster in text {
            let whole = String(cluster)
            if whole.utf8.count < 6, let replacement = replaced(whole) {
                result += replacement
                continue
            }
            for scalar in cluster.unicodeScalars {
                result += replaced(String(scalar)) ?? String(scalar)
            }
        }
        return result
    }
}
