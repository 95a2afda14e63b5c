"""The world of MelodyMini: what there is, what it is called, and what is held out."""

import hashlib

EMOJI = {
    "piano": "🎹", "guitar": "🎸", "violin": "🎻", "trumpet": "🎺", "saxophone": "🎷",
    "accordion": "🪗", "banjo": "🪕", "flute": "🪈", "horn": "📯", "voice": "🎤",
    "bells": "🔔", "drum": "🥁",
}
INSTRUMENTS = list(EMOJI)
CONTOURS = ["rising", "falling", "arch", "valley", "steady"]
WANDERING = "wandering"  # none of them
NOTES = {"slow": 4, "fast": 8}
PLACES = ["left", "middle", "right"]
COLOURS = {
    "red": (205, 60, 55), "blue": (60, 95, 200), "green": (60, 160, 80),
    "yellow": (235, 205, 70), "grey": (128, 128, 128), "white": (242, 242, 242),
}


def contours(instrument):
    """Bells, voices and drums cannot be heard turning round."""
    limited = instrument in ("bells", "voice", "drum")
    return ["rising", "falling", "steady"] if limited else CONTOURS


MELODIES = [(i, c, t) for i in INSTRUMENTS for c in contours(i) for t in NOTES]
PICTURES = [(i, c, p) for i in INSTRUMENTS for c in COLOURS for p in PLACES]


def held_out(*factors):
    """Whether a combination, such as violin/rising/slow or violin/red/left, is never trained on."""
    return int(hashlib.sha256("/".join(factors).encode()).hexdigest(), 16) % 5 == 0


def heights(contour, count, draw):
    """How high each of so many steps along a contour is, 0 to 1."""
    if contour == WANDERING:
        return wandering(count, draw)
    ways = [i / (count - 1) for i in range(count)]
    turns = [abs(2 * x - 1) for x in ways]
    return {
        "rising": ways, "falling": [1 - x for x in ways], "arch": [1 - turn for turn in turns],
        "valley": turns, "steady": [0.5] * count,
    }[contour]


def wandering(count, draw):
    """Steps that plainly turn round at least twice, as no contour does."""
    while True:
        steps = [draw.random() for _ in range(count)]
        rises = [b - a for a, b in zip(steps, steps[1:])]
        turns = sum(a * b < 0 for a, b in zip(rises, rises[1:]))
        if turns >= 2 and min(map(abs, rises)) > 0.15:
            return steps


def article(word):
    return ("an " if word[0] in "aeiou" else "a ") + word


def where(place):
    at = {"middle": "in", "top": "at", "bottom": "at"}
    return f"{at.get(place, 'on')} the {place}"


# One wording for one meaning: captions that mean the same are told by being the same.
def sound_caption(instrument, contour, tempo):
    return f"a {tempo} {contour} melody on the {instrument}"


def picture_caption(instrument, colour, place):
    return f"{article(instrument)} {where(place)}, {colour} ground"


def clip_caption(instrument, contour, tempo, colour):
    return f"{article(instrument)} moving in a {tempo} {contour} line, {colour} ground"


# Captions of a part: what several media have in common brings them together, and comes apart from
# the rest, so that it is seen in combinations that never were.
def tune_caption(instrument, contour, tempo, **_):
    return f"a {tempo} {contour} {instrument}"


def line_caption(contour, tempo, **_):
    return f"{tempo} and {contour}"


def place_caption(place, **_):
    return where(place)


def name_caption(instrument, **_):
    return article(instrument)


PARTS = {
    "image": {"names": name_caption, "places": place_caption},
    "audio": {"names": name_caption, "tunes": tune_caption, "lines": line_caption},
    "video": {"names": name_caption, "tunes": tune_caption, "lines": line_caption},
}

# Strangers: what the world has not, for the encoder alone. Whatever else sounds or moves along a
# contour has its line for a caption, and instruments that move along none have their name: so a
# contour is told whatever keeps to it, and an instrument however it moves.
# General MIDI's program, from 0, and the lowest note of a melody.
STRANGE_VOICES = {
    "harpsichord": (6, 57), "celesta": (8, 72), "vibraphone": (11, 60), "marimba": (12, 57),
    "xylophone": (13, 67), "dulcimer": (15, 60), "organ": (19, 57), "harmonica": (22, 65),
    "bandoneon": (23, 60), "steel-guitar": (25, 55), "electric-guitar": (27, 52),
    "distorted-guitar": (30, 48), "bass": (33, 40), "viola": (41, 55), "cello": (42, 45),
    "harp": (46, 60), "strings": (48, 55), "trombone": (57, 48), "tuba": (58, 40),
    "brass": (61, 55), "soprano-saxophone": (64, 62), "oboe": (68, 64), "english-horn": (69, 57),
    "bassoon": (70, 43), "clarinet": (71, 57), "piccolo": (72, 76), "recorder": (74, 72),
    "pan-flute": (75, 69), "ocarina": (79, 69), "square-wave": (80, 60), "sitar": (104, 55),
    "shamisen": (106, 60), "koto": (107, 60), "kalimba": (108, 64), "bagpipe": (109, 62),
    "fiddle": (110, 62), "glockenspiel": (9, 72), "music-box": (10, 67), "timpani": (47, 45),
    "choir": (53, 57), "synth-voice": (54, 57), "voice-lead": (85, 57), "steel-drums": (114, 57),
    "woodblock": (115, 57), "taiko": (116, 45), "synth-drum": (118, 45),
}
STRANGE_THINGS = list(
    "🐶🐱🐭🐰🐻🐸🐵🐔🐧🦆🐢🐟🦋🐝🐌🍎🍌🍇🍓🥕🍞🧀🍕🍩⚽🏀🚗🚌🚲🚀⏰📷💡🔑🎁🎈📚🌵🌻🍄👑🎩🧦🧲")
