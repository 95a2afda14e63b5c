"""One layer or tower of each network at its published sizes, weights by recipe.

Of each output every so many numbers are kept, 1024 or a few more. Takes minutes and 4 GB; needs the
package `imagebind-packaged==0.1.2` on the path.
"""

import gc

import torch
import transformers
from torch import nn
from transformers import (
    ClapTextConfig, ClapTextModelWithProjection, CLIPTextConfig, CLIPTextModel, LlamaConfig,
    LlamaForCausalLM, MistralConfig, MistralForCausalLM, Qwen2Config, Qwen2ForCausalLM,
)

import fixture
import imagebind_package

TRANSFORMERS = f"transformers {transformers.__version__}"
TORCH = f"torch {torch.__version__}"
# One layer of each; whole vocabularies where they are not the most of it.
LLAMA3 = dict(
    rope_type="llama3", factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0,
    original_max_position_embeddings=8192)
FAMILY = {
    "llama-7b": (LlamaConfig, LlamaForCausalLM, dict(
        model_type="llama", vocab_size=32000, hidden_size=4096, intermediate_size=11008,
        num_attention_heads=32, num_key_value_heads=32, rms_norm_eps=1e-6), {}),
    "mistral-7b": (MistralConfig, MistralForCausalLM, dict(
        model_type="mistral", vocab_size=512, hidden_size=4096, intermediate_size=14336,
        num_attention_heads=32, num_key_value_heads=8, rms_norm_eps=1e-5, sliding_window=40), {}),
    "llama-3.1-8b": (LlamaConfig, LlamaForCausalLM, dict(
        model_type="llama", vocab_size=512, hidden_size=4096, intermediate_size=14336,
        num_attention_heads=32, num_key_value_heads=8, rms_norm_eps=1e-5,
        max_position_embeddings=131072), LLAMA3 | {"rope_theta": 500000.0}),
    "qwen2-7b": (Qwen2Config, Qwen2ForCausalLM, dict(
        model_type="qwen2", vocab_size=512, hidden_size=3584, intermediate_size=18944,
        num_attention_heads=28, num_key_value_heads=4, rms_norm_eps=1e-6),
        {"rope_theta": 1000000.0}),
}
CLIP = {
    # Stable Diffusion 1's, and ZeroScope's.
    "clip-vit-l": dict(
        vocab_size=49408, hidden_size=768, intermediate_size=3072, num_hidden_layers=12,
        num_attention_heads=12, max_position_embeddings=77, hidden_act="quick_gelu"),
    "clip-vit-h": dict(
        vocab_size=49408, hidden_size=1024, intermediate_size=4096, num_hidden_layers=23,
        num_attention_heads=16, max_position_embeddings=77, hidden_act="gelu"),
}
CLAP = dict(
    vocab_size=50265, hidden_size=768, intermediate_size=3072, num_hidden_layers=12,
    num_attention_heads=12, max_position_embeddings=514, projection_dim=512, hidden_act="gelu",
    projection_hidden_act="relu", layer_norm_eps=1e-12, type_vocab_size=1, pad_token_id=1)
TOWERS = {
    "vision": ("imagebind.vision", (1, 3, 224, 224)),
    "audio": ("imagebind.audio", (1, 3, 1, 128, 204)),
    "depth": ("imagebind.depth", (1, 1, 224, 224)),
    "thermal": ("imagebind.thermal", (1, 1, 224, 224)),
    "imu": ("imagebind.imu", (1, 6, 2000)),
}
SIZES = {
    "vision": (1280, 32, 16), "text": (1024, 24, 16), "audio": (768, 12, 12),
    "depth": (384, 12, 8), "thermal": (768, 12, 12), "imu": (512, 6, 8),
}
tensors, configs = {}, {}


