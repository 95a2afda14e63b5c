"""The page, line by line of what it promises."""

import os
import unittest

from playwright.sync_api import expect

from chromium import PageCase
from demo import MEDIA, Demo

MARKUP = "<img src=x onerror=\"document.title='taken'\"><script>document.title='taken'</script>"

# Turns a file of the page's own server into the files of a drop or a paste.
TRANSFER = """async ([bytes, name, type]) => {
  const transfer = new DataTransfer();
  transfer.items.add(new File([Uint8Array.from(bytes)], name, { type }));
  return transfer;
}"""

NAMELESS = """() => [...document.querySelectorAll("button, a, input, textarea, audio, video, img, canvas")]
  .filter((element) => element.checkVisibility())
  .filter((element) => !(element.getAttribute("aria-label") || element.getAttribute("aria-labelledby")
    || element.textContent.trim() || element.labels?.length || element.title
    || element.hasAttribute("alt")))
  .map((element) => element.outerHTML)"""

COLOURS = """(canvas) => new Set(new Uint32Array(canvas.getContext("2d")
  .getImageData(0, 0, canvas.width, canvas.height).data.buffer)).size"""


class PageTests(PageCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.demo = cls.enterClassContext(Demo(model=cls.model))

    def setUp(self):
        super().setUp()
        self.page = self.open(self.demo.url)

    # Asking.

    def test_it_chats_and_the_answer_has_words(self):
        answer = self.ask("Hello", "text")
        self.assertTrue(answer.locator("p").first.text_content())
        expect(self.page.locator("article.user p")).to_have_text("Hello")
        expect(self.page.locator("#talk-list li")).to_have_count(1)
        expect(self.page.locator("#words")).to_be_focused()

    def test_each_kind_of_medium_goes_up_and_is_shown(self):
        self.attach("lake.jpg", "pluck.wav", "waves.mp4")
        self.shoot("attached")
        self.page.click("#attached li:nth-child(2) button")
        expect(self.page.locator("#attached li")).to_have_count(2)
        self.page.set_input_files("#files", f"{MEDIA}/pluck.wav")
        expect(self.page.locator("#attached li")).to_have_count(3)
        self.ask("What are these?", "text")
        question = self.page.locator("article.user")
        for element in ("img", "audio", "video"):
            expect(question.locator(element)).to_have_count(1)
        expect(question.locator("canvas")).to_have_count(2)

    def transfer(self, name, type):
        with open(f"{MEDIA}/{name}", "rb") as file:
            return self.page.evaluate_handle(TRANSFER, [list(file.read()), name, type])

    def test_files_can_be_dropped_and_pasted(self):
        dropped = self.transfer("lake.jpg", "image/jpeg")
        self.page.dispatch_event("main", "dragover", {"dataTransfer": dropped})
        expect(self.page.locator("#veil")).to_be_visible()
        self.page.dispatch_event("main", "drop", {"dataTransfer": dropped})
        expect(self.page.locator("#attached img")).to_have_count(1)
        expect(self.page.locator("#veil")).to_be_hidden()
        self.page.evaluate(
            """(transfer) => document.getElementById("words").dispatchEvent(
                 new ClipboardEvent("paste", { clipboardData: transfer, bubbles: true, cancelable: true }))""",
            self.transfer("pluck.wav", "audio/wav"))
        expect(self.page.locator("#attached li")).to_have_count(2)
        self.ask("What are these?", "text")

    def test_a_file_that_cannot_be_read_is_refused_in_words(self):
        notes = os.path.join(self.folder, "notes.txt")
        with open(notes, "w") as file:
            file.write("no picture")
        self.page.set_input_files("#files", notes)
        expect(self.page.locator("#notice")).to_contain_text("notes.txt was not attached")
        expect(self.page.locator("#attached li")).to_have_count(0)

    def test_the_microphone_records_a_sound_that_the_model_hears(self):
        self.page.click("#record")
        expect(self.page.locator("#record")).to_have_attribute("aria-pressed", "true")
        expect(self.page.locator("#record")).to_contain_text("2 s")
        self.shoot("recording")
        self.page.click("#record")
        expect(self.page.locator("#attached li")).to_have_count(1)
        answer = self.ask("What was that?", "text")
        expect(answer.locator(".bad")).to_have_count(0)

    def test_each_modality_can_be_forced(self):
        for modality, element in (("image", "img"), ("audio", "audio"), ("video", "video")):
            answer = self.ask(f"Make {element}", "text", modality)
            expect(answer.locator(element)).to_have_count(1)
            expect(answer.locator("figure")).to_have_count(1)
        self.shoot("made")

    def test_a_sound_has_a_waveform_and_a_spectrogram(self):
        self.attach("pluck.wav")
        self.ask("Listen", "text")
        canvases = self.page.locator("article.user canvas")
        expect(canvases).to_have_count(2)
        self.assertGreater(canvases.nth(0).evaluate(COLOURS), 1)
        self.assertGreater(canvases.nth(1).evaluate(COLOURS), 50)
        self.page.locator("article.user .sound").click(position={"x": 100, "y": 10})
        self.assertGreater(self.page.locator("article.user audio").evaluate("(a) => a.currentTime"), 0)

    def test_every_example_works(self):
        count = self.page.locator("#examples button").count()
        self.assertEqual(count, 4)
        self.shoot("empty")
        for number in range(count):
            self.page.locator("#examples button").nth(number).click()
            expect(self.answered().locator(".bad")).to_have_count(0)
            self.page.click("#new-talk")
            expect(self.page.locator("#welcome")).to_be_visible()

    # Stopping.

    def test_stop_ends_the_computation(self):
        self.set("video_steps", 50)
        self.set("frames", 32)
        self.force("text", "video")
        self.send("A long one")
        expect(self.page.locator("article.assistant progress[value]")).to_be_visible()
        self.shoot("making")
        self.page.click("#stop")
        answer = self.answered()
        self.assertTrue(self.demo.rests(5), "it still computes five seconds after Stop")
        expect(answer.locator(".bad")).to_have_text("Stopped.")
        expect(answer.locator("video")).to_have_count(0)

    def test_escape_stops_too(self):
        self.set("video_steps", 50)
        self.force("video")
        self.send("A long one")
        expect(self.page.locator("article.assistant progress[value]")).to_be_visible()
        self.page.keyboard.press("Escape")
        expect(self.answered().locator(".bad")).to_have_text("Stopped.")
        self.assertTrue(self.demo.rests(5))

    # Conversations.

    def test_conversations_outlive_a_reload(self):
        self.ask("First conversation", "text", "image")
        self.page.click("#new-talk")
        self.ask("Second conversation", "text")
        self.page.reload()
        expect(self.page.locator("body[data-ready]")).to_be_attached()
        expect(self.page.locator("#talk-list li")).to_have_count(2)
        expect(self.page.locator("article.user p")).to_have_text("Second conversation")
        self.page.get_by_role("button", name="First conversation", exact=True).click()
        expect(self.page.locator("article.assistant img")).to_have_count(1)
        self.shoot("conversations")

    def test_regenerating_makes_a_branch(self):
        self.ask("Again and again", "text")
        self.page.get_by_role("button", name="Regenerate").click()
        answer = self.answered()
        expect(answer).to_contain_text("2/2")
        second = answer.locator("p").text_content()
        answer.get_by_role("button", name="The branch before").click()
        expect(self.page.locator("article.assistant")).to_contain_text("1/2")
        self.page.get_by_role("button", name="The branch after").click()
        expect(self.page.locator("article.assistant p")).to_have_text(second)

    def test_editing_makes_a_branch_and_can_be_given_up(self):
        self.attach("lake.jpg")
        self.ask("What is this?", "text")
        self.page.get_by_role("button", name="Edit this message").click()
        expect(self.page.locator("#words")).to_have_value("What is this?")
        expect(self.page.locator("#attached li")).to_have_count(1)
        self.shoot("editing")
        self.page.click("#cancel-edit")
        expect(self.page.locator("#words")).to_have_value("")
        self.page.get_by_role("button", name="Edit this message").click()
        self.ask("Where is this?", "text")
        expect(self.page.locator("article.user")).to_have_count(1)
        expect(self.page.locator("article.user")).to_contain_text("2/2")
        self.page.get_by_role("button", name="The branch before").click()
        expect(self.page.locator("article.user p")).to_have_text("What is this?")

    def test_clearing_can_be_undone(self):
        self.ask("To be cleared", "text")
        self.page.click("#clear")
        expect(self.page.locator("#welcome")).to_be_visible()
        expect(self.page.locator("#talk-list li")).to_have_count(0)
        self.shoot("cleared")
        self.page.get_by_role("button", name="Undo").click()
        expect(self.page.locator("article.user p")).to_have_text("To be cleared")

    def test_the_gallery_keeps_what_was_made_and_makes_it_again(self):
        self.ask("A picture", "text", "image")
        self.ask("A sound", "text", "audio")
        self.page.click("#new-talk")
        self.ask("Elsewhere", "text")
        self.page.click("#show-gallery")
        expect(self.page.locator("#shelf figure")).to_have_count(2)
        self.shoot("gallery")
        picture = self.page.locator("#shelf figure", has=self.page.locator("img"))
        with self.page.expect_download() as download:
            picture.get_by_role("link", name="Download").click()
        with open(download.value.path(), "rb") as file:
            self.assertEqual(file.read(4), b"\x89PNG")
        self.assertTrue(download.value.suggested_filename.endswith(".png"))
        picture.get_by_role("button", name="Again with these settings").click()
        answer = self.answered()
        expect(answer.locator("img")).to_have_count(1)
        expect(answer).to_contain_text("2/2")
        seed = answer.locator(".turn-tools small").text_content().split("seed ")[1]
        expect(self.page.locator("#set-seed")).to_have_value(seed)

    # Settings.

    def test_settings_have_the_originals_names_and_ranges(self):
        self.page.click("#show-settings")
        self.shoot("settings")
        # The tiny model's own values widen some: frames begin at its 8, and all stand at its own.
        for key, name, least, most, step, value in (
            ("top_p", "Top P", "0", "1", "0.01", "0.95"),
            ("temperature", "Temperature", "0", "1", "0.01", "1"),
            ("image_guidance", "Guidance scale", "1", "10", "0.5", "7.5"),
            ("image_steps", "Inference steps", "10", "50", "1", "10"),
            ("video_guidance", "Guidance scale", "1", "10", "0.5", "7.5"),
            ("video_steps", "Inference steps", "10", "50", "1", "10"),
            ("frames", "Number of frames", "8", "32", "8", "8"),
            ("audio_guidance", "Guidance scale", "1", "10", "0.5", "7.5"),
            ("audio_steps", "Inference steps", "10", "200", "1", "10"),
            ("audio_seconds", "Length in seconds", "1", "9", "1", "2"),
        ):
            with self.subTest(key):
                field = self.page.locator(f"#set-{key}")
                expect(self.page.locator(f"label[for=set-{key}]")).to_have_text(name)
                found = [field.get_attribute(a) for a in ("min", "max", "step")]
                self.assertEqual(found + [field.input_value()], [least, most, step, value])

    def test_a_setting_is_used_kept_and_given_back(self):
        self.set("audio_seconds", 1)
        self.page.reload()
        expect(self.page.locator("body[data-ready]")).to_be_attached()
        answer = self.ask("A short sound", "audio")
        expect(answer.locator("figure small")).to_contain_text("1.0 s")
        self.page.click("#show-settings")
        self.page.get_by_role("button", name="Length in seconds: as the model has it").click()
        answer = self.ask("A longer one", "audio")
        expect(answer.locator("figure small")).to_contain_text("2.0 s")

    def test_the_same_seed_gives_the_same_words(self):
        self.set("seed", 42)
        first = self.ask("Say something", "text").locator("p").text_content()
        self.page.get_by_role("button", name="Regenerate").click()
        expect(self.answered().locator("p")).to_have_text(first)

    # Safety.

    def test_what_users_write_never_becomes_markup(self):
        self.ask(MARKUP, "text")
        expect(self.page.locator("article.user p")).to_have_text(MARKUP)
        self.page.reload()
        expect(self.page.locator("body[data-ready]")).to_be_attached()
        expect(self.page.locator("#talk-list button").first).to_have_text(MARKUP[:60])
        self.assertEqual(self.page.locator("main img, nav img, main script").count(), 0)
        self.assertNotEqual(self.page.title(), "taken")

    def test_the_policy_lets_in_its_own_server_alone(self):
        policy = self.page.request.get(self.demo.url).headers["content-security-policy"]
        self.assertIn("default-src 'none'", policy)
        self.assertNotIn("unsafe", policy)
        self.assertNotIn("http", policy)
        self.page.evaluate("""() => {
          const script = document.createElement("script");
          script.textContent = "document.title = 'taken'";
          document.body.append(script);
        }""")
        self.assertNotEqual(self.page.title(), "taken")
        self.assertEqual(len([e for e in self.errors if "Content Security Policy" in e]), 1)
        self.errors.clear()
        used = self.page.evaluate("() => performance.getEntriesByType('resource').map((e) => e.name)")
        self.assertEqual([u for u in used if not u.startswith((self.demo.url, "blob:"))], [])

    # Everybody.

    def test_the_keyboard_alone_is_enough(self):
        page = self.page
        self.attach("lake.jpg", "pluck.wav")
        self.ask("By keys", "text", "image", "audio")
        page.reload()
        expect(page.locator("body[data-ready]")).to_be_attached()
        page.evaluate("() => document.activeElement.blur()")
        reached = set()
        for _ in range(60):
            page.keyboard.press("Tab")
            reached.add(page.evaluate("() => document.activeElement.id || document.activeElement.textContent"))
        for name in ("To the text box", "show-talks", "show-gallery", "show-settings", "new-talk", "By keys",
                     "log", "words", "attach", "record", "clear", "send", "Edit", "Regenerate", "Download",
                     "Again with these settings"):
            self.assertIn(name, reached)
        page.focus("#show-settings")
        page.keyboard.press("Enter")
        expect(page.locator("#show-settings")).to_have_attribute("aria-expanded", "true")
        page.focus("#set-image_steps")
        page.keyboard.press("ArrowRight")
        expect(page.locator("output[for=set-image_steps]")).to_have_text("11")
        page.focus("#show-gallery")
        page.keyboard.press("Enter")
        expect(page.locator("#gallery")).to_be_visible()
        page.keyboard.press("Escape")
        expect(page.locator("#gallery")).to_be_hidden()

    def test_everything_has_a_name_and_answers_are_said(self):
        self.attach("lake.jpg", "pluck.wav", "waves.mp4")
        self.assertEqual(self.page.evaluate(NAMELESS), [])
        answer = self.ask("Everything", "text", "image", "audio", "video")
        self.page.click("#show-settings")
        self.assertEqual(self.page.evaluate(NAMELESS), [])
        said = self.page.locator("#announcement").text_content()
        self.assertTrue(said.startswith("South-GPT: "))
        self.assertTrue(said.endswith("."))
        for name in ("picture", "sound", "clip"):
            self.assertIn(f"a {name}", said)
        expect(answer.get_by_role("heading")).to_have_text("South-GPT")

    def test_it_is_dark_where_that_is_wanted_and_fits_a_phone(self):
        grounds = set()
        for scheme in ("light", "dark"):
            self.page = self.open(
                self.demo.url, viewport={"width": 360, "height": 740}, color_scheme=scheme, device_scale_factor=2)
            self.attach("lake.jpg", "pluck.wav", "waves.mp4")
            self.ask("A rather long question for so narrow a phone", "text", "image", "audio", "video")
            self.page.locator("article.assistant img").first.scroll_into_view_if_needed()
            self.shoot(f"phone-{scheme}")
            for panel in (None, "settings", "talks", "gallery"):
                if panel:
                    self.page.click(f"#show-{panel}")
                    self.shoot(f"phone-{scheme}-{panel}")
                    expect(self.page.locator(f"#{panel}")).to_be_visible()
                width = self.page.evaluate("() => document.documentElement.scrollWidth")
                self.assertLessEqual(width, 360, panel)
                if panel in ("settings", "talks"):
                    self.page.click(f"#hide-{panel}")
            grounds.add(self.page.evaluate("() => getComputedStyle(document.body).backgroundColor"))
            wide = self.open(self.demo.url, color_scheme=scheme)
            wide.locator("#examples button").nth(1).click()
            self.answered(wide)
            self.shoot(f"wide-{scheme}", wide)
        self.assertEqual(len(grounds), 2)


class PageRestartTests(PageCase):
    """What needs a server of its own."""

    expected_errors = ("404", "401", "ERR_CONNECTION_REFUSED")

    def test_a_conversation_goes_on_after_the_server_was_restarted(self):
        with Demo(model=self.model) as first:
            self.page = self.open(first.url)
            self.attach("lake.jpg", "pluck.wav", "waves.mp4")
            self.ask("Before", "text", "image")
            port = int(first.url.rsplit(":", 1)[1])
        self.send("While it is away")
        expect(self.page.locator("article.assistant .bad")).to_have_text("The server does not answer.")
        expect(self.page.locator("#state")).to_have_text("The server does not answer.")
        self.shoot("away")
        with Demo(model=self.model, port=port):
            expect(self.page.locator("#state")).to_have_text("tiny")
            self.page.reload()
            expect(self.page.locator("body[data-ready]")).to_be_attached()
            expect(self.page.locator("article")).to_have_count(4)
            # The new server has none of the media: the page sends them again.
            answer = self.ask("After", "text")
            self.assertEqual(answer.locator(".bad").all_text_contents(), [])

    def test_a_key_is_asked_for_until_it_is_right(self):
        key = os.path.join(self.folder, "key")
        with open(key, "w") as file:
            file.write("s3cret\n")
        with Demo("--api-key-file", key, model=self.model) as guarded:
            self.page = self.open(guarded.url, ready=False)
            expect(self.page.locator("#ask-key")).to_be_visible()
            self.page.keyboard.press("Escape")
            expect(self.page.locator("#state")).to_have_text("This server wants a key.")
            self.page.get_by_role("button", name="Enter it").click()
            self.page.fill("#key", "another")
            self.page.keyboard.press("Enter")
            expect(self.page.locator("#key-note")).to_be_visible()
            self.shoot("key")
            self.page.fill("#key", "s3cret")
            self.page.keyboard.press("Enter")
            expect(self.page.locator("body[data-ready]")).to_be_attached()
            expect(self.ask("Hello", "text").locator(".bad")).to_have_count(0)


if __name__ == "__main__":
    unittest.main()
