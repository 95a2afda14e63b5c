import Dialogue
import ModelZoo
import TensorCore

/// The `tiny` preset: two layers of everything, laid out as the published model is.
struct TinyModel {
    private let folder: PresetFolder
    private let tokens = SignalTokens()
    private let hiddenSize = 64
    private let encoderWidth = 48

    init(_ folder: PresetFolder) { self.folder = folder }

    private let encoder = "pretrained_ckpt/imagebind_ckpt/tiny"
    private let languageModel = "pretrained_ckpt/vicuna_ckpt/tiny"
    private let delta = "delta_ckpt/southgpt/tiny"
    private let image = "pretrained_ckpt/stable-diffusion-tiny"
    private let audio = "pretrained_ckpt/audioldm-tiny"
    private let video = "pretrained_ckpt/zeroscope-tiny"

    func write() throws {
        let tokenizer = try TinyTokenizers.sentencePiece()
        try writeEncoder()
        try writeLanguageModel(tokenizer)
        try TinyDecoders(folder).write(image: image, audio: audio, video: video)
        try writeDelta(tokenizer)
        try writeManifest()
    }

    private func writeEncoder() throws {
        let json = """
            {
              "embedding_width": \(encoderWidth),
              "vision": {
                "trunk": {"width": 32, "blocks": 2, "heads": 4, "mlp_ratio": 4,
                          "pre_norm": true, "key_value_bias": false},
                "image_size": 56, "patch_size": 14, "temporal_patch_size": 2,
                "frames_per_clip": 2, "clips": 5, "crops": 3, "seconds_per_clip": 2
              },
              "audio": {
                "trunk": {"width": 32, "blocks": 2, "heads": 4, "mlp_ratio": 4,
                          "pre_norm": false, "key_value_bias": true},
                "sample_rate": 16000, "mel_bins": 128, "frames": 204, "patch_size": 16,
                "stride": 10, "clips": 3, "seconds_per_clip": 2,
                "mean": -4.268, "deviation": 9.138, "logit_scale": 20
              }
            }
            """
        try folder.component(
            encoder, config: json, in: .pytorch("imagebind_tiny.pth", .float32), draw: 0
        ) { (config: ImageBindConfig, weights) in _ = try ImageBind(config, from: weights) }
    }

    private func config(vocabulary: Int) -> String {
        """
        {
          "architectures": ["LlamaForCausalLM"], "model_type": "llama",
          "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0,
          "hidden_act": "silu", "hidden_size": \(hiddenSize), "intermediate_size": 172,
          "initializer_range": 0.02, "max_position_embeddings": 512,
          "num_attention_heads": 4, "num_hidden_layers": 2, "num_key_value_heads": 2,
          "rms_norm_eps": 1e-06, "tie_word_embeddings": false, "torch_dtype": "float16",
          "use_cache": true, "vocab_size": \(vocabulary)
        }
        """
    }

    private func writeLanguageModel(_ tokenizer: LLaMATokenizer) throws {
        try tokenizer.write(to: folder.folder(languageModel))
        try folder.component(
            languageModel, config: config(vocabulary: tokenizer.vocabularySize),
            in: .pytorchShards(.float16, maxBytes: 128 << 10), draw: 1
        ) { (config: LLaMAConfig, weights) in _ = try LLaMA(config, from: weights) }
    }

    /// What training would add: projections, the enlarged vocabulary, adapters; names of stage 3.
    private func writeDelta(_ base: LLaMATokenizer) throws {
        let tokenizer = base.adding(tokens.allNames)
        try tokenizer.write(to: folder.folder(delta))
        try folder.component(
            delta, config: config(vocabulary: tokenizer.vocabularySize),
            in: .pytorch("pytorch_model.pt", .float16), draw: 2
        ) { (config: LLaMAConfig, weights) in
            _ = try InputProjection(
                inputWidth: encoderWidth, hiddenSize: hiddenSize, from: weights)
            for modality in Modality.signalOrder {
                let output = TinyDecoders.conditioning(modality)
                _ = try OutputProjection(
                    OutputProjectionConfig(
                        hiddenSize: hiddenSize, innerWidth: 32, heads: 4, layers: 4,
                        feedForward: 64, inputTokens: tokens.count(of: modality),
                        outputTokens: output.tokens, outputWidth: output.width),
                    modality, from: weights)
            }
            let model = weights["llama_model.base_model.model"]
            let (vocabulary, rank) = (config.vocabSize, 4)
            for name in ["model.embed_tokens", "lm_head"] {
                _ = try model[name].parameter(
                    "weight", [vocabulary, hiddenSize], initial: .normal(0.02))
            }
            for layer in 0..<config.numHiddenLayers {
                let attention = model["model.layers"][layer]["self_attn"]
                for (name, outputs) in [
                    ("q_proj", hiddenSize), ("k_proj", config.keyValueHeads * config.headSize),
                    ("v_proj", config.keyValueHeads * config.headSize), ("o_proj", hiddenSize),
                ] {
                    _ = try attention[name]["lora_A.default"].parameter(
                        "weight", [rank, hiddenSize], initial: .kaimingUniform)
                    // Not zero as before training, so that the adapters do something.
                    _ = try attention[name]["lora_B.default"].parameter(
                        "weight", [outputs, rank], initial: .normal(0.02))
                }
            }
        }
    }

    private func writeManifest() throws {
        var defaults = GenerationOptions()
        defaults.temperature = 1
        defaults.topP = 0.95
        defaults.topK = 50
        defaults.maxNewTokens = 24
        (defaults.imageSteps, defaults.audioSteps, defaults.videoSteps) = (10, 10, 10)
        defaults.guidance = 7.5
        defaults.frames = 8
        defaults.audioSeconds = 2
        let manifest = ModelManifest(
            name: "tiny (random weights)",
            components: [
                "encoder": .init(path: encoder, kind: "imagebind"),
                "llm": .init(path: languageModel, kind: "llama"),
                "tokenizer": .init(path: delta, kind: "sentencepiece"),
                "delta": .init(path: delta, kind: "southgpt"),
                "decoder.image": .init(path: image, kind: "diffusers"),
                "decoder.audio": .init(path: audio, kind: "diffusers"),
                "decoder.video": .init(path: video, kind: "diffusers"),
            ], signalTokens: tokens, defaults: defaults)
        try manifest.write(to: folder.path)
    }
}
