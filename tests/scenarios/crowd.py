"""Several programs on one database, with a provider and a Discord that fail by a seeded plan."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from random import Random

from kirin.errors import (
    DeliveryDelayed,
    DownloadFailed,
    DuplicateTask,
    NoAnswer,
    ProviderTrouble,
    RateLimited,
    TaskNotFound,
    UnreadableAnswer,
)
from kirin.images import Picture
from kirin.model import Generation, GenerationRequest, ResultImage, TaskSnapshot, TaskState
from kirin.settings import Settings
from kirin.stages import Engine, Intake, Outlook, WakeUps, build_engine, build_house
from kirin.store import Database, FactStore, GenerationStore
from tests.kirin.kirin_factories import NOW, a_placement, a_request

SLOTS = 10
_TROUBLE = (NoAnswer, ProviderTrouble, UnreadableAnswer)


@dataclass(kw_only=True)
class Clock:
    """The time of all programs: it moves when the test says so."""

    now: datetime = NOW

    def __call__(self) -> datetime:
        return self.now


@dataclass(kw_only=True)
class Shop:
    """The provider: what it has taken, and until when it is at work; calls fail before or after."""

    clock: Clock
    dice: Random
    ends: dict[str, datetime] = field(default_factory=dict)
    held: dict[str, int] = field(default_factory=dict)
    creates: Counter[str] = field(default_factory=Counter)
    most_held: int = 0
    faults: int = 0

    async def create(
        self,
        request: GenerationRequest,
        *,
        external_task_id: str,
        image: bytes | None = None,
        callback_url: str | None = None,
    ) -> TaskSnapshot:
        await asyncio.sleep(0)
        self._maybe_fail()
        if external_task_id in self.ends:
            raise DuplicateTask("taken")
        used = sum(n for id_, n in self.held.items() if self.ends[id_] > self.clock())
        if used + request.n > SLOTS:
            raise RateLimited("full", http_status=429, code="1303")
        self.creates[external_task_id] += 1
        self.held[external_task_id] = request.n
        self.ends[external_task_id] = self.clock() + timedelta(seconds=self.dice.uniform(3, 40))
        self.most_held = max(self.most_held, used + request.n)
        self._maybe_fail()
        return TaskSnapshot(task_id=f"task:{external_task_id}", state=TaskState.RUNNING)

    async def read(self, task_id: str) -> TaskSnapshot:
        await asyncio.sleep(0)
        self._maybe_fail()
        return self._seen(task_id.removeprefix("task:"))

    async def look_up(self, external_task_id: str) -> TaskSnapshot:
        await asyncio.sleep(0)
        self._maybe_fail()
        return self._seen(external_task_id)

    def _seen(self, external_task_id: str) -> TaskSnapshot:
        if external_task_id not in self.ends:
            raise TaskNotFound("no such task")
        task_id = f"task:{external_task_id}"
        if self.ends[external_task_id] > self.clock():
            return TaskSnapshot(task_id=task_id, state=TaskState.RUNNING)
        images = tuple(
            ResultImage(url=f"https://pictures/{number}")
            for number in range(self.held[external_task_id])
        )
        return TaskSnapshot(task_id=task_id, state=TaskState.COMPLETED, images=images)

    def _maybe_fail(self) -> None:
        if self.dice.random() < 0.1:
            self.faults += 1
            raise self.dice.choice(_TROUBLE)("planned")


@dataclass(kw_only=True)
class Board:
    """Discord and the pictures: what was shown at last, and how often an outcome was accepted."""

    dice: Random
    outcomes: Counter[str] = field(default_factory=Counter)
    last: dict[str, str] = field(default_factory=dict)

    async def show_waiting(self, generation: Generation, outlook: Outlook) -> None:
        self._show(generation, "waiting")

    async def offer_result(self, generation: Generation) -> None:
        self._show(generation, "offer")

    async def show_outcome(self, generation: Generation, pictures: Sequence[Picture]) -> None:
        self._show(generation, "outcome")
        self.outcomes[generation.external_task_id] += 1

    async def save(self, url: str, path: Path, *, number: int) -> Picture:
        if self.dice.random() < 0.05:
            raise DownloadFailed("planned")
        return Picture(number=number, path=path, size=1, extension="png")

    def _show(self, generation: Generation, what: str) -> None:
        if self.dice.random() < 0.1:
            raise DeliveryDelayed("planned", retry_after=1)
        self.last[generation.external_task_id] = what


@dataclass(kw_only=True)
class Crowd:
    """Workers and intakes, each with a database connection of its own."""

    clock: Clock
    dice: Random
    shop: Shop
    board: Board
    workers: list[Engine]
    intakes: list[Intake]
    wishes: list[str] = field(default_factory=list)
    crashes: int = 0

    async def wish(self, count: int) -> None:
        """Let people ask at all intakes at once."""
        await asyncio.gather(*(self._ask(number) for number in range(count)))

    async def _ask(self, number: int) -> None:
        intake = self.intakes[number % len(self.intakes)]
        place = a_placement(
            user_id=600 + number % 7,
            guild_id=500 + number % 3,
            interaction_id=number + 1,
            message_id=number + 1,
            token_expires_at=self.clock() + timedelta(minutes=14),
        )
        request = a_request(prompt=f"fox {number}", n=self.dice.randint(1, 4))
        self.wishes.append((await intake.accept(request, place)).external_task_id)

    async def turn(self, *, crash: bool) -> None:
        """Let all workers do at once what is due; one of them may be cut short in the middle."""
        work = [asyncio.create_task(worker.run_until_idle()) for worker in self.workers]
        if crash:
            victim = self.dice.randrange(len(work))
            for _ in range(self.dice.randrange(100)):  # real work goes on meanwhile
                await asyncio.sleep(0)
            work[victim].cancel()
            await asyncio.wait({work[victim]})
            if work[victim].cancelled():
                self.crashes += 1
                await self.workers[victim].take_over()
        for task in work:
            if not task.cancelled():
                await task


@asynccontextmanager
async def open_crowd(
    url: str, folder: Path, *, seed: int, workers: int, intakes: int
) -> AsyncIterator[Crowd]:
    """Start so many workers and intakes on one database."""
    clock, dice = Clock(), Random(seed)
    shop, board = Shop(clock=clock, dice=dice), Board(dice=dice)
    async with AsyncExitStack() as stack:
        opened = [
            await stack.enter_async_context(Database.open(url)) for _ in range(workers + intakes)
        ]
        yield Crowd(
            clock=clock,
            dice=dice,
            shop=shop,
            board=board,
            workers=[
                _worker(opened[number], number, url, folder, shop, board, clock, dice.random)
                for number in range(workers)
            ],
            intakes=[
                Intake(
                    store=GenerationStore(database, owner=f"gateway-{number}"),
                    now=clock,
                    house=build_house(_settings(url, f"gateway-{number}"), database),
                )
                for number, database in enumerate(opened[workers:])
            ],
        )


def _settings(url: str, name: str) -> Settings:
    return Settings.load(
        {
            "DISCORD_TOKEN": "none",
            "KIRIN_API_KEY": "none",
            "KIRIN_LOOKUP": "yes",
            "DATABASE_URL": url,
            "WORKER_NAME": name,
            "ACCOUNT_SLOTS": str(SLOTS),
            "REQUESTS_PER_SECOND": "200",
        }
    )


def _worker(
    database: Database,
    number: int,
    url: str,
    folder: Path,
    shop: Shop,
    board: Board,
    clock: Clock,
    jitter: Callable[[], float],
) -> Engine:
    wakeups, name = WakeUps(), f"worker-{number}"
    spool = folder / name
    spool.mkdir()
    return build_engine(
        _settings(url, name),
        database=database,
        store=GenerationStore(database, owner=name, on_work=wakeups.ring),
        facts=FactStore(database),
        wakeups=wakeups,
        provider=shop,
        downloader=board,
        messenger=board,
        spool=spool,
        now=clock,
        jitter=jitter,
    )
