/// The chunks of a WebP file, as far as a reader of its first picture needs them.
enum WebPFile {
    /// A piece of the file: its name, and where its contents lie.
    struct Chunk {
        let name: String
        let range: Range<Int>
    }

    /// The chunks from `start` on that lie within the bytes.
    static func chunks(of bytes: UnsafeRawBufferPointer, from start: Int) -> [Chunk] {
        var found: [Chunk] = []
        var position = start
        while position + 8 <= bytes.count, found.count < 1_000 {
            let name = String(decoding: bytes[position..<(position + 4)], as: UTF8.self)
            let end = position + 8 + number(bytes, position + 4, 4)
            guard end <= bytes.count else { break }
            found.append(Chunk(name: name, range: (position + 8)..<end))
            // Chunks of odd length are filled up.
            position = end + (end - position) % 2
        }
        return found
    }

    /// Width and height that the file says, or nil where it breaks the format's rules.
    static func size(_ bytes: UnsafeRawBufferPointer) -> (width: Int, height: Int)? {
        guard let first = chunks(of: bytes, from: 12).first else { return nil }
        return size(bytes, of: first)
    }

    private static func size(
        _ bytes: UnsafeRawBufferPointer, of chunk: Chunk
    ) -> (width: Int, height: Int)? {
        let start = chunk.range.lowerBound
        switch chunk.name {
        case "VP8X" where chunk.range.count >= 10:
            return (number(bytes, start + 4, 3) + 1, number(bytes, start + 7, 3) + 1)
        case "VP8 " where chunk.range.count >= 10:
            return (number(bytes, start + 6, 2) & 0x3FFF, number(bytes, start + 8, 2) & 0x3FFF)
        case "VP8L" where chunk.range.count >= 5:
            let bits = number(bytes, start + 1, 4)
            return (bits & 0x3FFF + 1, bits >> 14 & 0x3FFF + 1)
        default: return nil
        }
    }

    /// The first picture of an animation as a still one, and where it lies on the canvas; nil for
    /// a file that holds one picture.
    static func firstFrame(
        _ bytes: UnsafeRawBufferPointer
    ) -> (file: [UInt8], left: Int, top: Int)? {
        guard
            let frame = chunks(of: bytes, from: 12).first(where: { $0.name == "ANMF" }),
            frame.range.count >= 16
        else { return nil }
        let start = frame.range.lowerBound
        let body = UnsafeRawBufferPointer(rebasing: bytes[(start + 16)..<frame.range.upperBound])
        var file = Array("RIFF".utf8)
        func append(_ value: Int, _ size: Int) {
            for byte in 0..<size { file.append(UInt8(truncatingIfNeeded: value >> (8 * byte))) }
        }
        append(4 + 18 + body.count, 4)
        file += Array("WEBPVP8X".utf8)
        append(10, 4)
        append(0x10, 4)  // may have alpha
        file += bytes[(start + 6)..<(start + 12)]  // width and height, each less one
        file += body
        return (file, number(bytes, start, 3) * 2, number(bytes, start + 3, 3) * 2)
    }

    private static func number(
        _ bytes: UnsafeRawBufferPointer, _ offset: Int, _ size: Int
    ) -> Int {
        (0..<size).reduce(0) { $0 | Int(bytes[offset + $1]) << (8 * $1) }
    }
}
