#!/usr/bin/env python3
"""Holds our GGUF files against llama.cpp, both ways.

    pip install gguf==0.19.0 llama-cpp-python==0.3.36
    Scripts/check-gguf.py checkpoint_v1.bin [.build/release]

Takes the file of llama2.c's stories260K, with its tokenizer.bin beside it. llama.cpp must write the
same text as southgpt-infer, greedily, from what southgpt-checkpoint converts and quantises; and
southgpt-infer the same as llama.cpp from what llama.cpp quantises.

Its rows are too short for blocks of 256: a wider model of random weights takes these. What llama.cpp
makes of it in every type must be to southgpt-checkpoint, number by number, what it is to the gguf
package; and llama.cpp must score tokens with our blocks as with the numbers in them.
"""

import ctypes
import pathlib
import subprocess
import sys
import tempfile

import gguf
import llama_cpp
import numpy as np

PROMPT = "Once upon a time"
# Later ones may differ: llama.cpp rounds what it multiplies by blocks.
TOKENS = 24
# Sizes of the wide model: every row holds whole blocks of 256.
HIDDEN, INNER, LAYERS, HEADS, KV_HEADS = 256, 512, 2, 4, 2
# As llama.cpp numbers them.
TYPES = {
    "f16": 1, "bf16": 32, "q4_0": 2, "q4_1": 3, "q5_0": 8, "q5_1": 9, "q8_0": 7, "q2_K": 10,
    "q3_K": 12, "q4_K": 15, "q5_K": 17, "q6_K": 18, "iq3_xxs": 23, "iq3_s": 26, "iq4_nl": 25,
    "iq4_xs": 30, "tq1_0": 36, "tq2_0": 37, "iq2_xxs": 19, "iq2_xs": 20, "iq2_s": 28,
    "iq1_s": 24, "iq1_m": 31, "mxfp4": 38, "nvfp4": 39,
}


