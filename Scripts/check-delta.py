#!/usr/bin/env python3
"""Holds deltas against PyTorch and safetensors, both ways.

    pip install torch safetensors
    Scripts/check-delta.py [.build/release]

Trains the tiny model of Scripts/make-tiny-data. torch.load must read what every stage leaves, with the
names, shapes and types of the published training, and the reader of safetensors the same numbers
unrounded; southgpt-checkpoint and southgpt-train must read what torch.save and safetensors write of
it, and lose nothing.
"""

import collections
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import safetensors.torch
import torch

VOCABULARY, HIDDEN, ENCODER, RANK = 512 + 38, 64, 48, 4
TOKENIZER = [
    "tokenizer.model", "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json"]
PROJECTIONS = {
    "gen_text_hidden_fcs": 32, "gen_text_hidden_fcs_video": 32, "gen_text_hidden_fcs_audio": 16}


def published(has_adapters):
    """Names and shapes of the published training, at the tiny sizes."""
    prefix = "llama_model.base_model.model." if has_adapters else "llama_model."
    shapes = {
        f"{prefix}model.embed_tokens.weight": [VOCABULARY, HIDDEN],
        f"{prefix}lm_head.weight": [VOCABULARY, HIDDEN],
        "llama_proj.weight": [HIDDEN, ENCODER],
        "llama_proj.bias": [HIDDEN],
    }
    for name, width in PROJECTIONS.items():
        shapes[f"{name}.0.model.weight"] = [width, HIDDEN]
        shapes[f"{name}.0.model.bias"] = [width]
    if has_adapters:
        for layer in range(2):
            for projection, outputs in {"q": 64, "k": 32, "v": 32, "o": 64}.items():
                place = f"{prefix}model.layers.{layer}.self_attn.{projection}_proj.lora"
                shapes[f"{place}_A.default.weight"] = [RANK, HIDDEN]
                shapes[f"{place}_B.default.weight"] = [outputs, RANK]
    return shapes


def main():
    repository = pathlib.Path(__file__).resolve().parent.parent
    tools = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else repository / ".build/release")
    failures = 0

    def check(what, holds):
        nonlocal failures
        failures += not holds
        print(f"{what}: {'yes' if holds else 'NO'}")

    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)

        def run(*command):
            done = subprocess.run(
                [str(part) for part in command], cwd=folder, capture_output=True, text=True,
                env={**os.environ, "SOUTHGPT_TOOLS": str(tools.resolve())})
            if done.returncode:
                sys.exit(f"{command[0]}: {done.stderr}")
            return done.stdout

        def train(stage, save, *more):
            modes = [
                part for name in ("img", "video", "audio")
                for part in ("--set", f"text_fc_to_{name}_mode=linear")]
            adapters = ["--set", f"lora_r={RANK}", "--set", f"lora_alpha={RANK}"]
            return run(
                tools.resolve() / "southgpt-train", "--stage", stage, "--save_path", save, *modes,
                "--set", "max_steps=6", *(adapters if stage == 3 else []), *more)

        def read(save):
            return (
                torch.load(folder / save / "pytorch_model.pt", weights_only=True),
                safetensors.torch.load_file(folder / save / "model.safetensors"))

        run(repository / "Scripts/make-tiny-data", folder, 4)
        for stage in (1, 3):
            train(stage, "ours")
            torch_read, safe_read = read("ours")
            expected = published(has_adapters=stage == 3)
            for what, tensors, kind in (
                    ("torch.load", torch_read, torch.float16),
                    ("safetensors", safe_read, torch.float32)):
                found = {name: list(tensor.shape) for name, tensor in tensors.items()}
                check(f"stage {stage}, {what}: published names and shapes", found == expected)
                check(
                    f"stage {stage}, {what}: all of {kind}",
                    all(tensor.dtype == kind for tensor in tensors.values()))
            check(
                f"stage {stage}: the same numbers, rounded in the published file",
                all(torch.equal(safe_read[name].half(), torch_read[name]) for name in torch_read))

        # Back: what PyTorch writes, without any notes of ours, in both of its formats, and what
        # the writer of safetensors does.
        for what, write in {
            "torch.save": lambda path: torch.save(
                collections.OrderedDict(torch_read), path / "pytorch_model.pt"),
            "torch.save, legacy": lambda path: torch.save(
                torch_read, path / "pytorch_model.pt", _use_new_zipfile_serialization=False),
            "safetensors": lambda path: safetensors.torch.save_file(
                torch_read, path / "model.safetensors"),
        }.items():
            theirs = folder / "theirs"
            theirs.mkdir()
            write(theirs)
            written = next(theirs.iterdir())
            for name in TOKENIZER:
                shutil.copy(folder / "ours" / name, theirs)
            difference = subprocess.run(
                [tools / "southgpt-checkpoint", "diff", folder / "ours/pytorch_model.pt", written],
                stdout=subprocess.DEVNULL)
            check(f"{what}: southgpt-checkpoint finds no difference", difference.returncode == 0)
            train(2, "theirs")
            after, _ = read("theirs")
            kept = [name for name in torch_read if "lora" in name or "llama_proj" in name]
            moved = [name for name in torch_read if "gen_text" in name]
            check(
                f"{what}: southgpt-train keeps the {len(kept)} that stage 2 leaves alone",
                all(torch.equal(after[name], torch_read[name]) for name in kept))
            check(
                f"{what}: and moves the other projections",
                all(not torch.equal(after[name], torch_read[name]) for name in moved))
            shutil.rmtree(theirs)
    sys.exit(failures > 0)


main()
