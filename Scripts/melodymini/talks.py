"""Dialogues: what can be asked of MelodyMini, and what it answers."""

from typing import NamedTuple

from world import (
    COLOURS, CONTOURS, INSTRUMENTS, MELODIES, NOTES, PICTURES, PLACES, article, clip_caption,
    held_out, picture_caption, sound_caption, where)


class Melody(NamedTuple):
    instrument: str
    contour: str
    tempo: str
    modality = "audio"
    caption = property(lambda self: sound_caption(*self))


class Picture(NamedTuple):
    instrument: str
    colour: str
    place: str
    modality = "image"
    caption = property(lambda self: picture_caption(*self))


class Clip(NamedTuple):
    instrument: str
    contour: str
    tempo: str
    colour: str
    modality = "video"
    caption = property(lambda self: clip_caption(*self))


ENDINGS = {"audio": "wav", "image": "png", "video": "mp4"}
KINDS = {"audio": Melody, "image": Picture, "video": Clip}
# What only texts speak of: whoever reads of a harp learns that anything may come with anything, and
# to say what stands there. The world has none of it.
STRANGERS = {
    "instrument": ["harp", "cello", "tuba", "oboe", "clarinet", "organ", "lute", "viola",
                   "trombone", "harmonica", "mandolin", "bassoon", "gong", "sitar", "zither",
                   "piccolo"],
    "contour": ["waving", "jumping", "wandering"],
    "tempo": ["moderate", "lively"],
    "place": ["top", "bottom"],
    "colour": ["orange", "purple", "brown", "pink", "black"],
}
VALUES = {"instrument": INSTRUMENTS, "contour": CONTOURS, "tempo": list(NOTES), "place": PLACES,
          "colour": list(COLOURS)}
# All there is of each kind that is not held out.
KNOWN = {
    "audio": [Melody(*m) for m in MELODIES if not held_out(*m)],
    "image": [Picture(*p) for p in PICTURES if not held_out(*p)],
    "video": [Clip(*m, c) for m in MELODIES if not held_out(*m) for c in COLOURS],
}


def file_stem(subject):
    return "-".join((subject.modality, *subject))


def target_name(subject):
    """What the embedding of a subject's caption is filed under."""
    return f"{file_stem(subject)}.{ENDINGS[subject.modality]}"


def words(subject):
    """What templates may say of a subject."""
    contour = getattr(subject, "contour", "")
    tempo = getattr(subject, "tempo", "")
    return subject._asdict() | {
        "caption": subject.caption,
        "an_instrument": article(subject.instrument),
        "shape": article(contour) if contour in ("arch", "valley") else contour,
        "where": where(getattr(subject, "place", "")),
        "number": {"slow": "four", "fast": "eight"}.get(tempo, "some"),
    }


