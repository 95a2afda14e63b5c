import MediaIO
public import ModelZoo
public import TensorCore

/// An image, sound or clip that the model made.
public struct GeneratedMedium: Sendable {
    public let modality: Modality
    /// The text that led to it.
    public let caption: String
    /// Image `[3, height, width]` in [0, 1]; sound `[samples]` in [−1, 1]; clip
    /// `[frames, 3, height, width]` in [0, 1].
    public let content: Tensor
    /// Samples a second of a sound.
    public let sampleRate: Int
    /// Frames a second of a clip.
    public let framesPerSecond: Int
    /// How a decoder alone made it; written into PNGs.
    public let parameters: MediumParameters?
    /// Whether the safety checker in the decoder's folder takes the picture for one that should not
    /// be shown; nil where there is none, or no picture. What follows from it is the caller's.
    public let isFlagged: Bool?

    init(
        modality: Modality, caption: String, content: Tensor, sampleRate: Int = 16_000,
        framesPerSecond: Int = 8, parameters: MediumParameters? = nil, isFlagged: Bool? = nil
    ) {
        self.parameters = parameters
        self.isFlagged = isFlagged
        self.modality = modality
        self.caption = caption
        self.content = content
        self.sampleRate = sampleRate
        self.framesPerSecond = framesPerSecond
    }

    /// What its file's name ends in: `png`, `wav` or `mp4`.
    public var fileExtension: String { modality.fileExtension }

    /// Writes a PNG, a WAV of 32-bit floats, or an MP4 that browsers play; a whole file or none.
    ///
    /// - Throws: `MediaError.unwritable`
    public func write(to path: String) throws {
        switch modality {
        case .image:
            let picture = RGBImage(content)
            try parameters?.write(picture, to: path) ?? picture.writePNG(to: path)
        case .audio: try writeWAV(content, to: path, sampleRate: sampleRate)
        case .video: try writeMP4(content, to: path, framesPerSecond: framesPerSecond)
        }
    }
}
