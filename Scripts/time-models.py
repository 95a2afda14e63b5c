#!/usr/bin/env python3
"""The other side of `southgpt-bench llm` and `southgpt-bench imagebind`: reads cases as lines of
JSON and answers each with seconds, or with `-` where this peer does not do it.

    southgpt-bench llm --peer "python3 Scripts/time-models.py llama.cpp"
    southgpt-bench llm --peer "python3 Scripts/time-models.py transformers"
    southgpt-bench imagebind --peer "python3 Scripts/time-models.py imagebind"

Needs the packages of Tests/Fixtures/requirements.txt, and of the peer: llama-cpp-python 0.3.36,
transformers, or imagebind-packaged 0.1.2.
"""

import json
import os
import pathlib
import resource
import statistics
import sys
import time

THREADS = int(os.environ.get("SOUTHGPT_THREADS", os.cpu_count()))


def seconds(run, case):
    clock = time.process_time if case["time"] == "processor" else time.perf_counter
    start = clock()
    run()
    return clock() - start


class LlamaCpp:
    """llama.cpp over the file itself."""

    def __init__(self):
        import llama_cpp

        self.library = llama_cpp
        self.name = f"llama.cpp of llama-cpp-python {llama_cpp.__version__}"

    def open(self, case):
        return self.library.Llama(
            case["path"], n_ctx=case["prompt"] + case["reply"] + 16, n_batch=case["prompt"],
            n_ubatch=case["prompt"], n_threads=THREADS, n_threads_batch=THREADS, verbose=False)

    def measure(self, model, case):
        ids = [(7919 * i + 3) % case["config"]["vocabSize"] for i in range(case["prompt"])]
        model.reset()
        prefill = seconds(lambda: model.eval(ids), case)

        def reply():
            for i in range(case["reply"]):
                model.eval([ids[i]])

        return prefill, seconds(reply, case) / case["reply"]


class Transformers:
    """PyTorch's network of the same sizes, its weights drawn."""

    TYPES = {"float32", "bfloat16"}

    def __init__(self):
        import torch
        import transformers

        torch.set_num_threads(THREADS)
        self.torch, self.transformers = torch, transformers
        self.name = f"transformers {transformers.__version__}, torch {torch.__version__}"

    def open(self, case):
        if case["weights"] not in self.TYPES:
            return None
        sizes = case["config"]
        config = self.transformers.LlamaConfig(
            vocab_size=sizes["vocabSize"], hidden_size=sizes["hiddenSize"],
            intermediate_size=sizes["intermediateSize"],
            num_hidden_layers=sizes["numHiddenLayers"],
            num_attention_heads=sizes["numAttentionHeads"],
            max_position_embeddings=sizes["maxPositionEmbeddings"])
        self.torch.set_default_dtype(getattr(self.torch, case["weights"]))
        model = self.transformers.LlamaForCausalLM(config).eval()
        self.torch.set_default_dtype(self.torch.float32)
        return model

    def measure(self, model, case):
        ids = self.torch.arange(case["prompt"])[None] * 7919 % case["config"]["vocabSize"]
        state = {}

        def feed(ids):
            out = model(
                input_ids=ids, past_key_values=state.get("cache"), use_cache=True,
                logits_to_keep=1)
            state["cache"] = out.past_key_values

        def reply():
            for i in range(case["reply"]):
                feed(ids[:, i:i + 1])

        with self.torch.inference_mode():
            return seconds(lambda: feed(ids), case), seconds(reply, case) / case["reply"]


class ImageBind:
    """The original network; towers that are not timed are as small as they can be."""

    def __init__(self):
        import torch

        fixtures = pathlib.Path(__file__).resolve().parent.parent / "Tests" / "Fixtures"
        sys.path.insert(0, str(fixtures))
        import imagebind_package

        torch.set_num_threads(THREADS)
        self.torch, (self.network, _) = torch, imagebind_package.modules()
        self.name = f"imagebind-packaged 0.1.2, torch {torch.__version__}"

    def open(self, case):
        kept = "audio" if case["input"] == "audio" else "vision"
        small = {
            f"{tower}_{key}": value
            for tower in {"vision", "audio", "text", "depth", "thermal", "imu"} - {kept}
            for key, value in {"embed_dim": 8, "num_blocks": 1, "num_heads": 2}.items()}
        # What imagebind_huge gives, where it is not the constructor's own.
        sizes = dict(
            vision_embed_dim=1280, vision_num_blocks=32, vision_num_heads=16,
            out_embed_dim=1024, audio_drop_path=0.1)
        model = self.network.ImageBindModel(**(sizes | small)).eval()
        return model.to(getattr(self.torch, case["weights"]))

    def measure(self, model, case):
        shape = (1, 3, 1, 128, 204) if case["input"] == "audio" else (1, 3, 224, 224)
        x = self.torch.randn(*shape).to(getattr(self.torch, case["weights"]))
        with self.torch.inference_mode():
            return (seconds(lambda: model({case["input"]: x}), case),)

    def measure_for(self, model, case, least):
        times, start = [], time.perf_counter()
        while len(times) < 2 or time.perf_counter() - start < least:
            times.append(self.measure(model, case)[0])
        return (statistics.median(times),)


PEERS = {"llama.cpp": LlamaCpp, "transformers": Transformers, "imagebind": ImageBind}


def main():
    peer = PEERS[sys.argv[1]]()
    print(peer.name, flush=True)
    if "--peak-memory" in sys.argv:
        # One case in a process of its own: what it took at most.
        case = json.loads(sys.argv[-1])
        model = peer.open(case)
        if model is None:
            print("-")
            return
        peer.measure(model, case)
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10, flush=True)
        return
    held, model = None, None
    for line in sys.stdin:
        request = json.loads(line)
        case = request.get("tower", request)
        if case != held:
            model = None
            held, model = case, peer.open(case)
            if model is not None:
                peer.measure(model, case)
        if model is None:
            print("-", flush=True)
            continue
        times = (
            peer.measure_for(model, case, request["seconds"]) if "tower" in request
            else peer.measure(model, case))
        print(*times, flush=True)


if __name__ == "__main__":
    main()
