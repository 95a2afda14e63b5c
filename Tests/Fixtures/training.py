"""Fifty steps of AdamW of the two small networks that `southgpt-bench` trains, at tiny sizes."""

import importlib.util

import torch
import torch.nn.functional as F
from fixture import FOLDER, fill, numbers, save, tensor

path = FOLDER.parent.parent / "Scripts" / "time-torch.py"
spec = importlib.util.spec_from_file_location("networks", path)
networks = importlib.util.module_from_spec(spec)
spec.loader.exec_module(networks)

STEPS, RATE = 50, 1e-3


def integers(name, shape, below):
    count = torch.Size(shape).numel()
    return torch.from_numpy(((numbers(name, count) + 0.5) * below).astype("int64")).view(shape)


def train(model, loss):
    """The losses, the first gradients, and the weights after the last step."""
    recipe = fill(model)
    optimizer = torch.optim.AdamW(model.parameters(), RATE)
    losses, first = [], {}
    for step in range(STEPS):
        optimizer.zero_grad()
        value = loss(step)
        value.backward()
        if step == 0:
            first = {name: p.grad.clone() for name, p in model.named_parameters()}
        optimizer.step()
        losses.append(value.detach())
    kept = {"losses": torch.stack(losses)}
    for name, value in model.named_parameters():
        kept[f"gradient.{name}"] = first[name]
    return kept, recipe


def transformer():
    sizes = dict(vocabulary=32, width=32, layers=2, heads=4, context=16)
    model = networks.Transformer(**sizes)

    def loss(step):
        ids = integers(f"ids.{step % 5}", (4, 17), 32)
        return model(ids[:, :-1], ids[:, 1:])

    kept, recipe = train(model, loss)
    save("training_transformer", kept, f"torch {torch.__version__}", sizes, recipe)


def unet():
    model = networks.unet(channels=(8, 16, 16), groups=4, layers=1)

    def loss(step):
        x = tensor(f"x.{step % 5}", (2, 3, 8, 8), 2)
        noise = tensor(f"noise.{step % 5}", (2, 3, 8, 8), 2)
        steps = integers(f"steps.{step % 5}", (2,), 1000)
        return F.mse_loss(model(x, steps).sample, noise)

    kept, recipe = train(model, loss)
    import diffusers

    source = f"diffusers {diffusers.__version__}, torch {torch.__version__}"
    save("training_unet", kept, source, None, recipe)


torch.manual_seed(0)
transformer()
unet()
