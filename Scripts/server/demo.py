"""southgpt-demo as a user starts it: on a free port of this machine alone, and stopped after use."""

import json
import os
import re
import signal
import subprocess
import tempfile
import threading
import time
import urllib.error
import urllib.request

REPOSITORY = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
MEDIA = os.path.join(REPOSITORY, "Examples", "media")
TOOLS = os.environ["SOUTHGPT_TOOLS"]


def tiny_model(folder):
    """A complete model of random weights; its folder."""
    path = os.path.join(folder, "tiny")
    subprocess.run(
        [f"{TOOLS}/southgpt-checkpoint", "init", "--preset", "tiny", "--seed", "13",
         "--output", path], check=True, stdout=subprocess.DEVNULL)
    return path


class Demo:
    """A running server. Leaving the `with` block asks it to end and checks that it does."""

    def __init__(self, *arguments, model=None, port=0, names_media_folder=True):
        self.folder = tempfile.TemporaryDirectory(prefix="southgpt-demo-")
        self.model = model or tiny_model(self.folder.name)
        self.arguments = list(arguments)
        if names_media_folder:
            self.arguments += ["--media-folder", f"{self.folder.name}/media"]
        self.port = port
        self.log = []

    def __enter__(self):
        self.process = subprocess.Popen(
            [f"{TOOLS}/southgpt-demo", "--model", self.model, "--port", str(self.port),
             *self.arguments],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env={**os.environ, "TMPDIR": self.folder.name})
        # Both are read to the end, for a full pipe would stop the server.
        self.readers = [
            threading.Thread(target=self._read, args=(stream,), daemon=True)
            for stream in (self.process.stdout, self.process.stderr)]
        for reader in self.readers:
            reader.start()
        self.url = self._wait(self._address, "an address")
        self._wait(lambda: self.health()[0] == 200, "an open model")
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.status = self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError("the server did not end within a minute of SIGTERM")
        finally:
            for reader in self.readers:
                reader.join(5)
            self.folder.cleanup()

    def _read(self, stream):
        for line in stream:
            self.log.append(line.rstrip("\n"))
        stream.close()

    def _address(self):
        for line in self.log:
            if found := re.search(r"http://\S+", line):
                return found[0]
        return None

    def _wait(self, found, what, seconds=60):
        end = time.time() + seconds
        while time.time() < end:
            if self.process.poll() is not None:
                break
            if value := found():
                return value
            time.sleep(0.05)
        raise AssertionError(f"no sign of {what}: " + "\n".join(self.log[-20:]))

    def health(self):
        """The status and what /health says."""
        try:
            with urllib.request.urlopen(f"{self.url}/health", timeout=60) as reply:
                return reply.status, json.load(reply)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)

    def rests(self, seconds):
        """Whether nothing is computed any more within so many seconds."""
        end = time.time() + seconds
        while time.time() < end:
            if not self.health()[1]["busy"]:
                return True
            time.sleep(0.05)
        return False

    def requests_logged(self):
        """The lines of the log that tell of requests."""
        lines = [json.loads(line) for line in self.log if line.startswith("{")]
        return [line for line in lines if line["event"] == "request"]