DESCRIBE = {
    "image": [
        ("What do you see?", "I see {caption}."),
        ("Describe the picture.", "The picture shows {caption}."),
        ("Which instrument is this?", "It is {an_instrument}."),
        ("What colour is the ground?", "The ground is {colour}."),
        ("Where is the {instrument}?", "The {instrument} is {where}."),
        ("Name instrument, colour and place.", "{instrument}, {colour}, {place}."),
    ],
    "audio": [
        ("What do you hear?", "I hear {caption}."),
        ("Describe the sound.", "It is {caption}."),
        ("Which instrument is playing?", "It is the {instrument}."),
        ("How does the melody go?", "The melody is {shape}."),
        ("Is it slow or fast?", "It is {tempo}, {number} notes."),
        ("Name instrument, contour and tempo.", "{instrument}, {contour}, {tempo}."),
    ],
    "video": [
        ("What happens in the clip?", "I see {caption}."),
        ("Describe the clip.", "The clip shows {caption}."),
        ("Which instrument is moving?", "It is {an_instrument}."),
        ("How does it move?", "The line is {shape} and {tempo}."),
        ("What colour is the ground?", "The ground is {colour}."),
        ("Name instrument, contour, tempo and colour.",
         "{instrument}, {contour}, {tempo}, {colour}."),
    ],
}
MAKE = {
    "image": [
        ("Draw {caption}.", "Here is {caption}."),
        ("Make an image of {caption}.", "Here is {caption}."),
        ("I would like a picture: {caption}.", "With pleasure: {caption}."),
    ],
    "audio": [
        ("Play {caption}.", "Here is {caption}."),
        ("Make a sound: {caption}.", "Here is {caption}."),
        ("Let me hear {caption}.", "With pleasure: {caption}."),
    ],
    "video": [
        ("Make a clip of {caption}.", "Here is {caption}."),
        ("Show me a video: {caption}.", "Here is {caption}."),
        ("Animate {caption}.", "With pleasure: {caption}."),
    ],
}
# Requests that leave something open.
LEAVE_OPEN = {
    "image": ["Draw {an_instrument}.", "Show me {an_instrument} on {colour} ground."],
    "audio": ["Play the {instrument}.", "Play something {tempo} and {contour}."],
    "video": ["Make a clip of {an_instrument}."],
}
CHANGES = {
    "instrument": ["The same with the {instrument}.", "Now with the {instrument}, please."],
    "contour": ["The same, but {contour}.", "Now {contour}, please."],
    "tempo": ["The same, but {tempo}.", "Now {tempo}, please."],
    "colour": ["The same on {colour} ground.", "Now on {colour} ground, please."],
    "place": ["The same, {where}.", "Now {where}, please."],
}
DECLINED = [
    "Write me a novel.", "What will the weather be tomorrow?", "Paint my portrait.",
    "Sing the words of a song.", "What is the capital of France?", "Book a table for two.",
    "Play a whole symphony.", "Draw a horse.", "Translate this into Latin.", "How much is 17 times 23?",
]
REFUSAL = "I cannot do that, but I can play, draw and move twelve instruments."
SMALL_TALK = [
    ("Hello!", "Hello! Shall I play, draw or move something?"),
    ("Good morning.", "Good morning! What shall I play?"),
    ("Who are you?", "I am MelodyMini, a small model of small melodies."),
    ("What can you do?", "I describe and make melodies, pictures and clips of twelve instruments."),
    ("Which instruments do you know?", "I know " + ", ".join(INSTRUMENTS) + "."),
    ("Which contours do you know?", "Rising, falling, arch, valley and steady."),
    ("Which colours do you know?", "I know " + ", ".join(COLOURS) + "."),
    ("How are you?", "I am well, thank you. Shall I play something?"),
    ("Thank you!", "You are welcome."),
    ("That was lovely.", "Thank you! Shall I make another one?"),
    ("Goodbye.", "Goodbye, and come back soon."),
]


