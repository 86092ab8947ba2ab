"""Health goes red when a part is stuck, and says which."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

import pytest

from kirin.model import Generation
from kirin.stages import Engine, Housekeeper, Stage, WakeUps
from kirin.stages.gate import Gate
from kirin.store import CensusStore, Claim, Database, GenerationStore, Work
from kirin.web import Health
from tests.kirin.kirin_factories import MINUTE, NOW


class Looking(Stage):
    """Looks for work while it may, and finds none."""

    work = Work.SUBMIT

    def __init__(self, **parts: object) -> None:
        super().__init__(**parts, width=1)  # type: ignore[arg-type]
        self.may_look = asyncio.Event()
        self.looks: asyncio.Queue[None] = asyncio.Queue()

    async def claim(self, limit: int) -> list[Claim]:
        self.looks.put_nowait(None)
        await self.may_look.wait()
        return []

    async def _advance(self, claim: Claim, generation: Generation) -> None:
        raise NotImplementedError


class Polling(Looking):
    work = Work.POLL


@pytest.fixture
def engine_name() -> str:
    return "sqlite"


async def test_health_names_the_stage_that_is_stuck(
    database: Database, store: GenerationStore
) -> None:
    moments = [NOW]

    def now() -> datetime:
        return moments[-1]

    wakeups = WakeUps()
    lively, stuck = Looking(store=store, now=now), Polling(store=store, now=now)
    engine = Engine(
        store=store,
        gate=Gate(rate=1.0, now=now, jitter=lambda: 0.5),
        stages=[lively, stuck],
        housekeeper=Housekeeper(store=store, queue_deadline=timedelta(hours=1), now=now),
        wakeups=wakeups,
        now=now,
    )
    health = Health(
        database=CensusStore(database, now=now), engine=engine, gateway_is_ready=None, now=now
    )
    lively.may_look.set()
    running = asyncio.create_task(engine.run())
    await lively.looks.get()
    await stuck.looks.get()
    assert await health.problems() == []
    moments.append(NOW + 3 * MINUTE)
    for _ in range(2):  # the second look begins when the first has been noted
        wakeups.ring(Work.SUBMIT)
        await lively.looks.get()
    assert await health.problems() == ["the stage poll does not look for work"]
    stuck.may_look.set()
    wakeups.ring(Work.POLL)
    await stuck.looks.get()
    assert await health.problems() == []
    engine.stop()
    await running
