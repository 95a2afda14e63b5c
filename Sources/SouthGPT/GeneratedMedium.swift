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

    init(
        modality: Modality, caption: String, content: Tensor, sampleRate: Int = 16_000,
        framesPerSecond: Int = 8
    ) {
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
        case .image: try writePNG(content, to: path)
        case .audio: try writeWAV(content, to: path, sampleRate: sampleRate)
        case .video: try writeMP4(content, to: path, framesPerSecond: framesPerSecond)
        }
    }
}
