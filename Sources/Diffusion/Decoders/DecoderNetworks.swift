import ModelZoo
import TensorCore

/// The networks between a condition and a medium: UNet, VAE and, for sounds, vocoder.
struct DecoderNetworks: Sendable {
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

    /// The UNet's answer; the condition of a sound enters as class labels, others as context.
    func evaluate(_ latents: Tensor, _ timestep: Float, _ condition: Tensor) -> Tensor {
        config.modality == .audio
            ? unet(latents, timestep: timestep, classLabels: condition)
            : unet(latents, timestep: timestep, context: condition)
    }

    /// What unscaled latents show or sound like.
    func medium(_ latents: Tensor, _ request: DecoderRequest) -> Tensor {
        switch config.modality {
        case .image:
            return pixels(vae.decode(latents))[0]
        case .video:
            return pixels(vae.decode(latents[0].transposed(0, 1)))
        case .audio:
            guard let vocoder else { preconditionFailure("an audio decoder without a vocoder") }
            let sound = vocoder(vae.decode(latents).squeezed(1))[0]
            return sound[0..<min(request.samples, sound.shape[0])].dense()
        }
    }

    private func pixels(_ decoded: Tensor) -> Tensor {
        decoded.affine(scale: 0.5, shift: 0.5).clamped(to: 0...1)
    }
}
