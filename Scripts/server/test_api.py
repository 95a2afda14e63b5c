"""The official OpenAI client, unchanged, against a running southgpt-demo."""

import base64
import glob
import json
import os
import signal
import struct
import subprocess
import tempfile
import threading
import time
import unittest
import urllib.error
import urllib.request

import openai

from demo import MEDIA, TOOLS, Demo, tiny_model


def data(name):
    """A file of Examples/media in base64."""
    with open(f"{MEDIA}/{name}", "rb") as file:
        return base64.b64encode(file.read()).decode()


def client(demo, key="unused", **options):
    return openai.OpenAI(base_url=f"{demo.url}/v1", api_key=key, max_retries=0, **options)


PICTURE = {"type": "image_url", "image_url": {"url": f"data:image/jpeg;base64,{data('lake.jpg')}"}}
SOUND = {"type": "input_audio", "input_audio": {"data": data("pluck.wav"), "format": "wav"}}
CLIP = {"type": "video_url", "video_url": {"url": f"data:video/mp4;base64,{data('waves.mp4')}"}}


def say(*parts):
    return [{"role": "user", "content": [
        {"type": "text", "text": part} if isinstance(part, str) else part for part in parts]}]


class OpenAIClientTests(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.demo = Demo()
        cls.enterClassContext(cls.demo)
        cls.client = client(cls.demo)
        cls.model = cls.client.models.list().data[0].id

    def chat(self, messages, **options):
        return self.client.chat.completions.create(
            model=self.model, messages=messages, max_tokens=12, seed=7, **options)

    def bytes_at(self, address):
        with urllib.request.urlopen(self.demo.url + address) as reply:
            return reply.read()

    def test_models_tell_what_they_read_and_make(self):
        model = self.client.models.retrieve(self.model)
        self.assertEqual(model.object, "model")
        self.assertEqual(model.input_modalities, ["text", "image", "audio", "video"])
        self.assertEqual(model.output_modalities, ["text", "image", "audio", "video"])
        self.assertEqual(model.defaults["image_steps"], 10)
        self.assertEqual(model.limits["frames"], 64)

    def test_a_chat_answers_and_counts_its_tokens(self):
        reply = self.chat([
            {"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hello"},
            {"role": "assistant", "content": "Hello."}, {"role": "user", "content": "And now?"}])
        choice = reply.choices[0]
        self.assertEqual(choice.message.role, "assistant")
        self.assertIn(choice.finish_reason, ("stop", "length"))
        self.assertTrue(choice.message.content)
        self.assertLessEqual(reply.usage.completion_tokens, 13)
        self.assertEqual(
            reply.usage.total_tokens, reply.usage.prompt_tokens + reply.usage.completion_tokens)

    def test_the_same_seed_gives_the_same_words(self):
        replies = {self.chat(say("Tell me something.")).choices[0].message.content for _ in range(3)}
        self.assertEqual(len(replies), 1)

    def test_a_stream_says_what_the_whole_reply_says(self):
        whole = self.chat(say("Tell me more.")).choices[0]
        stream = self.chat(say("Tell me more."), stream=True, stream_options={"include_usage": True})
        chunks = list(stream)
        text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
        self.assertEqual(text, whole.message.content)
        self.assertEqual(chunks[0].choices[0].delta.role, "assistant")
        ends = [c.choices[0].finish_reason for c in chunks if c.choices and c.choices[0].finish_reason]
        self.assertEqual(ends, [whole.finish_reason])
        self.assertGreater(chunks[-1].usage.completion_tokens, 0)

    def test_a_stop_ends_the_reply_before_it(self):
        text = self.chat(say("Tell me more.")).choices[0].message.content
        self.assertGreater(len(text), 6)
        stop = text[3:6]
        choice = self.chat(say("Tell me more."), stop=["absent", stop]).choices[0]
        self.assertEqual(choice.message.content, text[:text.index(stop)])
        self.assertEqual(choice.finish_reason, "stop")

    def test_media_of_each_kind_are_read(self):
        alone = self.chat(say("What is this?")).usage.prompt_tokens
        for part in (PICTURE, SOUND, CLIP):
            with self.subTest(part["type"]):
                reply = self.chat(say(part, "What is this?"))
                self.assertTrue(reply.choices[0].message.content)
                self.assertGreater(reply.usage.prompt_tokens, alone)

    def test_media_that_were_asked_for_come_in_the_reply(self):
        reply = self.chat(
            say(PICTURE, "Answer with everything."), modalities=["text", "image", "audio", "video"],
            extra_body={"image_steps": 2, "audio_steps": 2, "video_steps": 2, "frames": 4})
        parts = reply.choices[0].message.parts
        made = {p["type"]: p[p["type"]]["url"] for p in parts if p["type"] != "text"}
        self.assertEqual(set(made), {"image_url", "audio_url", "video_url"})
        self.assertTrue(self.bytes_at(made["image_url"]).startswith(b"\x89PNG"))
        self.assertTrue(self.bytes_at(made["audio_url"]).startswith(b"RIFF"))
        self.assertEqual(self.bytes_at(made["video_url"])[4:8], b"ftyp")
        # What was made is context of the next turn, by its address.
        again = self.chat(say(PICTURE, "Draw.") + [
            {"role": "assistant", "content": [
                {"type": "image_url", "image_url": {"url": made["image_url"]}}]},
            {"role": "user", "content": "What did you draw?"}])
        self.assertTrue(again.choices[0].message.content)

    def test_a_stream_shows_progress_before_its_picture(self):
        chunks = list(self.chat(
            say("Draw."), modalities=["image"], stream=True, extra_body={"image_steps": 3}))
        deltas = [c.choices[0].delta for c in chunks if c.choices]
        steps = [d.progress["completed"] for d in deltas if getattr(d, "progress", None)
                 and d.progress["job"] == "making image"]
        self.assertEqual(steps, sorted(steps))
        self.assertGreaterEqual(len(steps), 3)
        self.assertEqual(
            [p["type"] for d in deltas for p in getattr(d, "parts", None) or []], ["image_url"])

    def test_pictures_come_as_data_and_by_address(self):
        made = self.client.images.generate(
            model=self.model, prompt="A lake", n=2, size="64x64", response_format="b64_json",
            extra_body={"image_steps": 2, "seed": 5})
        pictures = [base64.b64decode(picture.b64_json) for picture in made.data]
        for picture in pictures:
            self.assertTrue(picture.startswith(b"\x89PNG"))
            self.assertEqual(struct.unpack(">II", picture[16:24]), (64, 64))
        self.assertNotEqual(*pictures)
        again = self.client.images.generate(
            model=self.model, prompt="A lake", size="64x64", extra_body={"image_steps": 2, "seed": 5})
        self.assertTrue(self.bytes_at(again.data[0].url).startswith(b"\x89PNG"))
        self.assertEqual(again.data[0].seed, 5)

    def test_a_sound_comes_as_wav(self):
        reply = self.client.audio.speech.create(
            model=self.model, voice="alloy", input="Rain", response_format="wav",
            extra_body={"audio_steps": 2, "audio_seconds": 1})
        self.assertTrue(reply.read().startswith(b"RIFF"))

    def test_a_clip_is_a_job_that_can_be_polled(self):
        body = json.dumps({"prompt": "Waves", "video_steps": 2, "frames": 4}).encode()
        with urllib.request.urlopen(f"{self.demo.url}/v1/videos", body) as reply:
            job = json.load(reply)
        end = time.time() + 60
        while (job := self.client.videos.retrieve(job["id"]).model_dump())["status"] != "completed":
            self.assertIn(job["status"], ("queued", "in_progress"))
            self.assertLess(time.time(), end)
            time.sleep(0.1)
        self.assertEqual(job["progress"], 100)
        self.assertEqual(self.client.videos.download_content(job["id"]).read()[4:8], b"ftyp")

    def test_a_clip_that_is_given_up_is_not_made(self):
        body = json.dumps({"prompt": "Waves", "video_steps": 200, "frames": 32}).encode()
        with urllib.request.urlopen(f"{self.demo.url}/v1/videos", body) as reply:
            job = json.load(reply)["id"]
        self.client.videos.delete(job)
        self.assertEqual(self.client.videos.retrieve(job).model_dump()["status"], "cancelled")
        self.assertTrue(self.demo.rests(10))

    def test_embeddings_are_the_same_as_numbers_and_as_base64(self):
        packed = self.client.embeddings.create(model=self.model, input=[PICTURE, SOUND, CLIP])
        plain = self.client.embeddings.create(
            model=self.model, input=[PICTURE, SOUND, CLIP], encoding_format="float")
        self.assertEqual([e.index for e in packed.data], [0, 1, 2])
        self.assertEqual(len({len(e.embedding) for e in packed.data}), 1)
        for a, b in zip(packed.data, plain.data):
            self.assertEqual(len(a.embedding), len(b.embedding))
            for x, y in zip(a.embedding, b.embedding):
                self.assertAlmostEqual(x, y, places=6)
            # As the encoder gives them: of length one.
            self.assertGreater(sum(x * x for x in a.embedding), 0)

    def test_errors_are_those_that_the_client_knows(self):
        cases = [
            (openai.BadRequestError, "temperature", dict(temperature=-1)),
            (openai.BadRequestError, "n", dict(n=2)),
            (openai.BadRequestError, "stop", dict(stop=["x"] * 5)),
            (openai.BadRequestError, "image_steps", dict(extra_body={"image_steps": 100_000})),
        ]
        for kind, field, options in cases:
            with self.subTest(field), self.assertRaises(kind) as caught:
                self.client.chat.completions.create(
                    model=self.model, messages=say("Hi"), **options)
            self.assertEqual(caught.exception.param, field)
            self.assertEqual(caught.exception.type, "invalid_request_error")
        with self.assertRaises(openai.NotFoundError):
            self.client.videos.retrieve("video_none")
        with self.assertRaises(openai.BadRequestError) as caught:
            self.chat(say({"type": "image_url", "image_url": {"url": "https://example.org/a.png"}}))
        self.assertIn("no other address is fetched", str(caught.exception))

    def test_a_client_that_goes_away_takes_its_computation_along(self):
        stream = self.client.chat.completions.create(
            model=self.model, messages=say("Draw."), modalities=["image"], stream=True,
            extra_body={"image_steps": 200})
        for chunk in stream:
            if chunk.choices and getattr(chunk.choices[0].delta, "progress", None):
                break
        self.assertTrue(self.demo.health()[1]["busy"])
        stream.close()
        self.assertTrue(self.demo.rests(5), "it still computes five seconds after its client left")

    def test_the_log_has_no_word_of_the_users(self):
        self.chat(say("xylophone-zebra"))
        begun = time.time()
        list(self.chat(say("Draw."), modalities=["image"], stream=True,
                       extra_body={"image_steps": 50}))
        taken = 1000 * (time.time() - begun)
        self.assertTrue(self.demo.rests(5))
        lines = self.demo.requests_logged()
        chats = [line for line in lines if line["path"] == "/v1/chat/completions"]
        # A stream is as long as its answer, too.
        self.assertGreater(int(chats[-1]["milliseconds"]), taken / 2)
        self.assertNotIn("zebra", "\n".join(self.demo.log))


class ServerOptionsTests(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = cls.enterClassContext(tempfile.TemporaryDirectory())
        cls.tiny = tiny_model(cls.folder)

    def test_a_key_is_asked_for(self):
        with open(f"{self.folder}/key", "w") as file:
            file.write("alice s3cret\nanother\n")
        with Demo("--api-key-file", f"{self.folder}/key", model=self.tiny) as demo:
            with self.assertRaises(openai.AuthenticationError):
                client(demo, key="other").models.list()
            allowed = client(demo, key="s3cret")
            model = allowed.models.list().data[0].id
            reply = allowed.chat.completions.create(
                model=model, messages=say("Hi"), max_tokens=4)
            self.assertEqual(reply.choices[0].message.role, "assistant")
            self.assertEqual(client(demo, key="another").models.list().data[0].id, model)
            self.assertEqual(demo.health()[0], 200)
            self.assertEqual(
                {line.get("key") for line in demo.requests_logged()
                 if line["path"].startswith("/v1/")}, {None, "alice", "key 2"})

    def test_a_language_model_alone_is_served(self):
        gguf = f"{self.folder}/alone.gguf"
        folder = f"{self.tiny}/pretrained_ckpt/vicuna_ckpt/tiny"
        subprocess.run(
            [f"{TOOLS}/southgpt-checkpoint", "convert", folder, "--output", gguf],
            check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        texts = []
        for path in (folder, gguf):
            with self.subTest(path), Demo(model=path) as demo:
                model = client(demo).models.list().data[0]
                self.assertEqual(model.output_modalities, ["text"])
                texts.append(client(demo).chat.completions.create(
                    model=model.id, messages=say("Hi"), max_tokens=12,
                    temperature=0).choices[0].message.content)
                with self.assertRaises(openai.UnprocessableEntityError):
                    client(demo).images.generate(prompt="A lake")
        self.assertEqual(texts[0], texts[1])

    def test_media_of_every_kind_are_made_in_little_memory(self):
        with Demo("--max-memory", "9", model=self.tiny) as demo:
            for kind in ("image", "audio", "video", "image"):
                reply = client(demo).chat.completions.create(
                    model="tiny", messages=say("Go."), modalities=[kind],
                    extra_body={"image_steps": 1, "audio_steps": 1, "video_steps": 1, "frames": 2,
                                "audio_seconds": 0.2})
                self.assertEqual(reply.choices[0].message.parts[0]["type"], f"{kind}_url")

    def test_a_full_queue_says_when_to_come_back(self):
        with Demo("--queue", "0", "--batch", "1", model=self.tiny) as demo:
            first = client(demo)
            model = first.models.list().data[0].id
            stream = first.chat.completions.create(
                model=model, messages=say("Draw."), modalities=["image"], stream=True,
                extra_body={"image_steps": 200})
            next(iter(stream))
            deadline = time.time() + 10
            while not demo.health()[1]["busy"]:
                self.assertLess(time.time(), deadline)
                time.sleep(0.02)
            with self.assertRaises(openai.InternalServerError) as caught:
                first.images.generate(model=model, prompt="A lake")
            self.assertEqual(caught.exception.status_code, 503)
            self.assertGreater(int(caught.exception.response.headers["retry-after"]), 0)
            stream.close()

    def test_pages_of_other_origins_are_not_let_in_unless_named(self):
        def allowed(demo):
            request = urllib.request.Request(
                f"{demo.url}/v1/models", headers={"Origin": "https://other.example"})
            with urllib.request.urlopen(request) as reply:
                return reply.headers["Access-Control-Allow-Origin"]
        with Demo(model=self.tiny) as demo:
            self.assertIsNone(allowed(demo))
        with Demo("--allow-origin", "https://other.example", model=self.tiny) as demo:
            self.assertEqual(allowed(demo), "https://other.example")

    def test_sigterm_ends_it_cleanly_and_takes_its_media_away(self):
        demo = Demo(model=self.tiny, names_media_folder=False)
        with demo:
            name = client(demo).images.generate(prompt="A lake", extra_body={"image_steps": 2}).data[0].url
            folder = glob.glob(f"{demo.folder.name}/southgpt-media-*")
            self.assertEqual(os.listdir(folder[0]), [name.split("/")[-1]])
            demo.process.send_signal(signal.SIGTERM)
            self.assertEqual(demo.process.wait(30), 0)
            self.assertEqual(glob.glob(f"{demo.folder.name}/southgpt-media-*"), [])

    def test_sigterm_lets_a_running_answer_end(self):
        with Demo(model=self.tiny) as demo:
            stream = client(demo).chat.completions.create(
                model="tiny", messages=say("Draw."), modalities=["image"], stream=True,
                extra_body={"image_steps": 20})
            chunks = iter(stream)
            next(chunks)
            demo.process.send_signal(signal.SIGTERM)
            deltas = [chunk.choices[0].delta for chunk in chunks if chunk.choices]
            made = [part["type"] for delta in deltas for part in getattr(delta, "parts", None) or []]
            self.assertEqual(made, ["image_url"])
            self.assertEqual(demo.process.wait(30), 0)

    def test_sigterm_ends_a_job_and_answers_who_waits(self):
        with Demo("--batch", "1", model=self.tiny) as demo:
            body = json.dumps({"prompt": "Waves", "video_steps": 200, "frames": 64}).encode()
            with urllib.request.urlopen(f"{demo.url}/v1/videos", body) as reply:
                self.assertEqual(reply.status, 202)
            answers = []
            waiting = threading.Thread(target=lambda: answers.append(
                client(demo).chat.completions.create(
                    model="tiny", messages=say("Hi"), max_tokens=4).choices[0].message.role))
            waiting.start()
            while demo.health()[1]["waiting"] < 1:
                time.sleep(0.02)
            begun = time.time()
            demo.process.send_signal(signal.SIGTERM)
            self.assertEqual(demo.process.wait(30), 0)
            waiting.join()
            self.assertEqual(answers, ["assistant"])
            self.assertLess(time.time() - begun, 20)

    def test_a_second_signal_ends_the_answers_too(self):
        with Demo(model=self.tiny) as demo:
            stream = client(demo).chat.completions.create(
                model="tiny", messages=say("Draw."), modalities=["video"], stream=True,
                extra_body={"video_steps": 200, "frames": 64})
            next(iter(stream))
            demo.process.send_signal(signal.SIGINT)
            time.sleep(0.5)
            self.assertIsNone(demo.process.poll())
            demo.process.send_signal(signal.SIGINT)
            self.assertEqual(demo.process.wait(20), 0)
            stream.close()

    def test_it_goes_on_where_nobody_reads_its_log_any_more(self):
        process = subprocess.Popen(
            [f"{TOOLS}/southgpt-demo", "--model", self.tiny, "--port", "0"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(process.kill)
        url = process.stdout.readline().split()[-1]
        process.stdout.close()
        process.stderr.close()
        for _ in range(3):
            with urllib.request.urlopen(f"{url}/openapi.json") as reply:
                self.assertEqual(reply.status, 200)
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(30), 0)

    def test_a_body_over_the_limit_is_refused_as_everything_is(self):
        with Demo(model=self.tiny) as demo:
            request = urllib.request.Request(
                f"{demo.url}/v1/chat/completions", bytes(101_000_000), method="POST")
            with self.assertRaises(urllib.error.HTTPError) as caught:
                urllib.request.urlopen(request)
            with caught.exception as reply:
                self.assertEqual(reply.code, 413)
                self.assertEqual(json.load(reply)["error"]["type"], "invalid_request_error")
                self.assertTrue(reply.headers["X-Request-Id"])


if __name__ == "__main__":
    unittest.main()
