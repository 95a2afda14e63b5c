/// The sizes of ImageBind's towers, and of the clips they were trained on.
///
/// The published file carries no configuration; this JSON is ours, its keys these names in snake
/// case. Nothing of it but `huge` is a constant of the code.
public struct ImageBindConfig: Codable, Equatable, Sendable {
    /// Numbers in an embedding, the same for every modality.
    public var embeddingWidth: Int
    public var vision: ImageBindVisionConfig
    public var audio: ImageBindAudioConfig
    /// Absent where the file has no text tower; `ImageBindText` reads it.
    public var text: ImageBindTextConfig?
    /// Absent where the file has no such towers; `ImageBindSensorTower` reads them.
    public var depth: ImageBindPictureConfig?
    public var thermal: ImageBindPictureConfig?
    public var imu: ImageBindMotionConfig?

    /// All of them.
    public init(
        embeddingWidth: Int, vision: ImageBindVisionConfig, audio: ImageBindAudioConfig,
        text: ImageBindTextConfig? = nil, depth: ImageBindPictureConfig? = nil,
        thermal: ImageBindPictureConfig? = nil, imu: ImageBindMotionConfig? = nil
    ) {
        self.embeddingWidth = embeddingWidth
        self.vision = vision
        self.audio = audio
        self.text = text
        (self.depth, self.thermal, self.imu) = (depth, thermal, imu)
    }

    /// `imagebind_huge.pth`, with the clips that South-GPT's README feeds it.
    public static let huge = ImageBindConfig(
        embeddingWidth: 1024,
        vision: ImageBindVisionConfig(
            trunk: ImageBindTrunkConfig(width: 1280, blocks: 32, heads: 16, preNorm: true),
            imageSize: 224, patchSize: 14, temporalPatchSize: 2, framesPerClip: 2, clips: 5,
            crops: 3, secondsPerClip: 2),
        audio: ImageBindAudioConfig(
            trunk: ImageBindTrunkConfig(width: 768, blocks: 12, heads: 12, keyValueBias: true),
            sampleRate: 16_000, melBins: 128, frames: 204, patchSize: 16, stride: 10, clips: 3,
            secondsPerClip: 2, mean: -4.268, deviation: 9.138, logitScale: 20),
        text: ImageBindTextConfig(
            trunk: ImageBindTrunkConfig(width: 1024, blocks: 24, heads: 16), vocabularySize: 49408,
            contextLength: 77),
        depth: ImageBindPictureConfig(
            trunk: ImageBindTrunkConfig(width: 384, blocks: 12, heads: 8, keyValueBias: true),
            imageSize: 224, patchSize: 16, logitScale: 5),
        thermal: ImageBindPictureConfig(
            trunk: ImageBindTrunkConfig(width: 768, blocks: 12, heads: 12, keyValueBias: true),
            imageSize: 224, patchSize: 16, logitScale: 10),
        imu: ImageBindMotionConfig(
            trunk: ImageBindTrunkConfig(width: 512, blocks: 6, heads: 8, keyValueBias: true),
            channels: 6, samples: 2000, samplesPerPatch: 8, logitScale: 5))

    /// - Throws: `ConfigError` for sizes that no tower can have
    func validate() throws {
        try ConfigError.require("ImageBind", sizes: ["embedding_width": embeddingWidth])
        try vision.trunk.validate("vision.trunk")
        try audio.trunk.validate("audio.trunk")
        try ConfigError.require(
            "ImageBind",
            sizes: [
                "vision.image_size": vision.imageSize, "vision.patch_size": vision.patchSize,
                "vision.temporal_patch_size": vision.temporalPatchSize,
                "vision.frames_per_clip": vision.framesPerClip, "vision.clips": vision.clips,
                "vision.crops": vision.crops, "audio.sample_rate": audio.sampleRate,
                "audio.mel_bins": audio.melBins, "audio.frames": audio.frames,
                "audio.patch_size": audio.patchSize, "audio.stride": audio.stride,
                "audio.clips": audio.clips,
            ])
        try ConfigError.require(
            "ImageBind", "vision.frames_per_clip", vision.framesPerClip,
            multipleOf: vision.temporalPatchSize)
        try ConfigError.require(
            "ImageBind", "vision.patch_size", vision.patchSize, in: 1...vision.imageSize)
        try ConfigError.require(
            "ImageBind", "audio.patch_size", audio.patchSize,
            in: 1...min(audio.melBins, audio.frames))
    }
}

