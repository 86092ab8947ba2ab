"""What cards promise to those who wait, held against what the real engine then does."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from random import Random
from statistics import mean

from kirin.errors import RateLimited
from kirin.images import Picture
from kirin.model import (
    Generation,
    GenerationRequest,
    Placement,
    ResultImage,
    Status,
    TaskSnapshot,
    TaskState,
)
from kirin.settings import Settings
from kirin.stages import Outlook
from kirin.store import GenerationStore
from trials import process
from trials.life import Life, follow_tasks
from trials.loop import run
from trials.process import Ground
from trials.sqlite import WriteTurn
from trials.world import START

SLOTS = 4
PEOPLE = 30
WISHES = 40
MEDIAN, SIGMA = 20.0, 0.5
LEAST_SECONDS = 30.0
"""A promise that is as near as this is true, however short the wait."""


@dataclass(frozen=True, kw_only=True)
class Promise:
    """A card said at `made_at` that a wish would be ready at `ready_at`; seconds of the run."""

    wish: str
    made_at: float
    ready_at: float


@dataclass(kw_only=True)
class Account:
    """A provider with four slots; its tasks take the time that is assumed of them."""

    luck: Random
    ends: dict[str, tuple[int, float]] = field(default_factory=dict)
    refused: int = 0

    async def create(
        self,
        request: GenerationRequest,
        *,
        external_task_id: str,
        image: bytes | None = None,
        callback_url: str | None = None,
    ) -> TaskSnapshot:
        await asyncio.sleep(0.3)
        now = asyncio.get_running_loop().time()
        if sum(n for n, end in self.ends.values() if end > now) + request.n > SLOTS:
            self.refused += 1
            raise RateLimited("too many running tasks", code="1303")
        lasts = MEDIAN * self.luck.lognormvariate(0, SIGMA)
        self.ends[external_task_id] = request.n, now + lasts
        return TaskSnapshot(task_id=external_task_id, state=TaskState.RUNNING)

    async def read(self, task_id: str) -> TaskSnapshot:
        await asyncio.sleep(0.2)
        _, end = self.ends[task_id]
        if end > asyncio.get_running_loop().time():
            return TaskSnapshot(task_id=task_id, state=TaskState.RUNNING)
        pictures = (ResultImage(url=f"https://p/{task_id}"),)
        return TaskSnapshot(task_id=task_id, state=TaskState.COMPLETED, images=pictures)

    async def look_up(self, external_task_id: str) -> TaskSnapshot:
        return await self.read(external_task_id)


@dataclass(kw_only=True)
class Cards:
    """Notes the promises of queued wishes, and when each was shown its pictures."""

    promises: list[Promise] = field(default_factory=list)
    shown_at: dict[str, float] = field(default_factory=dict)

    async def show_waiting(self, generation: Generation, outlook: Outlook) -> None:
        if generation.status is Status.QUEUED and outlook.eta is not None:
            self.promises.append(
                Promise(
                    wish=generation.external_task_id,
                    made_at=asyncio.get_running_loop().time(),
                    ready_at=(outlook.eta - START).total_seconds(),
                )
            )

    async def offer_result(self, generation: Generation) -> None:
        pass

    async def show_outcome(self, generation: Generation, pictures: Sequence[Picture]) -> None:
        self.shown_at[generation.external_task_id] = asyncio.get_running_loop().time()


class Basket:
    async def save(self, url: str, path: Path, *, number: int) -> Picture:
        path.write_bytes(b"picture")  # noqa: ASYNC240 - into memory
        return Picture(number=number, path=path, size=7, extension="png")


@dataclass(frozen=True, kw_only=True)
class Truth:
    """Promises and what came of them: how long was to be waited, and how much later it was."""

    promised: float
    late: float

    @property
    def is_kept(self) -> bool:
        return abs(self.late) <= max(LEAST_SECONDS, self.promised / 3)


def live(seed: int, template: Path, folder: Path) -> list[Truth]:
    """Let the engine serve the wishes, of which half come at once and half within two minutes."""
    shutil.copy(template, folder / "kirin.sqlite3")
    luck = Random(f"promises {seed}")
    account, cards = Account(luck=luck), Cards()
    ids = count(1)

    def now() -> datetime:
        return START + timedelta(seconds=asyncio.get_running_loop().time())

    ground = Ground(
        folder=folder,
        turn=WriteTurn(),
        settings=Settings.load(
            {"DISCORD_TOKEN": "token", "KIRIN_API_KEY": "key"}, {"ACCOUNT_SLOTS": str(SLOTS)}
        ),
        now=now,
        new_id=lambda: f"w{next(ids)}",
        jitter=Random(f"jitter {seed}"),
        trouble=lambda: None,
        store_type=GenerationStore,
    )

    async def wish(bot: process.Process, number: int) -> None:
        await asyncio.sleep(luck.uniform(0, 120) if number % 2 else 0)
        placement = a_placement(number, luck.randrange(PEOPLE), now())
        n = luck.choice((1, 1, 1, 1, 2))
        await bot.desk.intake.accept(GenerationRequest(prompt="a fox", n=n), placement)

    async def play() -> None:
        follow_tasks(asyncio.get_running_loop())
        life = Life("bot", is_fatal=lambda *_: False, on_death=lambda *_: None)
        bot = process.start(
            life,
            ground,
            provider=account,
            messenger=cards,
            downloader=Basket(),
            on_work=lambda _work: None,
        )
        running = life.start(process.run(bot), name="bot")
        wishes = [life.start(wish(bot, number), name="wish") for number in range(WISHES)]
        await asyncio.gather(*wishes)
        while len(cards.shown_at) < WISHES:
            await asyncio.sleep(5)
        bot.engine.stop()
        await asyncio.wait({running})

    run(play())
    assert account.refused == 0
    return [
        Truth(
            promised=promise.ready_at - promise.made_at,
            late=cards.shown_at[promise.wish] - promise.ready_at,
        )
        for promise in cards.promises
    ]


def test_most_promises_on_cards_are_true_and_as_many_pictures_come_early_as_late(
    template: Path, tmp_path: Path
) -> None:
    """True is within a third of the wait, or half a minute.

    Of the 1,686 promises of ten such runs 76 % were true, and the pictures came 4.5 s late on
    average; what nobody can know is how long tasks take, and who comes later.
    """
    truths = live(0, template, tmp_path)
    assert len(truths) > 100
    assert sum(truth.is_kept for truth in truths) >= 0.7 * len(truths)
    assert 0.3 <= sum(truth.late <= 0 for truth in truths) / len(truths) <= 0.7
    assert abs(mean(truth.late for truth in truths)) <= 10


def a_placement(number: int, user: int, now: datetime) -> Placement:
    return Placement(
        application_id=1,
        interaction_id=number,
        token=f"token-{number}",
        token_expires_at=now + timedelta(minutes=15),
        channel_id=2,
        message_id=number,
        guild_id=3 + user % 3,
        user_id=user + 1,
        ephemeral=False,
        spoiler=False,
        locale="en-US",
        guild_locale="en-US",
        upload_limit=10_000_000,
        bot_is_member=True,
    )
