"""One engine among several on one database, with a provider and a Discord that cost it nothing.

python -m bench.worker '{"settings": {...}, "first": 0, "wishes": 100}'

It says that it is ready, takes in its wishes when a line comes on standard input, and works on
whatever is in the database until it is terminated. Intake, store, stages and bells are the real
ones. The provider is a few lines in this process that take a real one's time, and whose tasks every
worker can read: their ids say when they end. Pictures are not fetched, and messages not sent.
"""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import random
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.engine import say
from bench.inflight import a_placement
from kirin.images import Picture
from kirin.model import Generation, GenerationRequest, ResultImage, TaskSnapshot
from kirin.model.snapshot import TaskState
from kirin.settings import Settings
from kirin.spool import open_spool
from kirin.stages import Engine, Intake, Outlook, WakeUps, build_engine, build_house
from kirin.store import Database, FactStore, GenerationStore
from kirin.store.notices import listening

CREATE_SECONDS = 0.1, 0.2
READ_SECONDS = 0.05
TASK_SECONDS = 1.0

_INTAKES_AT_ONCE = 16


class QuickProvider:
    """Takes a while to answer; a task's id is the moment of its end."""

    async def create(
        self,
        request: GenerationRequest,
        *,
        external_task_id: str,
        image: bytes | None = None,
        callback_url: str | None = None,
    ) -> TaskSnapshot:
        """Begin a task."""
        await asyncio.sleep(random.uniform(*CREATE_SECONDS))
        ends_at = time.time() + TASK_SECONDS
        return TaskSnapshot(task_id=f"{ends_at}:{external_task_id}", state=TaskState.RUNNING)

    async def read(self, task_id: str) -> TaskSnapshot:
        """Tell how a task is."""
        await asyncio.sleep(READ_SECONDS)
        if time.time() < float(task_id.split(":", maxsplit=1)[0]):
            return TaskSnapshot(task_id=task_id, state=TaskState.RUNNING)
        images = (ResultImage(url="https://pictures.invalid/1.png"),)
        return TaskSnapshot(task_id=task_id, state=TaskState.COMPLETED, images=images)

    async def look_up(self, external_task_id: str) -> TaskSnapshot:
        """Tell the same by the other id: here always of a task that runs."""
        await asyncio.sleep(READ_SECONDS)
        return TaskSnapshot(task_id=f"0:{external_task_id}", state=TaskState.RUNNING)


class QuickDiscord:
    """Takes every card, and every picture, at once."""

    async def show_waiting(self, generation: Generation, outlook: Outlook) -> None:
        """Show nothing."""

    async def offer_result(self, generation: Generation) -> None:
        """Show nothing."""

    async def show_outcome(self, generation: Generation, pictures: Sequence[Picture]) -> None:
        """Show nothing."""

    async def save(self, url: str, path: Path, *, number: int) -> Picture:
        """Fetch nothing."""
        return Picture(number=number, path=path, size=1, extension="png")


async def live(plan: Mapping[str, Any]) -> None:
    """Run until terminated."""
    stop, begin = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, stop.set)
    loop.add_reader(sys.stdin.fileno(), begin.set)
    settings = Settings.load(plan["settings"])
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(Database.open(settings.database_url))
        wakeups = WakeUps()
        store = GenerationStore(database, owner=settings.worker_name, on_work=wakeups.ring)
        await stack.enter_async_context(listening(database, wakeups.ring))
        spool = await stack.enter_async_context(open_spool(settings))
        engine = _build(settings, database, store, wakeups, spool)
        say("ready")
        await begin.wait()
        loop.remove_reader(sys.stdin.fileno())
        running = asyncio.create_task(engine.run(), name="engine")
        intake = Intake(store=store, now=_now, house=build_house(settings, database))
        await _take_in(intake, plan["first"], plan["wishes"])
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
        engine.stop()
        await running


def _build(
    settings: Settings, database: Database, store: GenerationStore, wakeups: WakeUps, spool: Path
) -> Engine:
    discord = QuickDiscord()
    return build_engine(
        settings,
        database=database,
        store=store,
        facts=FactStore(database),
        wakeups=wakeups,
        provider=QuickProvider(),
        downloader=discord,
        messenger=discord,
        spool=spool,
        now=_now,
        jitter=random.random,
    )


async def _take_in(intake: Intake, first: int, count: int) -> None:
    """Let people ask, so many at once as a busy bot hears."""
    turns = asyncio.Semaphore(_INTAKES_AT_ONCE)

    async def ask(number: int) -> None:
        async with turns:
            request = GenerationRequest(prompt=f"a lighthouse in a storm, number {number:05}")
            await intake.accept(request, a_placement(number, _now()))

    await asyncio.gather(*(ask(first + number) for number in range(count)))


def _now() -> datetime:
    return datetime.now(UTC)


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)
    gc.freeze()  # as the program does at its start
    asyncio.run(live(json.loads(sys.argv[1])))
