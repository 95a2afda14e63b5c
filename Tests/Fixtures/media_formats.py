"""Pictures, sounds and clips of the formats that people have, and what other readers make of them.

Beside `media_formats.safetensors` it writes the files in `media/formats/`, all drawn here. Needs
ffmpeg for what Pillow and soundfile do not write.
"""

import io
import subprocess

import decord
import numpy as np
import PIL
import soundfile
import torch
from PIL import Image, ImageOps

import fixture

FOLDER = fixture.FOLDER / "media" / "formats"
FOLDER.mkdir(exist_ok=True)
tensors = {}


def keep(name, array):
    tensors[name] = torch.from_numpy(np.ascontiguousarray(array))


def picture(width=20, height=14):
    """Smooth colours, a hard edge, and no symmetry."""
    y, x = np.mgrid[0:height, 0:width]
    waves = [np.sin(x / 3), np.cos(y / 4 + 1), np.sin((x + 2 * y) / 6)]
    base = np.stack([120 + 100 * wave for wave in waves], axis=-1)
    base[(x > width // 2) & (y > height // 3)] = [250, 4, 90]
    return Image.fromarray(np.clip(base, 0, 255).astype(np.uint8))


def ffmpeg(*arguments):
    subprocess.run(
        ["ffmpeg", "-v", "error", "-y", *arguments[:-1], "-fflags", "+bitexact", "-flags",
         "+bitexact", "-map_metadata", "-1", str(FOLDER / arguments[-1])], check=True)


def expect(name, image=None):
    """What Pillow reads, as ImageBind does."""
    keep(f"picture/{name}", np.array((image or Image.open(FOLDER / name)).convert("RGB")))


def pictures():
    colour = picture()
    grey = colour.convert("L")
    alpha = colour.copy()
    alpha.putalpha(grey.point(lambda v: max(v, 1)))
    for turn in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = turn
        name = f"turned{turn}.jpg"
        # Whole blocks, so that a turned picture has the same bytes as one that was stored turned.
        grey.save(FOLDER / name, quality=60, exif=exif)
        expect(name)
        keep(f"shown/{name}",
             np.array(ImageOps.exif_transpose(Image.open(FOLDER / name)).convert("RGB")))
    exif = Image.Exif()
    exif[0x0112] = 6
    for name in ("turned.png", "turned.webp"):
        options = {"lossless": True} if name.endswith("webp") else {}
        colour.save(FOLDER / name, exif=exif, **options)
        expect(name)
        keep(f"shown/{name}",
             np.array(ImageOps.exif_transpose(Image.open(FOLDER / name)).convert("RGB")))

    colour.quantize(4).save(FOLDER / "two-bits.png", bits=2)
    colour.quantize(16).save(FOLDER / "four-bits.png", bits=4)
    alpha.convert("LA").save(FOLDER / "grey-alpha.png")
    alpha.quantize(16, method=Image.Quantize.FASTOCTREE).save(FOLDER / "palette-alpha.png")
    for name in ("two-bits", "four-bits", "grey-alpha", "palette-alpha"):
        expect(f"{name}.png")
    raw = FOLDER / "raw.png"
    colour.save(raw)
    ffmpeg("-i", str(raw), "-flags", "+ildct", "interlaced.png")
    ffmpeg("-i", str(raw), "-pix_fmt", "rgb48be", "deep.png")
    ffmpeg("-i", str(raw), "-pix_fmt", "rgba64be", "deep-alpha.png")
    ffmpeg("-i", str(raw), "-pix_fmt", "gray16be", "deep-grey.png")
    ffmpeg("-i", str(raw), "-pix_fmt", "ya16be", "deep-grey-alpha.png")
    raw.unlink()
    for name in ("interlaced", "deep", "deep-alpha", "deep-grey-alpha"):
        expect(f"{name}.png")
    # Pillow clips 16-bit grey; the upper byte is meant.
    deep = np.array(Image.open(FOLDER / "deep-grey.png"))
    keep("picture/deep-grey.png", np.repeat((deep >> 8).astype(np.uint8)[..., None], 3, -1))

    colour.save(FOLDER / "lossless.webp", lossless=True)
    alpha.save(FOLDER / "lossless-alpha.webp", lossless=True)
    colour.save(FOLDER / "lossy.webp", quality=80)
    alpha.save(FOLDER / "lossy-alpha.webp", quality=80)
    colour.save(FOLDER / "animated.webp", save_all=True, lossless=True,
                append_images=[ImageOps.mirror(colour)], duration=100)
    colour.quantize(32).save(FOLDER / "still.gif")
    colour.quantize(32).save(FOLDER / "animated.gif", save_all=True, duration=125,
                             append_images=[ImageOps.mirror(colour), ImageOps.flip(colour)])
    colour.save(FOLDER / "colour.bmp")
    colour.quantize(16).save(FOLDER / "palette.bmp")
    colour.save(FOLDER / "colour.tiff", compression="tiff_lzw")
    grey.save(FOLDER / "grey.tiff")
    colour.save(FOLDER / "smooth.jpg", quality=90, subsampling="4:4:4")
    colour.convert("CMYK").save(FOLDER / "cmyk-progressive.jpg", quality=90, progressive=True)
    grey.save(FOLDER / "grey-progressive.jpg", quality=90, progressive=True)
    for name in ("lossless.webp", "lossless-alpha.webp", "lossy.webp", "lossy-alpha.webp",
                 "animated.webp", "still.gif", "animated.gif", "colour.bmp", "palette.bmp",
                 "colour.tiff", "grey.tiff", "smooth.jpg", "cmyk-progressive.jpg",
                 "grey-progressive.jpg"):
        expect(name)


def sounds():
    def wave(rate, channels):
        t = np.arange(rate // 20) / rate
        tones = [0.4 * np.sin(2 * np.pi * (300 + 170 * c) * t + c) for c in range(channels)]
        return np.stack(tones, axis=1)

    for name, rate, channels, subtype, form in [
        ("u8.wav", 8000, 1, "PCM_U8", "WAV"),
        ("s16.wav", 11025, 2, "PCM_16", "WAV"),
        ("s24.wav", 44100, 1, "PCM_24", "WAV"),
        ("s32.wav", 8000, 1, "PCM_32", "WAV"),
        ("f32.wav", 8000, 2, "FLOAT", "WAV"),
        ("f64.wav", 8000, 1, "DOUBLE", "WAV"),
        ("extensible.wav", 8000, 6, "PCM_16", "WAVEX"),
        ("alaw.wav", 8000, 1, "ALAW", "WAV"),
        ("ulaw.wav", 8000, 1, "ULAW", "WAV"),
        ("s24.flac", 22050, 2, "PCM_24", "FLAC"),
        ("vorbis.ogg", 22050, 1, "VORBIS", "OGG"),
        ("opus.ogg", 48000, 1, "OPUS", "OGG"),
        ("layer3.mp3", 44100, 1, "MPEG_LAYER_III", "MP3"),
        ("s16.aiff", 8000, 1, "PCM_16", "AIFF"),
    ]:
        soundfile.write(FOLDER / name, wave(rate, channels), rate, subtype=subtype, format=form)
    soundfile.write(FOLDER / "source.wav", wave(44100, 2), 44100, subtype="PCM_16")
    ffmpeg("-i", str(FOLDER / "source.wav"), "-c:a", "aac", "-b:a", "48k", "aac.m4a")
    ffmpeg("-i", str(FOLDER / "source.wav"), "-c:a", "libopus", "-b:a", "32k", "opus.webm")
    ffmpeg("-f", "lavfi", "-i", "testsrc=size=32x24:rate=8:duration=0.5", "-i",
           str(FOLDER / "source.wav"), "-c:v", "libx264", "-c:a", "aac", "-b:a", "48k",
           "sound-and-picture.mp4")
    (FOLDER / "source.wav").unlink()
    for path in sorted(FOLDER.iterdir()):
        if path.suffix in (".wav", ".flac", ".ogg", ".mp3", ".aiff"):
            samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
            keep(f"sound/{path.name}", samples.T)
            tensors[f"rate/{path.name}"] = torch.tensor([rate], dtype=torch.int32)
    for name, rate, channels in [
        ("aac.m4a", 44100, 2), ("opus.webm", 48000, 2), ("sound-and-picture.mp4", 44100, 2)
    ]:
        raw = subprocess.run(
            ["ffmpeg", "-v", "error", "-i", str(FOLDER / name), "-map", "0:a", "-f", "f32le",
             "-c:a", "pcm_f32le", "-"], check=True, capture_output=True).stdout
        keep(f"sound/{name}", np.frombuffer(raw, np.float32).reshape(-1, channels).T)
        tensors[f"rate/{name}"] = torch.tensor([rate], dtype=torch.int32)


def clips():
    def source(size="32x24", rate=8, seconds=3):
        return ["-f", "lavfi", "-i", f"testsrc={size=}:{rate=}:duration={seconds}".replace("'", "")]

    # B-frames, several key frames, open groups of pictures.
    ffmpeg(*source(), "-c:v", "libx264", "-crf", "30", "-g", "7", "-bf", "3", "b-frames.mp4")
    ffmpeg(*source(), "-c:v", "libx264", "-crf", "30", "-x264-params", "keyint=8:open-gop=1:bframes=3",
           "open-groups.mp4")
    ffmpeg(*source(), "-vf", "select='not(mod(n,3))+eq(n,1)'", "-vsync", "vfr", "-c:v", "libx264",
           "-crf", "30", "-g", "4", "variable.mp4")
    ffmpeg(*source(), "-c:v", "libvpx-vp9", "-b:v", "20k", "-g", "6", "vp9.webm")
    ffmpeg(*source(), "-c:v", "libx265", "-x265-params", "log-level=none:keyint=6", "-crf", "35",
           "hevc.mp4")
    ffmpeg(*source(), "-c:v", "libx264", "-crf", "30", "-g", "7", "transport.ts")
    ffmpeg(*source(), "-vf", "scale=16:12", "clip.gif")
    # A part, cut without coding anew: an edit list hides the frames before it.
    ffmpeg("-ss", "1.3", "-i", str(FOLDER / "b-frames.mp4"), "-c", "copy", "edited.mp4")
    for name, degrees in [("turned90.mp4", "90"), ("turned180.mp4", "180"), ("turned270.mp4", "270")]:
        subprocess.run(
            ["ffmpeg", "-v", "error", "-y", "-i", str(FOLDER / "b-frames.mp4"), "-c", "copy", "-t",
             "1", "-metadata:s:v:0", f"rotate={degrees}", "-fflags", "+bitexact",
             str(FOLDER / name)], check=True)
    for path in sorted(FOLDER.iterdir()):
        if path.suffix not in (".mp4", ".webm", ".ts", ".gif") or path.stem in (
                "opus", "sound-and-picture", "still", "animated"):
            continue
        raw = subprocess.run(
            ["ffmpeg", "-v", "error", "-noautorotate", "-i", str(path), "-vsync", "0", "-f",
             "rawvideo", "-pix_fmt", "gray", "-"], check=True, capture_output=True).stdout
        sides = (12, 16) if path.suffix == ".gif" else (24, 32)
        tensors[f"count/{path.name}"] = torch.tensor(
            [len(raw) // (sides[0] * sides[1])], dtype=torch.int32)
        if path.suffix == ".gif":
            continue  # decord does not read them
        if path.stem.startswith("turned"):
            # Decord turns such clips too, but gives a quarter turn a fourth channel.
            raw = subprocess.run(
                ["ffmpeg", "-v", "error", "-i", str(path), "-vsync", "0", "-f", "rawvideo",
                 "-pix_fmt", "rgb24", "-"], check=True, capture_output=True).stdout
            sides = (24, 32) if path.stem.endswith("180") else (32, 24)
            keep(f"shown/{path.name}", np.frombuffer(raw, np.uint8).reshape(-1, *sides, 3)[3])
            continue
        reader = decord.VideoReader(str(path))
        keep(f"frames/{path.name}", np.stack([reader[i].asnumpy() for i in range(len(reader))])
             [:: max(len(reader) // 3, 1)])
        tensors[f"rate/{path.name}"] = torch.tensor([reader.get_avg_fps()])
        tensors[f"decord/{path.name}"] = torch.tensor([len(reader)], dtype=torch.int32)


for part in (pictures, sounds, clips):
    part()
ffmpeg_version = subprocess.run(["ffmpeg", "-version"], capture_output=True, text=True).stdout
fixture.save(
    "media_formats", tensors,
    f"Pillow {PIL.__version__}, soundfile {soundfile.__version__}, decord {decord.__version__}, "
    f"FFmpeg {ffmpeg_version.split()[2]}")
