"""The names of a single file of Stable Diffusion 1.x, from the converter of diffusers.

Writes single_file.json: for a tiny UNet, VAE and text encoder, every name and shape in such a file
and the name that diffusers' own converter gives it.
"""

import json
import pathlib

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from diffusers.loaders.single_file_utils import (convert_ldm_unet_checkpoint,
                                                 convert_ldm_vae_checkpoint)

UNET = dict(
    in_channels=4, out_channels=4, block_out_channels=[32, 64, 64], layers_per_block=2,
    down_block_types=["CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"],
    up_block_types=["UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"],
    cross_attention_dim=64, attention_head_dim=8)
VAE = dict(
    in_channels=3, out_channels=3, latent_channels=4, block_out_channels=[32, 64],
    layers_per_block=2, down_block_types=["DownEncoderBlock2D"] * 2,
    up_block_types=["UpDecoderBlock2D"] * 2)

ATTENTION = [f"transformer_blocks.0.{name}" for name in (
    "norm1.weight", "norm1.bias", "norm2.weight", "norm2.bias", "norm3.weight", "norm3.bias",
    "attn1.to_q.weight", "attn1.to_k.weight", "attn1.to_v.weight", "attn1.to_out.0.weight",
    "attn1.to_out.0.bias", "attn2.to_q.weight", "attn2.to_k.weight", "attn2.to_v.weight",
    "attn2.to_out.0.weight", "attn2.to_out.0.bias", "ff.net.0.proj.weight", "ff.net.0.proj.bias",
    "ff.net.2.weight", "ff.net.2.bias")] + [
        f"{name}.{part}" for name in ("norm", "proj_in", "proj_out") for part in ("weight", "bias")]
RESNET = ["in_layers.0", "in_layers.2", "emb_layers.1", "out_layers.0", "out_layers.3",
          "skip_connection"]


def both(names):
    return [f"{name}.{part}" for name in names for part in ("weight", "bias")]


def unet_names(levels=3, layers=2, attends=(True, True, False)):
    names = both(["time_embed.0", "time_embed.2", "input_blocks.0.0", "out.0", "out.2"])
    index = 1
    for level in range(levels):
        for _ in range(layers):
            names += [f"input_blocks.{index}.0.{name}" for name in both(RESNET)]
            names += [f"input_blocks.{index}.1.{name}" for name in ATTENTION if attends[level]]
            index += 1
        if level < levels - 1:
            names += both([f"input_blocks.{index}.0.op"])
            index += 1
    for index in (0, 2):
        names += [f"middle_block.{index}.{name}" for name in both(RESNET[:-1])]
    names += [f"middle_block.1.{name}" for name in ATTENTION]
    index = 0
    for level in reversed(range(levels)):
        for layer in range(layers + 1):
            names += [f"output_blocks.{index}.0.{name}" for name in both(RESNET)]
            names += [f"output_blocks.{index}.1.{name}" for name in ATTENTION if attends[level]]
            if layer == layers and level > 0:
                names += both([f"output_blocks.{index}.{2 if attends[level] else 1}.conv"])
            index += 1
    return names


def vae_names(levels=2, layers=2):
    block = ["norm1", "conv1", "norm2", "conv2", "nin_shortcut"]
    names = both(["quant_conv", "post_quant_conv"])
    for half, count, step in (("encoder", layers, "down"), ("decoder", layers + 1, "up")):
        names += both([f"{half}.{name}" for name in ("conv_in", "norm_out", "conv_out")])
        names += both([f"{half}.mid.block_{k}.{name}" for k in (1, 2) for name in block[:-1]])
        names += both([f"{half}.mid.attn_1.{name}" for name in ("norm", "q", "k", "v", "proj_out")])
        for level in range(levels):
            names += both([f"{half}.{step}.{level}.block.{k}.{name}"
                           for k in range(count) for name in block])
        # Downsamplers lie at the levels before the last, upsamplers at those after the first.
        sampled = range(levels - 1) if step == "down" else range(1, levels)
        names += both([f"{half}.{step}.{level}.{step}sample.conv" for level in sampled])
    return names


def marked(names):
    """A tensor by each name whose one element tells the name again."""
    return {name: torch.tensor([float(index)]) for index, name in enumerate(names)}


def renamed(names, prefix, convert, model):
    """{name: (name here, shape)} of those names that the model has."""
    shapes = {name: list(value.shape) for name, value in model.state_dict().items()}
    checkpoint = {f"{prefix}{name}": value for name, value in marked(names).items()}
    found = {}
    for name, value in convert(checkpoint).items():
        if name in shapes:
            found[names[int(value.flatten()[0])]] = (name, shapes.pop(name))
    assert not shapes, shapes
    return found


with torch.device("meta"):
    unet, vae = UNet2DConditionModel(**UNET), AutoencoderKL(**VAE)


def convert_vae(checkpoint):
    # The converter squeezes the attention's 1x1 convolutions; here every tensor has one axis.
    checkpoint = {name: value.reshape([1] * (4 if "attn_1" in name and name.endswith("weight")
                                             and "norm" not in name else 1))
                  for name, value in checkpoint.items()}
    return convert_ldm_vae_checkpoint(checkpoint, VAE)


table = {
    "unet": renamed(unet_names(), "model.diffusion_model.",
                    lambda c: convert_ldm_unet_checkpoint(c, UNET), unet),
    "vae": renamed(vae_names(), "first_stage_model.", convert_vae, vae),
}
path = pathlib.Path(__file__).parent / "single_file.json"
path.write_text(json.dumps(table, separators=(",", ":")) + "\n")
print({key: len(value) for key, value in table.items()}, path.stat().st_size)
