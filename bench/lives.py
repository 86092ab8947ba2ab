"""How many whole lives a second: from intake to delivery, by one or several engines at once."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import func, select

from bench.postgres import run_postgres
from bench.processes import Teller, run_telling
from kirin.store import Database
from kirin.store.tables import generations

_GLANCE = 0.5
_PATIENCE = 180.0
_c = generations.c


@dataclass(frozen=True, slots=True, kw_only=True)
class Rate:
    """What so many workers did; `delivered` of the wishes, in `seconds` from first to last."""

    workers: int
    wishes: int
    delivered: int
    seconds: float

    @property
    def lives_per_s(self) -> float:
        """Return the throughput."""
        return round(self.delivered / self.seconds, 1) if self.seconds else 0.0


async def on_sqlite(folder: Path, *, wishes: int, requests_per_second: float) -> Rate:
    """Measure one worker on SQLite."""
    url = f"sqlite+aiosqlite:///{folder / 'lives.sqlite3'}"
    return await measure(url, workers=1, wishes=wishes, requests_per_second=requests_per_second)


async def on_postgresql(
    folder: Path, *, workers: Sequence[int], wishes: int, requests_per_second: float
) -> list[Rate]:
    """Measure several numbers of workers, each on a new database of one server."""
    async with run_postgres(folder) as server:
        return [
            await measure(
                await server.new_database(f"lives{number}"),
                workers=number,
                wishes=wishes,
                requests_per_second=requests_per_second,
            )
            for number in workers
        ]


async def measure(url: str, *, workers: int, wishes: int, requests_per_second: float) -> Rate:
    """Let the wishes, divided among the workers, all live; return how quick that was."""
    each = wishes // workers
    async with Database.open(url) as database, AsyncExitStack() as stack:
        tellers = [
            await stack.enter_async_context(
                _worker(url, number, wishes=each, requests_per_second=requests_per_second)
            )
            for number in range(workers)
        ]
        for teller in tellers:
            await teller.until("ready")
        for teller in tellers:
            teller.nudge()
        await _until_delivered(database, each * workers)
        return await _rate(database, workers, each * workers)


@asynccontextmanager
async def _worker(
    url: str, number: int, *, wishes: int, requests_per_second: float
) -> AsyncIterator[Teller]:
    plan = {
        "settings": {
            "DISCORD_TOKEN": "none",
            "KIRIN_API_KEY": "none",
            "KIRIN_LOOKUP": "yes",
            "DATABASE_URL": url,
            "WORKER_NAME": f"worker-{number}",
            "REQUESTS_PER_SECOND": str(requests_per_second),
            "EXPECTED_SECONDS": "1",
            "POLL_PRICE_SECONDS": "0.1",
        },
        "first": number * wishes,
        "wishes": wishes,
    }
    async with run_telling("bench.worker", json.dumps(plan)) as teller:
        yield teller


async def _until_delivered(database: Database, wishes: int) -> None:
    query = select(func.count()).where(_c.delivered_at.is_not(None))
    async with asyncio.timeout(_PATIENCE):
        while True:
            async with database.read() as connection:
                if int(await connection.scalar(query) or 0) >= wishes:
                    return
            await asyncio.sleep(_GLANCE)


async def _rate(database: Database, workers: int, wishes: int) -> Rate:
    query = select(func.count(_c.delivered_at), func.min(_c.created_at), func.max(_c.delivered_at))
    async with database.read() as connection:
        delivered, first, last = (await connection.execute(query)).one()
    seconds = (last - first).total_seconds()
    return Rate(workers=workers, wishes=wishes, delivered=delivered, seconds=seconds)
