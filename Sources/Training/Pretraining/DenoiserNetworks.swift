import DataPipeline
import Diffusion
import ModelZoo
import TensorCore

/// The networks around a UNet in training.
struct DenoiserNetworks: Sendable {
    let unet: UNet
    /// The UNet's weights that move.
    let moving: [Parameter]
    let vae: AutoencoderKL
    let text: TextTower
    private let vocoder: HiFiGAN?
    private let weights: (unet: [Parameter], vae: [Parameter], vocoder: [Parameter])
    private let modality: Modality

    /// Layers that look across frames.
    private static let temporal = ["*temp_convs.*", "*temp_attentions.*", "transformer_in.*"]
    /// What each of those ends with: zero, it adds nothing to a frame.
    private static let temporalEnds = [
        "*temp_convs.*.conv4.3.*", "*temp_attentions.*.proj_out.*", "transformer_in.proj_out.*",
    ]

    /// Makes or opens them, and checks that they fit together.
    init(_ recipe: DenoiserRecipe, _ source: PretrainingSource) throws {
        modality = recipe.medium.modality
        let vaeFolder = source.path(recipe.vae)
        let vaeConfig: AutoencoderKLConfig = try ConfigFile.read(from: "\(vaeFolder)/config.json")
        let vaeWeights = Weights(try Checkpoint(folder: vaeFolder))
        vae = try AutoencoderKL(vaeConfig, from: vaeWeights)
        try vaeWeights.finish()
        vaeWeights.freeze()
        try recipe.medium.check(source, multipleOf: vaeConfig.pixelsPerLatent)

        text = try TextTower(
            modality == .audio ? .clap : .clip, recipe.textEncoder, key: "text_encoder", source)
        if !recipe.trainsTextEncoder {
            for parameter in text.parameters { parameter.isTrainable = false }
        }

        let folder = recipe.from.map(source.path)
        let config = try source.config(in: folder, or: recipe.config)
        let spatial = folder == nil ? recipe.spatialFrom.map(source.path) : nil
        let unetWeights = try Weights.starting(
            from: folder ?? spatial, drawing: spatial == nil ? [] : Self.temporal,
            seed: source.seed)
        unet = try UNet(config, from: unetWeights)
        try unetWeights.finish()
        let all = unetWeights.trainable()
        if config.isTemporal, folder == nil {
            for parameter in all
            where Self.temporalEnds.contains(where: { matches(parameter.name, $0) }) {
                parameter.replace(with: .zeros(parameter.value.shape))
            }
        }
        let freezes = recipe.freezesSpatial ?? false
        guard !freezes || config.isTemporal else {
            throw source.fault("freezes_spatial", "true", "false for a network without frames")
        }
        moving = all.filter { parameter in
            !freezes || Self.temporal.contains { matches(parameter.name, $0) }
        }
        let kept = Set(moving.map(ObjectIdentifier.init))
        for parameter in all { parameter.isTrainable = kept.contains(ObjectIdentifier(parameter)) }

        var vocoderWeights: [Parameter] = []
        if let place = recipe.vocoder.map(source.path), modality == .audio {
            let config: HiFiGANConfig = try ConfigFile.read(from: "\(place)/config.json")
            let view = Weights(try Checkpoint(folder: place).foldingWeightNorm())
            vocoder = try HiFiGAN(config, from: view)
            try view.finish(unused: HiFiGAN.unusedTensors)
            view.freeze()
            vocoderWeights = view.parameters
        } else {
            vocoder = nil
        }
        weights = (all, vaeWeights.parameters, vocoderWeights)
        try check(source)
    }

    private func check(_ source: PretrainingSource) throws {
        let config = unet.config
        func require(_ key: String, _ found: Int, _ expected: Int) throws {
            guard found != expected else { return }
            throw source.fault(key, "\(found)", "\(expected)")
        }
        try require("config.in_channels", config.inChannels, vae.config.latentChannels)
        try require("config.out_channels", config.outChannels, vae.config.latentChannels)
        try require("vae.in_channels", vae.config.inChannels, modality == .audio ? 1 : 3)
        guard config.isTemporal == (modality == .video) else {
            throw source.fault(
                "config.down_block_types", config.isTemporal ? "3D" : "2D",
                "3D for video, 2D for the others")
        }
        switch text.config {
        case .clip(let clip):
            try require("config.cross_attention_dim", config.contextSize ?? 0, clip.hiddenSize)
        case .clap(let clap):
            try require(
                "config.projection_class_embeddings_input_dim", config.classSize ?? 0,
                clap.projectionDim)
        }
    }

    /// Where the latents of a medium lie, before scaling: `[channels, height, width]`, with the
    /// frames of a clip after the channels.
    func latents(of medium: Tensor) -> LatentDistribution {
        withoutGradients {
            let moments = vae.encode(modality == .video ? medium : medium.unsqueezed(0))
            func one(_ x: Tensor) -> Tensor {
                (modality == .video ? x.transposed(0, 1) : x[0]).dense()
            }
            return LatentDistribution(
                mean: one(moments.mean), logVariance: one(moments.logVariance))
        }
    }

