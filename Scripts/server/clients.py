"""Clients of every kind: those that behave, the slow, the ones that go away, the broken and the hostile.

Each is a class whose `act` does one thing. It ends normally, or raises `Unanswered` where the server
owed an answer, in time and of the right kind.
"""

import base64
import http.client
import json
import socket
import struct
import time

from demo import MEDIA


class Unanswered(Exception):
    """The server took a request and gave no proper answer."""


def media(name):
    with open(f"{MEDIA}/{name}", "rb") as file:
        return file.read()


FILES = {"jpg": media("lake.jpg"), "wav": media("pluck.wav"), "mp4": media("waves.mp4")}
URLS = {
    "image_url": "data:image/jpeg;base64," + base64.b64encode(FILES["jpg"]).decode(),
    "audio_url": "data:audio/wav;base64," + base64.b64encode(FILES["wav"]).decode(),
    "video_url": "data:video/mp4;base64," + base64.b64encode(FILES["mp4"]).decode(),
}
STEPS = {"image_steps": 2, "audio_steps": 2, "video_steps": 2, "frames": 4, "audio_seconds": 1}


class Client:
    def __init__(self, address, chance, count, patience):
        self.host, self.port = address
        self.patience = patience
        self.chance = chance
        self.count = count

    def connection(self):
        return http.client.HTTPConnection(self.host, self.port, timeout=self.patience)

    def socket(self):
        return socket.create_connection((self.host, self.port), self.patience)

    def call(self, method, path, body=None, headers=None, allowed=(200, 503)):
        """Sends a request; the status and the body, once both are as they should be."""
        raw = json.dumps(body).encode() if isinstance(body, (dict, list)) else body
        connection = self.connection()
        try:
            connection.request(method, path, raw, headers or {})
            reply = connection.getresponse()
            data = reply.read()
        except (OSError, http.client.HTTPException) as error:
            raise Unanswered(f"{method} {path}: {error!r}") from error
        finally:
            connection.close()
        self.count(f"{reply.status}")
        if reply.status not in allowed:
            raise Unanswered(f"{method} {path}: {reply.status} {data[:300]!r}")
        if reply.status == 503 and not reply.headers.get("Retry-After"):
            raise Unanswered(f"{method} {path}: 503 without Retry-After")
        if reply.status >= 400 and set(json.loads(data)) != {"error"}:
            raise Unanswered(f"{method} {path}: {reply.status} without an error's shape: {data[:300]!r}")
        return reply.status, data

    def messages(self):
        """A dialogue of some turns, at times with a medium."""
        turns = []
        for _ in range(self.chance.choice([0, 0, 1, 2])):
            turns += [{"role": "user", "content": self.words()}, {"role": "assistant", "content": self.words()}]
        parts = [{"type": "text", "text": self.words()}]
        if self.chance.random() < 0.3:
            kind = self.chance.choice(list(URLS))
            parts.insert(0, {"type": kind, kind: {"url": URLS[kind]}})
        return turns + [{"role": "user", "content": parts}]

    def words(self):
        return " ".join(self.chance.choices(["play", "a", "slow", "rain", "lake", "red", "ünï", "雨"], k=6))


class Chats(Client):
    """Whole replies and streams, of words and media."""

    def act(self):
        body = {"messages": self.messages(), "max_tokens": self.chance.randint(1, 24), **STEPS}
        if self.chance.random() < 0.2:
            body["stop"] = ["e", "zzz"]
        if self.chance.random() < 0.25:
            body["modalities"] = ["text", self.chance.choice(["image", "audio", "video"])]
        if self.chance.random() < 0.5:
            status, data = self.call("POST", "/v1/chat/completions", body)
            if status == 200 and json.loads(data)["choices"][0]["finish_reason"] not in ("stop", "length"):
                raise Unanswered(f"a reply without its end: {data[:300]!r}")
        else:
            status, data = self.call("POST", "/v1/chat/completions", {**body, "stream": True})
            if status == 200 and not data.endswith(b"data: [DONE]\n\n"):
                raise Unanswered(f"a stream without its end: {data[-300:]!r}")


class Makes(Client):
    """Pictures, sounds, clips as jobs, embeddings."""

    def act(self):
        kind = self.chance.randrange(4)
        if kind == 0:
            self.call("POST", "/v1/images/generations", {"prompt": self.words(), "size": "64x64", **STEPS})
        elif kind == 1:
            self.call("POST", "/v1/audio/speech", {"input": self.words(), **STEPS})
        elif kind == 2:
            key = self.chance.choice(list(URLS))
            self.call("POST", "/v1/embeddings", {"input": [{"type": key, key: {"url": URLS[key]}}]})
        else:
            self.clip()

    def clip(self):
        status, data = self.call(
            "POST", "/v1/videos", {"prompt": self.words(), **STEPS}, allowed=(202, 503))
        if status == 503:
            return
        job = json.loads(data)["id"]
        if self.chance.random() < 0.3:
            self.call("DELETE", f"/v1/videos/{job}")
        end = time.time() + self.patience
        while True:
            state = json.loads(self.call("GET", f"/v1/videos/{job}")[1])["status"]
            if state in ("completed", "failed", "cancelled"):
                break
            if time.time() > end:
                raise Unanswered(f"{job} is still {state} after {self.patience} s")
            time.sleep(0.3)
        if state == "completed":
            self.call("GET", f"/v1/videos/{job}/content")


