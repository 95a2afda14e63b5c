"""Numbers of torch.Generator and torch.nn.init, and a saved state: generators.safetensors."""

import torch
from torch.nn import init

from fixture import save


def seeded(seed):
    return torch.Generator().manual_seed(seed)


found = {}
found["uniform64"] = torch.rand(50, dtype=torch.float64, generator=seeded(1))
found["uniform.range"] = torch.empty(700).uniform_(-0.3, 0.7, generator=seeded(2))
found["integers.range"] = torch.randint(-7, 100, (700,), generator=seeded(3))
found["integers.wide"] = torch.randint(-(1 << 40), 1 << 41, (20,), generator=seeded(4))
found["normal.shifted"] = torch.empty(99).normal_(-1, 0.5, generator=seeded(5))
found["normal.few"] = torch.empty(7).normal_(2, 3, generator=seeded(5))
found["coins"] = torch.empty(300).bernoulli_(0.3, generator=seeded(6)).bool()
found["exponential"] = torch.empty(100).exponential_(2, generator=seeded(7))

generator = seeded(0x123456789)
torch.randn(3, generator=generator)
torch.rand(1000, generator=generator)
found["state"] = generator.get_state()
found["state.next"] = torch.randn(20, generator=generator)
found["state.last"] = torch.randn(2, generator=generator)


def initial(name, shape, draw, seed=11):
    found[f"initial.{name}"] = draw(torch.empty(shape), seeded(seed))


deep = (12, 7, 3, 2)
initial("kaimingUniform", deep, lambda w, g: init.kaiming_uniform_(w, 5**0.5, generator=g))
initial("kaimingUniform.outputs", deep,
        lambda w, g: init.kaiming_uniform_(w, mode="fan_out", nonlinearity="relu", generator=g))
initial("kaimingNormal", deep,
        lambda w, g: init.kaiming_normal_(w, 0.2, nonlinearity="leaky_relu", generator=g))
initial("kaimingNormal.outputs", deep,
        lambda w, g: init.kaiming_normal_(w, mode="fan_out", nonlinearity="tanh", generator=g))
initial("xavierUniform", deep, lambda w, g: init.xavier_uniform_(w, generator=g))
initial("xavierUniform.gain", deep,
        lambda w, g: init.xavier_uniform_(w, init.calculate_gain("selu"), generator=g))
initial("xavierNormal", deep, lambda w, g: init.xavier_normal_(w, 2, generator=g))
initial("normal", (30, 5), lambda w, g: init.normal_(w, 0, 0.02, generator=g))
initial("uniform", (30, 5), lambda w, g: init.uniform_(w, -0.1, 0.4, generator=g))
initial("truncatedNormal", (40, 5), lambda w, g: init.trunc_normal_(w, std=0.8, generator=g))
initial("truncatedNormal.tail", (40, 5),
        lambda w, g: init.trunc_normal_(w, 0, 1, 1, 3, generator=g))
initial("orthogonal", (9, 5), lambda w, g: init.orthogonal_(w, 1.5, generator=g))
initial("orthogonal.wide", (6, 4, 3), lambda w, g: init.orthogonal_(w, generator=g))
save("generators", found, f"torch {torch.__version__}")
