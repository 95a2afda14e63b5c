"""ImageBind's own model with tiny towers: an image, two-frame clips, spectrograms and texts.

Needs the package `imagebind-packaged==0.1.2` on the path.
"""

import torch

import fixture
import imagebind_package

CONFIG = {
    "embedding_width": 24,
    "vision": {
        "trunk": {
            "width": 16, "blocks": 2, "heads": 4, "mlp_ratio": 4, "pre_norm": True,
            "key_value_bias": False,
        },
        "image_size": 32, "patch_size": 8, "temporal_patch_size": 2, "frames_per_clip": 2,
        "clips": 5, "crops": 3, "seconds_per_clip": 2,
    },
    "audio": {
        "trunk": {
            "width": 12, "blocks": 2, "heads": 3, "mlp_ratio": 4, "pre_norm": False,
            "key_value_bias": True,
        },
        "sample_rate": 16000, "mel_bins": 20, "frames": 36, "patch_size": 8, "stride": 4,
        "clips": 3, "seconds_per_clip": 2, "mean": -4.268, "deviation": 9.138, "logit_scale": 20,
    },
    "text": {
        "trunk": {
            "width": 8, "blocks": 2, "heads": 2, "mlp_ratio": 4, "pre_norm": False,
            "key_value_bias": False,
        },
        "vocabulary_size": 40, "context_length": 9,
    },
}


def original():
    imagebind_model, multimodal_preprocessors = imagebind_package.modules()
    vision, audio, text = CONFIG["vision"], CONFIG["audio"], CONFIG["text"]

    TextPreprocessor = imagebind_model.TextPreprocessor

    def text_preprocessor(**sizes):
        sizes["context_length"] = text["context_length"]
        sizes["vocab_size"] = text["vocabulary_size"]
        return TextPreprocessor(**sizes)

    imagebind_model.TextPreprocessor = text_preprocessor

    # The model's constructor fixes the image size; the network below it takes any.
    def preprocessor(img_size, **others):
        if len(img_size) == 4:  # channels, frames, rows, columns: not the depth tower's
            img_size = img_size[:2] + [vision["image_size"]] * 2
        return multimodal_preprocessors.RGBDTPreprocessor(img_size=img_size, **others)

    imagebind_model.RGBDTPreprocessor = preprocessor
    patch = vision["patch_size"]
    return imagebind_model.ImageBindModel(
        video_frames=vision["frames_per_clip"],
        kernel_size=(vision["temporal_patch_size"], patch, patch),
        audio_kernel_size=audio["patch_size"], audio_stride=audio["stride"],
        out_embed_dim=CONFIG["embedding_width"],
        vision_embed_dim=vision["trunk"]["width"], vision_num_blocks=vision["trunk"]["blocks"],
        vision_num_heads=vision["trunk"]["heads"],
        audio_embed_dim=audio["trunk"]["width"], audio_num_blocks=audio["trunk"]["blocks"],
        audio_num_heads=audio["trunk"]["heads"], audio_num_mel_bins=audio["mel_bins"],
        audio_target_len=audio["frames"],
        text_embed_dim=text["trunk"]["width"], text_num_blocks=text["trunk"]["blocks"],
        text_num_heads=text["trunk"]["heads"],
        depth_embed_dim=8, depth_num_blocks=1, depth_num_heads=2,
        thermal_embed_dim=8, thermal_num_blocks=1, thermal_num_heads=2,
        imu_embed_dim=8, imu_num_blocks=1, imu_num_heads=2,
    ).eval()


def tower(name):
    """Keeps the three towers that the product has, without the mask of texts."""
    used = name.split(".")[1] in ("vision", "audio", "text") and not name.endswith(".mask")
    fixed = name.startswith("modality_postprocessors") and ".text." not in name
    return name if used and not fixed else None


model = original()
recipe = fixture.fill(model, tower)
image = fixture.tensor("imagebind.image", (2, 3, 32, 32))
video = fixture.tensor("imagebind.video", (1, 3, 3, 2, 32, 32))
audio = fixture.tensor("imagebind.audio", (2, 3, 1, 20, 36))
# Marks 38 and 39 around texts of different lengths; one has the end mark twice.
text = torch.tensor([
    [38, 5, 17, 9, 39, 0, 0, 0, 0], [38, 39, 3, 0, 39, 0, 0, 0, 0], [38, 1, 2, 3, 4, 5, 6, 7, 39],
])
with torch.no_grad():
    outputs = {
        "image": model({"vision": image})["vision"],
        "video": model({"vision": video})["vision"],
        "audio_scaled": model({"audio": audio})["audio"],
        "text_ids": text.to(torch.int32),
        "text_scaled": model({"text": text})["text"],
    }
    # The assistant's copy of the network leaves the fixed scale out.
    outputs["text"] = torch.nn.functional.normalize(outputs["text_scaled"], dim=-1)
    outputs["audio"] = outputs["audio_scaled"] / CONFIG["audio"]["logit_scale"]

def contrast(a, b, scale):
    logits, right = scale * a @ b.T, torch.arange(len(a))
    return (
        torch.nn.functional.cross_entropy(logits, right, reduction="sum")
        + torch.nn.functional.cross_entropy(logits.T, right, reduction="sum")) / 2


unit = lambda x: torch.nn.functional.normalize(x, dim=-1)
words, pictures, sounds = (
    unit(model({key: value})[key])
    for key, value in (("text", text[:2]), ("vision", image), ("audio", audio)))
scale = model.modality_postprocessors["text"][1].log_logit_scale.exp()
loss = (
    contrast(words, pictures, scale) + contrast(words, sounds, scale)
    + contrast(pictures, sounds, CONFIG["audio"]["logit_scale"]))
loss.backward()
outputs["loss"] = loss
for name, value in model.named_parameters():
    if value.grad is not None and value.dim() <= 1:
        outputs[f"gradient.{name}"] = value.grad
fixture.save(
    "imagebind_towers", outputs, f"imagebind-packaged 0.1.2, torch {torch.__version__}", CONFIG, recipe)
