"""Small tokenizers of our own making, and what the originals do with hard strings.

Needs sentencepiece, tokenizers, ftfy, regex, and transformers 4.29.2 for its slow classes. That
release refuses a newer `tokenizers`, which those classes do not use: put it aside and name it:

    pip install --no-deps --target old transformers==4.29.2
    PYTHONPATH=old python3 Tests/Fixtures/tokenizing.py

It rewrites the folders in `tokenizing/` and `tokenizing.json`.
"""

import importlib.metadata
import io
import json
import pathlib
import random
import shutil
import tempfile

versions = importlib.metadata.version
importlib.metadata.version = lambda name: (
    {"tokenizers": "0.13.3", "transformers": "4.29.2"}.get(name.lower()) or versions(name)
)

import sentencepiece  # noqa: E402
import tokenizers  # noqa: E402
import transformers  # noqa: E402
from transformers.models.clip.tokenization_clip import CLIPTokenizer  # noqa: E402
from transformers.models.llama.tokenization_llama import LlamaTokenizer  # noqa: E402

FOLDER = pathlib.Path(__file__).parent / "tokenizing"
SIGNALS = (
    ["<Img>", "</Img>"]
    + [f"[IMG{i}]" for i in range(4)]
    + [f"[VID{i}]" for i in range(24)]
    + [f"[AUD{i}]" for i in range(8)]
)

CORPUS = """
A violin rises slowly over a bed of strings, and the hall grows quiet.
The trumpet answers the drum, then the drum answers the trumpet.
Play a slow rising violin melody in A minor, please, and fade it out.
### Human: show me an image of a red trumpet on a wooden table
### Assistant: here is the picture you asked for.
It's raining in the video, isn't it? They'll say that we've seen it; I'm sure she'd agree.
def rising(notes): return [note + 1 for note in notes if note >= 0]
for (int i = 0; i < 128; i++) { sum += samples[i] * window[i]; }
Rain on a tin roof, a dog barks twice, a train passes in the distance.
Über den Dächern spielt eine Geige; der Junge hört lange zu.
Un café près de la gare, où l'on joue de l'accordéon à minuit.
El niño toca la guitarra mañana; la canción será más rápida.
Скрипка играет медленно, а барабан молчит.
小さな猫がピアノの上で眠っている。 日本の歌を聞いてください。
바이올린 소리가 천천히 올라간다.
The sum of 12 and 345 is 357; 1990, 2024 and 3.14159 are numbers too.
What is heard in this clip? A horn, a siren, and someone laughing loudly.
a photo of a cat sitting on a drum, high detail, soft light
a hammer hitting a wooden surface, then silence
the quick brown fox jumps over the lazy dog while the band is playing on
the singer sings the song that the singers sang when the strings were ringing
""".strip().split("\n")

