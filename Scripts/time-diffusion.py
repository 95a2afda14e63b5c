#!/usr/bin/env python3
"""PyTorch's side of `southgpt-bench diffusion`: reads cases as lines of JSON, answers each with the
median seconds of one pass of diffusers' network with random weights.

    southgpt-bench diffusion --peer "python3 Scripts/time-diffusion.py"

Needs the packages of Tests/Fixtures/requirements.txt.
"""

import os

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel, UNet3DConditionModel
from transformers import SpeechT5HifiGan, SpeechT5HifiGanConfig

import peer

torch.set_num_threads(int(os.environ.get("SOUTHGPT_THREADS", os.cpu_count())))
TYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}


def blocks(attends, kind):
    names = [f"CrossAttn{{}}Block{kind}" if attending else f"{{}}Block{kind}" for attending in attends]
    return dict(down_block_types=[name.format("Down") for name in names],
                up_block_types=[name.format("Up") for name in reversed(names)])


def vae(channels, latents, widths):
    return AutoencoderKL(
        in_channels=channels, out_channels=channels, latent_channels=latents,
        block_out_channels=widths, layers_per_block=2,
        down_block_types=["DownEncoderBlock2D"] * len(widths),
        up_block_types=["UpDecoderBlock2D"] * len(widths))


def prepared(part, dtype):
    """A pass of a network of the published sizes."""
    r = lambda *shape: torch.randn(*shape, dtype=dtype)
    wide, sound = [320, 640, 1280, 1280], [256, 512, 768, 1280]
    torch.set_default_dtype(dtype)
    if part == "imageUNet":
        unet = UNet2DConditionModel(
            block_out_channels=wide, cross_attention_dim=768, attention_head_dim=8,
            **blocks((True, True, True, False), "2D"))
        x, text = r(2, 4, 64, 64), r(2, 77, 768)
        run = lambda: unet(x, 500, text)
    elif part == "soundUNet":
        unet = UNet2DConditionModel(
            in_channels=8, out_channels=8, block_out_channels=sound, cross_attention_dim=sound,
            attention_head_dim=8, class_embed_type="simple_projection",
            class_embeddings_concat=True, projection_class_embeddings_input_dim=512,
            **blocks((False, True, True, True), "2D"))
        x, label = r(2, 8, 250, 16), r(2, 512)
        run = lambda: unet(x, 500, None, class_labels=label)
    elif part == "videoUNet":
        unet = UNet3DConditionModel(
            block_out_channels=wide, cross_attention_dim=1024, attention_head_dim=64,
            **blocks((True, True, True, False), "3D"))
        x, text = r(1, 4, 8, 32, 32), r(1, 77, 1024)
        run = lambda: unet(x, 500, text)
    elif part == "imageVAE":
        coder, x = vae(3, 4, [128, 256, 512, 512]), r(1, 4, 64, 64)
        run = lambda: coder.decode(x)
    elif part == "soundVAE":
        coder, x = vae(1, 8, [128, 256, 512]), r(1, 8, 250, 16)
        run = lambda: coder.decode(x)
    else:
        vocoder = SpeechT5HifiGan(SpeechT5HifiGanConfig(
            model_in_dim=64, upsample_initial_channel=1024, upsample_rates=[5, 4, 2, 2, 2],
            upsample_kernel_sizes=[16, 16, 8, 4, 4], normalize_before=False))
        mel = r(1, 1000, 64)
        run = lambda: vocoder(mel)
    torch.set_default_dtype(torch.float32)
    return run


if __name__ == "__main__":
    peer.answer("pass", lambda case: (prepared(case["part"], TYPES[case["weights"]]), False))
