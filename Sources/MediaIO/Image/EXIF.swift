/// The one thing that is read from a picture's EXIF data: which way up it is shown. Data that
/// breaks the rules says nothing, as in other readers: the picture itself may be sound.
///
/// Every offset is held against the bytes that are there, and nothing is followed twice.
package enum EXIF {
    /// The turn that a picture file of any format that carries EXIF asks for, as a number of EXIF.
    package static func orientation(ofPicture bytes: UnsafeRawBufferPointer) -> Int {
        turn(ofPicture: bytes).rawValue
    }

    static func turn(ofPicture bytes: UnsafeRawBufferPointer) -> Turn {
        if bytes.starts(with: [0xFF, 0xD8]) { return turn(ofJPEG: bytes) }
        if bytes.starts(with: [0x89, 0x50, 0x4E, 0x47]) { return turn(ofPNG: bytes) }
        if bytes.starts(with: Array("RIFF".utf8)) {
            let chunk = WebPFile.chunks(of: bytes, from: 12).first { $0.name == "EXIF" }
            return chunk.map { turn(ofBlock: slice(bytes, $0.range)) } ?? .none
        }
        return turn(ofTIFF: bytes)
    }

    /// A block of EXIF, with or without the six bytes that JPEG puts before it.
    private static func turn(ofBlock bytes: UnsafeRawBufferPointer) -> Turn {
        let prefix = Array("Exif\0\0".utf8)
        return turn(
            ofTIFF: bytes.starts(with: prefix) ? slice(bytes, 6..<bytes.count) : bytes)
    }

    private static func turn(ofJPEG bytes: UnsafeRawBufferPointer) -> Turn {
        var position = 2
        while position + 4 <= bytes.count, bytes[position] == 0xFF {
            let marker = bytes[position + 1]
            // Any number of 0xFF may stand before a marker.
            if marker == 0xFF {
                position += 1
                continue
            }
            // The picture begins, or ends.
            if marker == 0xDA || marker == 0xD9 { break }
            if marker == 0x01 || (0xD0...0xD7).contains(marker) {
                position += 2
                continue
            }
            let length = Int(bytes[position + 2]) << 8 | Int(bytes[position + 3])
            let (start, end) = (position + 4, position + 2 + length)
            guard length >= 2, end <= bytes.count else { break }
            let segment = slice(bytes, start..<end)
            if marker == 0xE1, segment.starts(with: Array("Exif\0\0".utf8)) {
                return turn(ofBlock: segment)
            }
            position = end
        }
        return .none
    }

    private static func turn(ofPNG bytes: UnsafeRawBufferPointer) -> Turn {
        var position = 8
        while position + 12 <= bytes.count {
            let length = (0..<4).reduce(0) { $0 << 8 | Int(bytes[position + $1]) }
            let (start, end) = (position + 8, position + 8 + length)
            guard end <= bytes.count - 4 else { break }
            let name = slice(bytes, (position + 4)..<start)
            if name.elementsEqual("eXIf".utf8) { return turn(ofBlock: slice(bytes, start..<end)) }
            if name.elementsEqual("IEND".utf8) { break }
            position = end + 4
        }
        return .none
    }

    /// The orientation in the first directory of a TIFF structure.
    static func turn(ofTIFF bytes: UnsafeRawBufferPointer) -> Turn {
        TIFFDirectory(bytes)?[0x0112].flatMap(Turn.init(rawValue:)) ?? .none
    }

    /// A part of `bytes`, counted from 0.
    private static func slice(
        _ bytes: UnsafeRawBufferPointer, _ range: Range<Int>
    ) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(rebasing: bytes[range])
    }
}

/// The first directory of a TIFF structure: numbers by tag.
struct TIFFDirectory {
    private let bytes: UnsafeRawBufferPointer
    private let isBigEndian: Bool
    private let start: Int
    private let count: Int

    /// Nil where the bytes are no such structure.
    init?(_ bytes: UnsafeRawBufferPointer) {
        self.bytes = bytes
        isBigEndian = bytes.starts(with: [0x4D, 0x4D, 0, 42])
        guard isBigEndian || bytes.starts(with: [0x49, 0x49, 42, 0]), bytes.count >= 8 else {
            return nil
        }
        let offset = TIFFDirectory.number(bytes, 4, 4, isBigEndian)
        guard offset >= 8, offset + 2 <= bytes.count else { return nil }
        let promised = TIFFDirectory.number(bytes, offset, 2, isBigEndian)
        start = offset + 2
        count = min(promised, (bytes.count - start) / 12)
    }

    /// The first value of a tag of whole numbers that fits in its entry.
    subscript(tag: Int) -> Int? {
        for index in 0..<count {
            let entry = start + index * 12
            guard TIFFDirectory.number(bytes, entry, 2, isBigEndian) == tag else { continue }
            // Bytes, shorts and longs.
            let size = [1: 1, 3: 2, 4: 4][TIFFDirectory.number(bytes, entry + 2, 2, isBigEndian)]
            let values = TIFFDirectory.number(bytes, entry + 4, 4, isBigEndian)
            guard let size, values == 1 else { return nil }
            return TIFFDirectory.number(bytes, entry + 8, size, isBigEndian)
        }
        return nil
    }

    private static func number(
        _ bytes: UnsafeRawBufferPointer, _ offset: Int, _ size: Int, _ isBigEndian: Bool
    ) -> Int {
        (0..<size).reduce(0) { sum, index in
            let place = isBigEndian ? size - 1 - index : index
            return sum | Int(bytes[offset + index]) << (8 * place)
        }
    }
}