class Watches(Client):
    """The page, health, metrics, uploads and what was uploaded, in pieces."""

    def act(self):
        self.call("GET", self.chance.choice(["/", "/chat.js", "/health", "/metrics", "/v1/models", "/openapi.json"]))
        ending = self.chance.choice(list(FILES))
        _, data = self.call("POST", f"/v1/media/{ending}", FILES[ending], allowed=(201,))
        url = json.loads(data)["url"]
        start = self.chance.randrange(len(FILES[ending]))
        _, data = self.call("GET", url, headers={"Range": f"bytes={start}-{start + 99}"}, allowed=(206,))
        if data != FILES[ending][start:start + 100]:
            raise Unanswered(f"{url}: other bytes than were sent")


class Leaves(Client):
    """Asks for much and goes away in the middle."""

    def act(self):
        body = {"messages": self.messages(), "modalities": ["image"], "image_steps": 100,
                "stream": self.chance.random() < 0.5}
        connection = self.connection()
        try:
            connection.request("POST", "/v1/chat/completions", json.dumps(body))
            if body["stream"]:
                reply = connection.getresponse()
                self.count(f"{reply.status}, left")
                reply.read(self.chance.randint(1, 400))
            else:
                time.sleep(self.chance.random())
                self.count("left")
        finally:
            connection.close()


class Dawdles(Client):
    """Sends and reads a few bytes at a time."""

    def act(self):
        body = json.dumps({"messages": self.messages(), "max_tokens": 16, "stream": True}).encode()[:4000]
        # Cut or whole, what it says of its length is true.
        head = (f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n"
                "Connection: close\r\n\r\n").encode()
        with self.socket() as wire:
            request = head + body
            piece = max(1, len(request) // 40)
            for start in range(0, len(request), piece):
                wire.sendall(request[start:start + piece])
                time.sleep(0.05)
            answer = b""
            while data := wire.recv(64):
                answer += data
                time.sleep(0.002)
        if not answer.startswith(b"HTTP/1.1 "):
            raise Unanswered(f"no answer to a slow request: {answer[:200]!r}")
        self.count(answer[9:12].decode())


class Breaks(Client):
    """Says what is no HTTP, stops in the middle, or promises more than it sends."""

    def act(self):
        garbage = self.chance.randbytes(self.chance.randint(1, 4000))
        case = self.chance.choice([
            garbage,
            b"GET / HTTP/9.9\r\n\r\n",
            b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 5000\r\n\r\n{\"mess",
            b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
            b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n",
            b"GET /health HTTP/1.1\r\nHost: x\r\n" + b"X: " + b"y" * 100_000 + b"\r\n\r\n",
            b"GET /health HTTP/1.1\r\nHost: x\r\n" + b"".join(b"X%d: y\r\n" % i for i in range(2000)) + b"\r\n",
            b"GET /" + b"a" * 200_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
            b"",
        ])
        with self.socket() as wire:
            wire.sendall(case)
            wire.settimeout(self.chance.choice([0.05, 0.5]))
            try:
                wire.recv(1000)
            except (TimeoutError, ConnectionResetError):
                pass
        self.count("broken")


class Attacks(Client):
    """Proper HTTP with everything in it that should do harm."""

    REFUSED = (400, 404, 405, 413, 422, 503)

    def act(self):
        chat = lambda **more: ("POST", "/v1/chat/completions", {
            "messages": [{"role": "user", "content": "x"}], **more})
        with_image = lambda data: chat(messages=[{"role": "user", "content": [
            {"type": "image_url", "image_url": {"url": data}}]}])
        png = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + b"IHDR" + struct.pack(">IIBBBBB", 2**31 - 1, 2**31 - 1, 8, 6, 0, 0, 0) + b"\0" * 4
        cut = FILES[self.chance.choice(["jpg", "mp4", "wav"])]
        cut = bytearray(cut[:self.chance.randrange(1, len(cut))])
        cut[self.chance.randrange(len(cut))] ^= 255
        name = self.chance.choice(["..%2f..%2fetc%2fpasswd", "../../etc/passwd", "a" * 5000, "%00", "0" * 32 + ".png"])
        method, path, body = self.chance.choice([
            ("GET", f"/v1/media/{name}", None),
            ("GET", f"/{name}", None),
            ("POST", "/v1/media/exe", b"MZ"),
            ("POST", "/v1/chat/completions", b"[" * 200_000),
            ("POST", "/v1/chat/completions", b'{"messages":' + b'{"a":' * 50_000),
            ("POST", "/v1/chat/completions", b"\xff\xfe" * 1000),
            ("DELETE", "/v1/models", None),
            chat(image_steps=10**9), chat(temperature=1e308), chat(seed=-1), chat(max_tokens=2**62),
            chat(width=10**6, height=10**6), chat(frames=0), chat(logit_bias={"x": 1}), chat(modalities=["smell"]),
            chat(messages=[]), chat(messages=[{"role": "user", "content": "x" * 100_000}]),
            chat(messages=[{"role": "user", "content": "x"}] * 1000),
            with_image("file:///etc/passwd"), with_image("http://127.0.0.1:1/"), with_image("/etc/passwd"),
            with_image("data:image/png;base64," + base64.b64encode(png).decode()),
            with_image("data:image/png;base64,!!!!"),
            with_image("data:image/png;base64," + base64.b64encode(bytes(cut)).decode()),
            ("POST", "/v1/images/generations", {"prompt": "x", "size": "99999999999x99999999999"}),
            ("POST", "/v1/videos", {"prompt": "x", "seconds": 1e300, "video_steps": 10**6}),
            ("POST", "/v1/embeddings", {"input": ["x"] * 10_000}),
            ("GET", f"/v1/videos/{name}", None),
        ])
        # A damaged picture may still be one.
        self.call(method, path, body, allowed=(200, *self.REFUSED))


KINDS = [(Chats, 4), (Makes, 2), (Watches, 1), (Leaves, 1), (Dawdles, 2), (Breaks, 1), (Attacks, 2)]
