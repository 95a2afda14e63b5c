"""The page in headless Chromium, as a user with mouse, keyboard and microphone uses it."""

import os
import shutil
import tempfile
import unittest

from playwright.sync_api import expect, sync_playwright

from demo import MEDIA, Demo, tiny_model

CHROMIUM = os.environ.get("SOUTHGPT_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
# A folder for pictures of the page's states.
SCREENSHOTS = os.environ.get("SOUTHGPT_SCREENSHOTS")

# A busy machine may take long; what does not come at all fails all the same.
expect.set_options(timeout=30_000)


class PageCase(unittest.TestCase):
    """What all tests of the page do. The page must say nothing on the console."""

    # Parts of what it may say: of requests whose failing is the point.
    expected_errors = ()

    @classmethod
    def setUpClass(cls):
        cls.folder = cls.enterClassContext(tempfile.TemporaryDirectory())
        cls.model = tiny_model(cls.folder)
        playwright = cls.enterClassContext(sync_playwright())
        # Chromium has no sandbox for root, which is who runs it in a container.
        cls.browser = playwright.chromium.launch(
            executable_path=CHROMIUM, chromium_sandbox=os.getuid() != 0,
            args=["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"])
        cls.addClassCleanup(cls.browser.close)

    def setUp(self):
        self.errors = []

    def open(self, url, ready=True, **options):
        options = {"viewport": {"width": 1200, "height": 800}, "permissions": ["microphone"]} | options
        context = self.browser.new_context(**options)
        context.set_default_timeout(60_000)
        self.addCleanup(context.close)
        page = context.new_page()
        page.on("console", lambda m: m.type in ("error", "warning") and self.errors.append(m.text))
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.goto(url)
        if ready:
            expect(page.locator("body[data-ready]")).to_be_attached()
        return page

    def tearDown(self):
        # A violation of the content security policy is such an error, too.
        unexpected = [e for e in self.errors if not any(known in e for known in self.expected_errors)]
        self.assertEqual(unexpected, [])

    def shoot(self, name, page=None):
        if SCREENSHOTS:
            os.makedirs(SCREENSHOTS, exist_ok=True)
            (page or self.page).screenshot(path=f"{SCREENSHOTS}/{name}.png")

    def force(self, *modalities):
        for modality in ("text", "image", "audio", "video"):
            self.page.locator(f"#forced input[value={modality}]").set_checked(
                modality in modalities, force=True)

    def attach(self, *names):
        self.page.set_input_files("#files", [f"{MEDIA}/{name}" for name in names])
        expect(self.page.locator("#attached li")).to_have_count(len(names))

    def send(self, text):
        self.page.fill("#words", text)
        self.page.press("#words", "Enter")

    def answered(self, page=None):
        """The last answer, once it is whole."""
        page = page or self.page
        answer = page.locator("article.assistant").last
        expect(answer.locator(".turn-tools")).to_be_visible()
        expect(page.locator("#send")).to_be_visible()
        return answer

    def ask(self, text, *modalities):
        self.force(*modalities)
        self.send(text)
        return self.answered()

    def set(self, key, value):
        if not self.page.locator("#settings").is_visible():
            self.page.click("#show-settings")
        self.page.locator(f"#set-{key}").fill(str(value))
