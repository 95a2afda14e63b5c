#!/usr/bin/env python3
"""PyTorch's side of `southgpt-bench ops`: reads cases as lines of JSON, answers each with the
median seconds of one run.

    southgpt-bench ops --peer "python3 Scripts/time-torch.py"

Needs the packages of Tests/Fixtures/requirements.txt.
"""

import os

import torch
import torch.nn as nn
import torch.nn.functional as F

import peer

THREADS = int(os.environ.get("SOUTHGPT_THREADS", os.cpu_count()))
torch.set_num_threads(THREADS)
TYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


class Layer(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.output = nn.Linear(width, width, bias=False)
        self.up = nn.Linear(width, 4 * width, bias=False)
        self.down = nn.Linear(4 * width, width, bias=False)

    def forward(self, x):
        batch, length, width = x.shape
        q, k, v = (
            part.view(batch, length, self.heads, -1).transpose(1, 2)
            for part in self.qkv(self.norm1(x)).chunk(3, -1)
        )
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.output(y.transpose(1, 2).reshape(batch, length, width))
        return x + self.down(F.gelu(self.up(self.norm2(x))))


class Transformer(nn.Module):
    """The network of SmallTransformer.swift."""

    def __init__(self, vocabulary=256, width=384, layers=6, heads=6, context=256):
        super().__init__()
        self.tokens, self.positions = nn.Embedding(vocabulary, width), nn.Embedding(context, width)
        self.layers = nn.ModuleList(Layer(width, heads) for _ in range(layers))
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, vocabulary, bias=False)

    def forward(self, ids, targets):
        x = self.tokens(ids) + self.positions(torch.arange(ids.shape[1]))
        for layer in self.layers:
            x = layer(x)
        logits = self.head(self.norm(x))
        return F.cross_entropy(logits.flatten(0, 1), targets.flatten())


def unet(channels=(64, 128, 128), groups=32, layers=2):
    """The network of SmallUNet.swift."""
    from diffusers import UNet2DModel

    return UNet2DModel(
        sample_size=32,
        in_channels=3,
        out_channels=3,
        layers_per_block=layers,
        block_out_channels=channels,
        norm_num_groups=groups,
        down_block_types=("DownBlock2D", "AttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "AttnUpBlock2D", "UpBlock2D"),
    )


class Adapted(nn.Module):
    """A frozen linear map with an adapter of rank 32 beside it, as peft computes it."""

    def __init__(self, base, rank=32):
        super().__init__()
        self.base = base
        self.down = nn.Linear(base.in_features, rank, bias=False)
        self.up = nn.Linear(rank, base.out_features, bias=False)
        nn.init.zeros_(self.up.weight)

    def forward(self, x):
        return self.base(x) + self.up(self.down(x.float())).to(x.dtype)


def adapted_llama(layers, dtype):
    """The network of AdapterStep.swift."""
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=32000, hidden_size=4096, intermediate_size=11008, num_hidden_layers=layers,
        num_attention_heads=32, max_position_embeddings=2048)
    torch.set_default_dtype(dtype)
    model = LlamaForCausalLM(config).requires_grad_(False)
    torch.set_default_dtype(torch.float32)
    for layer in model.model.layers:
        for name in ("q_proj", "k_proj", "v_proj", "o_proj"):
            setattr(layer.self_attn, name, Adapted(getattr(layer.self_attn, name)))
    return model


def training_step(kind, sizes, dtype):
    if kind == "adapterStep":
        model = adapted_llama(sizes[1], dtype)
        ids = torch.randint(0, 32000, (1, sizes[0] + 1))

        def loss():
            logits = model(input_ids=ids[:, :-1], use_cache=False).logits
            return F.cross_entropy(logits[0].float(), ids[0, 1:])

    elif kind == "transformerStep":
        model = Transformer()
        ids, targets = torch.randint(0, 256, (2, sizes[0], sizes[1]))
        loss = lambda: model(ids, targets)
    else:
        model = unet()
        x, noise = torch.randn(2, sizes[0], 3, 32, 32)
        steps = torch.arange(sizes[0]) * 61 % 1000
        loss = lambda: F.mse_loss(model(x, steps).sample, noise)
    moving = [value for value in model.parameters() if value.requires_grad]
    optimizer = torch.optim.AdamW(moving, 1e-3)

    def step():
        optimizer.zero_grad()
        loss().backward()
        optimizer.step()

    return step


def prepared(kind, n, dtype):
    r = torch.randn
    if kind == "product":
        a, b = r(n[0], n[1]), r(n[1], n[2])
        return lambda: a @ b
    if kind in ("linear", "linearGELU"):
        x, w, b = r(n[0], n[1]).to(dtype), r(n[2], n[1]).to(dtype), r(n[2]).to(dtype)
        if kind == "linear":
            return lambda: F.linear(x, w, b)
        return lambda: F.gelu(F.linear(x, w, b))
    if kind == "convolution":
        batch, inputs, outputs, side, kernel, stride = n
        x, w = r(batch, inputs, side, side), r(outputs, inputs, kernel, kernel)
        padding = 0 if kernel == stride else kernel // 2
        return lambda: F.conv2d(x, w, stride=stride, padding=padding)
    if kind in ("attention", "causalAttention"):
        q, k, v = (r(*n) for _ in range(3))
        causal = kind == "causalAttention"
        return lambda: F.scaled_dot_product_attention(q, k, v, is_causal=causal)
    if kind == "groupNormSiLU":
        x, norm = r(*n), nn.GroupNorm(32, n[1])
        return lambda: F.silu(norm(x))
    if kind == "softmax":
        x = r(*n)
        return lambda: torch.softmax(x, -1)
    if kind == "geglu":
        a, b = r(*n).chunk(2, -1)
        return lambda: a * F.gelu(b)
    if kind == "layerNorm":
        x, norm = r(*n), nn.LayerNorm(n[1])
        return lambda: norm(x)
    if kind == "add":
        a, b = r(*n), r(*n)
        return lambda: a + b
    raise ValueError(kind)


def case_of_bench(case):
    kind, sizes, weights = case["kind"], case["sizes"], TYPES[case["weights"]]
    learns = kind.endswith("Step")
    return (training_step if learns else prepared)(kind, sizes, weights), learns


if __name__ == "__main__":
    peer.answer("operation", case_of_bench)