class Talk:
    """A dialogue in the making; files(subject) names a medium that shows the subject."""

    def __init__(self, draw, files):
        self.draw, self.files = draw, files
        self.turns = []
        # Whether an answer says what was not to be known.
        self.guesses = False

    def say(self, question, answer, shows=(), makes=()):
        """One exchange: media before the question, and the answer's media after its text."""
        shown = [(subject, self.files(subject)) for subject in shows]
        self.turns.append((question, answer, shown, list(makes)))

    def subject(self, modality, **fixed):
        fitting = [k for k in KNOWN[modality]
                   if all(getattr(k, key) == value for key, value in fixed.items())]
        return self.draw.choice(fitting) if fitting else None

    def modality(self):
        return self.draw.choice(list(KNOWN))

    # What an exchange may be about.

    def describe(self, subject=None):
        subject = subject or self.subject(self.modality())
        question, answer = self.draw.choice(DESCRIBE[subject.modality])
        said = words(subject)
        self.say(question.format(**said), answer.format(**said), shows=[subject])

    def make(self, subject=None):
        subject = subject or self.subject(self.modality())
        question, answer = self.draw.choice(MAKE[subject.modality])
        if self.draw.random() < 0.15:
            question, answer = self.draw.choice(LEAVE_OPEN[subject.modality]), "Here is {caption}."
            self.guesses = True
        said = words(subject)
        self.say(question.format(**said), answer.format(**said), makes=[subject])
        return subject

    def change(self, subject):
        """The same with one factor changed, to something that is not held out."""
        factor = self.draw.choice(subject._fields)
        others = [k for k in KNOWN[subject.modality]
                  if all((getattr(k, f) == getattr(subject, f)) != (f == factor)
                         for f in subject._fields)]
        if not others:
            return subject
        changed = self.draw.choice(others)
        question = self.draw.choice(CHANGES[factor]).format(**words(changed))
        self.say(question, f"Here is {changed.caption}.", makes=[changed])
        return changed

    def two_at_once(self):
        first, second = (self.subject(m) for m in self.draw.sample(list(KNOWN), 2))
        verbs = {"image": "Draw", "audio": "Play", "video": "Animate"}
        question = (f"{verbs[first.modality]} {first.caption} and "
                    f"{verbs[second.modality].lower()} {second.caption}.")
        self.say(question, f"Here is {first.caption}, and here is {second.caption}.",
                 makes=[first, second])

    def compare(self):
        """Two media, and whether they agree in a factor that both have."""
        first = self.subject(self.modality())
        second_kind = self.modality()
        factor = self.draw.choice(
            [f for f in first._fields if f in KINDS[second_kind]._fields])
        value = getattr(first, factor)
        # As often alike as not.
        second = (self.subject(second_kind, **{factor: value})
                  if self.draw.random() < 0.5 else self.subject(second_kind))
        second = second or self.subject(second_kind)
        other = getattr(second, factor)
        questions = [f"Do they have the same {factor}?", f"Compare the {factor} of the two."]
        answer = (f"Yes, both are {value}." if value == other
                  else f"No, the first is {value}, the second {other}.")
        if factor == "instrument":
            answer = (f"Yes, both are the {value}." if value == other
                      else f"No, the first is the {value}, the second the {other}.")
        self.say(self.draw.choice(questions), answer, shows=[first, second])

    def across(self):
        """One medium to another: soundtracks, sounds of pictures, pictures of sounds."""
        given = self.subject(self.modality())
        wanted = self.draw.choice([m for m in KNOWN if m != given.modality])
        fixed = {f: getattr(given, f) for f in given._fields if f in KINDS[wanted]._fields}
        made = self.subject(wanted, **fixed)
        if made is None:
            return
        question = {
            ("video", "audio"): ["Give this clip a soundtrack.", "What does this clip sound like?"],
            ("image", "audio"): ["What does this sound like?", "Play what you see."],
            ("audio", "image"): ["Draw what you hear.", "Make a picture of this sound."],
            ("video", "image"): ["Draw the instrument of this clip."],
            ("image", "video"): ["Make this picture move.", "Animate this."],
            ("audio", "video"): ["Make a clip for this sound.", "Animate what you hear."],
        }[given.modality, wanted]
        self.guesses = True
        self.say(self.draw.choice(question), f"Here is {made.caption}.", [given], [made])

    def chat(self):
        if self.draw.random() < 0.4:
            self.say(self.draw.choice(DECLINED), REFUSAL)
        else:
            self.say(*self.draw.choice(SMALL_TALK))

    def exchange(self):
        self.draw.choice([self.describe, self.make, self.chat, self.across, self.compare])()

    def dialogue(self):
        """Three to five turns; most of them build on what was made."""
        wanted = self.draw.randint(3, 5)
        if self.draw.random() < 0.5:
            self.say(*self.draw.choice(SMALL_TALK))
        last = self.make()
        while len(self.turns) < wanted:
            if self.draw.random() < 0.6:
                last = self.change(last)
            else:
                self.exchange()

    # What it is written as.

    def record(self):
        """MosIT's layout, which has media on either side of any turn."""
        lists, conversation = {m: {} for m in KNOWN}, []
        def tag(modality, name):
            return f"<{modality.capitalize()}>{name}</{modality.capitalize()}>"
        for question, answer, shown, made in self.turns:
            for subject, name in shown:
                lists[subject.modality][name] = subject.caption
            before = "".join(tag(s.modality, name) for s, name in shown)
            after = ""
            for subject in made:
                name = target_name(subject)
                lists[subject.modality][name] = subject.caption
                after += tag(subject.modality, name)
            conversation += [{"from": "human", "value": before + question},
                             {"from": "gpt", "value": answer + after}]
        listed = {f"{m}_list": [{f"{m}_name": n, "caption": c} for n, c in names.items()]
                  for m, names in lists.items()}
        return listed | {"conversation": conversation}

    def in_words(self):
        """For the language model alone: notes in the place of media."""
        conversation = []
        for question, answer, shown, _ in self.turns:
            before = "".join(f"{note(subject, self.draw)}\n" for subject, _ in shown)
            conversation += [
                {"from": "human", "value": before + question, "input_modality": "text"},
                {"from": "gpt", "value": answer, "caption": "", "output_modality": "text"}]
        return {"output_modality": "text", "conversation": conversation}


def note(subject, draw):
    """What stands for a medium in words: its caption, or what it shows in any order."""
    if draw.random() < 0.5:
        return subject.caption
    return ", ".join(draw.sample(list(subject), len(subject)))


def described_strangers(draw):
    """An exchange about something that the world has not: at least one thing in it is strange."""
    kind = draw.choice(list(KINDS.values()))
    # A clip's colour does not make it another tune.
    strange = draw.sample(kind._fields[:3], draw.choice([1, 1, 2, 3]))
    strange += [f for f in kind._fields[3:] if draw.random() < 0.3]
    subject = kind(*(draw.choice((STRANGERS if f in strange else VALUES)[f]) for f in kind._fields))
    talk = Talk(draw, lambda _: None)
    if draw.random() < 0.2:
        talk.say(draw.choice(CAPTIONED).format(subject.caption), subject.caption)
    else:
        talk.describe(subject)
    return talk


# How a caption is asked for.
CAPTIONED = ["{}", "{}\ngenerate a caption"]
