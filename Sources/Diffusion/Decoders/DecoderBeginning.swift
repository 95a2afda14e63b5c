import ModelZoo
import TensorCore

/// The random numbers of a run: a generator for every medium, as diffusers is given a list of them,
/// so that each medium is what its own seed makes alone.
struct Draws {
    private var generators: [TorchGenerator]
    private let shape: [Int]
    private let device: Device
    private let framesFirst: Bool

    init(_ seed: UInt64, _ request: DecoderRequest, _ device: Device, framesFirst: Bool) {
        generators = (0..<request.count).map { TorchGenerator(seed: seed &+ UInt64($0)) }
        shape = request.latentShape
        self.device = device
        self.framesFirst = framesFirst
    }

    /// Normal numbers of the shape of the latents.
    mutating func noise() -> Tensor { drawn(shape) { $0 } }

    /// The same while the run is on its way. That of clips is drawn frame by frame: the original
    /// folds frames into the batch before its scheduler sees them.
    mutating func noiseOnTheWay() -> Tensor {
        guard framesFirst else { return noise() }
        var frameFirst = Array(shape.dropFirst())
        frameFirst.swapAt(0, 1)
        return drawn(frameFirst) { $0.transposed(0, 1).unsqueezed(0) }
    }

    private mutating func drawn(_ shape: [Int], _ change: (Tensor) -> Tensor) -> Tensor {
        var parts: [Tensor] = []
        for index in generators.indices {
            parts.append(change(generators[index].normal(shape, device: device)))
        }
        return Tensor.concatenate(parts, axis: 0)
    }
}

/// What a run begins with.
struct DecoderBeginning {
    let noise: Tensor
    var start: DenoisingStart?
    /// What the UNet sees beside the latents: where it may paint and what is kept, `[count, …]`.
    var context: Tensor?
}

extension MediaDecoder {
    /// Draws the noise and encodes the picture to change, in the order of the originals, whose
    /// random numbers depend on it.
    ///
    /// - Source: diffusers, `StableDiffusionImg2ImgPipeline`, `StableDiffusionInpaintPipeline`
    func beginning(
        _ options: DecoderOptions, _ request: DecoderRequest, _ draws: inout Draws,
        _ pause: () throws -> Void
    ) throws -> DecoderBeginning {
        guard modality == .image, let picture = options.start else {
            return DecoderBeginning(noise: draws.noise())
        }
        func encoded(_ pixels: Tensor) throws -> Tensor {
            let found = try networks.encode(pixels.on(device), request, pause)
            return found.sample(draws.noise()) * config.vae.latentScale
        }
        let mask = picture.latentMask(config.vae.pixelsPerLatent)?.on(device)
        let isWhole = mask != nil && picture.strength == 1
        let clean = config.paintsInMasks && isWhole ? nil : try encoded(picture.pixels)
        var beginning = DecoderBeginning(noise: draws.noise())
        if let clean {
            beginning.start = DenoisingStart(
                clean, skipped: picture.skipped(steps: request.steps),
                mask: config.paintsInMasks ? nil : mask, beginsFromNoise: isWhole)
        }
        guard let mask, let spared = picture.maskedPixels else { return beginning }
        guard config.paintsInMasks else {
            // The original encodes here what this UNet is never shown; the numbers it draws count.
            _ = draws.noise()
            return beginning
        }
        beginning.context = Tensor.concatenate(
            [mask.tiled(request.count, axis: 0), try encoded(spared)], axis: 1)
        return beginning
    }
}
