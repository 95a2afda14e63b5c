#!/usr/bin/env python3
"""The other side of `southgpt-bench data`: reads requests as lines of JSON, answers each with the
files loaded in a second.

    southgpt-bench data --peer "python3 Scripts/time-data.py" \
        --peer "python3 Scripts/time-data.py pyav"

Pictures by Pillow and torchvision, sounds by soundfile and torchaudio, clips by decord (or PyAV) and
torch, each as ImageBind's own loaders use them, but for clips only the frames that are kept are asked
for, which is faster than the original. Workers are processes, as in a DataLoader.

Needs the packages of Tests/Fixtures/requirements.txt, and decord or av.
"""

import json
import math
import multiprocessing
import os
import sys
import time
import types

import torch

CLIP_READER = sys.argv[1] if len(sys.argv) > 1 else "decord"
THREADS = int(os.environ.get("SOUTHGPT_THREADS", os.cpu_count()))


def import_transforms():
    """torchvision's and torchaudio's Python parts, also where their compiled parts were built for
    another torch: nothing that is timed here is in those."""
    try:
        import torchvision.transforms as transforms
    except RuntimeError:
        for name in [name for name in sys.modules if name.startswith("torchvision")]:
            del sys.modules[name]
        operations = torch.library.Library("torchvision", "DEF")
        for name in ("nms", "qnms"):
            operations.define(name + "(Tensor dets, Tensor scores, float threshold) -> Tensor")
        import_transforms.kept = operations
        import torchvision.transforms as transforms
    try:
        import torchaudio
    except OSError:
        for name in [name for name in sys.modules if name.startswith("torchaudio")]:
            del sys.modules[name]
        extension = types.ModuleType("torchaudio._extension")
        extension._IS_TORCHAUDIO_EXT_AVAILABLE = False
        extension.fail_if_no_align = lambda function: function
        sys.modules["torchaudio._extension"] = extension
        import torchaudio
    import torchaudio.compliance.kaldi

    return transforms, torchaudio


transforms, torchaudio = import_transforms()

MEAN, STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)


def load_image(path):
    from PIL import Image

    image = Image.open(path).convert("RGB")
    return IMAGE(image)


IMAGE = transforms.Compose([
    transforms.Resize(224, interpolation=transforms.InterpolationMode.BICUBIC),
    transforms.CenterCrop(224),
    transforms.ToTensor(),
    transforms.Normalize(MEAN, STD),
])


def clip_starts(duration, clips):
    return [max(duration - 2, 0) / clips * index for index in range(clips)]


def load_sound(path):
    import soundfile

    samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    wave = torch.from_numpy(samples.T)
    if rate != 16000:
        wave = torchaudio.functional.resample(wave, rate, 16000)
    clips = []
    for start in clip_starts(wave.shape[1] / 16000, 3):
        clip = wave[:, int(start * 16000) : int((start + 2) * 16000)]
        clip = clip - clip.mean()
        bank = torchaudio.compliance.kaldi.fbank(
            clip, htk_compat=True, sample_frequency=16000, use_energy=False,
            window_type="hanning", num_mel_bins=128, dither=0.0, frame_length=25, frame_shift=10)
        bank = torch.nn.functional.pad(bank.T, (0, 204 - bank.shape[0]))
        clips.append((bank[None] + 4.268) / 9.138)
    return torch.stack(clips)


def kept_frames(count, rate):
    kept = []
    for start in clip_starts(count / rate, 5):
        first = math.ceil(rate * start)
        last = min(math.ceil(rate * (start + 2)), count) - 1
        kept += [first, last]
    return kept


def load_clip(path):
    if CLIP_READER == "pyav":
        kept, frames = frames_by_pyav(path)
    else:
        import decord

        decord.bridge.set_bridge("torch")
        reader = decord.VideoReader(path, num_threads=THREADS)
        kept = kept_frames(len(reader), reader.get_avg_fps())
        frames = reader.get_batch(kept)
    x = frames.permute(3, 0, 1, 2).float() / 255
    h, w = x.shape[2:]
    size = (math.floor(h / w * 224), 224) if w < h else (224, math.floor(w / h * 224))
    views = []
    for clip in x.split(2, dim=1):
        clip = torch.nn.functional.interpolate(
            clip, size=size, mode="bilinear", align_corners=False)
        clip = (clip - torch.tensor(MEAN)[:, None, None, None]) / (
            torch.tensor(STD)[:, None, None, None])
        h, w = size
        for crop in range(3):
            y, left = math.ceil((h - 224) / 2), math.ceil((w - 224) / 2)
            if h > w:
                y = (0, y, h - 224)[crop]
            else:
                left = (0, left, w - 224)[crop]
            views.append(clip[:, :, y : y + 224, left : left + 224])
    return torch.stack(views)


def frames_by_pyav(path):
    import av

    with av.open(path) as container:
        stream = container.streams.video[0]
        stream.thread_count = THREADS
        stream.thread_type = "AUTO"
        kept = kept_frames(stream.frames, float(stream.average_rate))
        wanted, found = set(kept), {}
        for index, frame in enumerate(container.decode(stream)):
            if index in wanted:
                found[index] = torch.from_numpy(frame.to_ndarray(format="rgb24"))
            if len(found) == len(wanted):
                break
    return kept, torch.stack([found[index] for index in kept])


LOADERS = {"image": load_image, "sound": load_sound, "clip": load_clip}


def work(request, first):
    torch.set_num_threads(THREADS if request["workers"] == 1 else 1)
    load, files = LOADERS[request["load"]], request["files"]
    load(files[first % len(files)])
    done, start = 0, time.perf_counter()
    while done == 0 or time.perf_counter() - start < request["seconds"]:
        load(files[(first + done * request["workers"]) % len(files)])
        done += 1
    return done / (time.perf_counter() - start)


def main():
    import PIL

    reader = __import__("av" if CLIP_READER == "pyav" else "decord")
    print(
        f"Pillow {PIL.__version__}, torchaudio {torchaudio.__version__}, "
        f"{CLIP_READER} {reader.__version__}", flush=True)
    pools = {}
    for line in sys.stdin:
        request = json.loads(line)
        workers = request["workers"]
        if workers == 1:
            speed = work(request, 0)
        else:
            if workers not in pools:
                pools[workers] = multiprocessing.get_context("forkserver").Pool(workers)
            jobs = [(request, index) for index in range(workers)]
            speed = sum(pools[workers].starmap(work, jobs, chunksize=1))
        print(speed, flush=True)


if __name__ == "__main__":
    main()