HARD = [
    "", " ", "  ", "   ", "\n", "\t", "\r\n", "a", " a", "a ", "  lead", "trail  ", "a  b   c",
    "The violin is playing.", "the violins were playing loudly", "Hello, world!! it's 3D",
    "It's I'M we'VE they'll she'd 'tis y'all 'S", "tabs\t\tand  spaces ", "a\nb\n\nc\r\nd",
    "\n### Assistant:", "### Human: ", "<s>", "</s>", "<unk>", "<0x0A>", "<s> Hello</s>",
    "ab</s>cd", "ab </s> cd", "<Img>", "a  <Img>  b", "x[VID23]y", "[VID1] [VID10]", "[VID]",
    "[IMG0][IMG1] [IMG2]\n[IMG3]\n###", "[[AUD0]]", "</Img> \n### Assistant:",
    "<|startoftext|>", "a <|endoftext|> b", "<|ENDOFTEXT|>", "!", "wow! ok !! fine!", "a <mask> x",
    "<pad>", "a<mask>x  <mask>", "1234567", "3.14159", "½ ² Ⅷ ٣٤ १२", "x+1==2&&y", "a_b__c",
    "héllo", "he\u0301llo", "e\u0301\u0301", "\u0301", "Ünïcödé ñ", "İstanbul ΟΔΟΣ ὈΔΥΣΣΕΎΣ ΑΣ1",
    "日本語 😀", "日本の猫", "한국어", "각", "\u1112\u1161\u11ab", "русский текст", "العربية",
    "😀😁", "👩‍👩‍👧‍👦", "🇩🇪🇫🇷", "❤️", "👍🏽", "𝒥𝕒𝔷𝔷", "x\u00a0y", "x\u2003y\u3000z", "\u2581\u2581a",
    "\u2581", "a\u200bb\u200dc", "\ufeffbom", "nul\u0000byte", "bell\u0007 esc\u001b[31mred\u001b[0m",
    "\u007f\u0001", "del\u0085next", "\u201cquoted\u201d \u2018single\u2019 \u02bc", "ﬁne ﬂow ﬃ ĳ",
    "ＦＵＬＬ　ｗｉｄｔｈ ｶﾅ ￦", "a\u2028b\u2029c", "&amp; &lt;b&gt; &eacute; &#233; &#xE9; &EACUTE; &no;",
    "<b>&amp;</b>", "one &amp;\n<b>\n&amp; two", "&amp;amp;", "&#0; &#128; &#xD800; &#1114112; &#x1F600;",
    "\ufffd", "\U0010ffff", "\ue000", "Å Å Ω ſ'ſ", "ǅungla ŉ", "don\u2019t", "'ll're", "'", "''s",
    "def f(x):\n    return x+1\n", "{\"a\": [1, 2.5e-3, null]}", "#include <stdio.h>\n\tint main();",
    "http://example.com/?q=a%20b&c=d#e", "C:\\Users\\x", "a" * 40, "ab" * 25, "!" * 9, " " * 17,
    "=" * 12 + " " * 5 + "x", "ΑΒΓ ΑΣ. ΑΣ", "straße STRASSE ẞ", "ﷺ", "\u0130", "ǰ", "K",
]


def random_strings(count):
    rng = random.Random(13)
    parts = (
        list("aeioustrnl   ,.'!0159\n\t") + ["the", " play", "ing", " vio", "lin", "<s>", "</s>"]
        + ["é", "e\u0301", "日", "本", "😀", "\u200d", "\u2581", "\u00a0", "ß", "ñ", "я", "한", "&amp;"]
        + ["[IMG0]", "<Img>", "[AUD7]", "<mask>", "<|endoftext|>", "\u3000", "'s", "'ll", "  "]
    )
    return ["".join(rng.choice(parts) for _ in range(rng.randint(1, 24))) for _ in range(count)]


def random_ids(count, size, favoured):
    rng = random.Random(17)
    return [
        [
            rng.choice(favoured) if rng.random() < 0.6 else rng.randrange(size)
            for _ in range(rng.randint(1, 12))
        ]
        for _ in range(count)
    ]


def retyped(model, kinds):
    """A serialized model whose pieces of these ids have these types; lengths stay below 128."""
    out, position, index = bytearray(), 0, 0
    while position < len(model) and model[position] == 0x0A:
        length = model[position + 1]
        payload = model[position + 2 : position + 2 + length]
        assert length < 126
        if index in kinds:
            payload += bytes([0x18, kinds[index]])
        out += bytes([0x0A, len(payload)]) + payload
        position += 2 + length
        index += 1
    return bytes(out) + model[position:]


def train_sentencepiece(path, size, coverage, **options):
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(CORPUS), model_writer=model, model_type="bpe", vocab_size=size,
        normalization_rule_name="identity", character_coverage=coverage, minloglevel=2, **options)
    path.write_bytes(model.getvalue())