def keep(name, value):
    flat = value.detach().flatten()
    tensors[name] = flat[::max(1, len(flat) // 1024)]
    print(name, tuple(value.shape), flush=True)
    gc.collect()


def ids(count, below):
    return torch.tensor([[(7919 * i + 3) % below for i in range(count)]])


@torch.no_grad()
def language_models():
    for name, (config, network, sizes, rope) in FAMILY.items():
        sizes = sizes | {"num_hidden_layers": 1}
        rope = {"rope_type": "default", "rope_theta": 10000.0} | rope
        own = {key: value for key, value in sizes.items() if key != "model_type"}
        model = network(config(
            **own, rope_parameters=rope, attn_implementation="eager")).eval()
        fixture.fill(model)
        out = model(ids(64, sizes["vocab_size"]), output_hidden_states=True, use_cache=False)
        keep(f"{name}.states", out.hidden_states[-1])
        keep(f"{name}.logits", out.logits[:, -1])
        configs[name] = sizes | {"rope_parameters": rope}


@torch.no_grad()
def towers():
    network, _ = imagebind_package.modules()
    for name in SIZES:
        sizes = dict(out_embed_dim=1024, audio_drop_path=0.1)
        for tower, (width, blocks, heads) in SIZES.items():
            if tower != name:
                width, blocks, heads = 8, 1, 2
            sizes |= {
                f"{tower}_embed_dim": width, f"{tower}_num_blocks": blocks,
                f"{tower}_num_heads": heads}
        model = network.ImageBindModel(**sizes).eval()
        fixture.fill(
            model, lambda key: key if key.split(".")[1] == name and not key.endswith(".mask")
            and (name == "text" or "postprocessors" not in key) else None)
        if name == "text":
            x = torch.zeros(1, 77, dtype=torch.int64)
            x[0, :9] = torch.tensor([49406, 320, 1125, 539, 320, 2368, 11, 7, 49407])
        else:
            x = fixture.tensor(*TOWERS[name])
        keep(f"imagebind.{name}", torch.nn.functional.normalize(model({name: x})[name], dim=-1)
             if name != "audio" else model({name: x})[name] / 20)


@torch.no_grad()
def text_encoders():
    for name, sizes in CLIP.items():
        model = CLIPTextModel(CLIPTextConfig(
            **sizes, bos_token_id=49406, eos_token_id=49407, pad_token_id=1)).eval()
        fixture.fill(
            model, lambda key: key if key.startswith("text_model.") else f"text_model.{key}")
        keep(name, model(ids(77, 49408)).last_hidden_state)
        configs[name] = sizes
    model = ClapTextModelWithProjection(
        ClapTextConfig(**CLAP, bos_token_id=0, eos_token_id=2)).eval()
    fixture.fill(model)
    words = torch.cat([torch.tensor([[0]]), ids(40, 50000) + 4, torch.tensor([[2]])], 1)
    keep("clap", model(words, attention_mask=torch.ones_like(words)).text_embeds)
    configs["clap"] = CLAP


@torch.no_grad()
def projections():
    class Layer(nn.Module):
        """What spec and published tensor names say of the transformer mode."""

        def __init__(self, outputs, width):
            super().__init__()
            self.fc, self.model = nn.Linear(4096, 512), nn.Linear(512, width)
            self.tfm = nn.Transformer(
                d_model=512, nhead=4, num_encoder_layers=4, num_decoder_layers=4,
                dim_feedforward=2048, dropout=0.0, batch_first=True, norm_first=True)
            self.query_embs = nn.Parameter(torch.zeros(1, outputs, 512))

        def forward(self, x):
            return self.model(self.tfm(self.fc(x), self.query_embs.repeat(len(x), 1, 1)))

    for modality, (stack, inputs, outputs, width) in {
        "image": ("gen_text_hidden_fcs", 4, 77, 768),
        "video": ("gen_text_hidden_fcs_video", 24, 77, 1024),
        "audio": ("gen_text_hidden_fcs_audio", 8, 1, 512),
    }.items():
        layer = Layer(outputs, width).eval()
        fixture.fill(layer, lambda key: f"{stack}.0.{key}")
        states = fixture.tensor(f"projection.{modality}.states", (1, inputs, 4096))
        keep(f"projection.{modality}", layer(states))


language_models()
text_encoders()
projections()
towers()
fixture.save(
    "full_size", tensors, f"{TRANSFORMERS}, imagebind-packaged 0.1.2, {TORCH}", configs)
