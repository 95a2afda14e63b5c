"""Half an hour of every kind of client, and a watch over memory, files and answers."""

import argparse
import json
import os
import random
import statistics
import sys
import threading
import time
from collections import Counter
from urllib.parse import urlparse

from clients import KINDS, Unanswered
from demo import Demo


class Soak:
    def __init__(self, demo, seed, patience):
        self.demo = demo
        url = urlparse(demo.url)
        self.address = (url.hostname, url.port)
        self.seed = seed
        self.patience = patience
        self.lock = threading.Lock()
        self.done = Counter()
        self.answers = {}
        self.failures = []
        self.samples = []
        self.over = threading.Event()

    def work(self, kind, number):
        chance = random.Random(f"{self.seed} {kind.__name__} {number}")

        def count(what):
            with self.lock:
                self.answers.setdefault(kind.__name__, Counter())[what] += 1
        client = kind(self.address, chance, count, self.patience)
        while not self.over.is_set():
            try:
                client.act()
            except Unanswered as problem:
                self.fail(kind, problem)
            except OSError as problem:
                # Those that break and leave are cut off at times, and may be.
                if kind.__name__ not in ("Breaks", "Leaves"):
                    self.fail(kind, problem)
            with self.lock:
                self.done[kind.__name__] += 1
            self.over.wait(chance.random() * 0.4)

    def fail(self, kind, problem):
        with self.lock:
            self.failures.append(f"{kind.__name__}: {problem}")

    def sample(self):
        process = f"/proc/{self.demo.process.pid}"
        with open(f"{process}/status") as file:
            status = dict(line.split(":", 1) for line in file)
        return {
            "seconds": time.time() - self.begun, "rss": int(status["VmRSS"].split()[0]) / 1024,
            "files": len(os.listdir(f"{process}/fd")), "threads": int(status["Threads"]),
        }

    def run(self, minutes, say):
        self.begun = time.time()
        self.before = self.sample()
        threads = [
            threading.Thread(target=self.work, args=(kind, number))
            for kind, count in KINDS for number in range(count)]
        for thread in threads:
            thread.start()
        end = self.begun + 60 * minutes
        while time.time() < end and self.demo.process.poll() is None:
            time.sleep(2)
            self.samples.append(self.sample())
            if len(self.samples) % 30 == 0:
                last = self.samples[-1]
                say(f"{last['seconds']:6.0f} s  {sum(self.done.values()):6} requests  "
                    f"{last['rss']:7.1f} MiB  {last['files']:4} files  {last['threads']:3} threads  "
                    f"{len(self.failures)} failures")
        self.over.set()
        for thread in threads:
            thread.join(self.patience + 60)
        self.crashed = self.demo.process.poll() is not None
        if not self.crashed:
            # Connections that were cut need a moment, idle ones a minute.
            deadline = time.time() + 90
            while time.time() < deadline and self.sample()["files"] > self.before["files"] + 4:
                time.sleep(1)
            self.after = self.sample()

    def problems(self):
        """What should not be; nothing where all is well."""
        if self.crashed:
            return ["the server ended: " + " / ".join(self.demo.log[-5:])]
        found = [f"{len(self.failures)} requests without a proper answer, as {self.failures[0]}"] if self.failures else []
        # After the first third nothing may grow: the rest's first and last quarters are compared.
        warm = self.samples[len(self.samples) // 3:]
        quarter = max(1, len(warm) // 4)
        for what, unit, slack in (("rss", "MiB", 24), ("files", "open files", 16), ("threads", "threads", 8)):
            first, last = (statistics.median(s[what] for s in part) for part in (warm[:quarter], warm[-quarter:]))
            self.after[f"{what} first"], self.after[f"{what} last"] = first, last
            if last > 1.05 * first + slack:
                found.append(f"{what} grew from {first:.1f} to {last:.1f} {unit}")
        if self.after["files"] > self.before["files"] + 4:
            found.append(f"{self.after['files']} files are open at rest, {self.before['files']} before")
        return found


def main():
    options = argparse.ArgumentParser(prog="soak-server", description=__doc__)
    options.add_argument("--minutes", type=float, default=30)
    options.add_argument("--seed", type=int, default=13)
    options.add_argument(
        "--patience", type=float, default=180, help="seconds that a client waits for an answer")
    options.add_argument("--json", action="store_true", help="the result as one object")
    options = options.parse_args()
    say = lambda text: print(text, file=sys.stderr, flush=True)
    with Demo() as demo:
        soak = Soak(demo, options.seed, options.patience)
        soak.run(options.minutes, say)
        problems = soak.problems()
        # What it logged of each request is a line of JSON and nothing else.
        stray = [line for line in demo.log if not line.startswith(("{", "Open ", "tiny is ready"))]
        if stray:
            problems.append(f"the log has other lines, as: {stray[0]}")
    if not soak.crashed and demo.status != 0:
        problems.append(f"it ended with status {demo.status}")
    if options.json:
        print(json.dumps({"done": soak.done, "answers": soak.answers, "before": soak.before,
                          "after": soak.after, "problems": problems}, indent=1))
    else:
        for kind, answers in sorted(soak.answers.items()):
            told = ", ".join(f"{what}: {number}" for what, number in sorted(answers.items()))
            print(f"{kind:8} {soak.done[kind]:6} times   {told}")
        if not soak.crashed:
            for what in ("rss", "files", "threads"):
                print(f"{what:8} before {soak.before[what]:.0f}, warm {soak.after[f'{what} first']:.0f}, "
                      f"in the end {soak.after[f'{what} last']:.0f}, at rest {soak.after[what]:.0f}")
        print("\n".join(problems) or "soak-server: all holds")
    sys.exit(1 if problems else 0)


if __name__ == "__main__":
    main()