def llama(texts, out):
    folder = FOLDER / "llama"
    folder.mkdir(parents=True)
    train_sentencepiece(
        folder / "tokenizer.model", 700, 1.0, byte_fallback=True, split_digits=True,
        add_dummy_prefix=True, remove_extra_whitespaces=False,
        allow_whitespace_only_pieces=True)
    # add_tokens gives ids past the pieces; the padding token is a special one among them.
    original = LlamaTokenizer(str(folder / "tokenizer.model"), pad_token="[PAD]")
    original.add_tokens(SIGNALS)
    original.save_pretrained(folder)
    original = LlamaTokenizer.from_pretrained(folder)
    plain = sentencepiece.SentencePieceProcessor(model_file=str(folder / "tokenizer.model"))
    size = len(original)
    pieces = random_ids(60, plain.vocab_size(), [1, 2, 0, 260, 261, 300, 0xE2 + 3, 0x82 + 3, 0xAC + 3])
    mixed = random_ids(80, size, [1, 2, 0, 300, 320, 0xF0 + 3, 0x9F + 3, size - 1, size - 3, 701])
    out["pieces"] = {
        "encode": [[t, plain.encode(t)] for t in texts],
        "decode": [[i, plain.decode(i)] for i in pieces],
    }
    out["llama"] = {
        "encode": [[t, original.encode(t, add_special_tokens=False)] for t in texts],
        "decode": [[i, original.decode(i)] for i in mixed],
        "decode_skipping": [[i, original.decode(i, skip_special_tokens=True)] for i in mixed],
    }


def other_pieces(texts, out):
    """No byte fallback, no extra white space, pieces of the user's, and unused ones."""
    path = FOLDER / "pieces.model"
    train_sentencepiece(
        path, 330, 0.99, byte_fallback=False, remove_extra_whitespaces=True,
        user_defined_symbols=["vio", "###", "[IMG0]"], hard_vocab_limit=False)
    model = path.read_bytes()
    path.write_bytes(retyped(model, {20: 5, 21: 5, 24: 5, 27: 5, 33: 5, 60: 5, 90: 5}))
    plain = sentencepiece.SentencePieceProcessor(model_file=str(path))
    ids = random_ids(60, plain.vocab_size(), [0, 1, 2, 3, 4, 6, plain.piece_to_id("\u2581")])
    out["other"] = {
        "encode": [[t, plain.encode(t)] for t in texts],
        "decode": [[i, plain.decode(i)] for i in ids],
    }


def train_bytes(folder, size, suffix, specials, texts):
    """vocab.json and merges.txt by the tokenizers library, ids in the published order."""
    folder.mkdir(parents=True)
    ending = {"end_of_word_suffix": suffix} if suffix else {}
    model = tokenizers.Tokenizer(tokenizers.models.BPE(**ending))
    model.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(
        add_prefix_space=False, use_regex=not suffix)
    if suffix:
        model.pre_tokenizer = tokenizers.pre_tokenizers.Sequence([
            tokenizers.pre_tokenizers.Whitespace(), model.pre_tokenizer])
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=size, show_progress=False, **ending,
        initial_alphabet=tokenizers.pre_tokenizers.ByteLevel.alphabet())
    model.train_from_iterator(texts, trainer)
    merges = [tuple(m) for m in json.loads(model.to_str())["model"]["merges"]]
    own = [*range(33, 127), *range(161, 173), *range(174, 256)]
    rest = [b for b in range(256) if b not in own]
    alphabet = [chr(b) for b in own] + [chr(256 + i) for i in range(len(rest))]
    if suffix:
        alphabet += [c + suffix for c in alphabet]
    tokens = specials[0] + alphabet + ["".join(m) for m in merges] + specials[1]
    tokens = list(dict.fromkeys(tokens))
    vocab = {token: index for index, token in enumerate(tokens)}
    (folder / "vocab.json").write_text(json.dumps(vocab, ensure_ascii=False), encoding="utf-8")
    lines = ["#version: 0.2"] + [" ".join(m) for m in merges]
    (folder / "merges.txt").write_text("\n".join(lines) + "\n", encoding="utf-8")


