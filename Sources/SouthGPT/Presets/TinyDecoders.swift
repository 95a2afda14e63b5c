import Diffusion
import ModelZoo
import TensorCore

/// The three decoders of the `tiny` preset, each a diffusers folder.
struct TinyDecoders {
    private let folder: PresetFolder

    init(_ folder: PresetFolder) { self.folder = folder }

    /// What a decoder is conditioned on: so many vectors of that width.
    static func conditioning(_ modality: Modality) -> (tokens: Int, width: Int) {
        modality == .audio ? (1, 16) : (77, 32)
    }

    func write(image: String, audio: String, video: String) throws {
        try writeImage(image)
        try writeAudio(audio)
        try writeVideo(video)
    }

    // MARK: Image

    private func writeImage(_ name: String) throws {
        try folder.write(
            """
            {
              "_class_name": "StableDiffusionPipeline", "_diffusers_version": "0.6.0",
              "feature_extractor": [null, null], "safety_checker": [null, null],
              "scheduler": ["diffusers", "PNDMScheduler"],
              "text_encoder": ["transformers", "CLIPTextModel"],
              "tokenizer": ["transformers", "CLIPTokenizer"],
              "unet": ["diffusers", "UNet2DConditionModel"],
              "vae": ["diffusers", "AutoencoderKL"]
            }
            """, to: "\(name)/model_index.json")
        try folder.write(
            """
            {
              "_class_name": "PNDMScheduler", "beta_end": 0.012,
              "beta_schedule": "scaled_linear", "beta_start": 0.00085, "clip_sample": false,
              "num_train_timesteps": 1000, "set_alpha_to_one": false, "skip_prk_steps": true,
              "steps_offset": 1, "trained_betas": null
            }
            """, to: "\(name)/scheduler/scheduler_config.json")
        try writeCLIP(name, activation: "quick_gelu", padding: "<|endoftext|>", draw: 10)
        try folder.component(
            "\(name)/unet",
            config: """
                {
                  "_class_name": "UNet2DConditionModel", "act_fn": "silu",
                  "attention_head_dim": 4, "block_out_channels": [32, 64],
                  "cross_attention_dim": 32,
                  "down_block_types": ["CrossAttnDownBlock2D", "DownBlock2D"],
                  "flip_sin_to_cos": true, "freq_shift": 0, "in_channels": 4,
                  "layers_per_block": 1, "norm_eps": 1e-05, "norm_num_groups": 8,
                  "out_channels": 4, "sample_size": 16,
                  "up_block_types": ["UpBlock2D", "CrossAttnUpBlock2D"]
                }
                """, in: .safetensors("diffusion_pytorch_model.safetensors", .float16), draw: 11
        ) { (config: UNetConfig, weights) in _ = try UNet(config, from: weights) }
        try writeVAE(name, channels: 3, latents: 4, scale: 0.18215, draw: 12)
    }

    // MARK: Audio

    private func writeAudio(_ name: String) throws {
        try folder.write(
            """
            {
              "_class_name": "AudioLDMPipeline", "_diffusers_version": "0.15.0.dev0",
              "scheduler": ["diffusers", "DDIMScheduler"],
              "text_encoder": ["transformers", "ClapTextModelWithProjection"],
              "tokenizer": ["transformers", "RobertaTokenizerFast"],
              "unet": ["diffusers", "UNet2DConditionModel"],
              "vae": ["diffusers", "AutoencoderKL"],
              "vocoder": ["transformers", "SpeechT5HifiGan"]
            }
            """, to: "\(name)/model_index.json")
        try folder.write(
            """
            {
              "_class_name": "DDIMScheduler", "beta_end": 0.0195,
              "beta_schedule": "scaled_linear", "beta_start": 0.0015, "clip_sample": false,
              "num_train_timesteps": 1000, "prediction_type": "epsilon",
              "set_alpha_to_one": false, "steps_offset": 1, "thresholding": false
            }
            """, to: "\(name)/scheduler/scheduler_config.json")
        let vocabulary = try TinyTokenizers.writeRoberta(to: folder.folder("\(name)/tokenizer"))
        try folder.component(
            "\(name)/text_encoder",
            config: """
                {
                  "architectures": ["ClapTextModelWithProjection"],
                  "model_type": "clap_text_model", "hidden_act": "gelu", "hidden_size": 32,
                  "intermediate_size": 64, "layer_norm_eps": 1e-12,
                  "max_position_embeddings": 514, "num_attention_heads": 4,
                  "num_hidden_layers": 2, "pad_token_id": 1, "projection_dim": 16,
                  "projection_hidden_act": "relu", "type_vocab_size": 1,
                  "vocab_size": \(vocabulary)
                }
                """, in: .pytorch("pytorch_model.bin", .float32), draw: 20
        ) { (config: CLAPTextConfig, weights) in _ = try CLAPTextModel(config, from: weights) }
        try folder.component(
            "\(name)/unet",
            config: """
                {
                  "_class_name": "UNet2DConditionModel", "act_fn": "silu",
                  "attention_head_dim": 4, "block_out_channels": [32, 64],
                  "class_embed_type": "simple_projection", "class_embeddings_concat": true,
                  "cross_attention_dim": [32, 64],
                  "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D"],
                  "flip_sin_to_cos": true, "freq_shift": 0, "in_channels": 8,
                  "layers_per_block": 1, "norm_eps": 1e-05, "norm_num_groups": 8,
                  "out_channels": 8, "projection_class_embeddings_input_dim": 16,
                  "sample_size": 128, "up_block_types": ["CrossAttnUpBlock2D", "UpBlock2D"]
                }
                """, in: .pytorch("diffusion_pytorch_model.bin", .float16), draw: 21
        ) { (config: UNetConfig, weights) in _ = try UNet(config, from: weights) }
        try writeVAE(name, channels: 1, latents: 8, scale: 0.9227, draw: 22)
        try folder.component(
            "\(name)/vocoder",
            config: """
                {
                  "architectures": ["SpeechT5HifiGan"], "model_type": "hifigan",
                  "leaky_relu_slope": 0.1, "model_in_dim": 64, "normalize_before": false,
                  "resblock_dilation_sizes": [[1, 3, 5], [1, 3, 5], [1, 3, 5]],
                  "resblock_kernel_sizes": [3, 7, 11], "sampling_rate": 16000,
                  "upsample_initial_channel": 64, "upsample_kernel_sizes": [16, 16, 8, 4, 4],
                  "upsample_rates": [5, 4, 2, 2, 2]
                }
                """, in: .pytorch("pytorch_model.bin", .float32), draw: 23
        ) { (config: HiFiGANConfig, weights) in _ = try HiFiGAN(config, from: weights) }
    }

