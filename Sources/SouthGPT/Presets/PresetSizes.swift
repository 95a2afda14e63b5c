import Diffusion
import ModelZoo
import TensorCore

/// How large a preset's parts are, what they are called, and how they are stored.
package struct PresetSizes {
    let name: String
    let encoder: ImageBindConfig
    let encoderFolder: String
    let encoderFile: String
    let encoderType: DType
    let languageModel: LLaMAConfig
    let languageModelFolder: String
    let maxShardBytes: Int
    let decoders: [PresetDecoder]
    let deltaFolder: String
    /// Width and inner width of the output projections' transformers.
    let projectionWidth: Int
    let projectionFeedForward: Int
    let adapterRank: Int
    let defaults: GenerationOptions?
    /// Whether a part may be more than memory holds, so that its tensors are drawn one at a time.
    let isLarge: Bool
}

extension PresetSizes {
    /// The published parts, all in `float16`, under the names of the README.
    package static func published() throws -> PresetSizes {
        func place(_ model: PublishedModel) -> String { "pretrained_ckpt/\(model.folder)" }
        let all = PublishedModel.all
        guard let encoder = PublishedModel.named("imagebind/huge"),
            let vicuna = PublishedModel.named("lmsys/vicuna-7b-v0")
        else { preconditionFailure("the published models are not listed") }
        let whole = Set(DecoderComponent.allCases)
        let decoders = try all.compactMap { model -> PresetDecoder? in
            guard let modality = model.modality else { return nil }
            return PresetDecoder(
                folder: place(model), config: try .published(modality),
                pickled: modality == .image ? [] : whole, halved: whole)
        }
        return PresetSizes(
            name: "published", encoder: .huge, encoderFolder: place(encoder),
            encoderFile: encoder.marker, encoderType: .float16,
            languageModel: LLaMAConfig(
                vocabSize: 32000, hiddenSize: 4096, intermediateSize: 11008, numHiddenLayers: 32,
                numAttentionHeads: 32, maxPositionEmbeddings: 2048, rmsNormEps: 1e-6,
                tieWordEmbeddings: false),
            languageModelFolder: place(vicuna), maxShardBytes: 10_000_000_000, decoders: decoders,
            deltaFolder: "delta_ckpt/southgpt/\(PublishedModel.delta.folder)",
            projectionWidth: 512, projectionFeedForward: 2048, adapterRank: 32, defaults: nil,
            isLarge: true)
    }

    /// Two layers of everything.
    package static func tiny() throws -> PresetSizes {
        var defaults = GenerationOptions()
        (defaults.temperature, defaults.topP, defaults.topK) = (1, 0.95, 50)
        defaults.maxNewTokens = 24
        (defaults.imageSteps, defaults.audioSteps, defaults.videoSteps) = (10, 10, 10)
        defaults.guidance = 7.5
        (defaults.frames, defaults.audioSeconds) = (8, 2)
        return PresetSizes(
            name: "tiny", encoder: .tiny, encoderFolder: "pretrained_ckpt/imagebind_ckpt/tiny",
            encoderFile: "imagebind_tiny.pth", encoderType: .float32,
            languageModel: LLaMAConfig(
                vocabSize: 512, hiddenSize: 64, intermediateSize: 172, numHiddenLayers: 2,
                numAttentionHeads: 4, numKeyValueHeads: 2, maxPositionEmbeddings: 512,
                rmsNormEps: 1e-6, tieWordEmbeddings: false),
            languageModelFolder: "pretrained_ckpt/vicuna_ckpt/tiny", maxShardBytes: 128 << 10,
            decoders: [
                PresetDecoder(
                    folder: "pretrained_ckpt/stable-diffusion-tiny", config: try .tiny(.image),
                    pickled: [], halved: [.unet]),
                PresetDecoder(
                    folder: "pretrained_ckpt/audioldm-tiny", config: try .tiny(.audio),
                    pickled: [.textEncoder, .unet, .vocoder], halved: [.unet]),
                PresetDecoder(
                    folder: "pretrained_ckpt/zeroscope-tiny", config: try .tiny(.video),
                    pickled: [.unet], halved: [.unet]),
            ], deltaFolder: "delta_ckpt/southgpt/tiny", projectionWidth: 32,
            projectionFeedForward: 64, adapterRank: 4, defaults: defaults, isLarge: false)
    }
}

extension ImageBindConfig {
    fileprivate static let tiny = ImageBindConfig(
        embeddingWidth: 48,
        vision: ImageBindVisionConfig(
            trunk: ImageBindTrunkConfig(width: 32, blocks: 2, heads: 4, preNorm: true),
            imageSize: 56, patchSize: 14, temporalPatchSize: 2, framesPerClip: 2, clips: 5,
            crops: 3, secondsPerClip: 2),
        audio: ImageBindAudioConfig(
            trunk: ImageBindTrunkConfig(width: 32, blocks: 2, heads: 4, keyValueBias: true),
            sampleRate: 16_000, melBins: 128, frames: 204, patchSize: 16, stride: 10, clips: 3,
            secondsPerClip: 2, mean: -4.268, deviation: 9.138, logitScale: 20))
}

extension DecoderConfig {
    fileprivate static func tiny(_ modality: Modality) throws -> DecoderConfig {
        let isSound = modality == .audio
        let attends = isSound ? [false, true] : [true, false]
        let channels = isSound ? 8 : 4
        var unet = UNetConfig(
            channels, [32, 64], attends: attends, modality == .video ? "3D" : "2D")
        (unet.layersPerBlock, unet.sampleSize) = (1, isSound ? 128 : 16)
        unet.attentionHeadDim = modality == .video ? 8 : 4
        unet.normNumGroups = modality == .video ? 32 : 8
        unet.crossAttentionDim = isSound ? [32, 64] : 32
        if isSound { unet.labelled(by: 16) }
        var vae = AutoencoderKLConfig(
            channels: isSound ? 1 : 3, latentChannels: channels, blockOutChannels: [16, 16, 32])
        (vae.layersPerBlock, vae.normNumGroups, vae.sampleSize) = (1, 8, 64)
        vae.scalingFactor = isSound ? 0.9227 : 0.18215
        vae = vae.namingLevels
        let clip = CLIPTextConfig(
            vocabSize: 640, hiddenSize: 32, intermediateSize: 64, numHiddenLayers: 2,
            numAttentionHeads: 4, maxPositionEmbeddings: 77,
            hiddenAct: modality == .video ? "gelu" : "quick_gelu")
        let clap = CLAPTextConfig(
            vocabSize: 400, hiddenSize: 32, intermediateSize: 64, numHiddenLayers: 2,
            numAttentionHeads: 4, maxPositionEmbeddings: 514, projectionDim: 16)
        let vocoder = HiFiGANConfig(
            melBins: 64, initialChannels: 64, upsampleRates: [5, 4, 2, 2, 2],
            upsampleKernelSizes: [16, 16, 8, 4, 4])
        return try DecoderConfig(
            modality, unet: unet, vae: vae, textEncoder: isSound ? .clap(clap) : .clip(clip),
            vocoder: isSound ? vocoder : nil, scheduler: .published(modality))
    }
}
