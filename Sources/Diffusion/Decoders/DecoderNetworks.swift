import ModelZoo
package import TensorCore

/// The networks between a condition and a medium: UNet, VAE and, for sounds, vocoder.
package struct DecoderNetworks: Sendable {
    let config: DecoderConfig
    private let unet: UNet
    private let vae: AutoencoderKL
    private let vocoder: HiFiGAN?
    /// Bytes of their weights.
    let byteCount: Int

    /// - Throws: `ConfigError` and `CheckpointError` where a file or a config disagrees
    init(_ config: DecoderConfig, weights: (DecoderComponent) throws -> Weights) throws {
        self.config = config
        var bytes = 0
        func whole<Network>(
            _ component: DecoderComponent, unused: [String] = [],
            _ build: (Weights) throws -> Network
        ) throws -> Network {
            let view = try weights(component)
            let network = try build(view)
            try view.finish(unused: unused)
            bytes += view.byteCount
            return network
        }
        unet = try whole(.unet) { try UNet(config.unet, from: $0) }
        vae = try whole(.vae) { try AutoencoderKL(config.vae, from: $0) }
        vocoder = try config.vocoder.map { vocoder in
            try whole(.vocoder, unused: HiFiGAN.unusedTensors) { try HiFiGAN(vocoder, from: $0) }
        }
        byteCount = bytes
    }

    // `pause` is called between layers; what it throws ends the work.

    /// The UNet's answer; the condition of a sound enters as class labels, others as context.
    func evaluate(
        _ latents: Tensor, _ timestep: Float, _ condition: Tensor, _ pause: () throws -> Void
    ) rethrows -> Tensor {
        try config.modality == .audio
            ? unet(latents, timesteps: [timestep], classLabels: condition, onLayer: pause)
            : unet(latents, timesteps: [timestep], context: condition, onLayer: pause)
    }

    /// Where the scaled latents of a picture lie: `pixels [1, 3, height, width]` in [−1, 1].
    func encode(
        _ pixels: Tensor, _ request: DecoderRequest, _ pause: () throws -> Void
    ) rethrows -> LatentDistribution {
        try request.tilesVAE
            ? vae.encodeTiled(pixels, onLayer: pause) : vae.encode(pixels, onLayer: pause)
    }

    /// What unscaled latents show or sound like, each of the batch by itself.
    func media(
        _ latents: Tensor, _ request: DecoderRequest, _ pause: () throws -> Void
    ) rethrows -> [Tensor] {
        try (0..<latents.shape[0]).map { index in
            let own = latents[index..<(index + 1)]
            switch config.modality {
            case .image:
                return try pixels(own, request, pause)[0]
            case .video:
                let frames = own[0].transposed(0, 1)
                let shown = try (0..<frames.shape[0]).map { frame in
                    try pixels(frames[frame..<(frame + 1)], request, pause)
                }
                return Tensor.concatenate(shown, axis: 0)
            case .audio:
                guard let vocoder else { preconditionFailure("an audio decoder, no vocoder") }
                let mel = try vae.decode(own, onLayer: pause).squeezed(1)
                let sound = try vocoder(mel, onLayer: pause)[0]
                return sound[0..<min(request.samples, sound.shape[0])].dense()
            }
        }
    }

    /// Pixels in [−1, 1] of latents of one picture or frame.
    package func decoded(_ latents: Tensor) -> Tensor { vae.decode(latents)[0].clamped(to: -1...1) }

    private func pixels(
        _ latents: Tensor, _ request: DecoderRequest, _ pause: () throws -> Void
    ) rethrows -> Tensor {
        let decoded =
            try request.tilesVAE
            ? vae.decodeTiled(latents, onLayer: pause) : vae.decode(latents, onLayer: pause)
        return decoded.affine(scale: 0.5, shift: 0.5).clamped(to: 0...1)
    }
}
