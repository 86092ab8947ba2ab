"""How each card is brought about: wishes on the demo's page, and what may befall them."""

import asyncio
import io
import sqlite3
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image
from playwright.async_api import Browser

from demo import cards
from demo.album import Album, message_of
from demo.app import Demo, open_demo
from demo.cards import Card
from kirin.model import FailureReason, Generation, Status

if TYPE_CHECKING:
    from playwright.async_api import FilePayload

_SPEED = 20.0
_SOON = {
    "QUEUE_DEADLINE_MINUTES": "0.05",
    "GENERATION_DEADLINE_MINUTES": "0.05",
    "KIRIN_LOOKUP": "no",
}
_IN_ITS_OWN_TIME = {"EXPECTED_SECONDS": "20"}
_SLOTS = 4
_AN_HOUR = 3600.0
_A_MOMENT = 0.1
_MOST_MOMENTS = 300
_LOST_AFTER = timedelta(minutes=2, seconds=20)


class Scene:
    """A demo, and the album that is filled from it."""

    def __init__(self, demo: Demo, album: Album) -> None:
        self.demo = demo
        self.album = album

    async def ask(self, *asked: Card) -> None:
        """Make wishes, each with what is to go wrong with it."""
        for card in asked:
            if card.fault:
                self.demo.sim.inject(
                    card.fault, count=card.strikes, containing=card.words, seconds=card.seconds
                )
            files = {"image": _photo(*card.photo)} if card.photo else {}
            await self.album.visitor.command("imagine", prompt=card.words, **card.options, **files)

    async def keep(self, *kept: Card) -> None:
        """Wait for cards and take their pictures."""
        for card in kept:
            await self.album.keep(card)

    async def press(self, label: str, card: Card) -> None:
        """Press a button of a card."""
        await self.album.visitor.press(label, message_of(self.album.visitor, card))

    async def record(self, card: Card, status: Status) -> Generation:
        """Wait until the record of a wish has come to a status, and return it."""
        for _ in range(_MOST_MOMENTS):
            sent = [one for one in self.demo.sim.creates if one.params["prompt"] == card.words]
            own_id = sent[-1].external_task_id if sent else None
            found = await self.demo.app.store.get(own_id) if own_id else None
            if found and found.status is status:
                return found
            await asyncio.sleep(_A_MOMENT)
        raise TimeoutError(f"“{card.words}” has not become {status}")

    async def query(self, sql: str) -> None:
        """Change the bot's database behind its back."""
        path = self.demo.app.settings.database_url.partition(":///")[2]
        await asyncio.to_thread(_query, path, sql)


@asynccontextmanager
async def scene(
    browser: Browser, folder: Path, settings: Mapping[str, str], *, slots: int | None = None
) -> AsyncIterator[Scene]:
    """Open a demo and two windows on its page."""
    async with (
        open_demo(speed=_SPEED, seed=3, slots=slots, settings=settings) as demo,
        Album.open(folder, browser, demo.url) as album,
    ):
        yield Scene(demo, album)


async def take_all(browser: Browser, folder: Path) -> None:
    """Bring about every card and take its pictures."""
    async with scene(browser, folder, {}) as ordinary:
        began = datetime.now(UTC)
        await ordinary.ask(cards.LOST)
        await _waiting(ordinary)
        await _results(ordinary)
        await _refused(ordinary)
        await _failed(ordinary)
        await asyncio.sleep(max(0.0, (began + _LOST_AFTER - datetime.now(UTC)).total_seconds()))
        await ordinary.keep(cards.LOST)
    async with scene(browser, folder, _IN_ITS_OWN_TIME) as patient:
        await patient.ask(cards.WORKING)
        await patient.record(cards.WORKING, Status.RUNNING)
        await patient.ask(cards.BUSY)  # one refusal for being busy holds everything back
        await patient.keep(cards.BUSY, cards.WORKING)
    async with scene(browser, folder, {"CONCURRENT_CREATES": "1"}) as crowded:
        await _crowded(crowded)
    async with scene(browser, folder, _IN_ITS_OWN_TIME, slots=_SLOTS) as full:
        await _full(full)
    async with scene(browser, folder, _SOON) as hurried:
        await _hurried(hurried)


async def _waiting(scene: Scene) -> None:
    await scene.ask(cards.LATE, cards.CANCELLED_SENT, cards.OFFER)
    await scene.record(cards.CANCELLED_SENT, Status.RUNNING)
    await scene.album.visitor.reads(
        "Working", message_of(scene.album.visitor, cards.CANCELLED_SENT)
    )
    await scene.press("Cancel", cards.CANCELLED_SENT)
    await _end_the_token(scene, cards.OFFER)
    await scene.keep(cards.CANCELLED_SENT, cards.OFFER)


