"""The output projections of both modes that have a network, shrunk.

The transformer's, around torch.nn.Transformer, once for each pair of token counts: the published
ones are 4 → 77, 24 → 77 and 8 → 1, here 4 → 9, 6 → 5 and 8 → 1. The Q-Former's with 4 → 9.
"""

import torch
import transformers
from torch import nn
from transformers import Blip2QFormerConfig, Blip2QFormerModel

import fixture


class Layer(nn.Module):
    """What spec and published tensor names say of the transformer mode."""

    def __init__(self, hidden, inner, heads, layers, feed_forward, outputs, width):
        super().__init__()
        self.fc = nn.Linear(hidden, inner)
        self.tfm = nn.Transformer(
            d_model=inner, nhead=heads, num_encoder_layers=layers, num_decoder_layers=layers,
            dim_feedforward=feed_forward, dropout=0.0, batch_first=True, norm_first=True)
        self.query_embs = nn.Parameter(torch.zeros(1, outputs, inner))
        self.model = nn.Linear(inner, width)

    def forward(self, states, embeddings):
        source = self.fc(states + embeddings)
        queries = self.query_embs.repeat(len(states), 1, 1)
        return self.model(self.tfm(source, queries))


class QFormer(nn.Module):
    """The Q-Former mode around BLIP-2's own network."""

    def __init__(self, hidden, inner, heads, layers, feed_forward, outputs, width):
        super().__init__()
        self.fc = nn.Linear(hidden, inner)
        self.query_tokens = nn.Parameter(torch.zeros(1, outputs, inner))
        self.Qformer = Blip2QFormerModel(Blip2QFormerConfig(
            hidden_size=inner, num_hidden_layers=layers, num_attention_heads=heads,
            intermediate_size=feed_forward, cross_attention_frequency=1,
            encoder_hidden_size=inner))
        self.model = nn.Linear(inner, width)

    def forward(self, states, embeddings):
        source = self.fc(states + embeddings)
        queries = self.query_tokens.expand(len(states), -1, -1)
        read = self.Qformer(query_embeds=queries, encoder_hidden_states=source)
        return self.model(read.last_hidden_state)


def published(name):
    """The names that the assistant's own copy of the network has."""
    name = name.replace("Qformer.layernorm", "Qformer.bert.embeddings.LayerNorm")
    name = name.replace("Qformer.encoder", "Qformer.bert.encoder")
    return "qformer.0." + name.replace("attention.attention.", "attention.self.")


tensors, recipe = {}, {}
sizes = dict(hidden=20, inner=16, heads=4, layers=2, feed_forward=24)
cases = {"image": (4, 9, 10), "video": (6, 5, 14), "audio": (8, 1, 6)}
for modality, (inputs, outputs, width) in cases.items():
    # The image's sums two layers of hidden states.
    count = 2 if modality == "image" else 1
    embeddings = fixture.tensor(f"projection.{modality}.embeddings", (3, inputs, sizes["hidden"]))
    total = 0
    for index in range(count):
        layer = Layer(**sizes, outputs=outputs, width=width).eval()
        prefix = f"{modality}.{index}."
        recipe |= fixture.fill(layer, lambda name: prefix + name)
        states = fixture.tensor(
            f"projection.{modality}.states.{index}", (3, inputs, sizes["hidden"]))
        with torch.no_grad():
            total = total + layer(states, embeddings)
    tensors[modality] = total
fixture.save(
    "output_projection", tensors, f"torch.nn.Transformer, torch {torch.__version__}",
    recipe=recipe)

reader = QFormer(
    hidden=20, inner=24, heads=3, layers=2, feed_forward=40, outputs=9, width=10).eval()
recipe = fixture.fill(reader, published)
states, embeddings = (
    fixture.tensor(f"projection.qformer.{key}", (3, 4, 20)) for key in ("states", "embeddings"))
with torch.no_grad():
    tensors = {"image": reader(states, embeddings)}
fixture.save(
    "output_qformer", tensors,
    f"Blip2QFormerModel, transformers {transformers.__version__}, torch {torch.__version__}",
    recipe=recipe)
