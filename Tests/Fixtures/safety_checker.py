"""A tiny safety checker of Stable Diffusion, from diffusers: which of eight pictures it flags."""

import diffusers
import fixture
import torch
from diffusers.pipelines.stable_diffusion.safety_checker import StableDiffusionSafetyChecker
from transformers import CLIPConfig

VISION = dict(hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
              image_size=12, patch_size=4, hidden_act="quick_gelu", layer_norm_eps=1e-5)
config = CLIPConfig(vision_config=VISION, projection_dim=16)
model = StableDiffusionSafetyChecker(config).eval()


def name(key):
    if key.startswith("vision_model.") and not key.startswith("vision_model.vision_model."):
        return f"vision_model.{key}"
    return key


recipe = fixture.fill(model, name)
pictures = fixture.tensor("pictures", (8, 3, 12, 12))
with torch.no_grad():
    # Thresholds that some pictures pass and others do not.
    model.concept_embeds_weights.copy_(torch.full((17,), 0.5))
    model.special_care_embeds_weights.copy_(torch.full((3,), 0.15))
    pooled = model.vision_model(pictures)[1]
    embeds = model.visual_projection(pooled)
    near = torch.nn.functional.normalize(embeds) @ torch.nn.functional.normalize(
        model.concept_embeds).T
    # Half of the pictures have a concept above it.
    middle = near.max(dim=1).values.median() + 0.004
    model.concept_embeds_weights.copy_(torch.full((17,), float(middle)))
    _, flagged = model(pictures, [torch.zeros(1) for _ in range(8)])
recipe = {key: shape for key, shape in recipe.items() if not key.endswith("embeds_weights")}
tensors = {"flagged": torch.tensor(flagged).float(),
           "weights.concept_embeds_weights": model.concept_embeds_weights,
           "weights.special_care_embeds_weights": model.special_care_embeds_weights}
print(flagged, near.max(dim=1).values, float(middle))
fixture.save("safety_checker", tensors, f"diffusers {diffusers.__version__}",
             config=dict(vision_config=VISION, projection_dim=16), recipe=recipe)
