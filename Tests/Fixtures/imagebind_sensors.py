"""ImageBind's own towers of depth, heat and motion at tiny sizes.

Needs the package `imagebind-packaged==0.1.2` on the path.
"""

import torch

import fixture
import imagebind_package

PICTURE = {"image_size": 32, "patch_size": 16}


def trunk(width, heads):
    return {
        "width": width, "blocks": 2, "heads": heads, "mlp_ratio": 4, "pre_norm": False,
        "key_value_bias": True,
    }


CONFIG = {
    "embedding_width": 24,
    "depth": {"trunk": trunk(8, 2), **PICTURE, "logit_scale": 5},
    "thermal": {"trunk": trunk(12, 3), **PICTURE, "logit_scale": 10},
    "imu": {
        "trunk": trunk(16, 4), "channels": 6, "samples": 40, "samples_per_patch": 8,
        "logit_scale": 5,
    },
}


def original():
    network, preprocessors = imagebind_package.modules()

    # The model's constructor fixes these sizes; the networks below it take any.
    def smaller(kind, size):
        def make(img_size, **others):
            return kind(img_size=size if img_size[0] != 3 else [3, 2, 28, 28], **others)
        return make

    picture = [1, PICTURE["image_size"], PICTURE["image_size"]]
    for name, size in {
        "RGBDTPreprocessor": picture, "ThermalPreprocessor": picture,
        "IMUPreprocessor": [CONFIG["imu"]["channels"], CONFIG["imu"]["samples"]],
    }.items():
        setattr(network, name, smaller(getattr(preprocessors, name), size))
    # What is not looked at is as small as it can be.
    others = {f"{tower}_{key}": value for tower in ("vision", "text", "audio") for key, value in {
        "embed_dim": 8, "num_blocks": 1, "num_heads": 2}.items()}
    audio = {"audio_num_mel_bins": PICTURE["image_size"], "audio_target_len": PICTURE["image_size"]}
    sizes = {}
    for tower in ("depth", "thermal", "imu"):
        config = CONFIG[tower]["trunk"]
        sizes[f"{tower}_embed_dim"] = config["width"]
        sizes[f"{tower}_num_blocks"] = config["blocks"]
        sizes[f"{tower}_num_heads"] = config["heads"]
    return network.ImageBindModel(
        out_embed_dim=CONFIG["embedding_width"], **others, **audio, **sizes).eval()


def tower(name):
    used = name.split(".")[1] in ("depth", "thermal", "imu")
    return name if used and not name.startswith("modality_postprocessors") else None


model = original()
recipe = fixture.fill(model, tower)
inputs = {
    "depth": fixture.tensor("imagebind.depth", (2, 3, 1, 32, 32)),
    "thermal": fixture.tensor("imagebind.thermal", (2, 1, 32, 32)),
    "imu": fixture.tensor("imagebind.imu", (2, 6, 40)),
}
outputs = {}
with torch.no_grad():
    for name, value in inputs.items():
        outputs[f"{name}_scaled"] = model({name: value})[name]
        outputs[name] = outputs[f"{name}_scaled"] / CONFIG[name]["logit_scale"]
fixture.save(
    "imagebind_sensors", outputs, f"imagebind-packaged 0.1.2, torch {torch.__version__}", CONFIG,
    recipe)
