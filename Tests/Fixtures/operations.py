"""Every tensor operation and layer, as torch computes it on the recipe's inputs.

Writes operations.safetensors and layers.safetensors.
"""

import torch
import torch.nn.functional as F
from fixture import fill, save, tensor, weight

source = f"torch {torch.__version__}"
out = {}
x, y = tensor("x", (3, 5)), tensor("y", (3, 5))
row, column, cube = tensor("row", (5,)), tensor("column", (3, 1)), tensor("cube", (2, 3, 4))

# Elementwise
out["add.row"] = x + row
out["subtract.column"] = x - column
out["multiply.both"] = row * column
out["divide"] = x / y
out["maximum"] = torch.maximum(x, row)
out["minimum"] = torch.minimum(x, column)
out["scalars"] = 3 - (x * 2 + 1) / 4
for name, function in {
    "negate": torch.neg, "absolute": torch.abs, "square": torch.square,
    "reciprocal": torch.reciprocal, "exponential": torch.exp, "sine": torch.sin,
    "cosine": torch.cos, "relu": F.relu, "sigmoid": torch.sigmoid, "tanh": torch.tanh,
    "silu": F.silu, "gelu": F.gelu, "geluTanh": lambda v: F.gelu(v, approximate="tanh"),
    "quickGELU": lambda v: v * torch.sigmoid(1.702 * v),
    "leakyReLU": lambda v: F.leaky_relu(v, 0.1), "clamp": lambda v: v.clamp(-0.5, 1),
}.items():
    out[name] = function(x)
positive = x.abs() + 0.1
out["squareRoot"] = positive.sqrt()
out["reciprocalSquareRoot"] = positive.rsqrt()
out["logarithm"] = positive.log()
out["gated.silu"] = x * F.silu(y)
out["gated.gelu"] = x * F.gelu(y)

# Rows
out["sum"] = cube.sum()
out["sum.middle"] = cube.sum(1)
out["mean.outer"] = cube.mean((0, 2), keepdim=True)
out["max"] = cube.amax(2)
out["min"] = cube.amin((0, 1))
out["argMax"] = cube.argmax(1).int()
out["softmax"] = cube.softmax(-1)
out["softmax.large"] = (cube * 100).softmax(-1)
out["logSoftmax"] = cube.log_softmax(-1)
out["normalized"] = F.normalize(cube, dim=-1)

# Products
out["matmul"] = tensor("a", (2, 1, 3, 4)) @ tensor("b", (5, 4, 6))
out["matmul.vector"] = cube @ tensor("v", (4,))
matrix, bias = tensor("matrix", (6, 4), 1), tensor("bias", (6,))
out["linear"] = F.linear(cube, matrix, bias)
out["linear.gelu"] = F.gelu(F.linear(cube, matrix, bias)) + tensor("residual", (2, 3, 6))
out["linear.bfloat16"] = F.linear(cube, matrix.bfloat16().float(), bias)
out["linear.float16"] = F.linear(cube, matrix.half().float())
out["rows"] = tensor("table", (7, 3))[torch.tensor([[6, 0], [3, 3]])]
out["rows.bfloat16"] = tensor("table", (7, 3)).bfloat16().float()[torch.tensor([1, 5])]

# Convolutions
def signal(*shape):
    return tensor("signal", shape)


def kernel(*shape):
    return tensor("kernel", shape, 1)


out["convolution.1d"] = F.conv1d(
    signal(2, 4, 11), kernel(6, 2, 3), tensor("bias", (6,)), stride=2, padding=3, dilation=2,
    groups=2)
out["convolution.2d"] = F.conv2d(
    signal(2, 3, 7, 9), kernel(5, 3, 3, 3), tensor("bias", (5,)), padding=1)
out["convolution.2d.strided"] = F.conv2d(
    signal(1, 3, 8, 9), kernel(4, 3, 4, 3), stride=(2, 3), padding=(1, 0), dilation=(1, 2))
out["convolution.2d.asymmetric"] = F.conv2d(
    F.pad(signal(1, 4, 6, 7), (0, 1, 0, 1)), kernel(4, 4, 3, 3), stride=2)
out["convolution.2d.depthwise"] = F.conv2d(
    signal(1, 4, 5, 5), kernel(4, 1, 3, 3), padding=1, groups=4)
out["convolution.2d.point"] = F.conv2d(signal(2, 4, 3, 5), kernel(6, 4, 1, 1))
out["convolution.3d"] = F.conv3d(
    signal(1, 3, 5, 4, 4), kernel(4, 3, 3, 1, 1), tensor("bias", (4,)), padding=(1, 0, 0))
out["convolution.3d.patches"] = F.conv3d(
    signal(1, 3, 4, 6, 6), kernel(4, 3, 2, 3, 3), stride=(2, 3, 3))
out["transposed.1d"] = F.conv_transpose1d(
    signal(2, 4, 5), kernel(4, 3, 8), tensor("bias", (3,)), stride=4, padding=2)
out["transposed.1d.groups"] = F.conv_transpose1d(
    signal(1, 4, 6), kernel(4, 3, 3), stride=2, padding=1, dilation=2, groups=2)
out["transposed.2d"] = F.conv_transpose2d(
    signal(1, 2, 3, 4), kernel(2, 3, 3, 2), stride=(2, 1), padding=(1, 0))

# Attention
q, k, v = tensor("q", (2, 4, 5, 6)), tensor("k", (2, 4, 7, 6)), tensor("v", (2, 4, 7, 3))