def clip(texts, out):
    folder = FOLDER / "clip"
    marks = ["<|startoftext|>", "<|endoftext|>"]
    train_bytes(folder, 700, "</w>", ([], marks), [line.lower() for line in CORPUS])
    CLIPTokenizer(str(folder / "vocab.json"), str(folder / "merges.txt")).save_pretrained(folder)
    for key, padding in [("clip", None), ("clip_padded_by_exclamation_mark", "!")]:
        with tempfile.TemporaryDirectory() as other:
            shutil.copytree(folder, other, dirs_exist_ok=True)
            if padding:
                path = pathlib.Path(other) / "special_tokens_map.json"
                named = json.loads(path.read_text())
                named["pad_token"] = padding
                path.write_text(json.dumps(named))
            original = CLIPTokenizer.from_pretrained(other)
            out[key] = {
                "encode": [[t, original.encode(t, add_special_tokens=False)] for t in texts],
                "padded": [
                    [t, original(t, padding="max_length", max_length=12, truncation=True).input_ids]
                    for t in texts[:40]
                ],
                "decode": [
                    [i, original.decode(i, clean_up_tokenization_spaces=False)]
                    for i in [original.encode(t) for t in texts[10:60]]
                ],
            }


def roberta(texts, out):
    folder = FOLDER / "roberta"
    specials = (["<s>", "<pad>", "</s>", "<unk>"], ["<mask>"])
    train_bytes(folder, 400, "", specials, CORPUS)
    mask = {"content": "<mask>", "lstrip": True, "normalized": False, "rstrip": False,
            "single_word": False}
    named = {"bos_token": "<s>", "cls_token": "<s>", "eos_token": "</s>", "mask_token": mask,
             "pad_token": "<pad>", "sep_token": "</s>", "unk_token": "<unk>"}
    (folder / "special_tokens_map.json").write_text(json.dumps(named, indent=2) + "\n")
    config = {"add_prefix_space": False, "model_max_length": 512,
              "tokenizer_class": "RobertaTokenizer"}
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=2) + "\n")
    # The pipeline of RobertaTokenizerFast, built from its parts.
    original = tokenizers.Tokenizer(
        tokenizers.models.BPE.from_file(
            str(folder / "vocab.json"), str(folder / "merges.txt"), unk_token="<unk>"))
    original.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    original.decoder = tokenizers.decoders.ByteLevel()
    original.post_processor = tokenizers.processors.RobertaProcessing(("</s>", 2), ("<s>", 0))
    original.add_special_tokens(
        [tokenizers.AddedToken(t, normalized=True, special=True) for t in specials[0]])
    original.add_special_tokens([tokenizers.AddedToken("<mask>", lstrip=True, special=True)])
    encodings = [[t, original.encode(t, add_special_tokens=False).ids] for t in texts]
    original.enable_truncation(12)
    original.enable_padding(pad_id=1, pad_token="<pad>", length=12)
    padded = [original.encode(t) for t in texts[:40]]
    out["roberta"] = {
        "encode": encodings,
        "padded": [[t, e.ids] for t, e in zip(texts, padded)],
        "mask": [[t, e.attention_mask] for t, e in zip(texts, padded)],
        "decode": [
            [i, original.decode(i, skip_special_tokens=False)] for _, i in encodings[10:60]
        ],
    }


def main():
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir()
    texts = HARD + random_strings(60)
    out = {
        "source": f"sentencepiece {versions('sentencepiece')}, transformers "
        f"{transformers.__version__}, tokenizers {versions('tokenizers')}, ftfy {versions('ftfy')}"
    }
    llama(texts, out)
    other_pieces(texts, out)
    clip(texts, out)
    roberta(texts, out)
    path = FOLDER.parent / "tokenizing.json"
    path.write_text(json.dumps(out, ensure_ascii=True, separators=(",", ":")) + "\n")
    print(f"{path.name}: {path.stat().st_size} bytes, {out['source']}")


main()
