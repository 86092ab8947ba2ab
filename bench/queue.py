"""A very long queue on SQLite: what a claim, a survey and an order of due polls cost.

python -m bench.queue --waiting 10000

So many wishes wait and as many run, of 500 people in 20 servers. Claims of up to 16 are made a
tenth of a second apart (of the clock that the store is told), the wishes are played forward for
every card anew, and due polls are put in order. What holds up the event loop is measured in two
ways: how late a sleep of 10 ms was, and how long this thread computed during it; on a busy machine
only the second is the queue's own doing. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import insert

from bench.burst import percentile
from bench.inflight import PEOPLE, a_wish
from bench.running import Lag, until_told_to_stop
from kirin.model import Generation, Resolution
from kirin.stages import Oracle
from kirin.stages.pollplan import PollOrder
from kirin.store import (
    AccountStore,
    Database,
    DuePolls,
    ForecastStore,
    GenerationStore,
    QueueStore,
    Work,
)
from kirin.store.rows import to_row
from kirin.store.tables import generations

CLAIMS, SURVEYS, ORDERS = 100, 5, 5

_LIMIT = 16
_BETWEEN_CLAIMS = timedelta(seconds=0.1)
_BETWEEN_SURVEYS = timedelta(minutes=1)
_ROWS_AT_ONCE = 500
_FREE_SLOTS = 5000
_SIZES = tuple(Resolution)
_START = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What was measured: medians, and the worst of the claims and of the event loop's delays."""

    waiting: int
    claim_ms: float
    claim_worst_ms: float
    survey_ms: float
    poll_order_ms: float
    longest_block_ms: float
    longest_own_ms: float


class Clock:
    """The time that the store is told."""

    def __init__(self) -> None:
        self._now = _START

    def __call__(self) -> datetime:
        """Return the time."""
        return self._now

    def advance(self, step: timedelta) -> None:
        """Let time pass."""
        self._now += step


class Bench:
    """The real store with a clock of ours."""

    def __init__(self, database: Database, slots: int) -> None:
        self._clock = Clock()
        self._store = GenerationStore(database, owner="bench")
        self._queue = QueueStore(database, account=AccountStore(database, slots=slots))
        forecasts = ForecastStore(database, now=self._clock)
        self._oracle = Oracle(forecasts=forecasts, queue=self._queue, now=self._clock)
        self._polls = PollOrder(due=DuePolls(database), forecasts=forecasts, now=self._clock)
        self._asking = a_wish("0" * 32, 0, _START)

    async def claim(self) -> None:
        """Take on what goes out next, as the submitter does."""
        self._clock.advance(_BETWEEN_CLAIMS)
        now = self._clock()
        line = await self._queue.look(now, _LIMIT)
        if line is None:
            raise RuntimeError("nobody waits")
        choose = partial(self._queue.choose, line=line, now=now, limit=_LIMIT)
        lease = timedelta(hours=1)
        claims = await self._store.claim_chosen(Work.SUBMIT, choose, now=now, lease_for=lease)
        if not claims:
            raise RuntimeError("nothing was taken on")

    async def survey(self) -> None:
        """Foretell everybody's turn, as for a card."""
        self._clock.advance(_BETWEEN_SURVEYS)
        outlook = await self._oracle.outlook(self._asking, until=self._clock())
        if outlook.position is None:
            raise RuntimeError("a wish has no place")

    async def order_polls(self) -> None:
        """Put the due polls in order, as the poller does."""
        self._clock.advance(_BETWEEN_SURVEYS)
        await self._polls.first(_LIMIT)


async def measure(count: int, folder: Path) -> Outcome:
    """Fill a database and use it."""
    async with Database.open(f"sqlite+aiosqlite:///{folder / 'queue.sqlite3'}") as database:
        await fill(database, count)
        bench = Bench(database, slots=3 * count + _FREE_SLOTS)
        await bench.claim()  # SQLAlchemy compiles every statement once
        gc.collect()
        gc.freeze()  # as the program does at its start
        async with Lag() as lag:
            claims = await _times(bench.claim, CLAIMS)
            surveys = await _times(bench.survey, SURVEYS)
            orders = await _times(bench.order_polls, ORDERS)
    return Outcome(
        waiting=count,
        claim_ms=_median(claims),
        claim_worst_ms=round(max(claims), 1),
        survey_ms=_median(surveys),
        poll_order_ms=_median(orders),
        longest_block_ms=round(max(lag.milliseconds), 1),
        longest_own_ms=round(max(lag.own), 1),
    )


async def fill(database: Database, count: int) -> None:
    """Make so many wishes wait and so many run."""
    rows = [to_row(wish) for number in range(count) for wish in (_queued(number), _running(number))]
    for first in range(0, len(rows), _ROWS_AT_ONCE):
        async with database.write() as connection:
            await connection.execute(insert(generations), rows[first : first + _ROWS_AT_ONCE])


def _queued(number: int) -> Generation:
    since = _START - timedelta(minutes=5) + timedelta(milliseconds=20 * number)
    wish = a_wish(f"{number:032x}", number * 7919 % PEOPLE, since)
    return replace(wish, request=replace(wish.request, n=1 + number % 3, resolution=_size(number)))


def _running(number: int) -> Generation:
    begun = _START - timedelta(milliseconds=5 * number)
    wish = a_wish(f"running-{number:024x}", number * 7919 % PEOPLE, begun)
    wish = replace(wish, request=replace(wish.request, n=1 + number % 3, resolution=_size(number)))
    return wish.sending(begun).taken(f"task-{number}", now=begun, poll_at=_START)


def _size(number: int) -> Resolution:
    return _SIZES[number % len(_SIZES)]


async def _times(act: Callable[[], Awaitable[None]], count: int) -> list[float]:
    """Return how long each call took, in milliseconds."""
    times = []
    for _ in range(count):
        begun = time.perf_counter()
        await act()
        times.append((time.perf_counter() - begun) * 1000)
    return times


def _median(times: Sequence[float]) -> float:
    return round(percentile(times, 0.5) or 0.0, 1)


def main() -> None:
    """Measure and tell."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument(
        "--waiting", type=int, default=10_000, help="wishes that wait (%(default)s)"
    )
    options = parser.parse_args()
    with TemporaryDirectory() as folder:
        outcome = asyncio.run(until_told_to_stop(measure(options.waiting, Path(folder))))
    print(json.dumps(asdict(outcome)))


if __name__ == "__main__":
    main()
