"""Scores of captions by the packages that papers quote: sacrebleu, rouge-score, pycocoevalcap.

    python text_metrics.py    writes text_metrics.json beside it
"""

import json
import os
from importlib.metadata import version

import sacrebleu
from pycocoevalcap.cider.cider import Cider
from rouge_score import rouge_scorer

CANDIDATES = [
    "a slow rising melody on the violin",
    "a fast falling melody on the the banjo",
    "a piano in the middle , red ground",
    "something quite different",
    "a drum on the left , blue ground",
    "an accordion moving in a slow steady line",
]
REFERENCES = [
    ["a slow rising melody on the violin", "the violin plays a slow rising melody"],
    ["a fast falling melody on the banjo", "a banjo falls fast"],
    ["a piano on the right , red ground", "a red ground with a piano in the middle"],
    ["a trumpet in the middle , green ground", "a green ground and a trumpet"],
    ["a drum on the left , blue ground", "a drum to the left"],
    ["an accordion moving in a fast arch line , white ground", "an accordion moves along an arch"],
]


def main():
    keys = range(len(CANDIDATES))
    streams = [[refs[k] for refs in REFERENCES] for k in range(2)]
    # Texts are cut at spaces already; pycocoevalcap's own cutting needs Java.
    bleu = sacrebleu.corpus_bleu(
        CANDIDATES, streams, tokenize="none", smooth_method="none", force=True)
    scorer = rouge_scorer.RougeScorer(["rougeL"])
    rouge = [max(scorer.score(r, c)["rougeL"].fmeasure for r in refs)
             for c, refs in zip(CANDIDATES, REFERENCES)]
    mean, each = Cider().compute_score(
        {k: REFERENCES[k] for k in keys}, {k: [CANDIDATES[k]] for k in keys})
    fixture = {
        "source": ", ".join(f"{p} {version(p)}"
                            for p in ("sacrebleu", "rouge-score", "pycocoevalcap")),
        "candidates": CANDIDATES, "references": REFERENCES, "bleu": bleu.score / 100,
        "rougeL": rouge, "cider": [float(x) for x in each], "meanCider": float(mean),
    }
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "text_metrics.json")
    with open(path, "w") as file:
        json.dump(fixture, file, indent=1)
        file.write("\n")


if __name__ == "__main__":
    main()
