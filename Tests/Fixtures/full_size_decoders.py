"""Reference values at the published sizes: one block of each kind, and the whole UNet of Stable
Diffusion 1.5 with random weights.

Writes full_size_decoders (every 97th element of each output) and full_size_unet. Needs 8 GB of memory
and some minutes.
"""

import diffusers
import torch
import transformers
from diffusers import UNet2DConditionModel
from diffusers.models.attention_processor import Attention
from diffusers.models.downsampling import Downsample2D
from diffusers.models.resnet import ResnetBlock2D, TemporalConvLayer
from diffusers.models.transformers.transformer_2d import Transformer2DModel
from diffusers.models.transformers.transformer_temporal import TransformerTemporalModel
from diffusers.models.upsampling import Upsample2D
from transformers import (ClapTextConfig, ClapTextModelWithProjection, CLIPTextConfig,
                          CLIPTextModel, SpeechT5HifiGan, SpeechT5HifiGanConfig)

from fixture import fill, save, tensor

VERSION = (f"diffusers {diffusers.__version__}, transformers {transformers.__version__}, "
           f"torch {torch.__version__}")
IDS = torch.tensor([[48, 3, 17, 9, 49, 49, 49, 49]])


def run(module, call, rename=lambda name: name):
    fill(module.eval(), rename)
    with torch.no_grad():
        result = call(module)
    return getattr(result, "sample", result).flatten()[::97]


def clip(width, inner, heads, activation):
    """One layer of a published text encoder, its vocabulary small."""
    model = CLIPTextModel(CLIPTextConfig(
        vocab_size=50, hidden_size=width, intermediate_size=inner, num_hidden_layers=1,
        num_attention_heads=heads, max_position_embeddings=77, hidden_act=activation,
        bos_token_id=48, eos_token_id=49, pad_token_id=1))
    published = lambda name: name if name.startswith("text_model.") else f"text_model.{name}"
    return run(model, lambda m: m(IDS).last_hidden_state, published)


def clap():
    model = ClapTextModelWithProjection(ClapTextConfig(
        vocab_size=50, hidden_size=768, intermediate_size=3072, num_hidden_layers=1,
        num_attention_heads=12, max_position_embeddings=514, projection_dim=512,
        hidden_act="gelu", projection_hidden_act="relu", layer_norm_eps=1e-12, type_vocab_size=1,
        pad_token_id=1, bos_token_id=0, eos_token_id=2))
    ids = torch.tensor([[0, 7, 12, 30, 2, 1, 1, 1]])
    return run(model, lambda m: m(ids, attention_mask=(ids != 1).long()).text_embeds)


def blocks():
    x = lambda *shape, scale=4: tensor("x", shape, scale)
    resnet = ResnetBlock2D(in_channels=320, out_channels=640, temb_channels=1280, groups=32,
                           eps=1e-5)
    spatial = Transformer2DModel(8, 80, in_channels=640, cross_attention_dim=768,
                                 norm_num_groups=32)
    own = Transformer2DModel(8, 64, in_channels=512, norm_num_groups=32,
                             double_self_attention=True)
    temporal = TransformerTemporalModel(10, 64, in_channels=640, norm_num_groups=32)
    attention = Attention(512, heads=1, dim_head=512, bias=True, norm_num_groups=32, eps=1e-6,
                          residual_connection=True)
    vocoder = SpeechT5HifiGan(SpeechT5HifiGanConfig(
        model_in_dim=64, upsample_initial_channel=512, upsample_rates=[4],
        upsample_kernel_sizes=[16], normalize_before=False))
    plain = lambda name: None if name in ("mean", "scale") else name
    save("full_size_decoders", {
        "resnet": run(resnet, lambda m: m(x(2, 320, 12, 9), tensor("temb", (2, 1280)))),
        "spatial": run(spatial, lambda m: m(x(2, 640, 9, 8), tensor("ctx", (2, 77, 768)))),
        "spatial_alone": run(own, lambda m: m(x(2, 512, 9, 8))),
        "temporal": run(temporal, lambda m: m(x(8, 640, 3, 4), num_frames=8)),
        "convolution": run(TemporalConvLayer(640, 640), lambda m: m(x(8, 640, 3, 4), num_frames=8)),
        "down": run(Downsample2D(640, use_conv=True, padding=1, name="op"),
                    lambda m: m(x(1, 640, 9, 8))),
        "up": run(Upsample2D(640, use_conv=True), lambda m: m(x(1, 640, 6, 5))),
        "pixel_attention": run(attention, lambda m: m(x(1, 512, 8, 8))),
        "clip_image": clip(768, 3072, 12, "quick_gelu"),
        "clip_video": clip(1024, 4096, 16, "gelu"),
        "clap": clap(),
        "vocoder": run(vocoder, lambda m: m(tensor("mel", (12, 64))), plain),
    }, VERSION)


def unet():
    model = UNet2DConditionModel(cross_attention_dim=768, attention_head_dim=8)
    fill(model.eval())
    with torch.no_grad():
        output = model(tensor("sample", (1, 4, 64, 64)), 500, tensor("ctx", (1, 77, 768))).sample
    save("full_size_unet", {"output": output}, f"UNet2DConditionModel, {VERSION}")


if __name__ == "__main__":
    blocks()
    unet()