    /// One over the deviation of the latents of the first 64 samples of each dataset: of all their
    /// elements, as they are drawn.
    func measuredScale(_ medium: TrainingMedium, _ source: PretrainingSource) throws -> Float {
        var (count, sum, squares) = (0.0, 0.0, 0.0)
        for dataset in source.datasets {
            for index in 0..<min(dataset.count, 64) {
                // What cannot be read is left to the loader, which puts it aside.
                guard let sample = try? dataset.sample(index),
                    let reference = CaptionedMedia(sample).first(medium.modality),
                    let tensor = try? medium.tensor(of: reference)
                else { continue }
                let latents = latents(of: tensor)
                count += Double(latents.mean.count)
                sum += Double(latents.mean.sum().item())
                // A drawn latent has the variance of its own distribution beside that of the means.
                squares += latents.mean.sumOfSquares
                squares += Double(latents.logVariance.exp().sum().item())
            }
        }
        guard count > 0 else {
            throw source.fault(
                "latent_scale", "measured, and no sample has a \(medium.modality.rawValue)",
                "stored")
        }
        let mean = sum / count
        return Float(1 / (squares / count - mean * mean).squareRoot())
    }

    /// The UNet's answers.
    func evaluate(_ latents: Tensor, _ timesteps: [Float], _ conditions: Tensor) -> Tensor {
        modality == .audio
            ? unet(latents, timesteps: timesteps, classLabels: conditions)
            : unet(latents, timesteps: timesteps, context: conditions)
    }

    // MARK: Previews

    /// Latents of a condition, by 20 steps of DDIM with a guidance of 3.
    func sampled(
        _ condition: Tensor, awayFrom empty: Tensor, from noise: Tensor, _ config: SchedulerConfig
    ) throws -> Tensor {
        var config = config
        (config.kind, config.clipSample) = (.ddim, false)
        let conditions = Tensor.stack([condition, empty])
        return try denoise(noise, with: config.scheduler(steps: 20), drawing: { noise }) {
            let answers = evaluate(.concatenate([$0, $0], axis: 0), [$1], conditions)
            let (towards, away) = (answers[0..<1], answers[1..<2])
            return away + (towards - away) * 3
        }
    }

    /// Unscaled latents to see, or to hear where there is a vocoder.
    func preview(_ name: String, _ latents: Tensor) -> Preview {
        let frames = modality == .video ? latents[0].transposed(0, 1) : latents
        let decoded = vae.decode(frames)
        if modality == .audio {
            if let vocoder {
                return Preview(
                    name,
                    .sound(
                        vocoder(decoded.squeezed(1))[0], sampleRate: vocoder.config.samplingRate))
            }
            // From silence, e^−11.5, to a loud bin.
            let picture = decoded[0].affine(scale: 1 / 13, shift: 11.5 / 13).clamped(to: 0...1)
            return Preview(name, .image(picture.permuted(2, 1, 0).tiled(3, axis: 2)))
        }
        // The frames of a clip side by side.
        let strip = decoded.permuted(2, 0, 3, 1).flattened(1...2)
        return Preview(name, .image(strip.affine(scale: 0.5, shift: 0.5).clamped(to: 0...1)))
    }

    // MARK: Files

    /// Writes the folder of a decoder: all networks, and the index where nothing is missing.
    func write(_ recipe: DenoiserRecipe, latentScale: Float, to folder: String) throws {
        var vaeConfig = vae.config.namingLevels
        vaeConfig.scalingFactor = latentScale
        let stem = "diffusion_pytorch_model"
        try ComponentFolder("\(folder)/unet").write(unet.config, weights.unet.tensors, stem: stem)
        try ComponentFolder("\(folder)/vae").write(vaeConfig, weights.vae.tensors, stem: stem)
        try text.write(
            text.parameters.tensors, to: "\(folder)/text_encoder", tokenizer: "\(folder)/tokenizer")
        if let vocoder {
            try ComponentFolder("\(folder)/vocoder").write(
                vocoder.config, weights.vocoder.tensors + HiFiGAN.statistics(vocoder.config))
        }
        if modality == .audio, vocoder == nil { return }
        try DecoderConfig(
            modality, unet: unet.config, vae: vaeConfig, textEncoder: text.config,
            vocoder: vocoder?.config, scheduler: recipe.scheduler
        ).write(to: folder)
    }
}

extension HiFiGAN {
    /// The statistics that every published file has, of a network that does not use them.
    static func statistics(_ config: HiFiGANConfig) -> [(name: String, value: Tensor)] {
        if config.normalizeBefore ?? true { return [] }
        let bins = [config.modelInDim]
        return [("mean", .zeros(bins)), ("scale", .full(bins, 1))]
    }
}
