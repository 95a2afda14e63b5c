"""The three stages on a tiny stack: LLaMA of transformers, adapters of peft, projections around
torch.nn.Transformer, AdamW of torch; losses as the original's training step adds them up.

Stored are the batches, every loss of 100 steps, and of the first step every gradient and every
weight after it.
"""

import peft
import torch
import torch.nn.functional as F
import transformers
from torch import nn

import fixture

BASE, HIDDEN, VECTOR, STEPS = 512, 32, 48, 100
START, END = 512, 513
SIGNALS = {"image": [514, 515], "video": [516, 517, 518], "audio": [519, 520]}
CONDITIONING = {"image": (5, 10), "video": (4, 6), "audio": (1, 7)}
LAYERS = {"image": [-1, 1], "video": [-1], "audio": [-1]}
PREFIX = {
    "image": "gen_text_hidden_fcs",
    "video": "gen_text_hidden_fcs_video",
    "audio": "gen_text_hidden_fcs_audio",
}
WEIGHTS = {1: {}, 2: dict(image=1, video=1, audio=1), 3: dict(image=1, video=2, audio=1)}
recipe = {}


class Reader(nn.Module):
    """An output projection, by the published tensor names."""

    def __init__(self, tokens, width):
        super().__init__()
        self.fc = nn.Linear(HIDDEN, 8)
        self.tfm = nn.Transformer(
            d_model=8, nhead=4, num_encoder_layers=1, num_decoder_layers=1, dim_feedforward=12,
            dropout=0.0, batch_first=True, norm_first=True)
        self.query_embs = nn.Parameter(torch.zeros(1, tokens, 8))
        self.model = nn.Linear(8, width)

    def forward(self, states, embeddings):
        z = self.fc(states + embeddings)
        return self.model(self.tfm(z, self.query_embs.repeat(len(z), 1, 1)))


class Stack(nn.Module):
    def __init__(self, stage):
        super().__init__()
        self.stage = stage
        self.llm = transformers.LlamaForCausalLM(
            transformers.LlamaConfig(
                vocab_size=BASE, hidden_size=HIDDEN, intermediate_size=48, num_hidden_layers=2,
                num_attention_heads=4, num_key_value_heads=2, rms_norm_eps=1e-6,
                max_position_embeddings=128, tie_word_embeddings=False,
                attn_implementation="eager"))
        recipe.update(fixture.fill(self.llm))
        self.core = self.llm.model
        self.llm.requires_grad_(False)
        if stage == 3:
            peft.get_peft_model(
                self.llm,
                peft.LoraConfig(
                    task_type="CAUSAL_LM", r=2, lora_alpha=4, lora_dropout=0.0,
                    target_modules=["q_proj", "k_proj", "v_proj", "o_proj"]))
        self.rows = nn.ParameterDict()
        for table in ("model.embed_tokens", "lm_head"):
            name = f"{table}.added_rows"
            self.rows[name.replace(".", "/")] = nn.Parameter(torch.zeros(9, HIDDEN))
        self.llama_proj = nn.Linear(VECTOR, HIDDEN)
        for modality, layers in LAYERS.items():
            readers = nn.ModuleList(Reader(*CONDITIONING[modality]) for _ in layers)
            setattr(self, PREFIX[modality], readers)
        with torch.no_grad():
            for name, value in self.everything():
                value.copy_(fixture.weight(name, tuple(value.shape)))
                recipe[name] = list(value.shape)
        self.llama_proj.requires_grad_(stage != 2)
        for modality in LAYERS:
            getattr(self, PREFIX[modality]).requires_grad_(stage != 1)

    def everything(self):
        """What some stage trains, by our names."""
        for name, value in self.named_parameters():
            if name.startswith(("llm.", "core.")):
                if name.startswith("llm.") and ".lora_" in name:
                    yield name.removeprefix("llm."), value
            elif name.startswith("rows."):
                yield name.removeprefix("rows.").replace("/", "."), value
            else:
                yield name, value

    def trained(self):
        return [(name, value) for name, value in self.everything() if value.requires_grad]

    def forward(self, batch):
        embed = torch.cat([self.core.embed_tokens.weight, self.rows["model/embed_tokens/added_rows"]])
        head = torch.cat([self.llm.lm_head.weight, self.rows["lm_head/added_rows"]])
        longest = max(len(sample["ids"]) for sample in batch)
        rows, labels, mask = [], [], []
        for sample in batch:
            ids = torch.tensor(sample["ids"])
            row = embed[ids.clamp(min=0)]
            for place, name in sample["media"]:
                shown = self.llama_proj(fixture.tensor(f"medium.{name}", (VECTOR,), 1))
                row = torch.cat([row[:place], shown[None], row[place + 1 :]])
            missing = longest - len(ids)
            rows.append(torch.cat([row, embed[2].repeat(missing, 1)]))
            labels.append(F.pad(torch.tensor(sample["labels"]), (0, missing), value=-100))
            mask.append(torch.tensor([1] * len(ids) + [0] * missing))
        inputs, labels = torch.stack(rows), torch.stack(labels)
        result = self.core(
            inputs_embeds=inputs, attention_mask=torch.stack(mask), output_hidden_states=True)
        states = result.hidden_states
        logits = states[-1] @ head.T
        loss = F.cross_entropy(logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten())
        predicted = logits[:, 1:-1].argmax(-1)
        valid = labels[:, 2:] != -100
        right = ((predicted == labels[:, 2:]) & valid).sum()
        accuracy = right / (valid.sum() + 1.0)

        sums, spans = 0, 0
        for modality, weight in WEIGHTS[self.stage].items():
            count = len(SIGNALS[modality])
            places = [
                (index, place, name)
                for index, sample in enumerate(batch)
                for kind, place, name in sample["spans"]
                if kind == modality
            ]
            if not places:
                continue
            cut = lambda x: torch.stack([x[i, p : p + count] for i, p, _ in places])
            readers = getattr(self, PREFIX[modality])
            projected = sum(
                reader(cut(states[layer]), cut(inputs))
                for layer, reader in zip(LAYERS[modality], readers))
            target = torch.stack(
                [fixture.tensor(f"target.{name}", CONDITIONING[modality], 1) for *_, name in places])
            distance = ((projected - target).pow(2).sum(-1) + 1e-12).sqrt()
            sums = sums + weight * distance.mean(1).sum()
            spans += len(places)
        return loss + (sums / spans if spans else 0), accuracy


