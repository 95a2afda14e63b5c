"""Decompositions by torch.linalg in float64: linear_algebra.safetensors."""

import torch

from fixture import save, tensor

a = tensor("a", [2, 6, 4]).double()
wide = tensor("wide", [3, 5]).double()
square = tensor("square", [5, 5]).double()
right = tensor("right", [6, 2]).double()
positive = square @ square.T + 0.5 * torch.eye(5, dtype=torch.float64)
singular = wide.T @ wide  # rank 3 of 5

found = {"positive": positive, "singular": singular}
found["qr.q"], found["qr.r"] = torch.linalg.qr(a)
found["qr.wide.q"], found["qr.wide.r"] = torch.linalg.qr(wide)
found["svd.s"] = torch.linalg.svdvals(a)
found["svd.wide.s"] = torch.linalg.svdvals(wide)
found["eigen.values"] = torch.linalg.eigvalsh(positive)
found["cholesky"] = torch.linalg.cholesky(positive)
values, vectors = torch.linalg.eigh(singular)
found["root"] = vectors @ torch.diag(values.clamp(min=0).sqrt()) @ vectors.T
found["trace"] = torch.linalg.eigvals(positive @ singular).sqrt().real.sum().reshape(1)
found["least"] = torch.linalg.lstsq(a[0], right).solution
found["least.singular"] = torch.linalg.lstsq(
    singular, tensor("side", [5, 1]).double(), rcond=1e-10, driver="gelsd").solution
save("linear_algebra", found, f"torch {torch.__version__}, torch.linalg")
