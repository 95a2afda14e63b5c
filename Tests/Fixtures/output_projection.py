"""The output projection around torch.nn.Transformer, shrunk, one for each pair of token counts.

The published sizes are 4 → 77, 24 → 77 and 8 → 1 tokens; here 4 → 9, 6 → 5 and 8 → 1.
"""

import torch
from torch import nn

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
