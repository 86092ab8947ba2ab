"""Pictures of cards, each as a wide and as a narrow page shows it, and the page that lists them."""

import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from PIL import Image
from playwright.async_api import Browser, Locator

from demo.cards import SECTIONS, Card
from demo.driver import Visitor

WIDTHS = {"wide": 1280, "narrow": 400}
_HEIGHT = 2200  # a page that high shows the tallest card as a whole
_COLOURS = 256
_PATIENCE = 180_000  # milliseconds: a lost task is given up after two minutes
_SHOWN = {"wide": 490, "narrow": 280}
_CARD_WIDTH = 700  # beyond it a wide page is empty
_INTRODUCTION = """\
# What people see

Every card of the bot, as a wide and as a narrow page shows it. The pictures are taken from the
demo, so Discord itself is a stand-in here; `make screenshots` takes them anew and writes this page.
Of the wide page, the empty right-hand side is cut off.
"""


@dataclass(frozen=True, slots=True)
class Album:
    """Two windows on one page, and the folder that their pictures go to."""

    folder: Path
    windows: dict[str, Visitor]

    @classmethod
    @asynccontextmanager
    async def open(cls, folder: Path, browser: Browser, url: str) -> "AsyncIterator[Album]":
        """Open a window of each width."""
        windows = {
            name: await Visitor.arrive(browser, url, width=width, height=_HEIGHT)
            for name, width in WIDTHS.items()
        }
        yield cls(folder, windows)
        for visitor in windows.values():
            await visitor.page.close()

    @property
    def visitor(self) -> Visitor:
        """Whoever does things; the other window only looks on."""
        return self.windows["wide"]

    async def keep(self, card: Card) -> None:
        """Wait until a card is ready, and take its pictures."""
        for name, visitor in self.windows.items():
            message = message_of(visitor, card)
            await visitor.reads(card.text, message, patience=_PATIENCE)
            if card.pictures:
                await visitor.sees_pictures(card.pictures, message)
            await visitor.page.mouse.move(0, 0)  # a message below the mouse shows more buttons
            await self._take(name, card, message)

    async def keep_form(self, card: Card, under: Card) -> None:
        """Take pictures of the form that a button named by `card` opens."""
        for name, visitor in self.windows.items():
            await visitor.press(card.words, message_of(visitor, under))
            await self._take(name, card, await visitor.form())
            await visitor.close_form()

    async def _take(self, window: str, card: Card, what: Locator) -> None:
        path = self.folder / window / f"{card.name}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        data = await what.screenshot(animations="disabled")
        shot = Image.open(io.BytesIO(data))
        shown = shot.convert("RGB").crop((0, 0, min(shot.width, _CARD_WIDTH), shot.height))
        shown.quantize(_COLOURS).save(path, optimize=True)
        print(path)


def message_of(visitor: Visitor, card: Card) -> Locator:
    """Return the message that shows a card."""
    return visitor.messages.filter(has_text=card.words).last


def index(folder: str) -> str:
    """Write the page that shows them all, in Markdown; `folder` is where it finds the pictures."""
    parts = [_INTRODUCTION]
    for section, cards in SECTIONS.items():
        parts.append(f"\n## {section}\n")
        parts += [_entry(folder, card) for card in cards]
    return "".join(parts)


def _entry(folder: str, card: Card) -> str:
    images = " ".join(
        f'<img src="{folder}/{window}/{card.name}.png" width="{width}" alt="{card.name}, {window}">'
        for window, width in _SHOWN.items()
    )
    return f"\n{card.caption}\n\n{images}\n"
