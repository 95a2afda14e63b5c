public import ModelZoo

// The published decoders' sizes, for models that are made from nothing. Whatever is loaded has them
// in its own files.

extension DecoderConfig {
    /// Stable Diffusion v1-5 for images, AudioLDM l-full for sounds, ZeroScope v2_576w for clips.
    ///
    /// - Source: their `config.json`; of AudioLDM, whose own was not to be had, the widths of its
    ///   original code and the number of parameters on its page
    public static func published(_ modality: Modality) throws -> DecoderConfig {
        switch modality {
        case .image:
            try DecoderConfig(
                .image, unet: .stableDiffusion,
                vae: .published(channels: 3, latents: 4, [128, 256, 512, 512]),
                textEncoder: .clip(
                    CLIPTextConfig(
                        vocabSize: 49408, hiddenSize: 768, intermediateSize: 3072,
                        numHiddenLayers: 12, numAttentionHeads: 12, maxPositionEmbeddings: 77,
                        hiddenAct: "quick_gelu")), scheduler: .published(.image))
        case .audio:
            try DecoderConfig(
                .audio, unet: .audioLDM, vae: .audioLDM,
                textEncoder: .clap(
                    CLAPTextConfig(
                        vocabSize: 50265, hiddenSize: 768, intermediateSize: 3072,
                        numHiddenLayers: 12, numAttentionHeads: 12, maxPositionEmbeddings: 514,
                        projectionDim: 512)),
                vocoder: HiFiGANConfig(
                    melBins: 64, initialChannels: 1024, upsampleRates: [5, 4, 2, 2, 2],
                    upsampleKernelSizes: [16, 16, 8, 4, 4]),
                scheduler: .published(.audio))
        case .video:
            // The text encoder of OpenCLIP's ViT-H/14 without its last layer.
            try DecoderConfig(
                .video, unet: .zeroScope,
                vae: .published(channels: 3, latents: 4, [128, 256, 512, 512]),
                textEncoder: .clip(
                    CLIPTextConfig(
                        vocabSize: 49408, hiddenSize: 1024, intermediateSize: 4096,
                        numHiddenLayers: 23, numAttentionHeads: 16, maxPositionEmbeddings: 77,
                        hiddenAct: "gelu")), scheduler: .published(.video))
        }
    }
}

extension SchedulerConfig {
    /// What the decoder of a modality was published with: PNDM for images, DDIM for the others.
    public static func published(_ modality: Modality) -> SchedulerConfig {
        var config = SchedulerConfig(modality == .image ? .pndm : .ddim)
        (config.betaStart, config.betaEnd) =
            modality == .audio ? (0.0015, 0.0195) : (0.00085, 0.012)
        config.betaSchedule = .scaledLinear
        (config.stepsOffset, config.setAlphaToOne, config.clipSample) = (1, false, false)
        if modality == .image { config.skipPrkSteps = true }
        return config
    }
}

extension UNetConfig {
    /// A network whose levels attend where `attends` says; `kind` is `2D` or `3D`.
    package init(_ channels: Int, _ widths: [Int], attends: [Bool], _ kind: String) {
        let down = attends.map { $0 ? "CrossAttnDownBlock\(kind)" : "DownBlock\(kind)" }
        let up = attends.reversed().map { $0 ? "CrossAttnUpBlock\(kind)" : "UpBlock\(kind)" }
        self.init(
            inChannels: channels, outChannels: channels, blockOutChannels: widths,
            downBlockTypes: down, upBlockTypes: up)
        (layersPerBlock, normNumGroups, normEps) = (2, 32, 1e-5)
    }

    fileprivate static var stableDiffusion: UNetConfig {
        var config = UNetConfig(
            4, [320, 640, 1280, 1280], attends: [true, true, true, false], "2D")
        (config.crossAttentionDim, config.attentionHeadDim) = (768, 8)
        config.sampleSize = 64
        return config
    }

    fileprivate static var audioLDM: UNetConfig {
        let widths = [256, 512, 768, 1280]
        var config = UNetConfig(8, widths, attends: [false, true, true, true], "2D")
        (config.crossAttentionDim, config.attentionHeadDim) = (.each(widths), 8)
        config.labelled(by: 512)
        config.sampleSize = 128
        return config
    }

    /// The same network with class labels of that width beside the timestep.
    package mutating func labelled(by width: Int) {
        classEmbedType = "simple_projection"
        classEmbeddingsConcat = true
        projectionClassEmbeddingsInputDim = width
    }

    fileprivate static var zeroScope: UNetConfig {
        var config = UNetConfig(
            4, [320, 640, 1280, 1280], attends: [true, true, true, false], "3D")
        (config.crossAttentionDim, config.attentionHeadDim) = (1024, 64)
        config.sampleSize = 32
        return config
    }
}

extension AutoencoderKLConfig {
    fileprivate static func published(
        channels: Int, latents: Int, _ widths: [Int]
    ) -> AutoencoderKLConfig {
        var config = AutoencoderKLConfig(
            channels: channels, latentChannels: latents, blockOutChannels: widths)
        (config.layersPerBlock, config.normNumGroups, config.sampleSize) = (2, 32, 512)
        return config
    }

    fileprivate static var audioLDM: AutoencoderKLConfig {
        var config = published(channels: 1, latents: 8, [128, 256, 512])
        // Learned, and other in each release: this is that of s-full-v2.
        config.scalingFactor = 0.9392935633659363
        return config
    }
}
