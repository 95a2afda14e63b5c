internal import CSouthFFmpeg

/// The picture formats that are read, told apart by content: names lie.
enum PictureFormat {
    case jpeg, png, webP, gif, bmp, tiff

    init?(_ bytes: UnsafeRawBufferPointer) {
        func begins(_ head: [UInt8], at start: Int = 0) -> Bool {
            bytes.count >= start + head.count && bytes.dropFirst(start).starts(with: head)
        }
        if begins([0xFF, 0xD8, 0xFF]) {
            self = .jpeg
        } else if begins([0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]) {
            self = .png
        } else if begins(Array("RIFF".utf8)), begins(Array("WEBP".utf8), at: 8) {
            self = .webP
        } else if begins(Array("GIF87a".utf8)) || begins(Array("GIF89a".utf8)) {
            self = .gif
        } else if begins(Array("BM".utf8)) {
            self = .bmp
        } else if begins([0x49, 0x49, 42, 0]) || begins([0x4D, 0x4D, 0, 42]) {
            self = .tiff
        } else {
            return nil
        }
    }

    /// The decoder of those that FFmpeg reads for us.
    var codec: AVCodecID? {
        switch self {
        case .jpeg, .png: nil
        case .webP: AV_CODEC_ID_WEBP
        case .gif: AV_CODEC_ID_GIF
        case .bmp: AV_CODEC_ID_BMP
        case .tiff: AV_CODEC_ID_TIFF
        }
    }

    /// Width and height by the header of a format that FFmpeg reads, or nil where it is damaged.
    func size(_ bytes: UnsafeRawBufferPointer) -> (width: Int, height: Int)? {
        func little(_ offset: Int, _ count: Int) -> Int {
            (0..<count).reduce(0) { $0 | Int(bytes[offset + $1]) << (8 * $1) }
        }
        switch self {
        case .jpeg, .png: return nil
        case .webP: return WebPFile.size(bytes)
        case .gif: return bytes.count >= 10 ? (little(6, 2), little(8, 2)) : nil
        case .bmp:
            guard bytes.count >= 30 else { return nil }
            // The oldest header has short sizes; rows may be stored from the top, by a minus.
            if little(14, 4) == 12 { return (little(18, 2), little(20, 2)) }
            let height = Int(Int32(truncatingIfNeeded: little(22, 4)))
            return (little(18, 4), abs(height))
        case .tiff:
            guard let directory = TIFFDirectory(bytes), let width = directory[256],
                let height = directory[257]
            else { return nil }
            return (width, height)
        }
    }
}
