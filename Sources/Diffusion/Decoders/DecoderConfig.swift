public import ModelZoo
public import TensorCore

/// All that the files of a decoder say, weights and vocabulary aside.
public struct DecoderConfig: Equatable, Sendable {
    /// What it makes.
    public let modality: Modality
    /// The network that denoises.
    public var unet: UNetConfig
    /// From latents to pixels, or to a spectrogram.
    public var vae: AutoencoderKLConfig
    /// From prompts to conditions.
    public var textEncoder: TextEncoderConfig
    /// From a spectrogram to sound.
    public var vocoder: HiFiGANConfig?
    /// The sampler.
    public var scheduler: SchedulerConfig

    /// A decoder of these parts.
    ///
    /// - Parameter place: the folder or file that they were read from, for messages
    /// - Throws: `DecoderError.incompatible` and `.otherText` where they do not fit together
    public init(
        _ modality: Modality, unet: UNetConfig, vae: AutoencoderKLConfig,
        textEncoder: TextEncoderConfig, vocoder: HiFiGANConfig? = nil, scheduler: SchedulerConfig,
        from place: String? = nil
    ) throws {
        self.modality = modality
        self.unet = unet
        self.vae = vae
        self.textEncoder = textEncoder
        self.vocoder = vocoder
        self.scheduler = scheduler
        try check(place ?? "\(modality.rawValue) decoder")
    }

    /// A fresh run of the sampler that the options name, over the keys of the decoder's own file.
    func scheduler(_ options: DecoderOptions, steps: Int) throws -> any Scheduler {
        var sampler = scheduler
        sampler.kind = options.scheduler ?? sampler.kind
        if let karras = options.karrasSigmas {
            let kinds: [SchedulerKind] = [.euler, .dpmSolver, .uniPC]
            guard !karras || kinds.contains(sampler.kind) else {
                throw DecoderError.option(
                    name: "the sampler of Karras' noise levels", found: sampler.kind.rawValue,
                    expected: kinds.map(\.rawValue).joined(separator: ", "))
            }
            sampler.useKarrasSigmas = karras
        }
        if modality == .image {
            // As Stable Diffusion's pipeline has it, whatever its file says or leaves to defaults.
            (sampler.clipSample, sampler.stepsOffset) = (false, 1)
        }
        return try sampler.scheduler(steps: steps, eta: options.eta)
    }

    /// What the UNet takes beside the latents: text states `[tokens, width]`, or for sound one
    /// vector `[width]`.
    public var conditioningShape: Shape { textEncoder.conditioningShape }

    /// Whether a condition of that shape can take the text encoder's place. The unconditional branch
    /// must have as many rows, its two marks among them.
    package func takes(_ shape: Shape) -> Bool {
        let own = conditioningShape
        return shape.count == own.count && shape.last == own.last
            && (modality == .audio || (2...max(2, own[0])).contains(shape[0]))
    }

    /// Whether the UNet was trained to fill masks in pictures, which it must then be shown.
    var paintsInMasks: Bool {
        modality == .image && unet.inChannels == 2 * vae.latentChannels + 1
    }

    private func check(_ place: String) throws {
        func require(_ what: String, _ found: Int, _ expected: Int) throws {
            guard found == expected else {
                throw DecoderError.incompatible(
                    decoder: place, what: what, found: found, expected: expected)
            }
        }
        try unet.check()
        try ConfigError.require("UNet", "sample_size", unet.sampleSize ?? 1, in: 1...65536)
        try vae.check()
        try vocoder?.check()
        // A UNet that was trained to fill masks sees the mask and what it spares, too.
        try require(
            "UNet input channels", unet.inChannels,
            paintsInMasks ? 2 * vae.latentChannels + 1 : vae.latentChannels)
        try require("UNet output channels", unet.outChannels, vae.latentChannels)
        try require(
            "UNet spatial axes", unet.isTemporal ? 3 : 2, modality == .video ? 3 : 2)
        try require("VAE output channels", vae.outChannels, modality == .audio ? 1 : 3)
        try textEncoder.requireFit(of: unet, in: place)
        try require("number of vocoders", vocoder == nil ? 0 : 1, modality == .audio ? 1 : 0)
        if let bins = vocoder?.modelInDim {
            let factor = vae.pixelsPerLatent
            try require("mel bins of the vocoder", bins, max(bins / factor, 1) * factor)
        }
    }
}

/// The text encoders of the published decoders.
public enum TextEncoderConfig: Equatable, Sendable {
    case clip(CLIPTextConfig)
    case clap(CLAPTextConfig)

    /// What a prompt becomes: `[tokens, width]` of CLIP, `[width]` of CLAP.
    public var conditioningShape: Shape {
        switch self {
        case .clip(let clip): [clip.maxPositionEmbeddings, clip.hiddenSize]
        case .clap(let clap): [clap.projectionDim]
        }
    }

    /// Throws unless that is as wide as the UNet expects it.
    func requireFit(of unet: UNetConfig, in place: String) throws {
        let (encoder, found, expected) =
            switch self {
            case .clip(let clip): ("CLIP", clip.hiddenSize, unet.contextSize ?? 0)
            case .clap(let clap): ("CLAP", clap.projectionDim, unet.classSize ?? 0)
            }
        guard found == expected else {
            throw DecoderError.otherText(
                decoder: place, encoder: encoder, found: found, expected: expected)
        }
    }
}
