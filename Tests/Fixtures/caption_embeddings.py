"""Embeddings of captions as the pipelines of diffusers compute them, from tokenizer to tensor.

The vocabularies are those of `tokenizing/`, the weights go by recipe. Each caption is encoded by
itself: Stable Diffusion's and ZeroScope's pad to 77 with their own padding, AudioLDM's are masked,
projected and divided by their length.
"""

import fixture
import torch
import transformers
from transformers import (ClapTextConfig, ClapTextModelWithProjection, CLIPTextConfig,
                          CLIPTextModel, CLIPTokenizer, RobertaTokenizer)

SOURCE = f"transformers {transformers.__version__}"
CAPTIONS = [
    "a cat sitting on a drum",
    "rain",
    "the singer sings the song that the singers sang when the strings were ringing " * 12,
    "A violin rises slowly over a bed of strings, and the hall grows quiet.",
]


def published(name):
    return name if name.startswith("text_model.") else f"text_model.{name}"


def states(model, tokenizer, **options):
    rows = []
    for caption in CAPTIONS:
        inputs = tokenizer(caption, truncation=True, return_tensors="pt", **options)
        print(int(inputs.input_ids.shape[1]), end=" ")
        with torch.no_grad():
            rows.append(model(**inputs))
    return rows


tensors, configs = {}, {}
for name, act in (("image", "quick_gelu"), ("video", "gelu")):
    tokenizer = CLIPTokenizer.from_pretrained(fixture.FOLDER / "tokenizing/clip")
    tokenizer.pad_token = "<|endoftext|>" if name == "image" else "!"
    config = dict(vocab_size=len(tokenizer), hidden_size=16, intermediate_size=32,
                  num_hidden_layers=2, num_attention_heads=2, max_position_embeddings=77,
                  hidden_act=act)
    model = CLIPTextModel(CLIPTextConfig(**config)).eval()
    fixture.fill(model, published)
    found = states(lambda input_ids, **_: model(input_ids), tokenizer, padding="max_length",
                   max_length=77)
    tensors[name] = torch.cat([row.last_hidden_state for row in found])
    configs[name] = dict(clip=config, padding=tokenizer.pad_token)

tokenizer = RobertaTokenizer.from_pretrained(fixture.FOLDER / "tokenizing/roberta")
config = dict(vocab_size=len(tokenizer), hidden_size=16, intermediate_size=32,
              num_hidden_layers=2, num_attention_heads=2, max_position_embeddings=66,
              projection_dim=8, hidden_act="gelu", projection_hidden_act="relu",
              layer_norm_eps=1e-12, type_vocab_size=1, pad_token_id=tokenizer.pad_token_id)
model = ClapTextModelWithProjection(
    ClapTextConfig(**config, bos_token_id=0, eos_token_id=2)).eval()
fixture.fill(model)
found = states(model, tokenizer, padding="max_length",
               max_length=66 - tokenizer.pad_token_id - 1)
tensors["audio"] = torch.nn.functional.normalize(
    torch.cat([row.text_embeds for row in found]), dim=-1)
configs["audio"] = dict(clap=config)
configs["captions"] = CAPTIONS
fixture.save("caption_embeddings", tensors, SOURCE, config=configs)
