"""Makes the sample media of this folder: our own, so that anyone may copy them.

Run as `python3 Examples/media/make_media.py` with numpy and Pillow, and the `ffmpeg` program.
The files are the same every time: the only randomness is seeded.

lake.jpg    a lake under mountains at dusk, 384 x 288
pluck.wav   three plucked strings, 2.5 s, 16 kHz mono (Karplus and Strong's algorithm)
waves.mp4   waves running over the same lake, 2.4 s, 192 x 144, 10 frames a second, H.264
"""

import pathlib
import subprocess
import wave

import numpy as np
from PIL import Image

FOLDER = pathlib.Path(__file__).parent


def ridge(x, seed, rough, octaves=7):
    """A mountain's outline: noise in octaves, each half as wide and `rough` times as high."""
    random = np.random.default_rng(seed)
    y = np.zeros_like(x)
    for octave in range(octaves):
        knots = random.standard_normal(4 * 2**octave + 2)
        y += rough**octave * np.interp(x, np.linspace(0, 1, knots.size), knots)
    return y


def mix(a, b, t):
    return a + (np.asarray(b) - a) * t[..., None]


def scene(width, height, time=0.0):
    """The lake, as height x width x 3 in [0, 1]."""
    x = np.linspace(0, 1, width)
    y = np.linspace(0, 1, height)[:, None]
    horizon = 0.56
    sky = mix(np.array([0.11, 0.17, 0.36]), [0.98, 0.60, 0.34], np.clip(y / horizon, 0, 1) ** 1.6)
    sky = np.repeat(sky.reshape(height, 1, 3), width, axis=1)
    sun = np.exp(-(((x - 0.68) / 0.05) ** 2 + ((y - 0.43) / 0.06) ** 2))
    sky = mix(sky, [1.0, 0.93, 0.74], np.clip(sun * 1.3, 0, 1))
    for seed, base, tall, color in (
        (3, 0.46, 0.055, [0.42, 0.33, 0.45]),
        (8, 0.52, 0.050, [0.23, 0.20, 0.32]),
        (5, 0.56, 0.022, [0.08, 0.10, 0.14]),
    ):
        outline = base - tall * np.clip(ridge(x, seed, 0.52), -0.4, 2)
        sky = mix(sky, color, np.clip((y - outline) * height, 0, 1))
    # The water mirrors what is above it, broken by waves that grow towards the shore.
    below = np.clip((y - horizon) / (1 - horizon), 0, 1)
    depth = 1 / (0.04 + below)
    swell = np.sin(depth * 9 + 7 * x - 4 * time) + 0.6 * np.sin(depth * 17 - 11 * x - 6 * time)
    source = horizon - (y - horizon) * 0.9 + 0.02 * swell * (0.2 + below)
    rows = np.clip((source * height).astype(int), 0, int(horizon * height) - 1)
    mirror = sky[rows, np.arange(width)[None, :]] * 0.72 + np.array([0.01, 0.03, 0.06])
    mirror += 0.05 * np.clip(swell, 0, 2)[..., None] * below[..., None]
    image = np.where((y >= horizon)[..., None], mirror, sky)
    grain = np.random.default_rng(int(time * 1000) + 1).standard_normal((height, width, 1))
    return np.clip(image + 0.012 * grain, 0, 1)


def pixels(image):
    return (image * 255 + 0.5).astype(np.uint8)


def pluck(frequency, seconds, rate, seed):
    """A string: a burst of noise in a loop that smooths it at every turn."""
    length = round(rate / frequency)
    loop = np.random.default_rng(seed).uniform(-1, 1, length)
    out = np.empty(int(seconds * rate))
    for i in range(out.size):
        j = i % length
        out[i] = loop[j]
        loop[j] = 0.498 * (loop[j] + loop[(j + 1) % length])
    return out


def main():
    Image.fromarray(pixels(scene(384, 288))).save(FOLDER / "lake.jpg", quality=85)

    rate, sound = 16000, np.zeros(40000)
    for index, frequency in enumerate((220.0, 277.18, 329.63)):
        start = int(0.45 * index * rate)
        note = pluck(frequency, 2.5 - 0.45 * index, rate, index)
        sound[start : start + note.size] += 0.3 * note[: sound.size - start]
    with wave.open(str(FOLDER / "pluck.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((np.clip(sound, -1, 1) * 32767).astype("<i2").tobytes())

    frames = b"".join(pixels(scene(192, 144, t / 10)).tobytes() for t in range(24))
    subprocess.run(
        "ffmpeg -loglevel error -y -f rawvideo -pix_fmt rgb24 -s 192x144 -r 10 -i - -c:v libx264"
        " -pix_fmt yuv420p -crf 26 -threads 1 -bitexact -movflags +faststart".split()
        + [str(FOLDER / "waves.mp4")],
        input=frames, check=True)


if __name__ == "__main__":
    main()
