"""Steps of torch.optim.AdamW on the recipe's weights and gradients. Writes optimizing.safetensors."""

import torch
from fixture import save, tensor

weight = tensor("weight", (37,)).requires_grad_()
optimizer = torch.optim.AdamW([weight], lr=0.01, betas=(0.9, 0.95), eps=1e-8, weight_decay=0.1)
out = {}
for step in range(1, 5):
    weight.grad = tensor(f"gradient {step}", (37,))
    optimizer.step()
    out[f"weight.{step}"] = weight.detach().clone()
state = optimizer.state[weight]
out |= {"first": state["exp_avg"], "second": state["exp_avg_sq"]}
save("optimizing", out, f"torch {torch.__version__}")
