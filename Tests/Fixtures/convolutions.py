"""Convolutions and their gradients, as torch computes them on the recipe's inputs.

Each case is one entry of `cases`: its name, the shapes of operand and weight, and the geometry, in
the order in which `ConvolutionGradientTests.swift` lists them. Writes convolutions.safetensors.
"""

import torch
import torch.nn.functional as F
from fixture import save, tensor

# name: (operand, weight, stride, padding, dilation, groups, output padding or None)
cases = {
    "1d": ((2, 4, 11), (6, 2, 3), 2, 3, 2, 2, None),
    "2d.winograd": ((2, 20, 9, 10), (18, 20, 3, 3), 1, 1, 1, 1, None),
    "2d.winograd.valid": ((1, 33, 7, 6), (17, 33, 3, 3), 1, 0, 1, 1, None),
    "2d.strided": ((2, 3, 8, 9), (5, 3, 3, 3), 2, 1, 1, 1, None),
    "2d.point": ((2, 4, 3, 5), (6, 4, 1, 1), 1, 0, 1, 1, None),
    "2d.patches": ((2, 3, 9, 8), (4, 3, 4, 4), 4, 0, 1, 1, None),
    "2d.depthwise": ((2, 6, 5, 7), (6, 1, 3, 3), 1, 2, 2, 6, None),
    "3d.temporal": ((1, 5, 4, 3, 3), (6, 5, 3, 1, 1), 1, (1, 0, 0), 1, 1, None),
    "3d": ((1, 2, 4, 5, 6), (3, 2, 2, 3, 3), 2, 1, 1, 1, None),
    "transposed.1d": ((2, 4, 5), (4, 3, 8), 4, 2, 1, 1, 0),
    "transposed.1d.dilated": ((2, 4, 6), (4, 3, 3), 2, 1, 2, 2, 1),
    "transposed.2d": ((2, 2, 3, 4), (2, 3, 3, 2), (2, 1), (1, 0), 1, 1, 0),
    "transposed.2d.winograd": ((1, 20, 6, 7), (20, 18, 3, 3), 1, 1, 1, 1, 0),
    "transposed.3d": ((1, 2, 2, 3, 3), (2, 3, 3, 2, 2), (1, 2, 2), 1, 1, 1, 0),
}
forward = {3: F.conv1d, 4: F.conv2d, 5: F.conv3d}
backward = {3: F.conv_transpose1d, 4: F.conv_transpose2d, 5: F.conv_transpose3d}
out = {}
for name, (shape, kernel, stride, padding, dilation, groups, extra) in cases.items():
    x, w = tensor("signal", shape), tensor("kernel", kernel, 1)
    b = tensor("bias", (kernel[0] if extra is None else kernel[1] * groups,))
    for operand in (x, w, b):
        operand.requires_grad_()
    if extra is None:
        y = forward[len(shape)](x, w, b, stride, padding, dilation, groups)
    else:
        y = backward[len(shape)](x, w, b, stride, padding, extra, groups, dilation)
    y.backward(tensor("arriving", tuple(y.shape)))
    out |= {f"{name}.y": y, f"{name}.x": x.grad, f"{name}.weight": w.grad, f"{name}.bias": b.grad}
save("convolutions", out, f"torch {torch.__version__}")
