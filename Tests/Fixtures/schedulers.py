"""Tables and whole runs of the samplers, from diffusers.

The network is a formula: 0.6 times what it is shown, plus 0.05 sin(0.01 t).
"""

import diffusers
import fixture
import torch
from diffusers import (DDIMScheduler, DPMSolverMultistepScheduler, EulerAncestralDiscreteScheduler,
                       EulerDiscreteScheduler, LCMScheduler, PNDMScheduler, UniPCMultistepScheduler)

STABLE = dict(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", steps_offset=1)
KEEP = dict(set_alpha_to_one=False, clip_sample=False)
V = dict(prediction_type="v_prediction")
SAMPLE = dict(prediction_type="sample")

CASES = {
    "ddim": (DDIMScheduler, KEEP, 7),
    "ddim-noisy": (DDIMScheduler, KEEP, 5),
    "ddim-v-clipped": (DDIMScheduler, dict(V, set_alpha_to_one=True, clip_sample=True), 6),
    "ddim-sample-trailing": (DDIMScheduler, dict(KEEP, **SAMPLE, timestep_spacing="trailing"), 6),
    "ddim-linspace": (DDIMScheduler, dict(KEEP, timestep_spacing="linspace"), 6),
    "pndm": (PNDMScheduler, dict(skip_prk_steps=True, set_alpha_to_one=False), 7),
    "pndm-once": (PNDMScheduler, dict(skip_prk_steps=True, set_alpha_to_one=False), 1),
    "pndm-v": (PNDMScheduler, dict(V, skip_prk_steps=True, set_alpha_to_one=False), 9),
    "dpm": (DPMSolverMultistepScheduler, {}, 7),
    "dpm-long": (DPMSolverMultistepScheduler, dict(final_sigmas_type="sigma_min"), 16),
    "dpm-karras-v": (DPMSolverMultistepScheduler, dict(V, use_karras_sigmas=True), 8),
    "dpm-cosine": (DPMSolverMultistepScheduler, dict(beta_schedule="squaredcos_cap_v2"), 5),
    "dpm-trailing-sample": (
        DPMSolverMultistepScheduler, dict(SAMPLE, timestep_spacing="trailing"), 6),
    "euler": (EulerDiscreteScheduler, {}, 7),
    "euler-leading-karras": (
        EulerDiscreteScheduler, dict(timestep_spacing="leading", use_karras_sigmas=True), 6),
    "euler-v": (EulerDiscreteScheduler, dict(V, timestep_spacing="trailing"), 6),
    "euler-ancestral": (EulerAncestralDiscreteScheduler, {}, 6),
    "euler-ancestral-v": (
        EulerAncestralDiscreteScheduler, dict(V, timestep_spacing="leading"), 5),
    "unipc": (UniPCMultistepScheduler, {}, 7),
    "unipc-bh1-karras": (
        UniPCMultistepScheduler, dict(solver_type="bh1", use_karras_sigmas=True), 6),
    "unipc-v": (UniPCMultistepScheduler, dict(V, timestep_spacing="leading"), 5),
    "lcm": (LCMScheduler, {}, 4),
    "lcm-v": (LCMScheduler, V, 8),
}

tensors, configs = {}, {}
for name, (kind, extra, steps) in CASES.items():
    keys = {**STABLE, **extra}
    scheduler = kind(**keys)
    scheduler.set_timesteps(steps)
    eta = 0.6 if name == "ddim-noisy" else 0.0
    generator = torch.Generator().manual_seed(3)
    x = fixture.tensor("x", (1, 2, 3, 4)) * scheduler.init_noise_sigma
    run = [x]
    for t in scheduler.timesteps:
        shown = scheduler.scale_model_input(x, t)
        answer = 0.6 * shown + 0.05 * torch.sin(0.01 * t.float())
        if kind in (PNDMScheduler, DPMSolverMultistepScheduler, UniPCMultistepScheduler):
            x = scheduler.step(answer, t, x).prev_sample
        elif kind is DDIMScheduler:
            x = scheduler.step(answer, t, x, eta=eta, generator=generator).prev_sample
        else:
            x = scheduler.step(answer, t, x, generator=generator).prev_sample
        run.append(x)
    tensors[f"{name}.timesteps"] = scheduler.timesteps.float()
    tensors[f"{name}.run"] = torch.stack(run)
    tensors[f"{name}.scale"] = torch.tensor([float(scheduler.init_noise_sigma)])
    if hasattr(scheduler, "sigmas"):
        tensors[f"{name}.sigmas"] = scheduler.sigmas.float()
    configs[name] = dict(scheduler={"_class_name": kind.__name__, **keys}, steps=steps, eta=eta)

for schedule in ("linear", "scaled_linear", "squaredcos_cap_v2"):
    scheduler = DDIMScheduler(beta_start=0.00085, beta_end=0.012, beta_schedule=schedule)
    tensors[f"alphas.{schedule}"] = scheduler.alphas_cumprod

fixture.save("schedulers", tensors, f"diffusers {diffusers.__version__}", config=configs)