async def _results(scene: Scene) -> None:
    pictures = (cards.ONE, cards.FOUR, cards.NINE, cards.TALL, cards.SHORT)
    await scene.ask(*pictures, cards.SMALLER, cards.LINKED)
    await _lower_the_limit(scene, cards.SMALLER, 60_000)
    await _lower_the_limit(scene, cards.LINKED, 1_000)
    await scene.keep(*pictures, cards.SMALLER, cards.LINKED)
    await scene.album.keep_form(cards.EDIT_FORM, under=cards.FOUR)
    await scene.album.keep_form(cards.REFERENCE_FORM, under=cards.FOUR)
    await scene.press("Edit", cards.ONE)
    await scene.album.visitor.submit_form(prompt=cards.CHILD.words)
    await scene.keep(cards.CHILD)
    await scene.press("Originals", cards.SMALLER)
    await scene.keep(cards.ORIGINALS)
    await scene.album.visitor.command("results")
    await scene.keep(cards.RESULTS, cards.LATE)


async def _refused(scene: Scene) -> None:
    await scene.ask(cards.TOO_SMALL, cards.CONTRADICTION)
    await scene.keep(cards.TOO_SMALL, cards.CONTRADICTION)


async def _failed(scene: Scene) -> None:
    await scene.ask(cards.REFERENCE_MISSING)
    await scene.record(cards.REFERENCE_MISSING, Status.QUEUED)
    await scene.query("DELETE FROM reference_images")
    await scene.ask(cards.UNREADABLE)
    # An answer that makes no sense is read again until the deadline, so the record is made to say
    # what a provider that never makes sense would come to.
    running = await scene.record(cards.UNREADABLE, Status.RUNNING)
    failed = running.failed(FailureReason.UNREADABLE_ANSWER, now=datetime.now(UTC))
    await scene.demo.app.store.change(running, failed)
    await scene.ask(*cards.AT_ONCE)
    await scene.keep(*cards.AT_ONCE, cards.REFERENCE_MISSING, cards.UNREADABLE)


async def _crowded(scene: Scene) -> None:
    """One create at a time, and the first one takes long."""
    await scene.ask(cards.SENT)
    await scene.keep(cards.SENT)
    await scene.ask(replace(cards.QUEUED, words="a wish before"), cards.QUEUED)
    await scene.ask(cards.CANCELLED_UNPAID)
    await scene.keep(cards.QUEUED)
    await scene.press("Cancel", cards.CANCELLED_UNPAID)
    await scene.keep(cards.CANCELLED_UNPAID)


async def _full(scene: Scene) -> None:
    """An account that has no room left, then a provider that is down, then a restart."""
    before = [replace(cards.LATE, words=f"one of {number} before") for number in range(_SLOTS)]
    await scene.ask(*before, replace(cards.QUEUED, words="a wish before"), cards.QUEUED_WITH_TIME)
    await scene.keep(cards.QUEUED_WITH_TIME)
    scene.demo.sim.go_down(_AN_HOUR)
    await scene.ask(cards.DOWN)
    await scene.keep(cards.DOWN)
    await scene.ask(cards.RESTARTING)
    scene.demo.app.engine.stop()
    await scene.keep(cards.RESTARTING)


async def _hurried(scene: Scene) -> None:
    """Deadlines of seconds, and at last a table that is gone."""
    *others, too_busy = cards.HURRIED
    await scene.ask(*others)
    await scene.keep(*others)
    await scene.ask(too_busy)
    await scene.keep(too_busy)
    await scene.query("ALTER TABLE generations RENAME TO mislaid")
    await scene.press("Try again as it is", too_busy)
    await scene.keep(cards.INTERNAL_CARD)


async def _end_the_token(scene: Scene, card: Card) -> None:
    """Let a wish's token be as near its end as it is after twelve minutes."""
    old = await scene.record(card, Status.RUNNING)
    now = datetime.now(UTC)
    placement = replace(old.placement, token_expires_at=now + timedelta(minutes=2))
    await scene.demo.app.store.move(old, replace(old, placement=placement, message_due_at=now))


async def _lower_the_limit(scene: Scene, card: Card, upload_limit: int) -> None:
    """Let the pictures of a wish be larger than Discord takes, and then finish it."""
    old = await scene.record(card, Status.RUNNING)
    placement = replace(old.placement, upload_limit=upload_limit)
    await scene.demo.app.store.move(old, replace(old, placement=placement))
    scene.demo.sim.finish(old.external_task_id)


def _query(path: str, sql: str) -> None:
    with closing(sqlite3.connect(path)) as database, database:
        database.execute(sql)


def _photo(width: int, height: int) -> "FilePayload":
    file = io.BytesIO()
    Image.effect_mandelbrot((width, height), (-3, -2.5, 2, 2.5), 50).save(file, "PNG")
    return {"name": "photo.png", "mimeType": "image/png", "buffer": file.getvalue()}
