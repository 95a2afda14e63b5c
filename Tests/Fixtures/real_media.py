"""What ImageBind's own transforms make of real photographs, sounds and clips.

    python3 Tests/Fixtures/real_media.py FOLDER SOURCES

gathers files that come with packages in FOLDER, where the tests find them by SOUTHGPT_REAL_MEDIA, and
stores some numbers of each result in `real_media.safetensors`. None of the files is part of this
repository. SOURCES holds the unpacked sources of pytorchvideo 0.1.5 and imagebind-packaged 0.1.2.

Photographs: scikit-image, scikit-learn, matplotlib. Sounds: Debian's alsa-utils and
sound-theme-freedesktop, pygame. Clips: pygame's, and one that ffmpeg makes of a photograph.
"""

import ast
import glob
import importlib.util
import logging
import math
import pathlib
import shutil
import subprocess
import sys
import types
import zipfile

import decord
import numpy as np
import PIL
import soundfile
import torch
import torchaudio
import torchaudio.compliance.kaldi
from PIL import Image

import fixture

FOLDER, SOURCES = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
FOLDER.mkdir(parents=True, exist_ok=True)
tensors = {}


def module(name, pattern):
    path = glob.glob(str(SOURCES / pattern))[0]
    spec = importlib.util.spec_from_file_location(name, path)
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    return loaded


def functions(pattern, names):
    """Functions of a module whose imports cannot all be met."""
    path = glob.glob(str(SOURCES / pattern))[0]
    tree = ast.parse(pathlib.Path(path).read_text())
    tree.body = [
        node for node in tree.body
        if isinstance(node, ast.FunctionDef) and node.name in names
        or isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "").startswith("DEFAULT")
    ]
    space = {"torch": torch, "torchaudio": torchaudio, "math": math, "logging": logging}
    exec(compile(tree, path, "exec"), space)
    return types.SimpleNamespace(**{name: space[name] for name in names})


sampling = module("clip_sampling", "pytorchvideo-*/pytorchvideo/data/clip_sampling.py")
scaling = functions(
    "pytorchvideo-*/pytorchvideo/transforms/functional.py",
    ["uniform_temporal_subsample", "short_side_scale"])
original = functions(
    "imagebind*/imagebind/data.py", ["waveform2melspec", "get_clip_timepoints", "uniform_crop"])
MEAN = torch.tensor([0.48145466, 0.4578275, 0.40821073])
STD = torch.tensor([0.26862954, 0.26130258, 0.27577711])


def gather():
    import skimage
    import sklearn

    packages = pathlib.Path(skimage.__file__).parents[1]
    for pattern in ["skimage/data/*.png", "skimage/data/*.jpg", "sklearn/datasets/images/*.jpg",
                    "matplotlib/mpl-data/sample_data/*.jpg", "pygame/examples/data/house_lo.*",
                    "pygame/examples/data/blue.mpg"]:
        for path in sorted(packages.glob(pattern)):
            shutil.copy(path, FOLDER)
    for wheel in SOURCES.glob("*.whl"):
        with zipfile.ZipFile(wheel) as archive:
            for name in archive.namelist():
                base = name.rsplit("/", 1)[-1]
                if base in ("grace_hopper.jpg", "house_lo.wav", "house_lo.mp3", "house_lo.ogg",
                            "blue.mpg"):
                    (FOLDER / base).write_bytes(archive.read(name))
    for path in glob.glob("/usr/share/sounds/alsa/Front_*.wav"):
        shutil.copy(path, FOLDER)
    for name in ("alarm-clock-elapsed", "complete", "phone-incoming-call"):
        path = f"/usr/share/sounds/freedesktop/stereo/{name}.oga"
        if pathlib.Path(path).exists():
            shutil.copy(path, FOLDER)
    subprocess.run(
        ["ffmpeg", "-v", "error", "-y", "-loop", "1", "-i", str(FOLDER / "coffee.png"), "-vf",
         "zoompan=z='1+on/300':d=1:s=480x320:fps=25", "-t", "9", "-c:v", "libx264", "-pix_fmt",
         "yuv420p", str(FOLDER / "coffee.mp4")], check=True)


def image(path):
    source = Image.open(path).convert("RGB")
    w, h = source.size
    target = int(224 * max(w, h) / min(w, h))
    size = (224, target) if w <= h else (target, 224)
    resized = source.resize(size, Image.BICUBIC)
    left, top = (int(round((side - 224) / 2.0)) for side in size)
    cut = np.array(resized.crop((left, top, left + 224, top + 224)))
    tensors[f"image/{path.name}"] = torch.from_numpy(cut[::9, ::9].copy())
    tensors[f"sum/{path.name}"] = torch.tensor([int(cut.sum(dtype=np.int64))], dtype=torch.int32)


def sound(path):
    samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    wave = torch.from_numpy(samples.T.copy())
    if rate != 16000:
        # In float32 torchaudio is up to 2e-5 away from its own formula.
        wave = torchaudio.functional.resample(wave.double(), rate, 16000).float()
    sampler = sampling.ConstantClipsPerVideoSampler(clip_duration=2, clips_per_video=3)
    points = original.get_clip_timepoints(sampler, wave.size(1) / 16000)
    clips = []
    for start, end in points:
        # A copy: the original takes each mean off in place, so overlapping clips change.
        clip = wave[:, int(start * 16000) : int(end * 16000)].clone()
        clips.append((original.waveform2melspec(clip, 16000, 128, 204) + 4.268) / 9.138)
    tensors[f"sound/{path.name}"] = torch.stack(clips)[:, 0, ::8, ::12].contiguous()
    tensors[f"wave/{path.name}"] = wave[0, ::501].contiguous()


def clip(path):
    decord.bridge.set_bridge("torch")
    reader = decord.VideoReader(str(path))
    rate, count = reader.get_avg_fps(), len(reader)
    sampler = sampling.ConstantClipsPerVideoSampler(clip_duration=2, clips_per_video=5)
    kept, views = [], []
    for start, end in original.get_clip_timepoints(sampler, float(count) / float(rate)):
        frames = list(range(math.ceil(rate * start), min(math.ceil(rate * end), count)))
        indices = torch.tensor(frames, dtype=torch.float32)[None, :, None, None]
        few = scaling.uniform_temporal_subsample(indices, 2)[0, :, 0, 0].long().tolist()
        kept += few
        x = reader.get_batch(few).permute(3, 0, 1, 2).float() / 255
        x = scaling.short_side_scale(x, 224)
        x = (x - MEAN[:, None, None, None]) / STD[:, None, None, None]
        views += [original.uniform_crop(x, 224, crop)[0] for crop in range(3)]
    tensors[f"kept/{path.name}"] = torch.tensor(kept, dtype=torch.int32)
    tensors[f"clip/{path.name}"] = torch.stack(views)[..., ::32, ::32].contiguous()


gather()
for path in sorted(FOLDER.iterdir()):
    try:
        if path.suffix in (".png", ".jpg"):
            image(path)
        elif path.suffix in (".wav", ".ogg", ".oga", ".mp3"):
            sound(path)
        else:
            clip(path)
    except Exception as error:
        print(f"{path.name} left out: {error}")
fixture.save(
    "real_media", tensors,
    f"ImageBind's transforms, pytorchvideo 0.1.5, torch {torch.__version__}, "
    f"torchaudio {torchaudio.__version__}, decord {decord.__version__}, Pillow {PIL.__version__}")