    // MARK: Video

    private func writeVideo(_ name: String) throws {
        try folder.write(
            """
            {
              "_class_name": "TextToVideoSDPipeline", "_diffusers_version": "0.15.0.dev0",
              "scheduler": ["diffusers", "DDIMScheduler"],
              "text_encoder": ["transformers", "CLIPTextModel"],
              "tokenizer": ["transformers", "CLIPTokenizer"],
              "unet": ["diffusers", "UNet3DConditionModel"],
              "vae": ["diffusers", "AutoencoderKL"]
            }
            """, to: "\(name)/model_index.json")
        try folder.write(
            """
            {
              "_class_name": "DDIMScheduler", "beta_end": 0.012,
              "beta_schedule": "scaled_linear", "beta_start": 0.00085, "clip_sample": false,
              "num_train_timesteps": 1000, "prediction_type": "epsilon",
              "set_alpha_to_one": false, "steps_offset": 1, "skip_prk_steps": true
            }
            """, to: "\(name)/scheduler/scheduler_config.json")
        try writeCLIP(name, activation: "gelu", padding: "!", draw: 30)
        try folder.component(
            "\(name)/unet",
            config: """
                {
                  "_class_name": "UNet3DConditionModel", "act_fn": "silu",
                  "attention_head_dim": 8, "block_out_channels": [32, 64],
                  "cross_attention_dim": 32,
                  "down_block_types": ["CrossAttnDownBlock3D", "DownBlock3D"],
                  "in_channels": 4, "layers_per_block": 1, "norm_eps": 1e-05,
                  "norm_num_groups": 32, "out_channels": 4, "sample_size": 16,
                  "up_block_types": ["UpBlock3D", "CrossAttnUpBlock3D"]
                }
                """, in: .pytorch("diffusion_pytorch_model.bin", .float16), draw: 31
        ) { (config: UNetConfig, weights) in _ = try UNet(config, from: weights) }
        try writeVAE(name, channels: 3, latents: 4, scale: 0.18215, draw: 32)
    }

    // MARK: Parts that recur

    private func writeCLIP(
        _ name: String, activation: String, padding: String, draw: UInt64
    ) throws {
        let vocabulary = try TinyTokenizers.writeCLIP(
            to: folder.folder("\(name)/tokenizer"), padding: padding)
        try folder.component(
            "\(name)/text_encoder",
            config: """
                {
                  "architectures": ["CLIPTextModel"], "model_type": "clip_text_model",
                  "bos_token_id": 0, "eos_token_id": 2, "pad_token_id": 1,
                  "hidden_act": "\(activation)", "hidden_size": 32, "intermediate_size": 64,
                  "layer_norm_eps": 1e-05, "max_position_embeddings": 77,
                  "num_attention_heads": 4, "num_hidden_layers": 2,
                  "vocab_size": \(vocabulary)
                }
                """, in: .safetensors("model.safetensors", .float32), draw: draw
        ) { (config: CLIPTextConfig, weights) in _ = try CLIPTextModel(config, from: weights) }
    }

    private func writeVAE(
        _ name: String, channels: Int, latents: Int, scale: Float, draw: UInt64
    ) throws {
        try folder.component(
            "\(name)/vae",
            config: """
                {
                  "_class_name": "AutoencoderKL", "act_fn": "silu",
                  "block_out_channels": [16, 16, 32],
                  "down_block_types": [
                    "DownEncoderBlock2D", "DownEncoderBlock2D", "DownEncoderBlock2D"],
                  "in_channels": \(channels), "latent_channels": \(latents),
                  "layers_per_block": 1, "norm_num_groups": 8, "out_channels": \(channels),
                  "sample_size": 64, "scaling_factor": \(scale),
                  "up_block_types": ["UpDecoderBlock2D", "UpDecoderBlock2D", "UpDecoderBlock2D"]
                }
                """, in: .safetensors("diffusion_pytorch_model.safetensors", .float32), draw: draw
        ) { (config: AutoencoderKLConfig, weights) in
            _ = try AutoencoderKL(config, from: weights)
        }
    }
}
