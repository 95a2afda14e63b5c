import Diffusion
import FoundationEssentials
import ModelZoo
import TensorCore

/// A decoder of a preset: a diffusers folder with random weights.
struct PresetDecoder {
    /// The folder, within the model's.
    let folder: String
    let config: DecoderConfig
    /// The components whose weights are `.bin`, as the release has them.
    let pickled: Set<DecoderComponent>
    /// The components whose weights are `float16`.
    let halved: Set<DecoderComponent>

    /// What the output projection has to give: so many vectors of that width.
    var conditioning: (tokens: Int, width: Int) {
        let shape = config.conditioningShape
        return shape.count == 2 ? (shape[0], shape[1]) : (1, shape[0])
    }

    /// Writes all but the weights.
    func describe(in model: String) throws {
        let path = "\(model)/\(folder)"
        try config.write(to: path)
        let tokenizer = "\(path)/\(DecoderComponent.tokenizer.rawValue)"
        switch config.textEncoder {
        case .clip(let clip):
            // What special_tokens_map.json of ZeroScope and of Stable Diffusion pads with.
            try PresetTokenizers.writeCLIP(
                clip.vocabSize, padding: config.modality == .video ? "!" : "<|endoftext|>",
                to: tokenizer)
        case .clap(let clap): try PresetTokenizers.writeRoberta(clap.vocabSize, to: tokenizer)
        }
    }

    /// The networks; each modality has ten numbers for their seeds.
    var parts: [PresetPart] {
        let first: UInt64 =
            switch config.modality {
            case .image: 10
            case .audio: 20
            case .video: 30
            }
        var parts = [
            part(.textEncoder, draw: first) { weights in
                switch config.textEncoder {
                case .clip(let clip): _ = try CLIPTextModel(clip, from: weights)
                case .clap(let clap): _ = try CLAPTextModel(clap, from: weights)
                }
            },
            part(.unet, draw: first + 1) { _ = try UNet(config.unet, from: $0) },
            part(.vae, draw: first + 2) { _ = try AutoencoderKL(config.vae, from: $0) },
        ]
        if let vocoder = config.vocoder {
            parts.append(part(.vocoder, draw: first + 3) { _ = try HiFiGAN(vocoder, from: $0) })
        }
        return parts
    }

    private func part(
        _ component: DecoderComponent, draw: UInt64, build: @escaping (Weights) throws -> Void
    ) -> PresetPart {
        let isDiffusers = component == .unet || component == .vae
        let dtype: DType = halved.contains(component) ? .float16 : .float32
        let container: PresetPart.Container =
            pickled.contains(component)
            ? .pytorch("\(isDiffusers ? "diffusion_" : "")pytorch_model.bin", dtype)
            : .safetensors("\(isDiffusers ? "diffusion_pytorch_" : "")model.safetensors", dtype)
        return PresetPart(
            "\(folder)/\(component.rawValue)", in: container, draw: draw, build: build)
    }
}
