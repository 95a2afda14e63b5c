"""Checkpoint files as torch, safetensors and NumPy write them, and random numbers as torch draws.

Writes checkpoints.pth, checkpoints-legacy.pth, checkpoints-wrapped.pt, checkpoints.npy,
checkpoints-values.safetensors and random.safetensors.
"""

import collections

import numpy as np
import torch
from fixture import FOLDER, save, tensor


def weights():
    base = tensor("base", (4, 6))
    state = collections.OrderedDict()
    state["float32"] = base
    state["view"] = base[1:3, ::2]  # shares the storage of float32, with strides
    state["transposed"] = base.t()
    state["tied"] = base
    state["expanded"] = torch.tensor([1.5]).expand(3)
    state["float16"] = tensor("half", (5,)).half()
    state["bfloat16"] = tensor("brain", (2, 3)).bfloat16()
    state["float64"] = tensor("double", (3,)).double() / 3
    state["int64"] = torch.tensor([-(2**40), 7])
    state["int32"] = torch.tensor([[1, -2], [3, 4]], dtype=torch.int32)
    state["int16"] = torch.tensor([-300], dtype=torch.int16)
    state["int8"] = torch.tensor([-3, 5], dtype=torch.int8)
    state["uint8"] = torch.tensor([0, 255], dtype=torch.uint8)
    state["bool"] = torch.tensor([True, False, True])
    state["scalar"] = torch.tensor(2.25)
    state["empty"] = torch.zeros(0, 3)
    state["parameter"] = torch.nn.Parameter(tensor("parameter", (2, 2)))
    return state


state = weights()
state._metadata = {"": {"version": 1}}
torch.save(state, FOLDER / "checkpoints.pth")
torch.save(state, FOLDER / "checkpoints-legacy.pth", _use_new_zipfile_serialization=False)
wrapped = {"epoch": 3, "lr": 1e-4, "state_dict": {"a.weight": state["float32"]}, "note": None}
torch.save(wrapped, FOLDER / "checkpoints-wrapped.pt")
np.save(FOLDER / "checkpoints.npy", np.asfortranarray(state["float32"].numpy()))
source = f"torch {torch.__version__}"
save("checkpoints-values", state, source)

random = {}
generator = torch.Generator().manual_seed(0)
for index, count in enumerate([3, 3, 16, 1, 5, 17, 100]):
    random[f"mixed.{index}"] = torch.randn(count, generator=generator)


def seeded(seed):
    return torch.Generator().manual_seed(seed)


random["normal.13"] = torch.randn(1, 8, 9, 16, generator=seeded(13))
random["uniform.7"] = torch.rand(1300, generator=seeded(7))
random["integers.small"] = torch.randint(10, (700,), generator=seeded(0))
random["integers.28bits"] = torch.randint(1 << 28, (9,), generator=seeded(1))
random["integers.below28bits"] = torch.randint((1 << 28) - 1, (9,), generator=seeded(1))
random["integers.wide"] = torch.randint(1 << 40, (9,), generator=seeded(2))
random["permutation"] = torch.randperm(1000, generator=seeded(3))
save("random", random, source)
