"""Reference values of the vocoder: transformers' own, at tiny sizes.

Writes vocoder, and vocoder_normalized, which scales its input and stores its weights as the pairs
of weight normalisation.
"""

import torch
import transformers
from transformers import SpeechT5HifiGan, SpeechT5HifiGanConfig

from fixture import fill, save, tensor

SOURCE = f"SpeechT5HifiGan, transformers {transformers.__version__}, torch {torch.__version__}"
KEYS = (
    "model_in_dim sampling_rate upsample_initial_channel upsample_rates upsample_kernel_sizes "
    "resblock_kernel_sizes resblock_dilation_sizes leaky_relu_slope normalize_before").split()


def model(**overrides):
    return SpeechT5HifiGan(SpeechT5HifiGanConfig(**{
        "model_in_dim": 8, "sampling_rate": 16000, "upsample_initial_channel": 32,
        "upsample_rates": [5, 2], "upsample_kernel_sizes": [16, 4],
        "resblock_kernel_sizes": [3, 7], "resblock_dilation_sizes": [[1, 3], [1, 3]],
        "leaky_relu_slope": 0.1, "normalize_before": False, **overrides})).eval()


def config(vocoder):
    return {key: getattr(vocoder.config, key) for key in KEYS}


if __name__ == "__main__":
    plain = model()
    recipe = fill(plain)
    with torch.no_grad():
        wave = plain(tensor("mel", (1, 6, 8)))
        batch = plain(tensor("mels", (2, 3, 8)))
    save("vocoder", {"wave": wave, "batch": batch}, SOURCE, config(plain), recipe)

    paired = model(
        normalize_before=True, upsample_initial_channel=8, upsample_rates=[3],
        upsample_kernel_sizes=[5], resblock_kernel_sizes=[3, 5, 7],
        resblock_dilation_sizes=[[1, 2, 3]] * 3)
    paired.apply_weight_norm()
    torch.manual_seed(0)
    with torch.no_grad():
        for name, value in paired.state_dict().items():
            value.copy_(torch.rand_like(value) - (-0.5 if name == "scale" else 0.5))
        wave = paired(tensor("mel", (2, 5, 8)))
    weights = {f"weights.{key}": value for key, value in paired.state_dict().items()}
    save("vocoder_normalized", {"wave": wave, **weights}, SOURCE, config(paired))
