"""Small pictures, sounds and clips, and what the original transforms make of them.

Beside `media.safetensors` it writes the files in `media/`, all drawn here. Needs ffmpeg for the
clips. torchaudio is imported for its Python parts alone.
"""

import math
import pathlib
import subprocess

import kaldi_native_fbank as knf
import numpy as np
import PIL
import torch
import torchaudio
from PIL import Image

import fixture

FOLDER = fixture.FOLDER / "media"
FOLDER.mkdir(exist_ok=True)


def picture(width, height, seed):
    """Smooth colours with some noise and a hard edge."""
    y, x = np.mgrid[0:height, 0:width]
    noise = np.random.default_rng(seed).integers(0, 24, (height, width, 3))
    waves = [np.sin(x / 5 + seed), np.cos(y / 4), np.sin((x + y) / 7)]
    base = np.stack([110 + 100 * wave for wave in waves], axis=-1)
    base[(x > width // 2) & (y > height // 3)] = [250, 4, 90]
    return np.clip(base + noise, 0, 255).astype(np.uint8)


tensors = {}


def keep(name, array):
    tensors[name] = torch.from_numpy(np.ascontiguousarray(array))


def files():
    colour = Image.fromarray(picture(40, 26, 1))
    colour.save(FOLDER / "rgb.png")
    colour.quantize(16).save(FOLDER / "palette.png")
    colour.convert("L").save(FOLDER / "grey.png")
    colour.convert("L").point(lambda v: 255 if v > 120 else 0).convert("1").save(
        FOLDER / "bits.png")
    alpha = colour.copy()
    alpha.putalpha(colour.convert("L"))
    alpha.save(FOLDER / "alpha.png")
    colour.save(FOLDER / "transparent.png", transparency=(250, 4, 90))
    colour.save(FOLDER / "baseline.jpg", quality=90)
    colour.save(FOLDER / "progressive.jpg", quality=90, progressive=True)
    colour.convert("L").save(FOLDER / "grey.jpg", quality=90)
    colour.convert("CMYK").save(FOLDER / "cmyk.jpg", quality=90)
    exif = Image.Exif()
    exif[0x0112] = 6
    colour.save(FOLDER / "rotated.jpg", quality=90, exif=exif)
    colour.save(FOLDER / "picture.webp")
    whole = (FOLDER / "baseline.jpg").read_bytes()
    (FOLDER / "truncated.jpg").write_bytes(whole[: len(whole) * 2 // 3])
    whole = (FOLDER / "rgb.png").read_bytes()
    (FOLDER / "truncated.png").write_bytes(whole[: len(whole) * 2 // 3])
    (FOLDER / "text.jpg").write_text("This is no picture.\n")
    for path in sorted(FOLDER.glob("*.png")) + sorted(FOLDER.glob("*.jpg")):
        if path.stem not in ("truncated", "text"):
            keep(f"decoded/{path.name}", np.array(Image.open(path).convert("RGB")))


def resizes():
    # Pillow 13 takes the passes the other way round for some tall pictures; none of these is one.
    for name, (w, h), size in [
        ("reduced", (61, 37), (17, 11)),
        ("enlarged", (13, 9), (40, 31)),
        ("mixed", (50, 20), (33, 31)),
        ("widthOnly", (30, 12), (9, 12)),
        ("heightOnly", (11, 30), (11, 44)),
    ]:
        source = picture(w, h, len(name))
        keep(f"bicubic/{name}/from", source)
        keep(f"bicubic/{name}/to", np.array(Image.fromarray(source).resize(size, Image.BICUBIC)))


def image_transform(source, size):
    """ImageBind's chain over Pillow, with torchvision's rules for sizes and cuts."""
    image = Image.fromarray(source)
    w, h = image.size
    short, long = min(w, h), max(w, h)
    target = int(size * long / short)
    image = image.resize((size, target) if w <= h else (target, size), Image.BICUBIC)
    left, top = (int(round((side - size) / 2.0)) for side in image.size)
    image = image.crop((left, top, left + size, top + size))
    x = torch.from_numpy(np.array(image)).permute(2, 0, 1).float().div(255)
    return (x - MEAN) / STD


MEAN = torch.tensor([0.48145466, 0.4578275, 0.40821073])[:, None, None]
STD = torch.tensor([0.26862954, 0.26130258, 0.27577711])[:, None, None]


def images():
    for name, (w, h) in [("wide", (75, 40)), ("tall", (33, 64)), ("small", (9, 7))]:
        source = picture(w, h, w)
        keep(f"image/{name}/from", source)
        tensors[f"image/{name}/to"] = image_transform(source, 28)


def noise(count):
    state, values = 12345, []
    for _ in range(count):
        state = (1103515245 * state + 12345) % 2**31
        values.append(0.2 * (state / 2147483647 - 0.5))
    return np.array(values)


def sounds():
    x = noise(4000)
    x = (x - x.mean()).astype(np.float32)
    options = knf.FbankOptions()
    options.frame_opts.dither = 0
    options.frame_opts.window_type = "hanning"
    options.frame_opts.samp_freq = 16000
    options.mel_opts.num_bins = 80
    options.energy_floor = 0
    options.use_energy = False
    bank = knf.OnlineFbank(options)
    bank.accept_waveform(16000, x.tolist())
    bank.input_finished()
    keep("fbank/80", np.stack([bank.get_frame(i) for i in range(bank.num_frames_ready)]))
    wave = torch.from_numpy(x)[None]
    tensors["fbank/128"] = torchaudio.compliance.kaldi.fbank(
        wave, htk_compat=True, sample_frequency=16000, use_energy=False, window_type="hanning",
        num_mel_bins=128, dither=0.0, frame_length=25, frame_shift=10)
    for rate in (44100, 48000, 22050, 8000, 11025):
        tensors[f"resample/{rate}"] = torchaudio.functional.resample(
            wave[:, :1500].double(), rate, 16000)[0].float()


def bilinear():
    for name, (w, h), (nw, nh) in [
        ("reduced", (50, 30), (19, 11)), ("enlarged", (12, 7), (31, 23))
    ]:
        source = picture(w, h, w)
        keep(f"bilinear/{name}/from", source)
        x = torch.from_numpy(source).permute(2, 0, 1)[None].float() / 255
        tensors[f"bilinear/{name}/to"] = torch.nn.functional.interpolate(
            x, size=(nh, nw), mode="bilinear", align_corners=False)[0]


def video_transform(frames, size):
    """pytorchvideo's and ImageBind's chain on `[t, h, w, 3]`, all frames of one clip."""
    x = torch.from_numpy(frames).permute(3, 0, 1, 2).float() / 255
    h, w = x.shape[2:]
    target = (math.floor(h / w * size), size) if w < h else (size, math.floor(w / h * size))
    x = torch.nn.functional.interpolate(x, size=target, mode="bilinear", align_corners=False)
    x = (x - MEAN[..., None]) / STD[..., None]
    h, w = target
    crops = []
    for crop in range(3):
        y, left = math.ceil((h - size) / 2), math.ceil((w - size) / 2)
        if h > w:
            y = (0, y, h - size)[crop]
        else:
            left = (0, left, w - size)[crop]
        crops.append(x[:, :, y : y + size, left : left + size])
    return torch.stack(crops)


def videos():
    for name, (w, h) in [("wide", (57, 34)), ("tall", (30, 41))]:
        frames = np.stack([picture(w, h, seed) for seed in (3, 4)])
        keep(f"video/{name}/from", frames)
        tensors[f"video/{name}/to"] = video_transform(frames, 16)


def ffmpeg(*arguments):
    subprocess.run(["ffmpeg", "-v", "error", "-y", *arguments], check=True)


def clips():
    sound = ["-f", "lavfi", "-i", "sine=frequency=440:sample_rate=8000:duration=0.2"]
    picture = ["-f", "lavfi", "-i", "testsrc=size=32x24:rate=8:duration=3"]
    exact = ["-fflags", "+bitexact", "-flags", "+bitexact"]
    ffmpeg(*sound, "-c:a", "aac", "-b:a", "8k", *exact, str(FOLDER / "sound.mp4"))
    ffmpeg(*sound, "-c:a", "flac", *exact, str(FOLDER / "sound.flac"))
    ffmpeg(*picture, "-c:v", "libvpx", "-b:v", "20k", "-auto-alt-ref", "1", "-lag-in-frames", "10",
           *exact, str(FOLDER / "clip.webm"))
    ffmpeg(*picture, "-c:v", "libx264", "-crf", "40", *exact, str(FOLDER / "clip.mov"))
    ffmpeg(*picture, "-c:v", "mpeg4", "-q:v", "20", *exact, str(FOLDER / "clip.avi"))
    for name in ("clip.webm", "clip.mov", "clip.avi"):
        raw = subprocess.run(
            ["ffmpeg", "-v", "error", "-i", str(FOLDER / name), "-vsync", "0", "-f", "rawvideo",
             "-pix_fmt", "rgb24", "-"], check=True, capture_output=True).stdout
        frames = np.frombuffer(raw, np.uint8).reshape(-1, 24, 32, 3)
        keep(f"frames/{name}", frames[[0, 5, len(frames) - 1]])
        tensors[f"count/{name}"] = torch.tensor([len(frames)], dtype=torch.int32)


for part in (files, resizes, images, sounds, bilinear, videos, clips):
    part()
ffmpeg_version = subprocess.run(["ffmpeg", "-version"], capture_output=True, text=True).stdout
fixture.save(
    "media", tensors,
    f"Pillow {PIL.__version__}, torch {torch.__version__}, torchaudio {torchaudio.__version__}, "
    f"kaldi-native-fbank {knf.__version__}, FFmpeg {ffmpeg_version.split()[2]}")
