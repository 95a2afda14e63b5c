internal import FoundationEssentials
internal import Glibc
internal import TensorCore

/// Files as media code meets them: checked before they are opened, written as a whole or not at
/// all.
enum MediaFile {
    /// Throws unless `path` is an ordinary file, not too large. Folders, pipes and devices are
    /// refused: a decoder would wait on them for ever.
    ///
    /// - Returns: its size in bytes
    @discardableResult
    static func check(_ path: String, limits: MediaLimits) throws -> Int {
        var status = stat()
        guard stat(path, &status) == 0 else {
            if errno == ENOENT || errno == ENOTDIR { throw MediaError.missing(file: path) }
            throw MediaError.unreadable(file: path, reason: systemReason())
        }
        switch status.st_mode & S_IFMT {
        case S_IFREG: break
        case S_IFDIR: throw MediaError.unreadable(file: path, reason: "it is a folder")
        default: throw MediaError.unreadable(file: path, reason: "it is no ordinary file")
        }
        guard access(path, R_OK) == 0 else {
            throw MediaError.unreadable(file: path, reason: systemReason())
        }
        guard Int(status.st_size) <= limits.fileBytes else {
            throw MediaError.tooLarge(
                file: path, what: "bytes", found: Int(status.st_size), limit: limits.fileBytes)
        }
        return Int(status.st_size)
    }

    /// The bytes of a file, mapped rather than copied where the system can.
    static func bytes(_ path: String, limits: MediaLimits) throws -> Data {
        // Foundation leaks a page with every empty file that it reads (Swift 6.3).
        guard try check(path, limits: limits) > 0 else { return Data() }
        do {
            return try Data(contentsOf: URL(filePath: path), options: .mappedIfSafe)
        } catch {
            let cause = (error as? CocoaError)?.underlying as? POSIXError
            throw MediaError.unreadable(
                file: path, reason: systemReason(cause?.code.rawValue ?? errno))
        }
    }

    /// Writes a file as a whole or not at all; on any error `path` is as it was.
    static func write(to path: String, _ body: (AtomicFile) throws -> Void) throws {
        do {
            try AtomicFile.write(to: path, body)
        } catch CheckpointError.unwritable(let file, let reason) {
            throw MediaError.unwritable(file: file, reason: reason.lowercased())
        }
    }

    /// Whether these are the first bytes of a frame of MPEG audio.
    static func isMPEGFrame(_ bytes: Data) -> Bool {
        bytes.first == 0xFF && (bytes.dropFirst().first ?? 0) & 0xE0 == 0xE0
    }

    /// A word for bytes that are not what was asked for.
    static func kind(of bytes: some Collection<UInt8>) -> String {
        let head = Array(bytes.prefix(512))
        if head.isEmpty { return "nothing" }
        func begins(_ text: String, at start: Int = 0) -> Bool {
            head.dropFirst(start).starts(with: text.utf8)
        }
        if begins("GIF8") { return "a GIF picture" }
        if begins("RIFF"), begins("WEBP", at: 8) { return "a WebP picture" }
        if begins("RIFF"), begins("WAVE", at: 8) { return "a WAV sound" }
        if begins("RIFF"), begins("AVI ", at: 8) { return "an AVI clip" }
        if begins("II*\0") || begins("MM\0*") { return "a TIFF picture" }
        if begins("ftypavif", at: 4) { return "an AVIF picture" }
        if begins("ftyphei", at: 4) || begins("ftypmif1", at: 4) { return "a HEIC picture" }
        if begins("ftyp", at: 4) { return "an MP4 or MOV clip" }
        if begins("%PDF") { return "a PDF document" }
        if begins("BM") { return "a BMP picture" }
        if head.starts(with: [0x1A, 0x45, 0xDF, 0xA3]) { return "a WebM or Matroska clip" }
        if head.starts(with: [0xFF, 0xD8, 0xFF]) { return "a JPEG picture" }
        if head.starts(with: [0x89, 0x50, 0x4E, 0x47]) { return "a PNG picture" }
        let text = head.allSatisfy { $0 >= 32 && $0 != 127 || (9...13).contains($0) }
        return text ? "text" : "unknown bytes"
    }
}