def words(name, count):
    return [3 + int((u + 0.5) * (BASE - 3)) for u in fixture.numbers(name, count)]


def sample(name, question, answer, medium=False, spans=()):
    """BOS, perhaps a medium, a question, and an answer that ends in spans and some words."""
    ids, media = [1] + words(f"{name}.opening", 2), []
    if medium:
        media = [(len(ids) + 1, name)]
        ids += [START, -1, END]
    ids += words(f"{name}.question", question)
    labels = [-100] * len(ids)
    reply, placed = words(f"{name}.answer", answer), []
    for index, modality in enumerate(spans):
        placed.append((modality, len(ids) + len(reply), f"{name}.{index}"))
        reply += SIGNALS[modality] + words(f"{name}.{index}.after", 2)
    return dict(ids=ids + reply, labels=labels + reply, media=media, spans=placed)


BATCHES = {
    1: [
        [sample("a", 3, 5, True), sample("b", 1, 3, True), sample("c", 6, 7, True)],
        [sample("d", 2, 9, True), sample("e", 4, 2, True)],
    ],
    2: [
        [sample("f", 4, 4, spans=["image"]), sample("g", 6, 6, spans=["audio"]),
         sample("h", 3, 3, spans=["video"])],
        [sample("i", 5, 5, spans=["image"]), sample("j", 3, 3, spans=["image"])],
        [sample("k", 5, 5, spans=["video"]), sample("l", 2, 2, spans=["video"])],
        [sample("m", 1, 1, spans=["audio"]), sample("n", 3, 3, spans=["audio"])],
    ],
    3: [
        [sample("o", 4, 3, True, ["image", "audio", "audio"]), sample("p", 2, 2, spans=["video"]),
         sample("q", 5, 9)],
        [sample("r", 3, 4, spans=["video"]), sample("s", 6, 1, spans=["video"])],
        [sample("t", 3, 4, spans=["image"]), sample("u", 2, 6, True, ["image"])],
        [sample("v", 8, 3), sample("w", 3, 7, True)],
        [sample("x", 2, 5, spans=["audio"]), sample("y", 5, 2, spans=["audio"])],
    ],
}

tensors = {}
for stage, batches in BATCHES.items():
    stack = Stack(stage)
    optimizer = torch.optim.AdamW(
        [value for _, value in stack.trained()], 5e-4, betas=(0.9, 0.95), eps=1e-8,
        weight_decay=0.001)
    losses, accuracies = [], []
    for step in range(STEPS):
        optimizer.zero_grad()
        loss, accuracy = stack(batches[step % len(batches)])
        loss.backward()
        if step == 0:
            for name, value in stack.trained():
                tensors[f"stage_{stage}.gradient.{name}"] = value.grad.clone()
        optimizer.step()
        if step == 0:
            for name, value in stack.trained():
                tensors[f"stage_{stage}.after.{name}"] = value.clone()
        losses.append(loss.detach())
        accuracies.append(accuracy)
    tensors[f"stage_{stage}.losses"] = torch.stack(losses)
    tensors[f"stage_{stage}.accuracies"] = torch.stack(accuracies)
    print(stage, losses[0].item(), losses[-1].item())

fixture.save(
    "stages", tensors,
    f"transformers {transformers.__version__}, peft {peft.__version__}, "
    f"torch {torch.__version__}",
    {"batches": {f"stage_{stage}": batches for stage, batches in BATCHES.items()}}, recipe)
