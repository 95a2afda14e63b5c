"""torch.nn.functional.interpolate, values and gradients: resizing.safetensors."""

import torch
import torch.nn.functional as F

from fixture import save, tensor

found = {}


def case(name, x, **how):
    x = x.clone().requires_grad_()
    y = F.interpolate(x, **how)
    found[name] = y
    (y * tensor("gradient", list(y.shape))).sum().backward()
    found[f"{name}.gradient"] = x.grad


image = tensor("image", [1, 2, 6, 7])
for mode in ("bilinear", "bicubic"):
    for size in ((12, 15), (4, 5), (6, 11), (1, 1)):
        name = f"{mode}.{size[0]}x{size[1]}"
        case(name, image, size=size, mode=mode)
        case(f"{name}.corners", image, size=size, mode=mode, align_corners=True)
        case(f"{name}.smooth", image, size=size, mode=mode, antialias=True)
    case(f"{mode}.scaled", image, scale_factor=(1.7, 0.6), mode=mode,
         recompute_scale_factor=False)
case("nearest", image, size=(14, 5))
case("linear", tensor("line", [2, 3, 11]), size=25, mode="linear")
case("trilinear", tensor("volume", [1, 2, 3, 4, 5]), size=(5, 3, 8), mode="trilinear")
save("resizing", found, f"torch {torch.__version__}")
