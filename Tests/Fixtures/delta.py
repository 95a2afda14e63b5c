"""Small deltas as the published training saves them: an ordered map of parameters in float16."""

import collections

import torch

import fixture

V, H, R = 46, 8, 2
common = {
    "llama_proj.weight": (H, 12),
    "llama_proj.bias": (H,),
    "gen_text_hidden_fcs.0.model.weight": (6, H),
    "gen_text_hidden_fcs_video.0.model.weight": (6, H),
    "gen_text_hidden_fcs_audio.0.model.weight": (6, H),
}
for stage in (1, 3):
    prefix = "llama_model." if stage == 1 else "llama_model.base_model.model."
    shapes = {f"{prefix}model.embed_tokens.weight": (V, H)}
    if stage == 3:
        for name in ("q_proj", "k_proj", "v_proj", "o_proj"):
            layer = f"{prefix}model.layers.0.self_attn.{name}"
            shapes[f"{layer}.lora_A.default.weight"] = (R, H)
            shapes[f"{layer}.lora_B.default.weight"] = (H, R)
    shapes |= {f"{prefix}lm_head.weight": (V, H)} | common
    saved = collections.OrderedDict(
        (name, torch.nn.Parameter(fixture.weight(name, shape).half()))
        for name, shape in shapes.items()
    )
    path = fixture.FOLDER / f"delta_stage_{stage}.pt"
    torch.save(saved, path)
    print(f"{path.name}: {path.stat().st_size} bytes")