def merged(value):
    return value.transpose(1, 2).flatten(2)


out["attention"] = merged(F.scaled_dot_product_attention(q, k, v))
visible = torch.ones(5, 7, dtype=torch.bool).tril(2)
out["attention.causal"] = merged(F.scaled_dot_product_attention(q, k, v, attn_mask=visible))
mask = tensor("mask", (2, 1, 5, 7))
out["attention.additive"] = merged(
    F.scaled_dot_product_attention(q, k, v, attn_mask=mask, scale=0.3))
out["attention.grouped"] = merged(F.scaled_dot_product_attention(
    q, k[:, :2], v[:, :2], attn_mask=visible, enable_gqa=True))

z, angles = tensor("z", (2, 5, 3, 8)), tensor("angles", (5, 4))
cosines, sines = angles.cos()[:, None], angles.sin()[:, None]
a, b = z[..., :4], z[..., 4:]
out["rotary.halves"] = torch.cat([a * cosines - b * sines, b * cosines + a * sines], -1)
a, b = z[..., ::2], z[..., 1::2]
out["rotary.pairs"] = torch.stack([a * cosines - b * sines, b * cosines + a * sines], -1).flatten(3)

# Copies
out["reshape.permuted"] = cube.permute(2, 0, 1).reshape(8, 3)
out["reshape.sliced"] = cube[:, 1:, ::1].reshape(2, 8)
out["concatenate"] = torch.cat([cube, cube.flip(1)[:, :2]], 1)
out["stack"] = torch.stack([x, y], 1)
out["padded"] = F.pad(cube, (1, 2, 0, 1), value=-7)
out["tiled"] = x.tile(1, 2)
out["repeated"] = x.repeat_interleave(3, 0)
out["nearest.up"] = F.interpolate(signal(1, 2, 3, 4), scale_factor=2, mode="nearest")
out["nearest.odd"] = F.interpolate(signal(1, 2, 3, 4), size=(5, 3), mode="nearest")
out["nearest.3d"] = F.interpolate(signal(1, 2, 2, 3, 2), size=(2, 6, 4), mode="nearest")
edges = torch.tensor([
    0.0, -0.0, 1.0, 1.00390625, 1.01171875, -1.0009765625, 1.00048828125, 1.00146484375, 65504,
    65519.9, 65520, -70000, 6e-8, 2.9e-8, 2.98023224e-8, 6.1e-5, 1e-40, 3.4e38, 3.3961776e38,
    float("inf"), -float("inf"), float("nan"), 2.5, -2.5, 255.9])
out["edges"] = edges
out["edges.bfloat16"] = edges.bfloat16()
out["edges.float16"] = edges.half()
whole = torch.tensor([2.9, -2.9, 0.0, 0.2, 127.0])
out["whole"] = whole
for dtype in [torch.int64, torch.int32, torch.int16, torch.int8, torch.bool, torch.float64]:
    out[f"whole.{str(dtype)[6:]}"] = whole.to(dtype)
save("operations", out, source)

# Layers
torch.manual_seed(0)
layers = torch.nn.ModuleDict({
    "linear": torch.nn.Linear(4, 6), "plain": torch.nn.Linear(4, 6, bias=False),
    "embedding": torch.nn.Embedding(7, 4), "layerNorm": torch.nn.LayerNorm(4, eps=1e-6),
    "rmsNorm": torch.nn.RMSNorm(4, eps=1e-5), "groupNorm": torch.nn.GroupNorm(3, 6, eps=1e-6),
    "convolution": torch.nn.Conv2d(6, 4, 3, stride=2, padding=1),
    "temporal": torch.nn.Conv3d(6, 6, (3, 1, 1), padding=(1, 0, 0)),
    "transposed": torch.nn.ConvTranspose1d(3, 2, 8, stride=4, padding=2),
    "transposedGrouped": torch.nn.ConvTranspose2d(
        6, 4, 3, stride=(2, 3), padding=1, output_padding=(1, 2), dilation=(2, 1), groups=2),
})
recipe = fill(layers)
image = tensor("image", (2, 6, 5, 4))
out = {
    "linear": layers["linear"](cube), "plain": layers["plain"](cube),
    "embedding": layers["embedding"](torch.tensor([[1, 6, 0]])),
    "layerNorm": layers["layerNorm"](cube), "rmsNorm": layers["rmsNorm"](cube),
    "groupNorm": layers["groupNorm"](image),
    "groupNorm.silu": F.silu(layers["groupNorm"](image)),
    "convolution": layers["convolution"](image),
    "temporal": layers["temporal"](tensor("clip", (1, 6, 4, 2, 3))),
    "transposed": layers["transposed"](cube),
    "transposedGrouped": layers["transposedGrouped"](image),
    "layerNorm.plain": F.layer_norm(cube, (4,)),
}
for name, shape in {"lora_A.default.weight": (2, 4), "lora_B.default.weight": (6, 2)}.items():
    recipe[f"linear.{name}"] = shape
down, up = weight("linear.lora_A.default.weight", (2, 4)), weight("linear.lora_B.default.weight", (6, 2))
out["adapted"] = layers["linear"](cube) + 8 / 2 * F.linear(F.linear(cube, down), up)
out["adapted.relu"] = F.relu(out["adapted"]) + tensor("residual", (2, 3, 6))
save("layers", out, source, recipe=recipe)
