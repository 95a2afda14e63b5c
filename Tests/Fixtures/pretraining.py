"""Losses and gradients of the components' own trainings, at tiny sizes.

Writes pretraining_{noise,noise_sound,noise_video,autoencoder,contrast,clip,clap,llama,vocoder}.
The networks are diffusers' and transformers'; the discriminators, which neither has, are built here
from the tables of HiFi-GAN's paper.
"""

import diffusers
import torch
import torch.nn.functional as F
import transformers
from diffusers import AutoencoderKL, DDPMScheduler, UNet2DConditionModel, UNet3DConditionModel
from diffusers.training_utils import compute_snr
from torch.nn.utils import weight_norm
from transformers.audio_utils import mel_filter_bank

from fixture import fill, save, tensor

VERSION = f"torch {torch.__version__}"
DIFFUSERS = f"diffusers {diffusers.__version__}, {VERSION}"
TRANSFORMERS = f"transformers {transformers.__version__}, {VERSION}"


def config(model):
    return {key: value for key, value in model.config.items() if not key.startswith("_")}


def gradients(module, loss, keep=lambda value: True, prefix=""):
    """The gradient of every parameter that is worth its bytes."""
    for value in module.parameters():
        value.grad = None
    loss.backward(retain_graph=True)
    return {
        f"gradient.{prefix}{name}": value.grad.clone()
        for name, value in module.named_parameters()
        if value.grad is not None and keep(value)
    }


# MARK: Noise