/// The transformer of a tower.
public struct ImageBindTrunkConfig: Codable, Equatable, Sendable {
    public var width: Int
    public var blocks: Int
    public var heads: Int
    /// Width of a block's inner layer over `width`.
    public var mlpRatio: Int
    /// A layer norm before the first block.
    public var preNorm: Bool
    /// A learnt key and value beside those of the tokens, in every block.
    public var keyValueBias: Bool

    /// All of them.
    public init(
        width: Int, blocks: Int, heads: Int, mlpRatio: Int = 4, preNorm: Bool = false,
        keyValueBias: Bool = false
    ) {
        self.width = width
        self.blocks = blocks
        self.heads = heads
        self.mlpRatio = mlpRatio
        self.preNorm = preNorm
        self.keyValueBias = keyValueBias
    }

    func validate(_ key: String) throws {
        try ConfigError.require(
            "ImageBind",
            sizes: [
                "\(key).width": width, "\(key).blocks": blocks, "\(key).heads": heads,
                "\(key).mlp_ratio": mlpRatio,
            ])
        try ConfigError.require("ImageBind", "\(key).width", width, multipleOf: heads)
    }
}

/// The tower of images and clips.
public struct ImageBindVisionConfig: Codable, Equatable, Sendable {
    public var trunk: ImageBindTrunkConfig
    /// Pixels along each side.
    public var imageSize: Int
    /// Pixels along each side of a patch, and from one to the next.
    public var patchSize: Int
    /// Frames that one token covers.
    public var temporalPatchSize: Int
    public var framesPerClip: Int
    /// Clips taken of one video, spread evenly over it.
    public var clips: Int
    /// Crops of each clip.
    public var crops: Int
    public var secondsPerClip: Double

    /// All of them.
    public init(
        trunk: ImageBindTrunkConfig, imageSize: Int, patchSize: Int, temporalPatchSize: Int,
        framesPerClip: Int, clips: Int, crops: Int, secondsPerClip: Double
    ) {
        self.trunk = trunk
        self.imageSize = imageSize
        self.patchSize = patchSize
        self.temporalPatchSize = temporalPatchSize
        self.framesPerClip = framesPerClip
        self.clips = clips
        self.crops = crops
        self.secondsPerClip = secondsPerClip
    }

    /// Patches of a clip; each is a token.
    var patches: Int {
        let side = imageSize / patchSize
        return framesPerClip / temporalPatchSize * side * side
    }
}

/// The tower of sounds.
public struct ImageBindAudioConfig: Codable, Equatable, Sendable {
    public var trunk: ImageBindTrunkConfig
    /// Samples a second that the spectrogram is made from.
    public var sampleRate: Int
    public var melBins: Int
    /// Spectrogram frames of one clip, after padding or cutting.
    public var frames: Int
    /// Mel bins and frames that one patch covers.
    public var patchSize: Int
    /// Mel bins and frames from one patch to the next.
    public var stride: Int
    /// Clips taken of one sound, spread evenly over it.
    public var clips: Int
    public var secondsPerClip: Double
    /// What is subtracted from the spectrogram, and what divides it then.
    public var mean: Float
    public var deviation: Float
    /// What upstream multiplies an embedding by.
    public var logitScale: Float

    /// All of them.
    public init(
        trunk: ImageBindTrunkConfig, sampleRate: Int, melBins: Int, frames: Int, patchSize: Int,
        stride: Int, clips: Int, secondsPerClip: Double, mean: Float, deviation: Float,
        logitScale: Float
    ) {
        self.trunk = trunk
        self.sampleRate = sampleRate
        self.melBins = melBins
        self.frames = frames
        self.patchSize = patchSize
        self.stride = stride
        self.clips = clips
        self.secondsPerClip = secondsPerClip
        self.mean = mean
        self.deviation = deviation
        self.logitScale = logitScale
    }

    /// Patches of a clip; each is a token.
    var patches: Int {
        ((melBins - patchSize) / stride + 1) * ((frames - patchSize) / stride + 1)
    }
}

/// The tower of texts.
public struct ImageBindTextConfig: Codable, Equatable, Sendable {
    public var trunk: ImageBindTrunkConfig
    public var vocabularySize: Int
    /// Tokens of a text, its two marks and the padding included.
    public var contextLength: Int

    /// All of them.
    public init(trunk: ImageBindTrunkConfig, vocabularySize: Int, contextLength: Int) {
        self.trunk = trunk
        self.vocabularySize = vocabularySize
        self.contextLength = contextLength
    }

    func validate() throws {
        try trunk.validate("text.trunk")
        try ConfigError.require(
            "ImageBind",
            sizes: [
                "text.vocabulary_size": vocabularySize, "text.context_length": contextLength,
            ])
    }
}
