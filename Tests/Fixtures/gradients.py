"""Elementwise functions, reductions, softmax, norms, rotary embedding and attention with their
gradients, as torch computes them on the recipe's inputs.

A case is its name, its inputs and the function; the tests of the same names repeat them. Writes
gradients.safetensors.
"""

import torch
import torch.nn.functional as F
from fixture import save, tensor

out = {}


def case(name, inputs, function):
    leaves = [x.clone().requires_grad_() for x in inputs]
    y = function(*leaves)
    y.backward(tensor("gradient", tuple(y.shape)))
    out[name] = y.detach().contiguous()
    for index, leaf in enumerate(leaves):
        out[f"{name}.gradient.{index}"] = leaf.grad.contiguous()


x = tensor("x", (5, 19))
positive = x.abs() + 0.25
functions = {
    "negate": torch.neg, "absolute": torch.abs, "square": torch.square, "exp": torch.exp,
    "sin": torch.sin, "cos": torch.cos, "relu": F.relu, "sigmoid": torch.sigmoid,
    "tanh": torch.tanh, "silu": F.silu, "gelu": F.gelu,
    "geluTanh": lambda x: F.gelu(x, approximate="tanh"),
    "quickGELU": lambda x: x * torch.sigmoid(1.702 * x),
    "leakyReLU": lambda x: F.leaky_relu(x, 0.1), "affine": lambda x: 1.5 * x - 2,
    "clamp": lambda x: x.clamp(-1, 0.5),
}
for name, function in functions.items():
    case(name, [x], function)
for name, function in {
    "sqrt": torch.sqrt, "rsqrt": torch.rsqrt, "reciprocal": torch.reciprocal, "log": torch.log,
    "power": lambda x: x**2.5,
}.items():
    case(name, [positive], function)
a, b = tensor("a", (3, 1, 7)), tensor("b", (4, 1))
case("add", [a, b], torch.add)
case("subtract", [a, b], torch.sub)
case("multiply", [a, b], torch.mul)
case("divide", [a, b.abs() + 0.25], torch.div)
case("maximum", [a, b], torch.maximum)
case("minimum", [a, a.clone()], torch.minimum)
case("swiglu", [x, tensor("gate", (5, 19))], lambda v, g: v * F.silu(g))
case("geglu", [x, tensor("gate", (5, 19))], lambda v, g: v * F.gelu(g))
case("choose", [a, b], lambda a, b: torch.where(a < b, a, b * 2))

z = tensor("z", (2, 3, 5))
tied = z.round()
case("sum", [z], lambda z: z.sum((0, 2)))
case("mean", [z], lambda z: z.mean(1, keepdim=True))
case("max", [tied], lambda z: z.amax((0, 2)))
case("min", [tied], lambda z: z.amin())
case("variance", [z], lambda z: z.var(2))
case("normalized", [z], lambda z: F.normalize(z, dim=-1))
case("softmax", [x], lambda x: x.softmax(-1))
case("logSoftmax", [x], lambda x: x.log_softmax(-1))
targets = torch.tensor([3, -100, 0, 18, -100])
for reduction in ("none", "sum", "mean"):
    case(f"crossEntropy.{reduction}", [x],
         lambda x: F.cross_entropy(x, targets, reduction=reduction))

w, c = tensor("w", (19,)), tensor("c", (19,))
case("layerNorm", [x, w, c], lambda x, w, c: F.layer_norm(x, (19,), w, c, 1e-5))
case("rmsNorm", [x, w], lambda x, w: F.rms_norm(x, (19,), w, 1e-6))
image = tensor("image", (2, 6, 3, 4))
w, c = tensor("w", (6,)), tensor("c", (6,))
case("groupNorm", [image, w, c], lambda x, w, c: F.group_norm(x, 3, w, c, 1e-5))
case("groupNorm.silu", [image, w, c], lambda x, w, c: F.silu(F.group_norm(x, 3, w, c, 1e-5)))


def attend(q, k, v, mask=None, causal=False, bias=None):
    group = q.shape[1] // k.shape[1]
    k, v = k.repeat_interleave(group, 1), v.repeat_interleave(group, 1)
    scores = q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5
    if mask is not None:
        scores = scores + mask
    m, n = scores.shape[-2:]
    if causal:
        scores = scores.masked_fill(~torch.ones(m, n).tril(n - m).bool(), -torch.inf)
    if bias is not None:
        key, value = (t.repeat_interleave(group, 0)[None, :, None] for t in bias)
        scores = torch.cat([scores, (q * key).sum(-1, keepdim=True) / q.shape[-1] ** 0.5], -1)
        v = torch.cat([v, value.expand(v.shape[0], -1, -1, -1)], 2)
    return (scores.softmax(-1) @ v).transpose(1, 2).flatten(2)


q, k, v = (tensor(n, s, 2) for n, s in
           [("q", (2, 4, 5, 6)), ("k", (2, 2, 9, 6)), ("v", (2, 2, 9, 7))])
case("attention", [q, k, v], attend)
case("attention.causal", [q, k, v], lambda q, k, v: attend(q, k, v, causal=True))
case("attention.masked", [q, k, v, tensor("mask", (4, 1, 9))], attend)
case("attention.bias", [q, k, v, tensor("bk", (2, 6)), tensor("bv", (2, 7))],
     lambda q, k, v, bk, bv: attend(q, k, v, bias=(bk, bv)))
save("gradients", out, f"torch {torch.__version__}")
