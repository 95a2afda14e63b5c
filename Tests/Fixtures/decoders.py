"""Whole tiny decoders, from the pipelines of diffusers: latents and media.

The condition is the recipe input "gen", the noise comes from seed 7, the unconditional branch is
the empty prompt's. Token ids are given, so that no vocabulary is needed.
"""

import diffusers
import fixture
import torch
import transformers
from diffusers import (AudioLDMPipeline, AutoencoderKL, DDIMScheduler, EulerAncestralDiscreteScheduler,
                       PNDMScheduler, StableDiffusionPipeline, TextToVideoSDPipeline,
                       UNet2DConditionModel, UNet3DConditionModel)
from transformers import (ClapTextConfig, ClapTextModelWithProjection, CLIPTextConfig,
                          CLIPTextModel, SpeechT5HifiGan, SpeechT5HifiGanConfig)

SOURCE = f"diffusers {diffusers.__version__}, transformers {transformers.__version__}"
BETAS = dict(beta_schedule="scaled_linear", steps_offset=1, set_alpha_to_one=False)
STABLE = dict(BETAS, beta_start=0.00085, beta_end=0.012)
CLIP = dict(vocab_size=49408, hidden_size=24, intermediate_size=48, num_hidden_layers=2,
            num_attention_heads=4, max_position_embeddings=77)


def vae(channels, latents, scale):
    return dict(in_channels=channels, out_channels=channels, latent_channels=latents,
                block_out_channels=[32, 64], layers_per_block=1, norm_num_groups=8,
                sample_size=16, scaling_factor=scale,
                down_block_types=["DownEncoderBlock2D"] * 2,
                up_block_types=["UpDecoderBlock2D"] * 2)


UNETS = {
    "image": dict(
        in_channels=4, out_channels=4, block_out_channels=[32, 64], layers_per_block=2,
        down_block_types=["CrossAttnDownBlock2D", "DownBlock2D"],
        up_block_types=["UpBlock2D", "CrossAttnUpBlock2D"], cross_attention_dim=24,
        attention_head_dim=8, norm_num_groups=8, sample_size=8),
    "audio": dict(
        in_channels=8, out_channels=8, block_out_channels=[32, 64], layers_per_block=2,
        down_block_types=["DownBlock2D", "CrossAttnDownBlock2D"],
        up_block_types=["CrossAttnUpBlock2D", "UpBlock2D"], cross_attention_dim=[32, 64],
        attention_head_dim=8, norm_num_groups=8, sample_size=16,
        class_embed_type="simple_projection", class_embeddings_concat=True,
        projection_class_embeddings_input_dim=16),
    "video": dict(
        in_channels=4, out_channels=4, block_out_channels=[32, 64], layers_per_block=1,
        down_block_types=["CrossAttnDownBlock3D", "DownBlock3D"],
        up_block_types=["UpBlock3D", "CrossAttnUpBlock3D"], cross_attention_dim=24,
        attention_head_dim=8, norm_num_groups=32, sample_size=8),
}
VOCODER = dict(model_in_dim=8, sampling_rate=16000, upsample_initial_channel=32,
               upsample_rates=[5, 2], upsample_kernel_sizes=[16, 4], resblock_kernel_sizes=[3, 7],
               resblock_dilation_sizes=[[1, 3], [1, 3]], leaky_relu_slope=0.1,
               normalize_before=False)
CLAP = dict(vocab_size=50265, hidden_size=16, intermediate_size=32, num_hidden_layers=2,
            num_attention_heads=4, max_position_embeddings=514, projection_dim=16,
            hidden_act="gelu", projection_hidden_act="relu", layer_norm_eps=1e-12,
            type_vocab_size=1, pad_token_id=1)


def published(name):
    return name if name.startswith("text_model.") else f"text_model.{name}"


def filled(module, rename=lambda name: name):
    fixture.fill(module, rename)
    return module.eval()


def clip(config, pad):
    """The text encoder, and its states of the empty prompt."""
    model = filled(CLIPTextModel(CLIPTextConfig(**config)), published)
    ids = torch.tensor([[49406, 49407] + [pad] * 75])
    with torch.no_grad():
        return model, model(ids).last_hidden_state


def latents_of(pipe, **call):
    """The final latents, and the medium."""
    seen = []

    def keep(step, timestep, latents):
        seen.append(latents.clone())

    pipe.set_progress_bar_config(disable=True)
    medium = pipe(
        generator=torch.Generator().manual_seed(7), callback=keep, callback_steps=1, **call)
    return seen[-1], medium


tensors, configs = {}, {}

