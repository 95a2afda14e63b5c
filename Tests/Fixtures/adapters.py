"""Low-rank changes of the tiny image decoder, in the names of kohya's scripts and of PEFT, and what
diffusers makes with them.

Writes adapters_kohya.safetensors and adapters_peft.safetensors, as users have them, and
adapters.safetensors: a picture without guidance and the text states of the empty prompt, each with
each file at a strength of 0.6.
"""

import json

import diffusers
import fixture
import torch
from diffusers import AutoencoderKL, DDIMScheduler, StableDiffusionPipeline, UNet2DConditionModel
from safetensors import safe_open
from safetensors.torch import save_file
from transformers import CLIPTextConfig, CLIPTextModel

with safe_open(fixture.FOLDER / "decoders.safetensors", "pt") as file:
    config = json.loads(file.metadata()["config"])["image"]


def filled(module, rename=lambda name: name):
    fixture.fill(module, rename)
    return module.eval()


def published(name):
    return name if name.startswith("text_model.") else f"text_model.{name}"


def pipeline():
    clip = CLIPTextConfig(**dict(config["clip"], vocab_size=514))
    keys = {key: value for key, value in config["scheduler"].items()
            if key not in ("_class_name", "skip_prk_steps")}
    pipe = StableDiffusionPipeline(
        vae=filled(AutoencoderKL(**config["vae"])),
        text_encoder=filled(CLIPTextModel(clip), published), tokenizer=None,
        unet=filled(UNet2DConditionModel(**config["unet"])),
        scheduler=DDIMScheduler(**keys), safety_checker=None,
        feature_extractor=None, requires_safety_checker=False)
    pipe.set_progress_bar_config(disable=True)
    return pipe


BLOCK = "down_blocks.0.attentions.0"
LAYERS = [f"unet.{BLOCK}.transformer_blocks.0.{name}" for name in
          ("attn1.to_q", "attn1.to_out.0", "attn2.to_k", "ff.net.0.proj")]
LAYERS += [f"unet.{BLOCK}.proj_in", "unet.up_blocks.1.attentions.1.transformer_blocks.0.attn2.to_v"]
LAYERS += [f"text_encoder.text_model.encoder.layers.{layer}.{name}"
           for layer in (0, 1) for name in ("self_attn.q_proj", "mlp.fc1")]
RANK, ALPHA = 2, 4.0
plain = pipeline()
modules = {**{f"unet.{name}": module for name, module in plain.unet.named_modules()},
           **{f"text_encoder.{published(name)}": module
              for name, module in plain.text_encoder.named_modules()}}
kohya, peft = {}, {}
for layer in LAYERS:
    shape = tuple(modules[layer].weight.shape)
    ones = (1,) * (len(shape) - 2)
    down = fixture.tensor(f"{layer}.down", (RANK, shape[1]) + ones, scale=1.0)
    up = fixture.tensor(f"{layer}.up", (shape[0], RANK) + ones, scale=1.0)
    name = layer.replace("text_encoder.", "lora_te_").replace("unet.", "lora_unet_", 1)
    name = name.replace(".", "_")
    kohya[f"{name}.lora_down.weight"], kohya[f"{name}.lora_up.weight"] = down, up
    kohya[f"{name}.alpha"] = torch.tensor(ALPHA)
    # PEFT without an alpha takes the rank for it.
    peft[f"{layer}.lora_A.weight"], peft[f"{layer}.lora_B.weight"] = down, up
tensors = {}
def loaded(state, strength):
    pipe = pipeline()
    pipe.load_lora_weights({key: value.half().float() for key, value in state.items()})
    pipe.set_adapters(pipe.get_active_adapters(), strength)
    return pipe


for name, state, scale in (("kohya", kohya, ALPHA / RANK), ("peft", peft, 1.0)):
    save_file({key: value.half().contiguous() for key, value in state.items()},
              fixture.FOLDER / f"adapters_{name}.safetensors", {"format": "pt"})
    with torch.no_grad():
        ids = torch.tensor([[512] + [513] * 76])
        encoder = loaded(peft, 0.6 * scale).text_encoder
        tensors[f"{name}.states"] = encoder(ids).last_hidden_state[0]
    tensors[f"{name}.image"] = loaded(state, 0.6)(
        prompt_embeds=fixture.tensor("gen", (1, 77, 24)), guidance_scale=1.0,
        generator=torch.Generator().manual_seed(7), num_inference_steps=3, height=16, width=16,
        output_type="pt").images[0]
fixture.save("adapters", tensors, f"diffusers {diffusers.__version__}")
