/// Why a picture, sound or clip could not be read or written. Each case names the file, what was
/// found, what was expected, and what to do about it.
public enum MediaError: Error, Equatable {
    /// The file is not there.
    case missing(file: String)
    /// It is there and cannot be read: a folder, a pipe, no permission.
    case unreadable(file: String, reason: String)
    /// The bytes are no such medium, whatever the name says.
    case notMedia(file: String, found: String, expected: String)
    /// A format that is recognised and refused.
    case unsupported(file: String, what: String, mend: String)
    /// It ends before what its header promises.
    case truncated(file: String, reason: String)
    /// It breaks the rules of its format.
    case malformed(file: String, reason: String)
    /// More than `MediaLimits` allows, found in the header or while reading.
    case tooLarge(file: String, what: String, found: Int, limit: Int)
    /// A container without moving pictures.
    case noVideo(file: String)
    /// A container without sound.
    case noAudio(file: String)
    /// A sound or clip of no length.
    case empty(file: String, what: String)
    /// Shorter than one analysis window, both in seconds.
    case tooShort(file: String, found: Double, expected: Double)
    /// It could not be written; what was there before still is.
    case unwritable(file: String, reason: String)
}

extension MediaError: CustomStringConvertible {
    /// One line of text.
    public var description: String {
        switch self {
        case .missing(let file):
            "\(file): no such file. Is the path right?"
        case .unreadable(let file, let reason):
            "\(file): cannot be read: \(reason). A readable file is expected."
        case .notMedia(let file, let found, let expected):
            "\(file): holds \(found), expected \(expected). Does the name promise another format?"
        case .unsupported(let file, let what, let mend):
            "\(file): \(what) is not supported. \(mend)"
        case .truncated(let file, let reason):
            "\(file): ends too early: \(reason). Was the download or copy complete?"
        case .malformed(let file, let reason):
            "\(file): is damaged: \(reason). Try another copy of the file."
        case .tooLarge(let file, let what, let found, let limit):
            "\(file): has \(found) \(what), at most \(limit) are read. "
                + "Make it smaller or raise the limit."
        case .noVideo(let file):
            "\(file): has no video stream, expected one. Is it a sound file?"
        case .noAudio(let file):
            "\(file): has no audio stream, expected one. Is it a silent clip?"
        case .empty(let file, let what):
            "\(file): has no \(what), expected at least one. Was the recording saved?"
        case .tooShort(let file, let found, let expected):
            "\(file): lasts \(found) s, expected at least \(expected) s. Use a longer recording."
        case .unwritable(let file, let reason):
            "\(file): cannot be written: \(reason). Is there room, and may you write there?"
        }
    }
}
