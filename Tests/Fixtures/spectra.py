"""Fourier transforms by torch, values and gradients: spectra.safetensors."""

import torch

from fixture import save, tensor

found = {}


def case(name, x, function):
    x = x.clone().requires_grad_()
    y = function(x)
    found[name] = y
    (y * tensor("gradient", list(y.shape))).sum().backward()
    found[f"{name}.gradient"] = x.grad


def view(function):
    return lambda x: torch.view_as_real(function(torch.view_as_complex(x)))


for n in (1, 2, 7, 12, 30, 37):
    case(f"complex.{n}", tensor("pairs", [3, n, 2]), view(torch.fft.fft))
    case(f"complex.{n}.inverse", tensor("pairs", [3, n, 2]), view(torch.fft.ifft))
    case(f"real.{n}", tensor("row", [3, n]), lambda x: torch.view_as_real(torch.fft.rfft(x)))
    case(f"real.{n}.inverse", tensor("bins", [3, n // 2 + 1, 2]),
         lambda x: torch.fft.irfft(torch.view_as_complex(x), n))
sound = tensor("sound", [2, 100])
hann = torch.hann_window(16)
found["hann"] = torch.hann_window(21)
found["hann.symmetric"] = torch.hann_window(21, periodic=False)


def stft(x, window, size=16, **how):
    y = torch.stft(x, size, 5, window=window, return_complex=True, **how)
    return torch.view_as_real(y)


case("stft", sound, lambda x: stft(x, hann, win_length=16))
case("stft.short", sound, lambda x: stft(x, torch.hann_window(11), win_length=11))
case("stft.left", sound, lambda x: stft(x, None, center=False))
case("stft.odd", sound, lambda x: stft(x, torch.hann_window(15), 15, pad_mode="replicate"))


def istft(x, **how):
    return torch.istft(torch.view_as_complex(x), 16, 5, window=hann, **how)


spectrum = tensor("spectrum", [2, 9, 21, 2])
case("istft", spectrum, lambda x: istft(x))
case("istft.length", spectrum, lambda x: istft(x, length=93))
save("spectra", found, f"torch {torch.__version__}")
