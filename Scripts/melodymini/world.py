"""The world of MelodyMini: what there is, what it is called, and what is held out."""

import hashlib

EMOJI = {
    "piano": "🎹", "guitar": "🎸", "violin": "🎻", "trumpet": "🎺", "saxophone": "🎷",
    "accordion": "🪗", "banjo": "🪕", "flute": "🪈", "horn": "📯", "voice": "🎤",
    "bells": "🔔", "drum": "🥁",
}
INSTRUMENTS = list(EMOJI)
CONTOURS = ["rising", "falling", "arch", "valley", "steady"]
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


def height(contour, x):
    """How high a contour is, 0 to 1, at the part x of the way."""
    turn = abs(2 * x - 1)
    return {"rising": x, "falling": 1 - x, "arch": 1 - turn, "valley": turn, "steady": 0.5}[contour]


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


PARTS = {
    "image": {"places": place_caption},
    "audio": {"tunes": tune_caption, "lines": line_caption},
    "video": {"tunes": tune_caption, "lines": line_caption},
}
