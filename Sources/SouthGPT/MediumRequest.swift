import Diffusion
import MediaIO
import ModelZoo
import TensorCore

/// What a decoder alone is asked for.
public struct MediumRequest: Sendable {
    /// What is to be seen or heard.
    public var prompt: String
    /// Settings of the medium; those of text do not count.
    public var options = GenerationOptions()
    /// Media to make together; each has a seed of its own, one more than that of the one before.
    public var count = 1
    /// A picture to change, by path; without one a new one is made.
    public var picture: String?
    /// A picture that is bright where `picture` may change, by path.
    public var mask: String?
    /// How much of the picture may change, 0 to 1; 0.8 unless given, 1 with a mask.
    public var strength: Float?
    /// Frames a second of a clip.
    public var framesPerSecond = 8
    /// Steps from one preview to the next; none where nil.
    public var previewEvery: Int?

    /// A request; everything but the prompt is the decoder's own.
    public init(_ prompt: String) { self.prompt = prompt }
}

/// What a run takes where a request says nothing.
struct DecoderDefaults {
    let seed: UInt64
    let steps: Int
    let guidance: Float
    let scheduler: SchedulerKind
    let height: Int
    let width: Int
    let strength: Float?
}

extension MediumRequest {
    /// The decoder's options, with the pictures read and brought to the size that is made.
    ///
    /// - Throws: `MediaError`, `ModelError`
    func decoderOptions(for decoder: MediaDecoder) throws -> DecoderOptions {
        var options = self.options.decoderOptions(decoder.modality)
        options.count = count
        if let every = previewEvery, every < 1 {
            throw ModelError.invalidOption(
                name: "preview-every", found: "\(every)", expected: "1 or more steps")
        }
        guard (1...240).contains(framesPerSecond) else {
            throw ModelError.invalidOption(
                name: "fps", found: "\(framesPerSecond)", expected: "1 to 240")
        }
        guard let picture else {
            if mask != nil || strength != nil {
                throw ModelError.invalidOption(
                    name: "initial-image", found: "absent",
                    expected: "a picture, for a mask or a strength was given")
            }
            return options
        }
        guard decoder.modality == .image else {
            throw ModelError.invalidOption(
                name: "initial-image", found: "'\(picture)'",
                expected: "none, for this decoder makes \(decoder.modality.rawValue)")
        }
        let image = try RGBImage(contentsOf: picture, orientation: .shown)
        let factor = 8 * max(decoder.config.vae.pixelsPerLatent / 8, 1)
        // As large as the picture itself, in whole latents.
        func size(_ asked: Int?, _ own: Int) -> Int { asked ?? max(own / factor, 1) * factor }
        let (height, width) = (size(options.height, image.height), size(options.width, image.width))
        guard (1...8192).contains(height), (1...8192).contains(width) else {
            throw ModelError.invalidOption(
                name: "height and width", found: "\(height) and \(width)",
                expected: "multiples of \(decoder.config.vae.pixelsPerLatent) up to 8192")
        }
        (options.height, options.width) = (height, width)
        let shown = try mask.map { path in
            try MediumRequest.read(path, height: height, width: width).mean([0])
        }
        options.start = PictureStart(
            MediumRequest.pixels(image, height: height, width: width), strength: strength,
            mask: shown)
        return options
    }

    private static func read(_ path: String, height: Int, width: Int) throws -> Tensor {
        pixels(
            try RGBImage(contentsOf: path, orientation: .shown), height: height, width: width)
    }

    private static func pixels(_ image: RGBImage, height: Int, width: Int) -> Tensor {
        let resized = image.resizedBicubic(width: width, height: height)
        return Tensor(resized.pixels.map { Float($0) / 255 }, [height, width, 3])
            .permuted(2, 0, 1).dense()
    }
}
