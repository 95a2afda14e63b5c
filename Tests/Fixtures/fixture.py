"""What the fixture scripts share: weights by recipe, and saving.

Run a script as `python3 Tests/Fixtures/<name>.py` in an environment with
`Tests/Fixtures/requirements.txt`; it rewrites `<name>.safetensors` beside it.
"""

import json
import pathlib

import numpy as np
import torch
from safetensors.torch import save_file

FOLDER = pathlib.Path(__file__).parent


def numbers(name, count):
    """Uniform numbers in [-1/2, 1/2) from a hash of the name and the index."""
    h = 2166136261
    for byte in name.encode():
        h = ((h ^ byte) * 16777619) & 0xFFFFFFFF
    a = (np.arange(count, dtype=np.uint64) * np.uint64(2654435761) + np.uint64(h)).astype(np.uint32)
    a ^= a >> np.uint32(16)
    a = (a.astype(np.uint64) * np.uint64(73244475)).astype(np.uint32)
    a ^= a >> np.uint32(16)
    return a.astype(np.float64) / 4294967296.0 - 0.5


def weight(name, shape):
    u = numbers(name, int(np.prod(shape, dtype=np.int64)))
    if len(shape) >= 2:
        value = 2 * u / np.sqrt(u.size / shape[0])
    else:
        value = (1.0 if name.endswith(".weight") else 0.0) + 0.2 * u
    return torch.from_numpy(value.astype(np.float32).reshape(shape))


def tensor(name, shape, scale=4.0):
    u = numbers(name, int(np.prod(shape, dtype=np.int64)))
    return torch.from_numpy((scale * u).astype(np.float32).reshape(shape))


def fill(module, rename=lambda name: name):
    """Gives every floating tensor of the state dict its recipe value.

    Returns {canonical name: shape}: the `recipe` of the fixture. `rename` maps the original's
    name to the canonical one, whose hash counts; None leaves a tensor out.
    """
    recipe = {}
    with torch.no_grad():
        for name, value in module.state_dict().items():
            canonical = rename(name)
            if canonical is None or not value.is_floating_point():
                continue
            value.copy_(weight(canonical, tuple(value.shape)))
            recipe[canonical] = list(value.shape)
    return recipe


def save(name, tensors, source, config=None, recipe=None):
    metadata = {"format": "pt", "source": source}
    if config is not None:
        metadata["config"] = json.dumps(config)
    if recipe is not None:
        metadata["recipe"] = json.dumps(recipe)
    tensors = {key: value.detach().contiguous().clone() for key, value in tensors.items()}
    path = FOLDER / f"{name}.safetensors"
    save_file(tensors, path, metadata)
    print(f"{path.name}: {path.stat().st_size} bytes, {source}")
