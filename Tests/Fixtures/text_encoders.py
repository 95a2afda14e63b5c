"""Tiny CLIP and CLAP text encoders, from transformers."""

import fixture
import torch
import transformers
from transformers import (ClapTextConfig, ClapTextModelWithProjection, CLIPTextConfig,
                          CLIPTextModel)

SOURCE = f"transformers {transformers.__version__}"
SIZES = dict(vocab_size=50, hidden_size=32, intermediate_size=64, num_hidden_layers=2,
             num_attention_heads=4)
TOKENS = dict(bos_token_id=48, eos_token_id=49, pad_token_id=1)


def published(name):
    """Names as in every published file; this release of transformers drops the prefix."""
    return name if name.startswith("text_model.") else f"text_model.{name}"


for act in ("quick_gelu", "gelu"):
    config = dict(SIZES, max_position_embeddings=12, hidden_act=act)
    model = CLIPTextModel(CLIPTextConfig(**config, **TOKENS)).eval()
    recipe = fixture.fill(model, published)
    ids = torch.tensor([[48, 3, 17, 9, 49, 49, 49, 49], [48, 5, 0, 44, 2, 31, 7, 49]])
    with torch.no_grad():
        states = model(ids).last_hidden_state
    fixture.save(f"clip_text_{act}", {"ids": ids, "states": states}, SOURCE, config, recipe)

config = dict(SIZES, max_position_embeddings=20, projection_dim=16, hidden_act="gelu",
              projection_hidden_act="relu", layer_norm_eps=1e-12, type_vocab_size=1,
              pad_token_id=1)
model = ClapTextModelWithProjection(ClapTextConfig(**config, bos_token_id=0, eos_token_id=2)).eval()
recipe = fixture.fill(model)
ids = torch.tensor([[0, 7, 12, 30, 2, 1, 1, 1], [0, 3, 44, 9, 21, 5, 2, 1], [0, 2] + [1] * 6])
with torch.no_grad():
    embeds = model(ids, attention_mask=(ids != 1).long()).text_embeds
fixture.save("clap_text", {"ids": ids, "embeds": embeds}, SOURCE, config, recipe)
