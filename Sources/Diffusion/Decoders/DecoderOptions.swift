import ModelZoo
import TensorCore

/// What a request may ask of a decoder. Whatever is left nil takes the decoder's own default; what
/// concerns another modality is ignored.
public struct DecoderOptions: Sendable {
    /// Where the noise comes from: PyTorch's generator of the processor, so that a seed gives the
    /// noise that its users know.
    public var seed: UInt64 = 0
    /// Media to make together; each has a seed of its own, one more than that of the one before, and
    /// is what that seed alone makes.
    public var count = 1
    /// A picture to change; nil makes a new one. Images only.
    public var start: PictureStart?
    /// Encodes and decodes pictures in overlapping tiles: much less memory for large ones, and
    /// colours that shift slightly.
    public var tilesVAE = false
    /// Denoising steps: 50 for images and clips, 10 for sounds.
    public var steps: Int?
    /// How strongly the condition is followed, 1 and below without guidance: 7.5 for images, 2.5
    /// for sounds, 9 for clips.
    public var guidance: Float?
    /// What to stay away from; nothing in particular unless given.
    public var negativePrompt = ""
    /// Pixels from top to bottom; as the network was trained, or the picture to change, unless given.
    public var height: Int?
    /// Pixels from left to right; likewise.
    public var width: Int?
    /// Frames of a clip, 16 unless given.
    public var frames: Int?
    /// Length of a sound; as the network was trained unless given (published: 5.12).
    public var audioSeconds: Double?
    /// Another sampler over the keys of the decoder's own file.
    public var scheduler: SchedulerKind?
    /// Whether Euler, DPM-Solver++ and UniPC visit Karras' noise levels; as the decoder's file says
    /// unless given.
    public var karrasSigmas: Bool?
    /// Fresh noise of DDIM, from 0, none, to 1.
    public var eta: Float = 0
    /// Divides the condition of a sound by its length, as those of prompts are. Off, as in
    /// NExT-GPT, whose output projection learned to give vectors near that length.
    public var normalizesAudioConditioning = false

    /// Everything at its default.
    public init() {}
}

/// Options that were checked and completed for one decoder.
package struct DecoderRequest: Equatable {
    package let steps: Int
    package let guidance: Float
    /// `[1, channels, (frames,) height, width]` of each medium; of sounds, time by mel bins.
    package let latentShape: [Int]
    /// Media to make together.
    package let count: Int
    /// Samples of a sound to keep.
    package let samples: Int
    let tilesVAE: Bool

    /// Whether guidance evaluates both branches at once. Twice the activations of an image are
    /// little beside its weights; of a clip, much.
    var batchesGuidance: Bool { count * latentShape.reduce(1, *) <= 1 << 16 }

    package init(_ options: DecoderOptions, for config: DecoderConfig) throws {
        let defaults: (steps: Int, guidance: Float, frames: Int) =
            switch config.modality {
            case .image: (50, 7.5, 1)
            case .audio: (10, 2.5, 1)
            case .video: (50, 9, 16)
            }
        steps = options.steps ?? defaults.steps
        guidance = options.guidance ?? defaults.guidance
        guard (0...1).contains(options.eta) else {
            throw DecoderError.option(name: "eta", found: "\(options.eta)", expected: "0 to 1")
        }
        guard guidance >= 0, guidance <= 1000 else {
            throw DecoderError.option(
                name: "guidance", found: "\(guidance)", expected: "0 to 1000")
        }
        guard (1...64).contains(options.count) else {
            throw DecoderError.option(
                name: "the number of media", found: "\(options.count)", expected: "1 to 64")
        }
        (count, tilesVAE) = (options.count, options.tilesVAE)
        _ = try config.scheduler(options, steps: steps)
        let channels = config.vae.latentChannels
        if let vocoder = config.vocoder {
            let sound = try DecoderRequest.sound(options, config, vocoder)
            latentShape = [1, channels] + sound.latents
            samples = sound.samples
            return
        }
        let start = config.modality == .image ? options.start : nil
        let size = [
            try DecoderRequest.edge("height", options.height ?? start?.picture.shape[1], config),
            try DecoderRequest.edge("width", options.width ?? start?.picture.shape[2], config),
        ]
        let factor = config.vae.pixelsPerLatent
        try start?.check(height: size[0] * factor, width: size[1] * factor, steps: steps)
        if config.paintsInMasks, start?.mask == nil {
            throw DecoderError.option(
                name: "the mask", found: "absent",
                expected: "one, with the picture to change: this UNet was trained to fill masks")
        }
        let frames = options.frames ?? defaults.frames
        guard (1...1024).contains(frames) else {
            throw DecoderError.option(name: "frames", found: "\(frames)", expected: "1 to 1024")
        }
        latentShape = [1, channels] + (config.modality == .video ? [frames] : []) + size
        samples = 0
    }

    /// Latents along one edge of a picture.
    private static func edge(
        _ name: String, _ pixels: Int?, _ config: DecoderConfig
    ) throws -> Int {
        let factor = config.vae.pixelsPerLatent
        let pixels = pixels ?? (config.unet.sampleSize ?? 64) * factor
        guard (factor...8192).contains(pixels), pixels % factor == 0 else {
            throw DecoderError.option(
                name: name, found: "\(pixels)", expected: "a multiple of \(factor) up to 8192")
        }
        return pixels / factor
    }

    /// Latents over time and mel bins, and the samples to keep. The original counts whole frames of
    /// the length, rounded up to whole latents; where what is left over would make the sound
    /// shorter than asked (0.29 s), it is one latent more here.
    private static func sound(
        _ options: DecoderOptions, _ config: DecoderConfig, _ vocoder: HiFiGANConfig
    ) throws -> (latents: [Int], samples: Int) {
        let factor = config.vae.pixelsPerLatent
        let frame = Double(vocoder.upsampleRates.reduce(1, *)) / Double(vocoder.samplingRate)
        let trained = Double((config.unet.sampleSize ?? 128) * factor) * frame
        let (seconds, least) = (options.audioSeconds ?? trained, frame * Double(factor))
        guard seconds.isFinite, seconds >= least, seconds <= 600 else {
            throw DecoderError.option(
                name: "audio seconds", found: "\(seconds)", expected: "\(least) to 600")
        }
        let samples = Int(seconds * Double(vocoder.samplingRate))
        let rowSamples = vocoder.upsampleRates.reduce(1, *) * factor
        return ([(samples + rowSamples - 1) / rowSamples, vocoder.modelInDim / factor], samples)
    }
}
