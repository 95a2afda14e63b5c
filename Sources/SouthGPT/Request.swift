public import ModelZoo

/// A file that the model is to see or hear.
public struct MediumFile: Sendable, Equatable {
    public var modality: Modality
    public var path: String

    /// A file of that modality; what it really is shows when it is read.
    public init(_ modality: Modality, _ path: String) {
        self.modality = modality
        self.path = path
    }

    /// A photo or drawing: JPEG or PNG.
    public static func image(_ path: String) -> MediumFile { MediumFile(.image, path) }
    /// A sound: WAV, FLAC, OGG, …
    public static func audio(_ path: String) -> MediumFile { MediumFile(.audio, path) }
    /// A clip: MP4, MOV, WebM, …
    public static func video(_ path: String) -> MediumFile { MediumFile(.video, path) }
}

/// What a reply is made of.
public struct OutputChoice: Sendable, Equatable {
    /// Whether the model writes text before the media.
    public var text: Bool
    /// The media to make, each exactly once, in this order after the text.
    public var media: [Modality]

    /// Text if wanted, and these media.
    public init(text: Bool = true, media: [Modality]) {
        self.text = text
        self.media = media
    }
}

/// One turn of the human's.
public struct Request: Sendable {
    /// The words.
    public var prompt: String
    /// The media before the words, in order.
    public var media: [MediumFile]
    /// What the reply must be made of; nil lets the model decide.
    public var output: OutputChoice?
    /// Settings that differ from the model's own.
    public var options: GenerationOptions

    /// A request; everything but the prompt may be left to the model.
    public init(
        _ prompt: String, media: [MediumFile] = [], output: OutputChoice? = nil,
        options: GenerationOptions = GenerationOptions()
    ) {
        self.prompt = prompt
        self.media = media
        self.output = output
        self.options = options
    }
}
