"""Reference values of the autoencoder: diffusers' own, at tiny sizes.

Writes vae_image and vae_sound.
"""

import diffusers
import torch
from diffusers import AutoencoderKL

from fixture import fill, save, tensor


def write(name, model, outputs):
    model.eval()
    recipe = fill(model)
    with torch.no_grad():
        values = outputs(model)
    config = {key: value for key, value in model.config.items() if not key.startswith("_")}
    source = f"AutoencoderKL, diffusers {diffusers.__version__}, torch {torch.__version__}"
    save(name, values, source, config, recipe)


def image(model):
    posterior = model.encode(tensor("img", (1, 3, 10, 12), 2)).latent_dist
    odd = model.encode(tensor("odd", (2, 3, 7, 5), 2)).latent_dist
    values = {
        "decoded": model.decode(tensor("z", (1, 4, 5, 6))).sample,
        "mean": posterior.mean,
        "logvar": posterior.logvar,
        "kl": posterior.kl(),
        "odd_mean": odd.mean,
        "odd_logvar": odd.logvar,
        "untiled": model.decode(tensor("z2", (1, 4, 12, 20))).sample,
    }
    model.enable_tiling()
    values["tiled"] = model.decode(tensor("z2", (1, 4, 12, 20))).sample
    return values


def sound(model):
    return {
        "decoded": model.decode(tensor("z", (2, 8, 3, 2))).sample,
        "mean": model.encode(tensor("mel", (1, 1, 9, 8))).latent_dist.mean,
    }


if __name__ == "__main__":
    levels = lambda n: dict(
        down_block_types=("DownEncoderBlock2D",) * n, up_block_types=("UpDecoderBlock2D",) * n)
    write("vae_image", AutoencoderKL(
        in_channels=3, out_channels=3, block_out_channels=(32, 64), layers_per_block=1,
        latent_channels=4, norm_num_groups=8, sample_size=16, **levels(2)), image)
    write("vae_sound", AutoencoderKL(
        in_channels=1, out_channels=1, block_out_channels=(16, 24, 32), layers_per_block=2,
        latent_channels=8, norm_num_groups=8, sample_size=16, scaling_factor=0.9, **levels(3)),
        sound)
