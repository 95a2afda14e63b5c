"""Pictures and clips of emoji, by Pillow and ffmpeg."""

import os
import random
import subprocess

from PIL import Image, ImageDraw, ImageFont

from world import COLOURS, EMOJI, NOTES, PLACES, heights

FONT = "/usr/share/fonts/truetype/noto/NotoColorEmoji.ttf"
SIDE, FRAMES, RATE = 64, 8, 4
_emoji = {}


def emoji(instrument):
    """The glyph of an instrument, or a glyph itself, in a square of its own as large as the font
    has it."""
    if instrument not in _emoji:
        glyph = Image.new("RGBA", (160, 160))
        font = ImageFont.truetype(FONT, 109)
        ImageDraw.Draw(glyph).text((8, 8), EMOJI.get(instrument, instrument), font=font, embedded_color=True)
        glyph = glyph.crop(glyph.getbbox())
        side = max(glyph.size)
        square = Image.new("RGBA", (side, side))
        square.paste(glyph, ((side - glyph.width) // 2, (side - glyph.height) // 2))
        _emoji[instrument] = square
    return _emoji[instrument]


def ground(colour, draw):
    return tuple(max(0, min(255, c + draw.randint(-10, 10))) for c in COLOURS[colour])


def scene(instrument, background, x, y, side):
    """The emoji with its middle at (x, y)."""
    picture = Image.new("RGB", (SIDE, SIDE), background)
    glyph = emoji(instrument).resize((side, side), Image.LANCZOS)
    picture.paste(glyph, (round(x - side / 2), round(y - side / 2)), glyph)
    return picture


def draw_picture(instrument, colour, place, path, seed):
    draw = random.Random(f"{seed}/{os.path.basename(path)}")
    x = 14 + 18 * PLACES.index(place) + draw.uniform(-3, 3)
    y = SIDE / 2 + draw.uniform(-10, 10)
    scene(instrument, ground(colour, draw), x, y, draw.randint(22, 27)).save(path)


def clip_frames(instrument, contour, tempo, colour, draw):
    """From left to right along the contour, a step every frame or every second one."""
    background, side = ground(colour, draw), draw.randint(17, 21)
    left, low, shift = 12, SIDE - 13 + draw.uniform(-2, 2), draw.uniform(-2, 2)
    steps = NOTES[tempo]
    way = heights(contour, steps, draw)
    for frame in range(FRAMES):
        step = frame * steps // FRAMES
        yield scene(
            instrument, background, left + shift + step / (steps - 1) * (SIDE - 2 * left),
            low - way[step] * (SIDE - 26), side)


def draw_clips(wanted, folder, seed):
    """Writes NAME for each (name, instrument, contour, tempo, colour), by one run of ffmpeg."""
    encoder = subprocess.Popen(
        ["ffmpeg", "-v", "error", "-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{SIDE}x{SIDE}",
         "-r", str(RATE), "-i", "-", "-c:v", "libx264", "-crf", "12", "-pix_fmt", "yuv420p",
         "-g", str(FRAMES), "-keyint_min", str(FRAMES), "-sc_threshold", "0", "-bf", "0",
         "-threads", "1", "-f", "segment", "-segment_time", str(FRAMES / RATE),
         "-reset_timestamps", "1", f"{folder}/part%06d.mp4"],
        stdin=subprocess.PIPE)
    for name, *factors in wanted:
        draw = random.Random(f"{seed}/{name}")
        for frame in clip_frames(*factors, draw):
            encoder.stdin.write(frame.tobytes())
    encoder.stdin.close()
    if encoder.wait() != 0:
        raise SystemExit("ffmpeg failed")
    for number, (name, *_) in enumerate(wanted):
        os.replace(f"{folder}/part{number:06d}.mp4", f"{folder}/{name}")
    if any(name.startswith("part") for name in os.listdir(folder)):
        raise SystemExit(f"{folder}: ffmpeg cut more clips than there are")
