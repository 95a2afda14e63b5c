"""The tensors of the published decoders, from the original classes without their values.

Writes published_diffusion.json: for each network its configuration, the number of tensors and of
elements, and a hash of all names and shapes in alphabetical order.
"""

import json
import pathlib

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel, UNet3DConditionModel
from transformers import SpeechT5HifiGan, SpeechT5HifiGanConfig


def fnv(text):
    h = 2166136261
    for byte in text.encode():
        h = ((h ^ byte) * 16777619) & 0xFFFFFFFF
    return h


def entry(config, make):
    with torch.device("meta"):
        tensors = dict(make(config).named_parameters())
    lines = sorted(f"{name} {list(value.shape)}".replace(" ", "") for name, value in tensors.items())
    return {
        "config": config,
        "tensors": len(lines),
        "parameters": sum(value.numel() for value in tensors.values()),
        "hash": fnv("\n".join(lines)),
    }


def unet(widths, dimension, down, **more):
    cross = [f"CrossAttn{{}}Block{dimension}" if attends else f"{{}}Block{dimension}"
             for attends in down]
    return {
        "block_out_channels": widths,
        "down_block_types": [name.format("Down") for name in cross],
        "up_block_types": [name.format("Up") for name in reversed(cross)],
        **more,
    }


def vae(channels, latent, widths):
    return {
        "in_channels": channels, "out_channels": channels, "latent_channels": latent,
        "block_out_channels": widths, "layers_per_block": 2,
        "down_block_types": ["DownEncoderBlock2D"] * len(widths),
        "up_block_types": ["UpDecoderBlock2D"] * len(widths), "sample_size": 512,
    }


if __name__ == "__main__":
    two, three = (lambda c: UNet2DConditionModel(**c)), (lambda c: UNet3DConditionModel(**c))
    coder = lambda c: AutoencoderKL(**c)
    shallow, deep = (True, True, True, False), (False, True, True, True)
    sd, sound = [320, 640, 1280, 1280], [256, 512, 768, 1280]
    networks = {
        "unet.image": entry(unet(
            sd, "2D", shallow, in_channels=4, out_channels=4, cross_attention_dim=768,
            attention_head_dim=8), two),
        "unet.sound": entry(unet(
            sound, "2D", deep, in_channels=8, out_channels=8, cross_attention_dim=sound,
            attention_head_dim=8, class_embed_type="simple_projection",
            class_embeddings_concat=True, projection_class_embeddings_input_dim=512), two),
        "unet.video": entry(unet(
            sd, "3D", shallow, in_channels=4, out_channels=4, cross_attention_dim=1024,
            attention_head_dim=64), three),
        "vae.image": entry(vae(3, 4, [128, 256, 512, 512]), coder),
        "vae.sound": entry(vae(1, 8, [128, 256, 512]), coder),
        "vocoder": entry({
            "model_in_dim": 64, "sampling_rate": 16000, "upsample_initial_channel": 1024,
            "upsample_rates": [5, 4, 2, 2, 2], "upsample_kernel_sizes": [16, 16, 8, 4, 4],
            "resblock_kernel_sizes": [3, 7, 11], "resblock_dilation_sizes": [[1, 3, 5]] * 3,
            "leaky_relu_slope": 0.1, "normalize_before": False,
        }, lambda c: SpeechT5HifiGan(SpeechT5HifiGanConfig(**c))),
    }
    path = pathlib.Path(__file__).parent / "published_diffusion.json"
    path.write_text(json.dumps(networks, indent=1) + "\n")
    for name, network in networks.items():
        print(name, network["tensors"], network["parameters"])
