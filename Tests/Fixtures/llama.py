"""Tiny LLaMA, Qwen2 (biases, tied head) and Mistral (sliding window) from transformers.

Three fixtures: hidden states of all layers and logits over a batch, and over the single rows of
different length that a ragged batch is made of. LLaMA's weights are rounded to bfloat16 first.
"""

import torch
import transformers
from transformers import (
    LlamaConfig, LlamaForCausalLM, MistralConfig, MistralForCausalLM, Qwen2Config,
    Qwen2ForCausalLM,
)

import fixture

SHARED = dict(
    vocab_size=50, hidden_size=32, intermediate_size=56, num_hidden_layers=3,
    num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=64,
)


def make(name, network, config, model_type, extra, narrow=False):
    torch.manual_seed(0)
    config._attn_implementation = "eager"
    model = network(config).eval()
    tied = config.tie_word_embeddings
    recipe = fixture.fill(model, lambda key: None if tied and key == "lm_head.weight" else key)
    if narrow:
        with torch.no_grad():
            for value in model.state_dict().values():
                value.copy_(value.bfloat16().float())
    tensors = {}
    for key, shape in {"batch": (2, 7), "first": (1, 5), "second": (1, 9)}.items():
        x = fixture.tensor(f"llama.{key}", (*shape, SHARED["hidden_size"]))
        with torch.no_grad():
            out = model(inputs_embeds=x, output_hidden_states=True, use_cache=False)
        for layer, states in enumerate(out.hidden_states):
            tensors[f"{key}.states.{layer}"] = states
        tensors[f"{key}.logits"] = out.logits
    fixture.save(
        name, tensors, f"transformers {transformers.__version__}",
        SHARED | {"model_type": model_type, "rms_norm_eps": config.rms_norm_eps} | extra, recipe)


make(
    "llama", LlamaForCausalLM,
    LlamaConfig(**SHARED, rms_norm_eps=1e-5), "llama",
    {"architectures": ["LlamaForCausalLM"], "eos_token_id": [2, 3], "torch_dtype": "bfloat16"},
    narrow=True)
make(
    "llama_qwen2", Qwen2ForCausalLM,
    Qwen2Config(
        **SHARED, tie_word_embeddings=True,
        rope_parameters={"rope_type": "default", "rope_theta": 1e6}), "qwen2",
    {"tie_word_embeddings": True, "rope_theta": 1000000.0, "eos_token_id": 2,
     "use_sliding_window": False, "sliding_window": 4, "max_window_layers": 3})
make(
    "llama_mistral", MistralForCausalLM,
    MistralConfig(**SHARED, sliding_window=4, head_dim=16), "mistral",
    {"sliding_window": 4, "head_dim": 16,
     "rope_parameters": {"rope_type": "default", "rope_theta": 10000.0}})
