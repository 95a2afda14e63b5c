internal import FoundationEssentials
internal import TensorCore

// Text beside the pixels of a PNG: chunks of the type iTXt, which hold Unicode. Read are tEXt chunks
// too, which other programs write.
// Source: PNG specification, third edition, 5.3 and 11.3.3.

/// Texts in a PNG, by keyword.
public enum PNGText {
    private static let signature: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]
    /// Texts are short; anything larger is something else.
    private static let largest = 1 << 20

    /// The bytes of a PNG with texts put behind its header.
    ///
    /// - Parameter texts: keywords of 1 to 79 Latin characters, and any text
    public static func adding(_ texts: [(keyword: String, text: String)], to png: [UInt8])
        -> [UInt8]
    {
        // Signature, and the header: 4 bytes of length, 4 of type, 13 of it, 4 of checksum.
        let head = signature.count + 25
        precondition(
            png.starts(with: signature) && png.count > head, "PNGText: \(png.count) bytes, no PNG")
        let chunks = texts.flatMap { keyword, text -> [UInt8] in
            precondition(
                (1...79).contains(keyword.utf8.count), "PNGText: the keyword '\(keyword)'")
            // Not compressed, no language, no translated keyword.
            return chunk("iTXt", Array(keyword.utf8) + [0, 0, 0, 0, 0] + Array(text.utf8))
        }
        return Array(png[..<head]) + chunks + Array(png[head...])
    }

    /// The texts in a PNG.
    ///
    /// - Throws: `MediaError` for a file that is no PNG, or a broken one
    public static func read(
        _ path: String, limits: MediaLimits = MediaLimits()
    ) throws -> [String: String] {
        let data = [UInt8](try MediaFile.bytes(path, limits: limits))
        guard data.starts(with: signature) else {
            throw MediaError.notMedia(
                file: path, found: MediaFile.kind(of: data), expected: "a PNG picture")
        }
        var texts: [String: String] = [:]
        var position = signature.count
        while position < data.count {
            guard data.count - position >= 12 else {
                throw MediaError.truncated(file: path, reason: "a chunk has no end")
            }
            let length = Int(number(data[position...]))
            let body = position + 8
            guard length <= data.count - body - 4 else {
                throw MediaError.truncated(file: path, reason: "a chunk has no end")
            }
            let type = String(decoding: data[(position + 4)..<body], as: UTF8.self)
            let content = data[body..<(body + length)]
            if type == "IEND" { break }
            if length <= largest, type == "iTXt" || type == "tEXt" {
                let found = checksum(data[(position + 4)..<(body + length)])
                guard found == number(data[(body + length)...]) else {
                    throw MediaError.malformed(file: path, reason: "a text has another checksum")
                }
                if let (keyword, text) = text(type, content) { texts[keyword] = text }
            }
            position = body + length + 4
        }
        return texts
    }

    private static func text(_ type: String, _ bytes: ArraySlice<UInt8>) -> (String, String)? {
        guard let end = bytes.firstIndex(of: 0) else { return nil }
        let keyword = String(decoding: bytes[..<end], as: UTF8.self)
        var rest = bytes[(end + 1)...]
        guard type == "iTXt" else {
            return (keyword, String(rest.map { Character(Unicode.Scalar($0)) }))
        }
        // A flag and a method of compression, which is not read here; a language; a translation.
        guard rest.count >= 2, rest.removeFirst() == 0 else { return nil }
        rest.removeFirst()
        for _ in 0..<2 {
            guard let end = rest.firstIndex(of: 0) else { return nil }
            rest = rest[(end + 1)...]
        }
        return (keyword, String(decoding: rest, as: UTF8.self))
    }

    private static func chunk(_ type: String, _ content: [UInt8]) -> [UInt8] {
        let body = Array(type.utf8) + content
        return bytes(UInt32(content.count)) + body + bytes(checksum(body[...]))
    }

    private static func bytes(_ number: UInt32) -> [UInt8] {
        [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: number >> $0) }
    }

    private static func number(_ bytes: ArraySlice<UInt8>) -> UInt32 {
        bytes.prefix(4).reduce(0) { $0 << 8 | UInt32($1) }
    }

    private static func checksum(_ bytes: ArraySlice<UInt8>) -> UInt32 {
        Array(bytes).withUnsafeBytes { ZipArchive.checksum($0) }
    }
}
