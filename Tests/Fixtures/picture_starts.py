"""Runs of the tiny image decoder that begin at pictures, and batches, from diffusers.

The networks are those of decoders.py, whose configurations its fixture holds; a second UNet has the
nine input channels of Stable Diffusion's inpainting release. Seeds from 7 on, one for each picture.
"""

import json

import diffusers
import fixture
import torch
from diffusers import (AutoencoderKL, EulerAncestralDiscreteScheduler, PNDMScheduler,
                       StableDiffusionImg2ImgPipeline, StableDiffusionInpaintPipeline,
                       StableDiffusionPipeline, UNet2DConditionModel)
from safetensors import safe_open
from transformers import CLIPTextConfig, CLIPTextModel

with safe_open(fixture.FOLDER / "decoders.safetensors", "pt") as file:
    config = json.loads(file.metadata()["config"])["image"]


def filled(module, rename=lambda name: name):
    fixture.fill(module, rename)
    return module.eval()


def published(name):
    return name if name.startswith("text_model.") else f"text_model.{name}"


encoder = filled(CLIPTextModel(CLIPTextConfig(**config["clip"])), published)
with torch.no_grad():
    empty = encoder(torch.tensor([[49406] + [49407] * 76])).last_hidden_state
    # A negative prompt of three tokens.
    negative = encoder(torch.tensor([[49406, 320, 530, 786] + [49407] * 73])).last_hidden_state
vae = filled(AutoencoderKL(**config["vae"]))
unet = filled(UNet2DConditionModel(**config["unet"]))
wide = filled(UNet2DConditionModel(**dict(config["unet"], in_channels=9)))
keys = {key: value for key, value in config["scheduler"].items() if key != "_class_name"}
pndm, noisy = (lambda: PNDMScheduler(**keys)), (lambda: EulerAncestralDiscreteScheduler(
    beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", steps_offset=1))
picture = fixture.tensor("picture", (1, 3, 16, 24), scale=1.0) + 0.5
mask = torch.zeros(1, 1, 16, 24)
mask[..., 4:12, 6:18] = 1

tensors = {}


def run(name, pipeline, scheduler, network=unet, count=1, unwanted=empty, **call):
    pipe = pipeline(
        vae=vae, text_encoder=encoder, tokenizer=None, unet=network, scheduler=scheduler,
        safety_checker=None, feature_extractor=None, requires_safety_checker=False)
    pipe.set_progress_bar_config(disable=True)
    generators = [torch.Generator().manual_seed(7 + index) for index in range(count)]
    images = pipe(
        prompt_embeds=fixture.tensor("gen", (1, 77, 24)), negative_prompt_embeds=unwanted,
        guidance_scale=7.5, generator=generators if count > 1 else generators[0],
        num_images_per_prompt=count, output_type="pt", **call).images
    tensors[name] = images if count > 1 else images[0]


size = dict(height=16, width=24)
run("batch", StableDiffusionPipeline, noisy(), count=2, num_inference_steps=4, **size)
run("negative", StableDiffusionPipeline, pndm(), unwanted=negative, num_inference_steps=4, **size)
for name, scheduler in (("pndm", pndm), ("noisy", noisy)):
    run(f"change.{name}", StableDiffusionImg2ImgPipeline, scheduler(), image=picture, strength=0.7,
        num_inference_steps=6)
    run(f"paint.{name}", StableDiffusionInpaintPipeline, scheduler(), image=picture,
        mask_image=mask, num_inference_steps=4, **size)
run("paint.part", StableDiffusionInpaintPipeline, noisy(), image=picture, mask_image=mask,
    strength=0.7, num_inference_steps=6, **size)
run("paint.wide", StableDiffusionInpaintPipeline, noisy(), network=wide, image=picture,
    mask_image=mask, num_inference_steps=4, **size)
run("paint.wide.part", StableDiffusionInpaintPipeline, pndm(), network=wide, image=picture,
    mask_image=mask, strength=0.7, num_inference_steps=6, **size)
fixture.save("picture_starts", tensors, f"diffusers {diffusers.__version__}")
