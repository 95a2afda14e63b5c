"""Reference values of the UNets, whole and by block: diffusers' own, at tiny sizes.

Writes unet_blocks, unet_image, unet_image_wide, unet_sound, unet_video and unet_video_deep.
"""

import diffusers
import torch
from diffusers import UNet2DConditionModel, UNet3DConditionModel
from diffusers.models.downsampling import Downsample2D
from diffusers.models.resnet import ResnetBlock2D, TemporalConvLayer
from diffusers.models.transformers.transformer_2d import Transformer2DModel
from diffusers.models.transformers.transformer_temporal import TransformerTemporalModel
from diffusers.models.upsampling import Upsample2D

from fixture import fill, save, tensor

VERSION = f"diffusers {diffusers.__version__}, torch {torch.__version__}"


def config(model):
    """What the model's config.json would say."""
    return {key: value for key, value in model.config.items() if not key.startswith("_")}


def network(name, model, calls):
    """`calls`: {suffix of the output: function of the model}."""
    model.eval()
    recipe = fill(model)
    with torch.no_grad():
        outputs = {key: call(model) for key, call in calls.items()}
    kind = type(model).__name__
    save(name, outputs, f"{kind}, {VERSION}", config(model), recipe)


def image():
    model = UNet2DConditionModel(
        in_channels=4, out_channels=4, block_out_channels=(32, 64), layers_per_block=2,
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        cross_attention_dim=24, attention_head_dim=8, norm_num_groups=8, sample_size=8)
    network("unet_image", model, {
        "even": lambda m: m(tensor("sample", (2, 4, 8, 8)), 37, tensor("ctx", (2, 5, 24))).sample,
        "odd": lambda m: m(tensor("sample", (1, 4, 7, 6)), 999, tensor("ctx", (1, 5, 24))).sample,
    })


def image_wide():
    """Stable Diffusion 2's choices on three levels, and a guidance embedding as LCM has."""
    model = UNet2DConditionModel(
        in_channels=4, out_channels=3, block_out_channels=(16, 32, 48), layers_per_block=1,
        down_block_types=("CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"),
        cross_attention_dim=12, attention_head_dim=[2, 4, 6], norm_num_groups=4, sample_size=8,
        use_linear_projection=True, time_cond_proj_dim=6)
    network("unet_image_wide", model, {
        "odd": lambda m: m(
            tensor("sample", (2, 4, 9, 5)), 12.5, tensor("ctx", (2, 3, 12)),
            timestep_cond=tensor("guidance", (2, 6))).sample,
    })


def sound():
    model = UNet2DConditionModel(
        in_channels=8, out_channels=8, block_out_channels=(32, 64), layers_per_block=2,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        cross_attention_dim=(32, 64), attention_head_dim=8, norm_num_groups=8,
        class_embed_type="simple_projection", projection_class_embeddings_input_dim=16,
        class_embeddings_concat=True, sample_size=8)
    network("unet_sound", model, {
        "odd": lambda m: m(
            tensor("sample", (2, 8, 9, 4)), 501, None, class_labels=tensor("cls", (2, 16))).sample,
    })


def video():
    model = UNet3DConditionModel(
        in_channels=4, out_channels=4, block_out_channels=(32, 64), layers_per_block=1,
        down_block_types=("CrossAttnDownBlock3D", "DownBlock3D"),
        up_block_types=("UpBlock3D", "CrossAttnUpBlock3D"),
        cross_attention_dim=24, attention_head_dim=8, norm_num_groups=32, sample_size=8)
    call = lambda b: lambda m: m(
        tensor("sample", (b, 4, 3, 8, 6)), 250, tensor("ctx", (b, 5, 24))).sample
    network("unet_video", model, {"one": call(1), "two": call(2)})


def video_deep():
    """Three levels of two layers, groups other than 32, and sizes that do not halve evenly."""
    model = UNet3DConditionModel(
        in_channels=4, out_channels=4, block_out_channels=(32, 32, 64), layers_per_block=2,
        down_block_types=("CrossAttnDownBlock3D", "CrossAttnDownBlock3D", "DownBlock3D"),
        up_block_types=("UpBlock3D", "CrossAttnUpBlock3D", "CrossAttnUpBlock3D"),
        cross_attention_dim=10, attention_head_dim=16, norm_num_groups=16, sample_size=8)
    # Earlier releases and the published network normalise in 32 groups here whatever the
    # configuration says; at the published 32 there is no difference.
    for module in model.modules():
        if isinstance(module, TemporalConvLayer):
            for stage in (module.conv1, module.conv2, module.conv3, module.conv4):
                stage[0].num_groups = 32
    network("unet_video_deep", model, {
        "odd": lambda m: m(
            tensor("sample", (2, 4, 2, 5, 3)), 0, tensor("ctx", (2, 4, 10))).sample,
    })


def blocks():
    """One output a block; every block's weights go by its own local names."""
    def run(module, *inputs, **named):
        fill(module.eval())
        with torch.no_grad():
            result = module(*inputs, **named)
        return getattr(result, "sample", result)

    x = lambda *shape, scale=0.02: tensor("x", shape, scale)
    resnet = lambda inputs, eps: ResnetBlock2D(
        in_channels=inputs, out_channels=32, temb_channels=12, groups=8, eps=eps)
    spatial = lambda linear: Transformer2DModel(
        4, 8, in_channels=32, cross_attention_dim=24, norm_num_groups=8,
        use_linear_projection=linear)
    context = tensor("ctx", (2, 5, 24))
    down = lambda padding: Downsample2D(8, use_conv=True, padding=padding, name="op")
    up = Upsample2D(8, use_conv=True)
    save("unet_blocks", {
        "resnet": run(resnet(16, 1e-5), x(1, 16, 4, 5), tensor("temb", (1, 12))),
        "resnet_same_width": run(resnet(32, 1e-5), x(2, 32, 3, 2), tensor("temb", (2, 12))),
        "resnet_other_epsilon": run(resnet(16, 1e-6), x(1, 16, 4, 5), tensor("temb", (1, 12))),
        "spatial": run(spatial(False), x(2, 32, 3, 4), context),
        "spatial_linear": run(spatial(True), x(2, 32, 3, 4), context),
        "temporal": run(
            TransformerTemporalModel(4, 8, in_channels=32, norm_num_groups=8), x(6, 32, 2, 3),
            num_frames=3),
        "temporal_wide": run(
            TransformerTemporalModel(8, 16, in_channels=32, norm_num_groups=4), x(4, 32, 1, 5),
            num_frames=2),
        "convolution": run(TemporalConvLayer(32, 32), x(6, 32, 2, 3), num_frames=3),
        "down_asymmetric": run(down(0), x(1, 8, 5, 6, scale=4)),
        "down_symmetric": run(down(1), x(1, 8, 5, 6, scale=4)),
        "up": run(up, x(1, 8, 3, 4, scale=4)),
        "up_to": run(up, x(1, 8, 3, 4, scale=4), output_size=(5, 7)),
    }, VERSION)


if __name__ == "__main__":
    image()
    image_wide()
    sound()
    video()
    video_deep()
    blocks()
