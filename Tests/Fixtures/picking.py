"""Indexing and ordering by torch, values and gradients: picking.safetensors."""

import torch
import torch.nn.functional as F

from fixture import save, tensor

found = {}


def case(name, inputs, function):
    leaves = [x.clone().requires_grad_() for x in inputs]
    y = function(*leaves)
    found[name] = y
    (y * tensor("gradient", list(y.shape))).sum().backward()
    for index, leaf in enumerate(leaves):
        found[f"{name}.gradient.{index}"] = leaf.grad


cube = tensor("cube", [4, 5, 6])
ids = torch.tensor([3, 0, 3, 2, 2, 3])
few = torch.tensor([[[1, 0, 3], [3, 3, 2]], [[0, 0, 0], [2, 1, 3]]])  # [2, 2, 3]
source = tensor("source", [2, 2, 3])

case("rows", [tensor("table", [7, 5])], lambda x: F.embedding(torch.tensor([[6, 0], [6, 3]]), x))
for axis in range(3):
    case(f"select.{axis}", [cube], lambda x: x.index_select(axis, ids))
    shape = list(cube.shape)
    shape[axis] = 6
    case(f"add.{axis}", [cube, tensor("slices", shape)], lambda x, s: x.index_add(axis, ids, s))
    case(f"gather.{axis}", [cube], lambda x: x.gather(axis, few))
    case(f"scatterAdd.{axis}", [cube, source], lambda x, s: x.scatter_add(axis, few, s))
distinct = torch.tensor([[[3, 0, 1], [2, 1, 3]], [[0, 2, 2], [1, 3, 0]]])
case("scatter", [cube, source], lambda x, s: x.scatter(1, distinct, s))
case("flip", [cube], lambda x: x.flip(0, 2))
case("roll", [cube], lambda x: x.roll(-7, 1))
case("roll.on", [cube], lambda x: x.roll(2, 0))
image = tensor("image", [2, 3, 4, 5])
case("pad.reflect", [image], lambda x: F.pad(x, (4, 2, 1, 3), mode="reflect"))
case("pad.replicate", [image], lambda x: F.pad(x, (6, 2, 0, 3), mode="replicate"))
case("pad.circular", [image], lambda x: F.pad(x, (5, 2, 1, 4), mode="circular"))
line = tensor("line", [2, 3, 7])
case("pad.line", [line], lambda x: F.pad(x, (6, 5), mode="reflect"))

wide = tensor("wide", [2, 600])
coarse = (tensor("coarse", [5, 90]) * 3).round()
for name, x in [("cube", cube), ("wide", wide), ("coarse", coarse)]:
    for down in (False, True):
        way = "down" if down else "up"
        case(f"sort.{name}.{way}", [x], lambda x: x.sort(dim=1, descending=down, stable=True).values)
        found[f"sort.{name}.{way}.indices"] = x.sort(dim=1, descending=down, stable=True).indices
case("top", [wide], lambda x: x.topk(9).values)
found["top.indices"] = wide.topk(9).indices
case("top.least", [cube], lambda x: x.topk(2, 0, largest=False).values)
odd = torch.tensor([3.0, float("nan"), -0.0, float("inf"), 0.0, -float("inf"), float("nan"), 3])
found["odd.up"] = odd.sort(stable=True).indices
found["odd.down"] = odd.sort(stable=True, descending=True).indices
found["odd.least"] = odd.argmin().reshape(1)
integers = torch.tensor([5, -(1 << 40), 1 << 40, 5, -1, 0, (1 << 40) + 1, -(1 << 40)])
found["integers"] = integers
found["integers.up"], found["integers.up.indices"] = integers.sort(stable=True)
save("picking", found, f"torch {torch.__version__}")
