"""Melodies: MIDI of our own, played by fluidsynth."""

import os
import random
import struct
import subprocess
import wave

import numpy

from world import NOTES, STRANGE_VOICES, heights

SOUNDFONT = "/usr/share/sounds/sf3/MuseScore_General_Lite.sf3"
# General MIDI's program, from 0, and the lowest note of a melody.
VOICES = {
    "piano": (0, 60), "guitar": (24, 52), "violin": (40, 67), "trumpet": (56, 62),
    "saxophone": (65, 57), "accordion": (21, 62), "banjo": (105, 55), "flute": (73, 74),
    "horn": (60, 48), "voice": (52, 57), "bells": (14, 65), "drum": (117, 45),
} | STRANGE_VOICES
SCALE = [0, 2, 4, 5, 7, 9, 11, 12]
TICKS = 960  # a second
SLOT = 2.5  # seconds from one melody to the next
RATE, RENDERED = 16000, 48000  # what is written, and what fluidsynth makes


def melody_notes(contour, tempo, root, draw):
    return [root + SCALE[round(7 * height)] for height in heights(contour, NOTES[tempo], draw)]


def variable_length(value):
    parts = [value & 127]
    while value := value >> 7:
        parts.insert(0, value & 127 | 128)
    return bytes(parts)


def midi(instrument, melodies):
    """A file with the melodies one after the other: (contour, tempo, random generator)."""
    program, lowest = VOICES[instrument]
    events = [(0, bytes([0xC0, program]))]
    for number, (contour, tempo, draw) in enumerate(melodies):
        start = round((0.1 + number * SLOT) * TICKS)
        bend = 8192 + round(draw.uniform(-15, 15) / 200 * 8192)  # cents of two semitones
        loudness = draw.randint(72, 112)
        events.append((start, bytes([0xE0, bend & 127, bend >> 7])))
        step = 2 * TICKS / NOTES[tempo]
        root = lowest + draw.randint(-4, 4)
        for place, note in enumerate(melody_notes(contour, tempo, root, draw)):
            velocity = min(127, loudness + draw.randint(-6, 6))
            begin = start + round(place * step)
            events.append((begin, bytes([0x90, note, velocity])))
            events.append((begin + round(0.94 * step), bytes([0x80, note, 0])))
        events.append((start + round(2.2 * TICKS), bytes([0xB0, 120, 0])))  # all sound off
    events.append((round((0.1 + len(melodies) * SLOT) * TICKS), bytes([0xB0, 120, 0])))
    track, now = b"\x00\xff\x51\x03" + (500_000).to_bytes(3, "big"), 0
    for time, event in sorted(events, key=lambda e: e[0]):
        track += variable_length(time - now) + event
        now = time
    track += b"\x00\xff\x2f\x00"
    header = b"MThd" + struct.pack(">IHHH", 6, 0, 1, TICKS // 2)
    return header + b"MTrk" + struct.pack(">I", len(track)) + track


def resampled(sound):
    """To RATE by the spectrum, with edges that do not click."""
    count = len(sound) * RATE // RENDERED
    spectrum = numpy.fft.rfft(sound)[: count // 2 + 1]
    out = numpy.fft.irfft(spectrum, count) * RATE / RENDERED
    edge = RATE // 200
    out[:edge] *= numpy.linspace(0, 1, edge)
    out[-edge:] *= numpy.linspace(1, 0, edge)
    return out


def render(instrument, wanted, folder, seed):
    """Writes one file for each (name, contour, tempo)."""
    draws = [random.Random(f"{seed}/{name}") for name, _, _ in wanted]
    stem = f"{folder}/{instrument}"
    with open(f"{stem}.mid", "wb") as file:
        file.write(midi(instrument, [(c, t, d) for (_, c, t), d in zip(wanted, draws)]))
    subprocess.run(
        ["fluidsynth", "-n", "-i", "-q", "-R", "0", "-C", "0", "-g", "0.6", "-r", str(RENDERED),
         "-T", "raw", "-O", "s16", "-F", f"{stem}.raw", SOUNDFONT, f"{stem}.mid"],
        check=True, stdout=subprocess.DEVNULL)
    rendered = numpy.memmap(f"{stem}.raw", "<i2", "r").reshape(-1, 2)
    for number, ((name, _, _), draw) in enumerate(zip(wanted, draws)):
        first = round((0.1 + number * SLOT) * RENDERED)
        stereo = rendered[first : first + 2 * RENDERED]
        sound = resampled(stereo.astype("float64").mean(axis=1))
        # As loud as the others, within a few decibels.
        sound *= draw.uniform(0.07, 0.11) / max(float(numpy.sqrt((sound**2).mean())), 1e-9)
        sound *= min(1, 0.95 / float(abs(sound).max()))
        with wave.open(f"{folder}/{name}", "wb") as file:
            file.setparams((1, 2, RATE, 0, "NONE", ""))
            file.writeframes((sound * 32767).round().astype("<i2").tobytes())
    del rendered
    os.remove(f"{stem}.raw")
    os.remove(f"{stem}.mid")
