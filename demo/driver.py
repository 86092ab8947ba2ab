"""A visitor with a real browser, for tests and screenshots: headless Chromium over Playwright."""

import os
import re
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from playwright.async_api import Browser, FilePayload, Locator, Page, async_playwright, expect

_NAMES = ("chromium", "chromium-browser", "google-chrome")
_ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # The page needs nothing from elsewhere, and must not be able to ask for it.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)

PATIENCE = 30_000  # milliseconds a visitor waits for the bot

Value = str | int | float | bool | FilePayload | Path


def find_chromium() -> str | None:
    """Return the browser named by `CHROMIUM`, else the first of the usual names on the path."""
    if chosen := os.environ.get("CHROMIUM"):
        return shutil.which(chosen)
    return next(filter(None, map(shutil.which, _NAMES)), None)


@asynccontextmanager
async def open_browser(executable: str) -> AsyncIterator[Browser]:
    """Start a headless browser that reaches this machine only."""
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=executable, args=list(_ARGUMENTS)
        )
        try:
            yield browser
        finally:
            await browser.close()


@dataclass(frozen=True, slots=True)
class Visitor:
    """Someone at the page. Every method waits until the page shows what it did."""

    page: Page

    @classmethod
    async def arrive(
        cls, browser: Browser, url: str, *, width: int = 1280, height: int = 800
    ) -> "Visitor":
        """Open the page in a window of its own, at the address as the demo prints it."""
        page = await browser.new_page(viewport={"width": width, "height": height})
        await page.goto(url)
        await expect(page.locator("#channel-composer-input")).to_be_visible()
        await expect(page.locator("#preview-app")).to_have_attribute("aria-busy", "false")
        return cls(page)

    @property
    def messages(self) -> Locator:
        """All messages on the page, oldest first."""
        return self.page.locator("#channel-message-list .channel-message")

    @property
    def latest(self) -> Locator:
        """The newest message."""
        return self.messages.last

    def pictures(self, message: Locator | None = None) -> Locator:
        """The pictures of a message (the newest) that have arrived and can be opened."""
        return (message or self.latest).locator(".media-lightbox-trigger:enabled img")

    async def reads(
        self, text: str, message: Locator | None = None, *, patience: float = PATIENCE
    ) -> None:
        """Wait until a message (the newest) has come to contain a text."""
        await expect(message or self.latest).to_contain_text(text, timeout=patience)

    async def sees_pictures(self, count: int, message: Locator | None = None) -> None:
        """Wait until exactly so many pictures of a message (the newest) have arrived."""
        await expect(self.pictures(message)).to_have_count(count, timeout=PATIENCE)

    async def command(self, name: str, **options: Value) -> None:
        """Send a slash command the way people do: pick it, fill it, press Enter."""
        await self.compose(name, **options)
        await self.send()

    async def compose(self, name: str, **options: Value) -> None:
        """Fill in a slash command without sending it."""
        await self.page.locator("#channel-composer-input").press_sequentially(f"/{name}")
        entry = self.page.locator(".command-entry").filter(
            has=self.page.locator("strong", has_text=re.compile(rf"^/{re.escape(name)}$"))
        )
        await entry.click()
        for option, value in options.items():
            await self._fill(option, value)

    async def send(self) -> None:
        """Send what is composed, and wait until it is accepted."""
        await self.page.locator("#send-message").click()
        await expect(self.page.locator(".command-row")).to_have_count(0)

    async def press(self, label: str, message: Locator | None = None) -> None:
        """Press a button on a message (the newest), whatever emoji stands before its label."""
        name = re.compile(rf"(^|\W){re.escape(label)}$")
        await (message or self.latest).get_by_role("button", name=name).click()

    async def form(self) -> Locator:
        """Return the form that is open, once it is."""
        dialog = self.page.locator(".modal-dialog")
        await expect(dialog).to_be_visible()
        return dialog

    async def close_form(self) -> None:
        """Leave the form without sending it."""
        await self.page.keyboard.press("Escape")
        await expect(self.page.locator(".modal-dialog")).to_have_count(0)

    async def choose(self, label: str, choice: str) -> None:
        """Choose from a menu in the open form."""
        form = await self.form()
        await form.get_by_role("combobox", name=label).click()
        await self.page.get_by_role("option", name=choice, exact=True).click()

    async def submit_form(self, *, prompt: str) -> None:
        """Write a prompt into the open form, and send it."""
        form = await self.form()
        await form.get_by_label("Prompt", exact=False).first.fill(prompt)
        await form.get_by_role("button", name="Submit").click()
        await expect(form).to_have_count(0)

    async def open_picture(self, number: int, message: Locator | None = None) -> Locator:
        """Look at one picture large, counting from 1; return the large picture."""
        await self.pictures(message).nth(number - 1).click()
        dialog = self.page.locator("dialog.media-lightbox[open]")
        await expect(dialog).to_be_visible()
        return dialog.locator(".media-lightbox-image")

    async def close_picture(self) -> None:
        """Return from the large picture to the channel."""
        await self.page.get_by_role("button", name="Close image preview").click()
        await expect(self.page.locator("dialog.media-lightbox[open]")).to_have_count(0)

    async def _fill(self, option: str, value: Value) -> None:
        pill = self.page.locator(f'.command-pill[data-option="{option}"]')
        if not await pill.count():
            await self.page.locator(".command-ghost").click()
            await self.page.locator(f'.command-suggestion[data-value="{option}"]').click()
        if isinstance(value, Path | dict):
            await pill.locator("input.command-file-input").set_input_files(value)
            return
        field = pill.locator("input.command-option-input")
        await field.fill(str(value))
        if await field.get_attribute("role") == "combobox":
            await (
                self.page.locator(".command-suggestion").get_by_text(str(value), exact=True).click()
            )
