"""Products and their gradients, casts, and weights in blocks.

Writes products.safetensors, casting.safetensors and blocks.safetensors.
"""

import gguf
import numpy as np
import torch
from fixture import numbers, save, tensor

source = f"torch {torch.__version__}"


def leaf(name, shape):
    return tensor(name, shape).requires_grad_()


# Each with the gradients of Σ seed · result.
out = {}
for name, a, b in [("matrix", (5, 7), (7, 3)), ("batch", (2, 3, 4, 6), (3, 6, 5)),
                   ("shared", (3, 4, 6), (6, 5)), ("vector", (4, 6), (6,))]:
    left, right = leaf("a", a), leaf("b", b)
    y = left @ right
    y.backward(tensor("seed", tuple(y.shape)))
    out |= {f"{name}.y": y, f"{name}.a": left.grad, f"{name}.b": right.grad}
x, w, bias, residual = leaf("x", (2, 9, 20)), leaf("w", (34, 20)), leaf("b", (34,)), leaf("r", (2, 9, 34))
y = torch.nn.functional.linear(x, w, bias) + residual
y.backward(tensor("seed", (2, 9, 34)))
out |= {"linear.y": y, "linear.x": x.grad, "linear.w": w.grad, "linear.b": bias.grad, "linear.r": residual.grad}
save("products", out, source)

# Casts, where PyTorch's result does not depend on the processor.
inf, nan = float("inf"), float("nan")
reals = torch.tensor([
    0.0, -0.0, 0.5, -0.5, 1.5, -1.5, 2.5, 126.99, -127.99, 1e-8, -6e-8, 2.9e-8, 2.98023223876953125e-8, 6.1e-5,
    2049.0, 2051.0, 65504.0, 65519.9, 65520.0, -1e5, 1.00390625, 1.01171875, 3.4e38, -3.4e38, inf, -inf, nan])
whole = torch.tensor([0, 1, -1, 127, 128, -129, 255, 256, 300, -300, 32767, 32768, 65535, 70000, 16777217, -16777219,
                      2**31 - 1, 2**31, -2**31 - 1, 2**53 + 1, 2**63 - 1, -2**63])
small = reals[:9]
types = ["float32", "float16", "bfloat16", "float64", "int64", "int32", "int16", "int8", "uint8", "bool"]
out = {"reals": reals, "whole": whole}
for name in types:
    dtype = getattr(torch, name)
    out[f"whole.{name}"] = whole.to(dtype)
    if dtype.is_floating_point or name == "bool":
        out[f"reals.{name}"] = reals.to(dtype)
    elif name != "uint8":
        out[f"small.{name}"] = small.to(dtype)
save("casting", out, source)

# Blocks: what is written of numbers, and what is read of bytes.
out = {}
x = np.concatenate([4 * numbers("x", 512), np.zeros(32), 1e-3 * numbers("y", 224)]).astype(np.float32).reshape(3, 256)
x[0, 40], x[1, 3] = -9, 60000
out["x"] = torch.from_numpy(x)
for name in ["Q8_0", "Q4_0"]:
    kind = getattr(gguf.GGMLQuantizationType, name)
    out[f"{name.lower()}.written"] = torch.from_numpy(gguf.quants.quantize(x, kind))
for name, at in {"Q8_0": [0], "Q4_0": [0], "Q4_K": [0, 2], "Q6_K": [208]}.items():
    kind = getattr(gguf.GGMLQuantizationType, name)
    size, count = gguf.GGML_QUANT_SIZES[kind]
    blocks = 1536 // size
    data = ((numbers(name, blocks * count) + 0.5) * 256).astype(np.uint8).reshape(blocks, count)
    for place in at:
        scales = (0.01 * numbers(f"{name} {place}", blocks)).astype(np.float16)
        data[:, place:place + 2] = scales.view(np.uint8).reshape(blocks, 2)
    key = "q" + name[1:]
    if key.lower() in ("q8_0", "q4_0"):
        key = key.lower()
    out[f"{key}.bytes"] = torch.from_numpy(data.reshape(2, -1))
    out[f"{key}.read"] = torch.from_numpy(gguf.quants.dequantize(data.reshape(2, -1), kind))
save("blocks", out, "gguf 0.19.0")
