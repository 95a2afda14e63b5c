/// What one request may ask for, and how many may wait. Every limit is checked before any work.
public struct ServerLimits: Equatable, Sendable {
    /// Bytes of a request's JSON, in which media may be.
    public var requestBytes = 96 << 20
    /// Bytes of one uploaded file.
    public var mediaBytes = 64 << 20
    /// Bytes of all media that are kept; the oldest go for new ones.
    public var folderBytes = 4 << 30
    /// Characters of all text in a request.
    public var promptCharacters = 65_536
    /// Turns of a dialogue.
    public var turns = 200
    /// Media in one request.
    public var media = 32
    /// Texts or media of one request for embeddings.
    public var embeddings = 64
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
    /// Pictures of one request.
    public var pictures = 4
    /// Replies that are written at a time, in shared passes of the language model.
    public var seats = 8
    /// Requests that may wait behind those that run.
    public var waiting = 8
    /// Jobs that are remembered.
    public var jobs = 64
    /// Seconds after which media are removed.
    public var mediaSeconds = 86_400

    /// The defaults.
    public init() {}
}
