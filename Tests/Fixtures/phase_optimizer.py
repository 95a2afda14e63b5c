"""Steps of torch.optim.AdamW as a run takes them: two groups, clipping, a weight that is not always
touched, and a weight stored in bfloat16 beside its float32 master."""

import torch

from fixture import save, tensor

wide = torch.nn.Parameter(tensor("wide", (5, 7), 1))
narrow = torch.nn.Parameter(tensor("narrow", (3,), 1))
seldom = torch.nn.Parameter(tensor("seldom", (2, 2), 1))
stored = tensor("stored", (6,), 1).bfloat16()
master = torch.nn.Parameter(stored.float())
optimizer = torch.optim.AdamW(
    [
        {"params": [wide, seldom]},
        {"params": [narrow, master], "weight_decay": 0.0, "lr": 0.005},
    ],
    0.01,
    betas=(0.9, 0.95),
    eps=1e-6,
    weight_decay=0.1,
)
kept = {}
for step in range(6):
    for name, weight in dict(wide=wide, narrow=narrow, seldom=seldom, stored=master).items():
        weight.grad = tensor(f"{name}.{step}", tuple(weight.shape), 0.1 * (step + 1))
    if step % 2 == 0:
        seldom.grad = None
    weights = [wide, seldom, narrow, master]
    norm = torch.nn.utils.clip_grad_norm_(weights, 0.5)
    optimizer.step()
    kept[f"norm.{step}"] = norm
    for name, weight in dict(wide=wide, narrow=narrow, seldom=seldom, master=master).items():
        kept[f"{name}.{step}"] = weight.clone()
    kept[f"stored.{step}"] = master.bfloat16()
save("phase_optimizer", kept, f"torch {torch.__version__}")
