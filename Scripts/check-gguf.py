#!/usr/bin/env python3
"""Holds our GGUF files against llama.cpp, both ways.

    pip install gguf==0.19.0 llama-cpp-python==0.3.36
    Scripts/check-gguf.py checkpoint_v1.bin [.build/release]

Takes the file of llama2.c's stories260K, with its tokenizer.bin beside it. llama.cpp must write the
same text as southgpt-infer, greedily, from what southgpt-checkpoint converts and quantises; and
southgpt-infer the same as llama.cpp from what llama.cpp quantises.
"""

import pathlib
import subprocess
import sys
import tempfile

import gguf
import llama_cpp

PROMPT = "Once upon a time"
# Later ones may differ: llama.cpp rounds what it multiplies by blocks.
TOKENS = 24


def main():
    source = pathlib.Path(sys.argv[1])
    tools = pathlib.Path(sys.argv[2] if len(sys.argv) > 2 else ".build/release")

    def run(tool, *arguments):
        done = subprocess.run(
            [str(tools / tool), *map(str, arguments)], capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"{tool}: {done.stderr}")
        return done.stdout

    def ours(path):
        text = run(
            "southgpt-infer", "--model", path, "--raw", "--prompt", PROMPT, "--temperature", 0,
            "--max-new-tokens", TOKENS, "--quiet")
        return text.removesuffix("\n")

    def theirs(path):
        model = llama_cpp.Llama(str(path), n_ctx=256, n_threads=1, verbose=False)
        ids = model.tokenize(PROMPT.encode())
        text = model.create_completion(PROMPT, max_tokens=TOKENS, temperature=0)
        return ids, text["choices"][0]["text"]

    failures = 0
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)

        def compare(what, path):
            nonlocal failures
            (ids, expected), found = theirs(path), ours(path)
            same = found == expected and ids == [1, 403, 407, 261, 378]
            failures += not same
            print(f"{what}: {'same' if same else f'llama.cpp {expected!r}, ours {found!r}'}")

        whole = folder / "whole.gguf"
        run("southgpt-checkpoint", "convert", source, "--output", whole)
        reader = gguf.GGUFReader(whole)
        print(f"gguf reads {len(reader.tensors)} tensors and {len(reader.fields)} fields of ours")
        compare("float32, ours", whole)
        for kind in ("q8_0", "q4_0"):
            path = folder / f"{kind}.gguf"
            run("southgpt-checkpoint", "quantize", source, "--type", kind, "--output", path)
            compare(f"{kind}, ours", path)
        for kind, number in {"q8_0": 7, "q4_0": 2, "q4_1": 3, "q5_0": 8, "q5_1": 9}.items():
            path = folder / f"their-{kind}.gguf"
            settings = llama_cpp.llama_model_quantize_default_params()
            settings.ftype, settings.nthread = number, 1
            if llama_cpp.llama_model_quantize(str(whole).encode(), str(path).encode(), settings):
                sys.exit(f"llama.cpp does not quantise to {kind}")
            compare(f"{kind}, llama.cpp's", path)
    sys.exit(failures > 0)


main()