# Images: Stable Diffusion with PNDM, and with a sampler that draws noise.
text = dict(CLIP, hidden_act="quick_gelu")
(encoder, empty), gen = clip(text, 49407), fixture.tensor("gen", (1, 77, 24))
unet = filled(UNet2DConditionModel(**UNETS["image"]))
decoder = filled(AutoencoderKL(**vae(3, 4, 0.18215)))
pndm = PNDMScheduler(**STABLE, skip_prk_steps=True)
ancestral = EulerAncestralDiscreteScheduler(
    beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", steps_offset=1)
for name, scheduler, steps in (
        ("image", pndm, 4), ("image-ten", pndm, 10), ("image-noisy", ancestral, 4)):
    pipe = StableDiffusionPipeline(
        vae=decoder, text_encoder=encoder, tokenizer=None, unet=unet, scheduler=scheduler,
        safety_checker=None, feature_extractor=None, requires_safety_checker=False)
    latents, media = latents_of(
        pipe, prompt_embeds=gen, negative_prompt_embeds=empty, guidance_scale=7.5,
        num_inference_steps=steps, height=16, width=16, output_type="pt")
    tensors[f"{name}.latents"], tensors[f"{name}.medium"] = latents, media.images[0]
tensors["image.empty"] = empty[0]
configs["image"] = dict(
    unet=UNETS["image"], vae=vae(3, 4, 0.18215), clip=text,
    scheduler=dict(STABLE, _class_name="PNDMScheduler", skip_prk_steps=True))

# Sounds: AudioLDM. Its pipeline normalises prompts itself, not embeddings that it is given.
encoder = filled(ClapTextModelWithProjection(ClapTextConfig(**CLAP, bos_token_id=0, eos_token_id=2)))
ids = torch.tensor([[0, 2] + [1] * 510])
with torch.no_grad():
    empty = torch.nn.functional.normalize(encoder(ids, attention_mask=(ids != 1).long()).text_embeds)
ddim = dict(BETAS, beta_start=0.0015, beta_end=0.0195, clip_sample=False)
pipe = AudioLDMPipeline(
    vae=filled(AutoencoderKL(**vae(1, 8, 0.9))), text_encoder=encoder, tokenizer=None,
    unet=filled(UNet2DConditionModel(**UNETS["audio"])), scheduler=DDIMScheduler(**ddim),
    vocoder=filled(SpeechT5HifiGan(SpeechT5HifiGanConfig(**VOCODER))))
for name, steps in (("audio", 4), ("audio-ten", 10)):
    latents, media = latents_of(
        pipe, prompt_embeds=fixture.tensor("gen", (1, 16)), negative_prompt_embeds=empty,
        guidance_scale=2.5, num_inference_steps=steps, audio_length_in_s=0.02, output_type="pt")
    tensors[f"{name}.latents"] = latents
    tensors[f"{name}.medium"] = torch.as_tensor(media.audios)[0]
tensors["audio.empty"] = empty[0]
configs["audio"] = dict(
    unet=UNETS["audio"], vae=vae(1, 8, 0.9), clap=CLAP, vocoder=VOCODER,
    scheduler=dict(ddim, _class_name="DDIMScheduler"))

# Clips: ZeroScope, without and with noise on the way.
text = dict(CLIP, hidden_act="gelu")
encoder, empty = clip(text, 0)
ddim = dict(STABLE, clip_sample=False)
unet = filled(UNet3DConditionModel(**UNETS["video"]))
for name, eta, steps in (("video", 0.0, 4), ("video-ten", 0.0, 10), ("video-noisy", 0.7, 4)):
    pipe = TextToVideoSDPipeline(
        vae=decoder, text_encoder=encoder, tokenizer=None, unet=unet, scheduler=DDIMScheduler(**ddim))
    latents, media = latents_of(
        pipe, prompt_embeds=gen, negative_prompt_embeds=empty, guidance_scale=9.0, eta=eta,
        num_inference_steps=steps, height=16, width=16, num_frames=3, output_type="pt")
    tensors[f"{name}.latents"], tensors[f"{name}.medium"] = latents, media.frames[0]
tensors["video.empty"] = empty[0]
configs["video"] = dict(
    unet=UNETS["video"], vae=vae(3, 4, 0.18215), clip=text,
    scheduler=dict(ddim, _class_name="DDIMScheduler"))

fixture.save("decoders", tensors, SOURCE, config=configs)
for name, value in tensors.items():
    flat = value.flatten()
    print(name, tuple(value.shape), flat[:4], float(flat.double().sum()),
          float(flat.double().abs().sum()))
