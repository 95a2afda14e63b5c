"""What the scripts that time a peer for southgpt-bench share: a case a line as JSON on standard input, the
median of its seconds on standard output; with --peak-memory and a case, the bytes that a process took.
"""

import json
import resource
import statistics
import sys
import time

import torch


def answer(key, prepared):
    """Answers all requests. `prepared(case)` makes a case, `request[key]`, ready: what runs it once, and
    whether that needs gradients.
    """
    print(f"torch {torch.__version__}", flush=True)
    if "--peak-memory" in sys.argv:
        run, learns = prepared(json.loads(sys.argv[-1]))
        with torch.inference_mode(not learns):
            run(), run()
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10, flush=True)
        return
    held = {}
    for line in sys.stdin:
        request = json.loads(line)
        case = request[key]
        if case["name"] not in held:
            held.clear()
            run, learns = held[case["name"]] = prepared(case)
            with torch.inference_mode(not learns):
                run()
        (run, learns), times = held[case["name"]], []
        with torch.inference_mode(not learns):
            start = time.perf_counter()
            while not times or time.perf_counter() - start < request["seconds"]:
                before = time.perf_counter()
                run()
                times.append(time.perf_counter() - before)
        print(statistics.median(times), flush=True)
