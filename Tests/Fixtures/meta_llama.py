"""A tiny LLaMA of transformers as Meta would give it out: two files with a part of each matrix."""

import json

import torch
import transformers
from transformers import LlamaConfig, LlamaForCausalLM

import fixture

SIZES = dict(
    vocab_size=40, hidden_size=16, intermediate_size=24, num_hidden_layers=2,
    num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=64,
)
SHARDS = 2
NAMES = {
    "input_layernorm": "attention_norm", "post_attention_layernorm": "ffn_norm",
    "self_attn.q_proj": "attention.wq", "self_attn.k_proj": "attention.wk",
    "self_attn.v_proj": "attention.wv", "self_attn.o_proj": "attention.wo",
    "mlp.gate_proj": "feed_forward.w1", "mlp.up_proj": "feed_forward.w3",
    "mlp.down_proj": "feed_forward.w2",
}
OUTER = {
    "model.embed_tokens.weight": "tok_embeddings.weight", "model.norm.weight": "norm.weight",
    "lm_head.weight": "output.weight",
}


def metas_name(name):
    if name in OUTER:
        return OUTER[name]
    _, _, layer, rest = name.split(".", 3)
    return f"layers.{layer}.{NAMES[rest.removesuffix('.weight')]}.weight"


def main():
    config = LlamaConfig(**SIZES, rms_norm_eps=1e-5, rope_theta=10000.0)
    config._attn_implementation = "eager"
    model = LlamaForCausalLM(config).eval()
    recipe = fixture.fill(model)
    with torch.no_grad():
        for value in model.state_dict().values():
            value.copy_(value.bfloat16().float())
    ids = torch.tensor([[1, 5, 3, 17, 2, 39, 8]])
    with torch.no_grad():
        logits = model(ids).logits[0]
        greedy = model.generate(ids, do_sample=False, min_new_tokens=16, max_new_tokens=16)
    fixture.save(
        "meta_llama", {"ids": ids[0], "logits": logits, "greedy": greedy[0]},
        f"transformers {transformers.__version__}", SIZES, recipe)

    shards = [{} for _ in range(SHARDS)]
    size = SIZES["hidden_size"] // SIZES["num_attention_heads"]
    for name, value in model.state_dict().items():
        value, target = value.bfloat16(), metas_name(name)
        if ".wq." in target or ".wk." in target:
            # Halves of a head become pairs of neighbours.
            value = value.view(-1, 2, size // 2, value.shape[1]).transpose(1, 2).reshape(value.shape)
        columns = any(part in target for part in (".wo.", ".w2.", "tok_embeddings"))
        for number, shard in enumerate(shards):
            part = value
            if value.dim() == 2:
                part = value.chunk(SHARDS, dim=1 if columns else 0)[number]
            shard[target] = part.clone()
    angles = 10000.0 ** (-torch.arange(0, size, 2).float() / size)
    folder = fixture.FOLDER / "meta_llama"
    folder.mkdir(exist_ok=True)
    for number, shard in enumerate(shards):
        torch.save(shard | {"rope.freqs": angles}, folder / f"consolidated.{number:02}.pth")
    parameters = {
        "dim": SIZES["hidden_size"], "multiple_of": 8, "n_heads": 4, "n_kv_heads": 2,
        "n_layers": 2, "norm_eps": 1e-05, "vocab_size": -1,
    }
    (folder / "params.json").write_text(json.dumps(parameters) + "\n")


main()