class Check:
    def __init__(self, source, tools, folder):
        self.source, self.tools, self.folder = source, tools, folder
        self.failures = 0

    def run(self, tool, *arguments):
        done = subprocess.run(
            [str(self.tools / tool), *map(str, arguments)], capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"{tool}: {done.stderr}")
        return done.stdout

    def tell(self, what, is_right, otherwise):
        self.failures += not is_right
        print(f"{what}: {'same' if is_right else otherwise}")

    def quantize(self, source, number, path):
        """What llama.cpp makes of a file, to which every number is as important."""
        settings = llama_cpp.llama_model_quantize_default_params()
        settings.ftype, settings.nthread = number, 1
        # The smallest types are not made without knowing that. The list ends in an empty entry.
        matrices = [t for t in gguf.GGUFReader(source).tensors if len(t.shape) > 1]
        ones = [(ctypes.c_float * int(t.shape[0]))(*[1.0] * int(t.shape[0])) for t in matrices]
        entries = (llama_cpp.llama_model_imatrix_data * (len(matrices) + 1))()
        for entry, tensor, values in zip(entries, matrices, ones):
            entry.name, entry.data, entry.size = tensor.name.encode(), values, len(values)
        settings.imatrix = entries
        return not llama_cpp.llama_model_quantize(
            str(source).encode(), str(path).encode(), ctypes.byref(settings))

    # MARK: a trained model

    def ours(self, path):
        text = self.run(
            "southgpt-infer", "--model", path, "--raw", "--prompt", PROMPT, "--temperature", 0,
            "--max-new-tokens", TOKENS, "--quiet")
        return text.removesuffix("\n")

    def theirs(self, path):
        model = llama_cpp.Llama(str(path), n_ctx=256, n_threads=1, verbose=False)
        ids = model.tokenize(PROMPT.encode())
        text = model.create_completion(PROMPT, max_tokens=TOKENS, temperature=0)
        return ids, text["choices"][0]["text"]

    def compare_texts(self, what, path):
        (ids, expected), found = self.theirs(path), self.ours(path)
        self.tell(
            what, found == expected and ids == [1, 403, 407, 261, 378],
            f"llama.cpp {expected!r}, ours {found!r}")

    def stories(self):
        whole = self.folder / "whole.gguf"
        self.run("southgpt-checkpoint", "convert", self.source, "--output", whole)
        reader = gguf.GGUFReader(whole)
        print(f"gguf reads {len(reader.tensors)} tensors and {len(reader.fields)} fields of ours")
        self.compare_texts("float32, ours", whole)
        for kind in ("q8_0", "q4_0"):
            path = self.folder / f"{kind}.gguf"
            self.run(
                "southgpt-checkpoint", "quantize", self.source, "--type", kind, "--output", path)
            self.compare_texts(f"{kind}, ours", path)
        for kind in ("q8_0", "q4_0", "q4_1", "q5_0", "q5_1"):
            path = self.folder / f"their-{kind}.gguf"
            if not self.quantize(whole, TYPES[kind], path):
                sys.exit(f"llama.cpp does not quantise to {kind}")
            self.compare_texts(f"{kind}, llama.cpp's", path)
        return whole

    # MARK: a wide one

    def write_wide(self, path, words):
        """Random weights, with the tokenizer of `words`."""
        writer = gguf.GGUFWriter(path, "llama")
        fields = gguf.GGUFReader(words).fields
        vocabulary = len(fields["tokenizer.ggml.tokens"].data)
        writer.add_context_length(256)
        writer.add_embedding_length(HIDDEN)
        writer.add_feed_forward_length(INNER)
        writer.add_block_count(LAYERS)
        writer.add_head_count(HEADS)
        writer.add_head_count_kv(KV_HEADS)
        writer.add_layer_norm_rms_eps(1e-5)
        writer.add_rope_dimension_count(HIDDEN // HEADS)
        writer.add_vocab_size(vocabulary)
        for name in ("model", "tokens", "scores", "token_type", "bos_token_id", "eos_token_id"):
            field = fields[f"tokenizer.ggml.{name}"]
            kind = field.types[0]
            if kind == gguf.GGUFValueType.ARRAY:
                writer.add_array(field.name, field.contents())
            else:
                writer.add_key_value(field.name, field.contents(), kind)
        numbers = np.random.default_rng(7)

        def add(name, *shape):
            scale = 1 if len(shape) == 1 else shape[1] ** -0.5
            weight = numbers.standard_normal(shape) * scale if len(shape) > 1 else np.ones(shape)
            writer.add_tensor(f"{name}.weight", weight.astype(np.float32))

        add("token_embd", vocabulary, HIDDEN)
        add("output_norm", HIDDEN)
        add("output", vocabulary, HIDDEN)
        narrow = HIDDEN // HEADS * KV_HEADS
        for layer in range(LAYERS):
            block = f"blk.{layer}"
            add(f"{block}.attn_norm", HIDDEN)
            add(f"{block}.ffn_norm", HIDDEN)
            for part, rows in (("q", HIDDEN), ("k", narrow), ("v", narrow), ("output", HIDDEN)):
                add(f"{block}.attn_{part}", rows, HIDDEN)
            add(f"{block}.ffn_gate", INNER, HIDDEN)
            add(f"{block}.ffn_up", INNER, HIDDEN)
            add(f"{block}.ffn_down", HIDDEN, INNER)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
        writer.close()

    def compare_numbers(self, what, path):
        """Our reading of a file, in float32, against the gguf package's."""
        plain = self.folder / "plain.gguf"
        self.run(
            "southgpt-checkpoint", "convert", path, "--dtype", "float32", "--output", plain)
        ours = {tensor.name: tensor.data for tensor in gguf.GGUFReader(plain).tensors}
        kinds, largest = set(), 0.0
        for tensor in gguf.GGUFReader(path).tensors:
            expected = gguf.dequantize(tensor.data, tensor.tensor_type)
            kinds.add(tensor.tensor_type.name)
            error = np.abs(expected - ours.pop(tensor.name).reshape(expected.shape)).max()
            largest = max(largest, float(error / np.abs(expected).max()))
        self.tell(
            f"{what}, blocks {' '.join(sorted(kinds - {'F32'}))}", largest <= 1e-6 and not ours,
            f"relative difference {largest}, left over {list(ours)}")
        # It is a model to southgpt-infer too.
        self.ours(path)
        return plain

    def scores(self, path):
        model = llama_cpp.Llama(
            str(path), n_ctx=64, n_threads=1, logits_all=True, verbose=False)
        model.eval(list(range(1, 33)))
        return np.array(model.scores[:32])

    def wide(self, words):
        whole = self.folder / "wide.gguf"
        self.write_wide(whole, words)
        self.compare_numbers("wide, float32, the gguf package's", whole)
        for kind, number in TYPES.items():
            path = self.folder / "their.gguf"
            if self.quantize(whole, number, path):
                self.compare_numbers(f"wide, {kind}, llama.cpp's", path)
            else:
                print(f"wide, {kind}: llama.cpp does not make it")
        for kind in ("q8_0", "q4_0", "q4_K", "q6_K"):
            path = self.folder / f"wide-{kind}.gguf"
            self.run("southgpt-checkpoint", "quantize", whole, "--type", kind, "--output", path)
            plain = self.compare_numbers(f"wide, {kind}, ours", path)
            blocks, numbers = self.scores(path), self.scores(plain)
            error = np.abs(blocks - numbers).max() / np.abs(numbers).max()
            self.tell(
                f"wide, {kind}, ours, llama.cpp's scores (difference {error:.4f})", error < 0.05,
                "too far apart")


def main():
    source = pathlib.Path(sys.argv[1])
    tools = pathlib.Path(sys.argv[2] if len(sys.argv) > 2 else ".build/release")
    with tempfile.TemporaryDirectory() as folder:
        check = Check(source, tools, pathlib.Path(folder))
        check.wide(check.stories())
        sys.exit(check.failures > 0)


main()
