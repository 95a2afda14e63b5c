"""Runs of 25 and 50 steps of every sampler, for both predictions, and img2img's begins, from diffusers.

The network is the formula of schedulers.py. Kept of every run: the latents halfway and at the end.
A run that begins at a picture starts from what `add_noise` makes of it, in the middle of the list.
"""

import diffusers
import fixture
import torch
from diffusers import (DDIMScheduler, DPMSolverMultistepScheduler, EulerAncestralDiscreteScheduler,
                       EulerDiscreteScheduler, LCMScheduler, PNDMScheduler, UniPCMultistepScheduler)

STABLE = dict(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", steps_offset=1)
KEEP = dict(set_alpha_to_one=False, clip_sample=False)
KINDS = {
    "ddim": (DDIMScheduler, KEEP),
    "pndm": (PNDMScheduler, dict(skip_prk_steps=True, set_alpha_to_one=False)),
    "pndm-prk": (PNDMScheduler, dict(skip_prk_steps=False, set_alpha_to_one=False)),
    "dpm": (DPMSolverMultistepScheduler, {}),
    "dpm-karras": (DPMSolverMultistepScheduler, dict(use_karras_sigmas=True)),
    "euler": (EulerDiscreteScheduler, {}),
    "euler-ancestral": (EulerAncestralDiscreteScheduler, {}),
    "unipc": (UniPCMultistepScheduler, {}),
    "lcm": (LCMScheduler, {}),
}

tensors, configs = {}, {}


def advance(scheduler, x, timesteps):
    generator, run = torch.Generator().manual_seed(3), []
    takes = "generator" in scheduler.step.__code__.co_varnames and not isinstance(
        scheduler, (PNDMScheduler, DPMSolverMultistepScheduler, UniPCMultistepScheduler))
    for t in timesteps:
        answer = 0.6 * scheduler.scale_model_input(x, t) + 0.05 * torch.sin(0.01 * t.float())
        x = scheduler.step(answer, t, x, **(dict(generator=generator) if takes else {})).prev_sample
        run.append(x)
    return torch.stack([run[len(run) // 2], run[-1]])


for name, (kind, extra) in KINDS.items():
    for prediction in ("epsilon", "v_prediction"):
        for steps, begin in ((25, 0), (50, 0), (25, 9)):
            if begin and (prediction != "epsilon" or name == "pndm-prk"):
                continue
            keys = {**STABLE, **extra, "prediction_type": prediction}
            scheduler = kind(**keys)
            scheduler.set_timesteps(steps)
            x, timesteps = fixture.tensor("x", (1, 2, 3, 4)), scheduler.timesteps[begin:]
            if begin:
                if hasattr(scheduler, "set_begin_index"):
                    scheduler.set_begin_index(begin)
                noise = fixture.tensor("noise", (1, 2, 3, 4))
                x = scheduler.add_noise(x, noise, timesteps[:1])
            else:
                x = x * scheduler.init_noise_sigma
            case = f"{name}.{prediction}.{steps}.{begin}"
            tensors[case] = advance(scheduler, x, timesteps)
            configs[case] = dict(
                scheduler={"_class_name": kind.__name__, **keys}, steps=steps, begin=begin)

for name in ("pndm-prk", "dpm-karras"):
    kind, extra = KINDS[name]
    scheduler = kind(**STABLE, **extra)
    scheduler.set_timesteps(25)
    tensors[f"{name}.timesteps"] = scheduler.timesteps.float()

fixture.save("scheduler_runs", tensors, f"diffusers {diffusers.__version__}", config=configs)
