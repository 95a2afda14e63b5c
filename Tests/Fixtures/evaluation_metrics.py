"""Metrics of media and intervals by the packages that others use: scipy, mir_eval.

    python evaluation_metrics.py    writes evaluation_metrics.json beside it
"""

import json
import os
from importlib.metadata import version

import mir_eval
import numpy
from scipy.linalg import sqrtm
from scipy.stats import binomtest

ONSETS = [
    ([0.0, 0.5, 1.0, 1.5], [0.02, 0.52, 1.04, 1.7]),
    ([0.0, 0.25, 0.5, 0.75, 1.0], [0.01, 0.03, 0.5, 0.78]),
    ([0.5, 0.56, 0.62], [0.52, 0.59]),
    ([0.1], [0.9, 1.2]),
    ([0.3, 0.9], []),
]
SHARES = [(0, 12), (8, 10), (97, 100), (200, 200), (371, 414)]


def frechet(a, b):
    means = numpy.square(a.mean(0) - b.mean(0)).sum()
    first, second = numpy.cov(a, rowvar=False), numpy.cov(b, rowvar=False)
    return float(means + numpy.trace(first + second - 2 * sqrtm(first @ second).real))


def main():
    draw = numpy.random.default_rng(13)
    mix = draw.normal(size=(5, 5))
    clouds = [(draw.normal(size=(40, 5)) @ mix).round(4), draw.normal(0.3, 1.2, (31, 5)).round(4)]
    fixture = {
        "source": ", ".join(f"{p} {version(p)}" for p in ("scipy", "mir_eval")),
        "clouds": [c.tolist() for c in clouds], "frechet": frechet(*clouds),
        "onsets": [
            {"reference": r, "estimated": e,
             "f": float(mir_eval.onset.f_measure(numpy.array(r), numpy.array(e))[0])}
            for r, e in ONSETS],
        "wilson": [
            {"right": k, "count": n, "interval": list(binomtest(k, n).proportion_ci(method="wilson"))}
            for k, n in SHARES],
    }
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "evaluation_metrics.json")
    with open(path, "w") as file:
        json.dump(fixture, file)
        file.write("\n")


if __name__ == "__main__":
    main()
