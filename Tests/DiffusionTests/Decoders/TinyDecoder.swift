import Diffusion
import ModelZoo
import TensorCore
import TestSupport
import Testing

/// The tiny decoders of section 17.4 of the specification, as `decoders.py` writes them.
struct TinyDecoder: Decodable {
    let unet: UNetConfig
    let vae: AutoencoderKLConfig
    let clip: CLIPTextConfig?
    let clap: CLAPTextConfig?
    let vocoder: HiFiGANConfig?
    let scheduler: SchedulerConfig

    func config(_ modality: Modality, vocabulary: Int? = nil) throws -> DecoderConfig {
        var (clip, clap) = (clip, clap)
        if let vocabulary {
            clip?.vocabSize = vocabulary
            clap?.vocabSize = vocabulary
        }
        let text = clip.map(TextEncoderConfig.clip) ?? clap.map(TextEncoderConfig.clap)
        return try DecoderConfig(
            modality, unet: unet, vae: vae, textEncoder: #require(text), vocoder: vocoder,
            scheduler: scheduler)
    }

    /// A decoder with weights by recipe, and the weights by component.
    static func decoder(
        _ config: DecoderConfig, tokenize: @escaping PromptEncoder.Tokenize
    ) throws -> (decoder: MediaDecoder, weights: [DecoderComponent: Weights]) {
        var views: [DecoderComponent: Weights] = [:]
        let decoder = try MediaDecoder(config, tokenize: tokenize) { component in
            let view = Weights.shapesOnly()
            views[component] = view
            return view
        }
        for view in views.values {
            for parameter in view.parameters {
                parameter.replace(with: recipeWeight(parameter.name, parameter.value.shape))
            }
        }
        return (decoder, views)
    }
}
