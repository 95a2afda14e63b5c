"""Tiny models as transformers itself saves them, and what they write: three folders.

LLaMA 3's kind in sharded safetensors of bfloat16, Mistral in sharded .bin files of float16, and
Qwen2 in one file of float32, each with the `config.json` of that release.
"""

import json
import pathlib
import shutil

import torch
import transformers
from transformers import (
    AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM, MistralConfig, MistralForCausalLM,
    Qwen2Config, Qwen2ForCausalLM,
)

import fixture

FOLDER = pathlib.Path(__file__).parent / "saved_llama"
SIZES = dict(
    vocab_size=64, hidden_size=24, intermediate_size=40, num_hidden_layers=2,
    num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=128,
    bos_token_id=1, eos_token_id=2)
LLAMA3 = dict(
    rope_type="llama3", rope_theta=500000.0, factor=8.0, low_freq_factor=1.0,
    high_freq_factor=4.0, original_max_position_embeddings=16)


def save_bin(model, folder):
    """Two .bin files and their index, as releases before safetensors had them."""
    state = {key: value.contiguous() for key, value in model.state_dict().items()}
    names = sorted(state)
    half = len(names) // 2
    where, total = {}, 0
    for number, part in enumerate([names[:half], names[half:]], 1):
        file = f"pytorch_model-0000{number}-of-00002.bin"
        torch.save({name: state[name] for name in part}, folder / file)
        for name in part:
            where[name] = file
            total += state[name].numel() * state[name].element_size()
    (folder / "pytorch_model.bin.index.json").write_text(
        json.dumps({"metadata": {"total_size": total}, "weight_map": where}, indent=2))
    model.config.save_pretrained(folder)


def main():
    tensors = {}
    for name, dtype, network in (
        ("llama", torch.bfloat16, LlamaForCausalLM(LlamaConfig(
            **SIZES, rope_parameters=LLAMA3, tie_word_embeddings=True))),
        ("mistral", torch.float16, MistralForCausalLM(MistralConfig(
            **SIZES, sliding_window=8,
            rope_parameters=dict(rope_type="default", rope_theta=10000.0)))),
        ("qwen2", torch.float32, Qwen2ForCausalLM(Qwen2Config(
            **SIZES, rope_parameters=dict(rope_type="default", rope_theta=1000000.0)))),
    ):
        folder = FOLDER / name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        tied = network.config.tie_word_embeddings
        fixture.fill(network, lambda key: None if tied and key == "lm_head.weight" else key)
        network = network.to(dtype)
        if name == "mistral":
            save_bin(network, folder)
        else:
            network.save_pretrained(folder, max_shard_size="16KB" if name == "llama" else "1MB")
        for extra in folder.glob("generation_config.json"):
            extra.unlink()
        model = AutoModelForCausalLM.from_pretrained(
            folder, dtype=torch.float32, attn_implementation="eager").eval()
        ids = torch.tensor([[(7 * i * i + 3 * i + len(name)) % 61 + 3 for i in range(12)]])
        with torch.no_grad():
            out = model.generate(
                ids, attention_mask=torch.ones_like(ids), max_new_tokens=64, do_sample=False,
                return_dict_in_generate=True, output_scores=True, pad_token_id=0,
                eos_token_id=None, suppress_tokens=None)
        margin = min(float(s[0].topk(2).values.diff().abs()) for s in out.scores)
        print(name, len(out.sequences[0]), "margin", margin, sorted(p.name for p in folder.iterdir()))
        tensors[f"{name}.ids"] = out.sequences[0]
        tensors[f"{name}.scores"] = out.scores[-1][0]
    fixture.save("saved_llama", tensors, f"transformers {transformers.__version__}")


main()
