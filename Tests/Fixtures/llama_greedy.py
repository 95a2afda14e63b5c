"""What each variant of LLaMA writes when it always takes the likeliest token.

One fixture: for every variant the ids of a prompt and 64 more, and the scores after the last. The
context is 32 tokens, so that what depends on a sequence's length shows.
"""

import torch
import transformers
from transformers import (
    LlamaConfig, LlamaForCausalLM, MistralConfig, MistralForCausalLM, Qwen2Config,
    Qwen2ForCausalLM,
)

import fixture

SHARED = dict(
    vocab_size=97, hidden_size=48, intermediate_size=80, num_hidden_layers=2,
    num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=32, rms_norm_eps=1e-5,
)
LLAMA3 = dict(
    rope_type="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
    original_max_position_embeddings=16)
YARN = dict(rope_type="yarn", factor=4.0, original_max_position_embeddings=16)
LONG = dict(
    rope_type="longrope", factor=2.0, original_max_position_embeddings=16,
    short_factor=[1.0, 1.1, 1.2, 1.3, 1.4, 1.5], long_factor=[1.0, 1.5, 2.0, 3.0, 4.0, 5.0])
VARIANTS = {
    # LLaMA 1 and Vicuna: a head of keys for each of queries, the smaller epsilon.
    "llama-1": ("llama", dict(num_key_value_heads=4, rms_norm_eps=1e-6), None),
    "vicuna-v0": ("llama", dict(
        num_key_value_heads=4, rms_norm_eps=1e-6, vocab_size=98), None),
    "tinyllama": ("llama", dict(num_attention_heads=8, num_key_value_heads=1), None),
    "llama": ("llama", {}, None),
    "vicuna-16k": ("llama", {}, dict(type="linear", factor=4.0)),
    "dynamic": ("llama", {}, dict(type="dynamic", factor=2.0)),
    "llama3": ("llama", dict(rope_theta=500000.0, tie_word_embeddings=True), LLAMA3),
    "yarn": ("llama", dict(rope_theta=1000000.0), YARN),
    "yarn-scaled": ("llama", {}, YARN | dict(mscale=0.7, mscale_all_dim=1.3)),
    "longrope": ("llama", {}, LONG),
    "biased": ("llama", dict(attention_bias=True, mlp_bias=True, num_key_value_heads=4), None),
    "wide-heads": ("llama", dict(head_dim=16), None),
    "mistral": ("mistral", dict(sliding_window=8), None),
    "qwen2": ("qwen2", dict(rope_theta=1000000.0), None),
    "qwen2-tied": ("qwen2", dict(tie_word_embeddings=True), None),
    "qwen2-window": (
        "qwen2", dict(use_sliding_window=True, sliding_window=8, max_window_layers=1), None),
}
NETWORKS = {
    "llama": (LlamaConfig, LlamaForCausalLM), "mistral": (MistralConfig, MistralForCausalLM),
    "qwen2": (Qwen2Config, Qwen2ForCausalLM),
}


def main():
    tensors, configs = {}, {}
    for name, (kind, extra, scaling) in VARIANTS.items():
        config, network = NETWORKS[kind]
        settings = SHARED | extra
        published = settings | {"model_type": kind}
        if scaling is not None:
            published["rope_scaling"] = scaling
        base = settings.pop("rope_theta", 10000.0)
        rope = {("rope_type" if k == "type" else k): v for k, v in (scaling or {}).items()}
        rope.setdefault("rope_type", "default")
        torch.manual_seed(0)
        model = network(config(
            **settings, rope_parameters=rope | {"rope_theta": base}, bos_token_id=None,
            eos_token_id=None, attn_implementation="eager")).eval()
        tied = settings.get("tie_word_embeddings", False)
        fixture.fill(model, lambda key: None if tied and key == "lm_head.weight" else key)
        ids = torch.tensor([[(7 * i * i + 3 * i + len(name)) % 97 for i in range(12)]])
        with torch.no_grad():
            out = model.generate(
                ids, attention_mask=torch.ones_like(ids), max_new_tokens=64, do_sample=False,
                return_dict_in_generate=True, output_scores=True, pad_token_id=0)
        tensors[f"{name}.ids"] = out.sequences[0]
        tensors[f"{name}.scores"] = out.scores[-1][0]
        margin = min(
            float(s[0].topk(2).values[0] - s[0].topk(2).values[1]) for s in out.scores)
        print(name, "least margin", margin, "distinct", len(set(out.sequences[0].tolist())))
        configs[name] = published
    fixture.save(
        "llama_greedy", tensors, f"transformers {transformers.__version__}", configs)


main()
