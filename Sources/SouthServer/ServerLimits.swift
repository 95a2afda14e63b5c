/// What one request may ask for, and how many may wait. Every limit is checked before any work.
public struct ServerLimits: Equatable, Sendable {
    /// Bytes of a request's JSON.
    public var requestBytes = 1 << 20
    /// Bytes of one uploaded file.
    public var mediaBytes = 64 << 20
    /// Characters of a prompt.
    public var promptCharacters = 16_384
    /// Media in one request.
    public var media = 8
    /// Text tokens of an answer.
    public var newTokens = 2048
    /// Denoising steps of one medium.
    public var steps = 200
    /// Pixels of one picture or frame.
    public var pixels = 1024 * 1024
    /// Frames of a clip.
    public var frames = 64
    /// Seconds of a sound.
    public var audioSeconds = 30
    /// Requests that may wait behind the one that runs.
    public var waiting = 8

    /// The defaults.
    public init() {}
}
