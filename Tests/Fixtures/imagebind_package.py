"""The network of the package `imagebind-packaged==0.1.2`, which must be on the path.

The libraries that merely its data loading imports are stood in for. Makes no fixture itself.
"""

import importlib.util
import sys
import types

import torch


def stand_in(name, **members):
    module = types.ModuleType(name)
    for key, value in members.items():
        setattr(module, key, value)
    sys.modules[name] = module
    return module


def modules():
    """The package's `imagebind_model` and `multimodal_preprocessors`."""
    class DropPath(torch.nn.Identity):  # the identity at inference, whatever its rate
        def __init__(self, rate=0.0):
            super().__init__()

    def rearrange(x, pattern):
        assert pattern in ("b l d -> l b d", "l b d -> b l d")
        return x.transpose(0, 1)

    stand_in("einops", rearrange=rearrange)
    stand_in("timm")
    stand_in("timm.models")
    stand_in(
        "timm.models.layers", DropPath=DropPath, trunc_normal_=torch.nn.init.trunc_normal_)
    stand_in("iopath")
    stand_in("iopath.common")
    stand_in("iopath.common.file_io", g_pathmgr=None)
    # The package's own __init__ imports its data loading, and with it torchaudio.
    spec = importlib.util.find_spec("imagebind")
    stand_in("imagebind").__path__ = list(spec.submodule_search_locations)
    from imagebind.models import imagebind_model, multimodal_preprocessors

    # The vocabulary's file is not in every release of the package, and ids are given directly.
    multimodal_preprocessors.SimpleTokenizer = lambda *_, **__: None
    return imagebind_model, multimodal_preprocessors