SCHEDULE = dict(
    beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", num_train_timesteps=1000)
STEPS = torch.tensor([37, 801])


def noise_losses(evaluate, shape, target, limit):
    scheduler = DDPMScheduler(prediction_type=target, **SCHEDULE)
    latents, noise = tensor("latents", shape, 2), tensor("noise", shape, 2)
    answer = evaluate(scheduler.add_noise(latents, noise, STEPS), STEPS)
    goal = noise if target == "epsilon" else scheduler.get_velocity(latents, noise, STEPS)
    losses = ((answer - goal) ** 2).flatten(1).mean(1)
    if limit is None:
        return losses
    snr = compute_snr(scheduler, STEPS)
    return losses * snr.clamp(max=limit) / (snr if target == "epsilon" else snr + 1)


def noise():
    model = UNet2DConditionModel(
        in_channels=4, out_channels=4, block_out_channels=(4, 8), layers_per_block=1,
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"), cross_attention_dim=6,
        attention_head_dim=2, norm_num_groups=2, sample_size=8)
    recipe = fill(model)
    call = lambda x, t: model(x, t, tensor("ctx", (2, 3, 6))).sample
    values = {}
    for target in ("epsilon", "v_prediction"):
        for limit in (None, 5):
            values[f"{target}.{limit or 'even'}"] = noise_losses(call, (2, 4, 6, 8), target, limit)
    values |= gradients(model, values["v_prediction.5"].sum())
    save("pretraining_noise", values, DIFFUSERS, config(model), recipe)


def noise_sound():
    model = UNet2DConditionModel(
        in_channels=2, out_channels=2, block_out_channels=(4, 8), layers_per_block=1,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"), cross_attention_dim=(4, 8),
        attention_head_dim=2, norm_num_groups=2, class_embed_type="simple_projection",
        projection_class_embeddings_input_dim=5, class_embeddings_concat=True, sample_size=8)
    recipe = fill(model)
    call = lambda x, t: model(x, t, None, class_labels=tensor("cls", (2, 5))).sample
    losses = noise_losses(call, (2, 2, 6, 4), "epsilon", None)
    values = {"losses": losses} | gradients(model, losses.sum(), lambda v: v.dim() == 1)
    save("pretraining_noise_sound", values, DIFFUSERS, config(model), recipe)


def noise_video():
    model = UNet3DConditionModel(
        in_channels=2, out_channels=2, block_out_channels=(32, 32), layers_per_block=1,
        down_block_types=("CrossAttnDownBlock3D", "DownBlock3D"),
        up_block_types=("UpBlock3D", "CrossAttnUpBlock3D"), cross_attention_dim=6,
        attention_head_dim=8, norm_num_groups=32, sample_size=8).eval()  # its dropout off
    recipe = fill(model)
    call = lambda x, t: model(x, t, tensor("ctx", (2, 3, 6))).sample
    losses = noise_losses(call, (2, 2, 3, 4, 4), "v_prediction", None)
    values = {"losses": losses} | gradients(model, losses.sum(), lambda v: v.dim() == 1)
    save("pretraining_noise_video", values, DIFFUSERS, config(model), recipe)


# MARK: Autoencoder


def edges(found, expected):
    difference, total = found - expected, 0
    for scale in range(3):
        if scale:
            difference = F.avg_pool2d(difference, 2)
        for axis in (2, 3):
            total = total + torch.diff(difference, dim=axis).abs().flatten(1).mean(1)
    return total


def autoencoder():
    model = AutoencoderKL(
        in_channels=3, out_channels=3, block_out_channels=(4, 8), layers_per_block=1,
        latent_channels=2, norm_num_groups=2, sample_size=8,
        down_block_types=("DownEncoderBlock2D",) * 2, up_block_types=("UpDecoderBlock2D",) * 2)
    recipe = fill(model)
    images = tensor("images", (2, 3, 8, 12), 2)
    posterior = model.encode(images).latent_dist
    latents = posterior.mean + posterior.std * tensor("noise", (2, 2, 4, 6), 2)
    found = model.decode(latents).sample
    values = {
        "l1": (found - images).abs().flatten(1).mean(1),
        "l2": ((found - images) ** 2).flatten(1).mean(1),
        "edges": edges(found, images),
        "divergence": posterior.kl() / images[0].numel(),
    }
    total = (values["l1"] + 0.5 * values["edges"] + 0.01 * values["divergence"]).mean()
    values |= {"total": total} | gradients(model, total)
    save("pretraining_autoencoder", values, DIFFUSERS, config(model), recipe)


# MARK: Contrast


def contrast(a, b, scale, groups=None):
    logits = scale * a @ b.T
    if groups is not None:
        same = groups[:, None] == groups[None, :]
        logits = logits.masked_fill(same & ~torch.eye(len(groups), dtype=bool), -torch.inf)
    right = torch.arange(len(a))
    return (F.cross_entropy(logits, right, reduction="sum")
            + F.cross_entropy(logits.T, right, reduction="sum")) / 2


def contrasts():
    a, b = (tensor(name, (5, 6)).requires_grad_() for name in "ab")
    logarithm = torch.tensor(2.5, requires_grad=True)
    values = {}
    for name, groups in (("all", None), ("grouped", torch.tensor([0, 1, 0, 3, 1]))):
        loss = contrast(
            F.normalize(a, dim=1), F.normalize(b, dim=1), logarithm.exp().clamp(max=100), groups)
        found = torch.autograd.grad(loss, (a, b, logarithm))
        values |= {name: loss} | dict(zip((f"{name}.{x}" for x in ("a", "b", "scale")), found))
    save("pretraining_contrast", values, VERSION)


def text(name, model, embeddings, ids):
    model.eval()
    recipe = fill(model, lambda name: None if "position_ids" in name else name)
    loss = contrast(
        F.normalize(embeddings(model), dim=1), F.normalize(tensor("media", (3, 6)), dim=1), 14)
    values = {"loss": loss, "ids": ids.int()} | gradients(model, loss)
    save(f"pretraining_{name}", values, TRANSFORMERS, model.config.to_dict(), recipe)


def clip():
    sizes = transformers.CLIPTextConfig(
        vocab_size=20, hidden_size=8, intermediate_size=16, num_hidden_layers=2,
        num_attention_heads=2, max_position_embeddings=7, projection_dim=6, eos_token_id=19,
        bos_token_id=18, pad_token_id=19, attn_implementation="eager")
    ids = torch.tensor([
        [18, 3, 7, 19, 19, 19, 19], [18, 1, 2, 4, 5, 6, 19], [18, 19, 19, 19, 19, 19, 19]])
    text("clip", transformers.CLIPTextModelWithProjection(sizes), lambda m: m(ids).text_embeds, ids)


def clap():
    sizes = transformers.ClapTextConfig(
        vocab_size=20, hidden_size=8, intermediate_size=16, num_hidden_layers=2,
        num_attention_heads=2, max_position_embeddings=9, projection_dim=6, type_vocab_size=1,
        attn_implementation="eager")
    ids = torch.tensor([
        [0, 7, 12, 2, 1, 1, 1], [0, 4, 5, 6, 8, 9, 2], [0, 2, 1, 1, 1, 1, 1]])
    text("clap", transformers.ClapTextModelWithProjection(sizes),
         lambda m: m(ids, attention_mask=(ids != 1).long()).text_embeds, ids)


# MARK: Language model


def llama():
    sizes = transformers.LlamaConfig(
        vocab_size=24, hidden_size=8, intermediate_size=12, num_hidden_layers=2,
        num_attention_heads=4, num_key_value_heads=2, max_position_embeddings=32,
        attn_implementation="eager", rope_parameters={"rope_type": "default", "rope_theta": 10000.0})
    model = transformers.LlamaForCausalLM(sizes).eval()
    recipe = fill(model, lambda name: None if "inv_freq" in name else name)
    ids = torch.tensor([[1, 5, 7, 9, 11, 2], [1, 6, 3, 8, 0, 0]])
    labels = torch.tensor([[-100, -100, 7, 9, 11, 2], [-100, -100, -100, 8, -100, -100]])
    logits = model(ids).logits[:, :-1]
    loss = F.cross_entropy(logits.flatten(0, 1), labels[:, 1:].flatten(), reduction="sum")
    values = {"loss": loss} | gradients(model, loss / 5)
    save("pretraining_llama", values, TRANSFORMERS, sizes.to_dict(), recipe)


# MARK: Vocoder


class Judge(torch.nn.Module):
    """Convolutions with leaky rectifiers and the scores in the end: all of them are features."""

    def __init__(self, convs, post):
        super().__init__()
        self.convs = torch.nn.ModuleList(weight_norm(conv) for conv in convs)
        self.conv_post = weight_norm(post)

    def forward(self, x):
        features = []
        for conv in self.convs:
            x = F.leaky_relu(conv(x), 0.1)
            features.append(x)
        features.append(self.conv_post(x))
        return features[-1].flatten(1), features


class ByPeriod(Judge):
    def __init__(self, period, channels):
        self.period, widths = period, [1, *channels]
        last = len(channels) - 1
        super().__init__(
            [torch.nn.Conv2d(widths[i], widths[i + 1], (5, 1), (1 if i == last else 3, 1), (2, 0))
             for i in range(len(channels))],
            torch.nn.Conv2d(widths[-1], 1, (3, 1), 1, (1, 0)))

    def forward(self, x):
        x = F.pad(x, (0, -x.shape[-1] % self.period), "reflect")
        return super().forward(x.unflatten(2, (-1, self.period)))


class AtScale(Judge):
    def __init__(self, channels, groups):
        table = zip((15, 41, 41, 41, 41, 41, 5), (1, 2, 2, 4, 4, 1, 1), groups)
        widths = [1, *channels]
        super().__init__(
            [torch.nn.Conv1d(widths[i], widths[i + 1], k, s, k // 2, groups=g)
             for i, (k, s, g) in enumerate(table)],
            torch.nn.Conv1d(widths[-1], 1, 3, 1, 1))


class Judges(torch.nn.Module):
    def __init__(self, periods, period_channels, scales, scale_channels, scale_groups):
        super().__init__()
        module, modules = torch.nn.Module, torch.nn.ModuleList
        self.mpd, self.msd = module(), module()
        self.mpd.discriminators = modules(ByPeriod(p, period_channels) for p in periods)
        self.msd.discriminators = modules(
            AtScale(scale_channels, scale_groups) for _ in range(scales))

    def forward(self, sounds):
        x = sounds[:, None]
        results = [judge(x) for judge in self.mpd.discriminators]
        for index, judge in enumerate(self.msd.discriminators):
            x = F.avg_pool1d(x, 4, 2, 2) if index else x
            results.append(judge(x))
        return results


MEL = dict(rate=1600, bins=8, window=32, hop=8, high=700)


def mel(sounds):
    spectra = torch.stft(
        sounds, MEL["window"], MEL["hop"], window=torch.hann_window(MEL["window"]),
        return_complex=True).abs()
    filters = mel_filter_bank(
        MEL["window"] // 2 + 1, MEL["bins"], 50.0, MEL["high"], MEL["rate"], "slaney", "slaney")
    return (spectra.transpose(1, 2) @ torch.from_numpy(filters).float()).clamp(min=1e-5).log()


def spectral_loss(made, real, windows):
    """Spectral convergence and log magnitudes, by sample, as Sources/Training has them."""
    def magnitudes(x, window):
        spectra = torch.stft(
            x, window, window // 4, window=torch.hann_window(window), return_complex=True)
        return spectra.abs().clamp(min=1e-7)
    losses = []
    for window in windows:
        m, r = magnitudes(made, window), magnitudes(real, window)
        norm = torch.linalg.norm(r, dim=(1, 2)).clamp(min=1)
        levels = (m.clamp(min=1e-2).log() - r.clamp(min=1e-2).log()).abs().mean((1, 2))
        losses.append(torch.linalg.norm(m - r, dim=(1, 2)) / norm + levels)
    return sum(losses) / len(windows)


def vocoder():
    sizes = transformers.SpeechT5HifiGanConfig(
        model_in_dim=8, sampling_rate=1600, upsample_initial_channel=8, upsample_rates=[4, 2],
        upsample_kernel_sizes=[8, 4], resblock_kernel_sizes=[3], resblock_dilation_sizes=[[1, 3]],
        normalize_before=False)
    generator = transformers.SpeechT5HifiGan(sizes)
    for module in generator.modules():
        if isinstance(module, (torch.nn.Conv1d, torch.nn.ConvTranspose1d)):
            weight_norm(module)
    recipe = fill(generator, lambda name: None if name in ("mean", "scale") else name)
    discriminators = dict(
        periods=[2, 3], period_channels=[2, 4, 4], scales=2,
        scale_channels=[4, 4, 4, 8, 8, 8, 8], scale_groups=[1, 2, 2, 4, 4, 4, 1])
    judges = Judges(**discriminators)
    recipe |= fill(judges)

    real = tensor("sounds", (2, 95), 1)
    spectrograms = tensor("mel", (2, 12, 8), 2)
    made = generator(spectrograms)[:, :95]
    judged_real, judged_made = judges(real), judges(made.detach())
    discrimination = sum(
        ((1 - r) ** 2).mean(1) + (m ** 2).mean(1)
        for (r, _), (m, _) in zip(judged_real, judged_made))
    values = {"made": made, "discrimination": discrimination, "spectrogram": mel(real)}
    values |= gradients(judges, discrimination.sum())

    judged_made = judges(made)
    values["mel"] = (mel(made) - mel(real)).abs().mean((1, 2))
    values["features"] = sum(
        (a.detach() - b).abs().flatten(1).mean(1)
        for (_, r), (_, m) in zip(judged_real, judged_made) for a, b in zip(r, m))
    values["deception"] = sum(((1 - m) ** 2).mean(1) for m, _ in judged_made)
    values["spectra"] = spectral_loss(made, real, [32, 64])
    total = (45 * values["mel"] + 2 * values["features"] + values["deception"]
             + 3 * values["spectra"]).sum()
    values |= {"total": total} | gradients(generator, total)
    settings = {"generator": sizes.to_dict(), "discriminators": discriminators}
    save("pretraining_vocoder", values, TRANSFORMERS, settings, recipe)


if __name__ == "__main__":
    noise()
    noise_sound()
    noise_video()
    autoencoder()
    contrasts()
    clip()
    clap()
    llama()
    vocoder()
