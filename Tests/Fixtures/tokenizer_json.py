"""Small `tokenizer.json` files of each published pipeline, and a unigram model of SentencePiece's.

What the tokenizers and sentencepiece packages do with the strings of `tokenizing.json`, which are
not stored again: `tokenizer_json.json` has their ids in the same order.
"""

import io
import json
import pathlib
import random
import shutil

import sentencepiece
import tokenizers
from tokenizers import (
    AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors,
    trainers,
)

HERE = pathlib.Path(__file__).parent
FOLDER = HERE / "tokenizer_json"
TEXTS = [text for text, _ in json.loads((HERE / "tokenizing.json").read_text())["pieces"]["encode"]]
PROSE = [text for text in TEXTS if len(text) > 12] * 3

GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
LATER = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|%s"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")


def save(tokenizer, name):
    text = json.loads(tokenizer.to_str())
    (FOLDER / f"{name}.json").write_text(
        json.dumps(text, ensure_ascii=False, separators=(",", ":")) + "\n")


def byte_level(pattern, size, specials, normalizer=None, ignore_merges=False, digits=False):
    tokenizer = Tokenizer(models.BPE(ignore_merges=ignore_merges))
    if normalizer:
        tokenizer.normalizer = normalizer
    steps = [pre_tokenizers.Split(Regex(pattern), "isolated")]
    if digits:
        steps.insert(0, pre_tokenizers.Digits(individual_digits=True))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        steps + [pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(PROSE, trainers.BpeTrainer(
        vocab_size=size, show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    tokenizer.add_special_tokens(specials)
    return tokenizer


def llama(legacy):
    """Byte fallback and no pre-tokenizer that cuts; merges in the order of their making."""
    tokenizer = Tokenizer(models.BPE(unk_token="<unk>", fuse_unk=True, byte_fallback=True))
    tokenizer.normalizer = normalizers.Sequence([
        normalizers.Prepend("\u2581"), normalizers.Replace(" ", "\u2581")])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(split=True)
    tokenizer.train_from_iterator(PROSE, trainers.BpeTrainer(
        vocab_size=460, show_progress=False, min_frequency=3, limit_alphabet=90,
        special_tokens=["<unk>", "<s>", "</s>"] + [f"<0x{b:02X}>" for b in range(256)]))
    state = json.loads(tokenizer.to_str())
    state["added_tokens"] = [t for t in state["added_tokens"] if t["id"] < 3]
    if legacy:
        state["pre_tokenizer"] = None
    else:
        state["normalizer"] = None
        state["pre_tokenizer"] = {
            "type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "first",
            "split": False}
    tokenizer = Tokenizer.from_str(json.dumps(state))
    tokenizer.add_tokens(["<Img>", AddedToken("[IMG0]", lstrip=True, rstrip=True)])
    tokenizer.add_tokens([AddedToken("vio", single_word=True, normalized=False)])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A $B", special_tokens=[("<s>", 1)])
    tokenizer.decoder = decoders.Sequence([
        decoders.Replace("\u2581", " "), decoders.ByteFallback(), decoders.Fuse(),
        decoders.Strip(" ", 1, 0)])
    return tokenizer


def clip():
    tokenizer = Tokenizer(models.BPE(
        unk_token="<|endoftext|>", end_of_word_suffix="</w>"))
    tokenizer.normalizer = normalizers.Sequence([
        normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()])
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(
            Regex(r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"), "removed",
            invert=True),
        pre_tokenizers.ByteLevel(add_prefix_space=False)])
    tokenizer.train_from_iterator(PROSE, trainers.BpeTrainer(
        vocab_size=700, show_progress=False, end_of_word_suffix="</w>",
        special_tokens=["<|startoftext|>", "<|endoftext|>"],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    tokenizer.add_special_tokens(["<|startoftext|>", "<|endoftext|>"])
    ends = [(t, tokenizer.token_to_id(t)) for t in ("<|endoftext|>", "<|startoftext|>")]
    tokenizer.post_processor = processors.RobertaProcessing(
        ends[0], ends[1], trim_offsets=False, add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def roberta():
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    tokenizer.train_from_iterator(PROSE, trainers.BpeTrainer(
        vocab_size=400, show_progress=False,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet()))
    tokenizer.add_special_tokens(
        ["<s>", "</s>", AddedToken("<mask>", lstrip=True, special=True)])
    tokenizer.post_processor = processors.RobertaProcessing(
        ("</s>", tokenizer.token_to_id("</s>")), ("<s>", tokenizer.token_to_id("<s>")))
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def unigram_model(path, **options):
    rules = {"\uff26": "F", "\uff35": "U", "\ufb01": "fi", "\u3000": " ", "\t": " ", "\n": " ",
             "e\u0301": "é", "½": "1/2", "\u200b": "", "\ufdfa": "صلى الله", "Å": "A"}
    table = path.with_suffix(".tsv")
    table.write_text("".join(
        " ".join(f"{ord(c):X}" for c in a) + "\t" + " ".join(f"{ord(c):X}" for c in b) + "\n"
        for a, b in rules.items()))
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(PROSE), model_writer=model, model_type="unigram", vocab_size=420,
        normalization_rule_tsv=str(table), character_coverage=0.98, minloglevel=2,
        hard_vocab_limit=False, **options)
    table.unlink()
    path.write_bytes(model.getvalue())
    return sentencepiece.SentencePieceProcessor(model_file=str(path))


def unigram_json(plain, path):
    from sentencepiece import sentencepiece_model_pb2 as pb
    proto = pb.ModelProto()
    proto.ParseFromString(path.read_bytes())
    tokenizer = Tokenizer(models.Unigram(
        [(p.piece, p.score) for p in proto.pieces], unk_id=plain.unk_id(), byte_fallback=False))
    tokenizer.normalizer = normalizers.Sequence([
        normalizers.Precompiled(proto.normalizer_spec.precompiled_charsmap),
        normalizers.Replace(Regex(" {2,}"), " ")])
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    tokenizer.decoder = decoders.Metaspace()
    tokenizer.add_special_tokens(["<s>", "</s>"])
    return tokenizer


def random_ids(count, size):
    rng = random.Random(19)
    return [[rng.randrange(size) for _ in range(rng.randint(1, 10))] for _ in range(count)]


def main():
    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir()
    pipelines = {
        "llama-legacy": llama(True), "llama": llama(False), "clip": clip(), "roberta": roberta(),
        "gpt2": byte_level(GPT2, 400, ["<|endoftext|>"], digits=True),
        "llama3": byte_level(
            LATER % r"\p{N}{1,3}", 420, ["<|begin_of_text|>", "<|eot_id|>"], ignore_merges=True),
        "qwen2": byte_level(
            LATER % r"\p{N}", 420, ["<|im_start|>", "<|im_end|>"], normalizer=normalizers.NFC()),
    }
    pipelines["llama3"].post_processor = processors.Sequence([
        processors.ByteLevel(trim_offsets=False),
        processors.TemplateProcessing(
            single="<|begin_of_text|> $A", pair="<|begin_of_text|> $A $B",
            special_tokens=[
                ("<|begin_of_text|>", pipelines["llama3"].token_to_id("<|begin_of_text|>"))])])
    plain = unigram_model(
        FOLDER / "unigram.model", user_defined_symbols=["###", "[IMG0]"])
    fallback = unigram_model(
        FOLDER / "unigram_bytes.model", byte_fallback=True, remove_extra_whitespaces=False)
    pipelines["unigram"] = unigram_json(plain, FOLDER / "unigram.model")
    out = {"source": f"tokenizers {tokenizers.__version__}, sentencepiece "
                     f"{sentencepiece.__version__}", "pipelines": {}, "models": {}}
    for name, tokenizer in pipelines.items():
        save(tokenizer, name)
        ids = random_ids(60, tokenizer.get_vocab_size())
        out["pipelines"][name] = {
            "encode": [tokenizer.encode(t, add_special_tokens=False).ids for t in TEXTS],
            "marked": tokenizer.encode("violin").ids,
            "decode": [[i, tokenizer.decode(i, skip_special_tokens=False)] for i in ids],
            "skipped": [[i, tokenizer.decode(i, skip_special_tokens=True)] for i in ids],
        }
    for name, model in {"unigram": plain, "unigram_bytes": fallback}.items():
        ids = random_ids(60, model.vocab_size())
        out["models"][name] = {
            "encode": [model.encode(t) for t in TEXTS],
            "decode": [[i, model.decode(i)] for i in ids],
        }
    path = HERE / "tokenizer_json.json"
    path.write_text(json.dumps(out, ensure_ascii=True, separators=(",", ":")) + "\n")
    print(f"{path.name}: {path.stat().st_size} bytes, {out['source']}")


main()
