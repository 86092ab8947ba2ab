"""What recent generations teach about the next, and who waits before whom.

Thousands of waiting wishes ask at once, so answers are kept for a little while.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from sqlalchemy import select

from kirin.forecast import Forecast, Shape
from kirin.model import Generation, Status
from kirin.store.database import Database
from kirin.store.tables import generations

OBSERVATIONS = 50
"""Generations of one shape that a forecast is learned from."""

_LOOKED_AT = 1000  # so many of all shapes, the newest; a rare shape must not mean a full scan
_FORECAST_KEPT = timedelta(seconds=30)
_QUEUE_KEPT = timedelta(seconds=3)

_c = generations.c
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """The wishes that wait to be sent, in the order in which the store gives them out."""

    ids: Mapping[str, int]
    places: Sequence[tuple[datetime, datetime]]

    def position(self, generation: Generation) -> int:
        """Return the place of a queued wish, counting from 1; a newer one is fitted in."""
        known = self.ids.get(generation.external_task_id)
        if known is not None:
            return known
        due_at = generation.due_at or generation.created_at
        return bisect_left(self.places, (due_at, generation.created_at)) + 1

    def total(self, generation: Generation) -> int:
        """Return how many wait, with this one."""
        return len(self.ids) + (generation.external_task_id not in self.ids)


class ForecastStore:
    """Reads what forecasts are made of; `now` says how old an answer has become."""

    def __init__(self, database: Database, *, now: Callable[[], datetime]) -> None:
        self._database = database
        self._queue = _Kept[Queue](lifetime=_QUEUE_KEPT, now=now)
        self._forecasts: defaultdict[Shape, _Kept[Forecast]] = defaultdict(
            lambda: _Kept(lifetime=_FORECAST_KEPT, now=now)
        )

    async def forecast(self, shape: Shape) -> Forecast:
        """Return how long wishes of this shape take at present."""

        async def learn() -> Forecast:
            return Forecast.learned(await self.recent_durations(shape))

        return await self._forecasts[shape].get(learn)

    async def queue(self) -> Queue:
        """Return the queue as it was a moment ago."""
        return await self._queue.get(self._read_queue)

    async def recent_durations(self, shape: Shape) -> list[float]:
        """Return how many seconds the latest pictures of a shape took, from create to end."""
        latest = (
            select(
                _c.submitted_at,
                _c.finished_at,
                _c.request["resolution"].as_string().label("resolution"),
                _c.request["n"].as_integer().label("n"),
                _c.request["reference"].as_string().is_not(None).label("has_reference"),
            )
            .where(
                _c.status == Status.SUCCEEDED.value,
                _c.submitted_at.is_not(None),
                _c.finished_at.is_not(None),
            )
            .order_by(_c.finished_at.desc())
            .limit(_LOOKED_AT)
            .subquery()
        )
        alike = (
            select(latest.c.submitted_at, latest.c.finished_at)
            .where(
                latest.c.resolution == shape.resolution.value,
                latest.c.n == shape.n,
                latest.c.has_reference.is_(shape.has_reference),
            )
            .order_by(latest.c.finished_at.desc())
            .limit(OBSERVATIONS)
        )
        async with self._database.read() as connection:
            rows = (await connection.execute(alike)).all()
        return [(finished_at - submitted_at).total_seconds() for submitted_at, finished_at in rows]

    async def _read_queue(self) -> Queue:
        query = (
            select(_c.external_task_id, _c.due_at, _c.created_at)
            .where(_c.status == Status.QUEUED.value, _c.due_at.is_not(None))
            .order_by(_c.due_at, _c.created_at)
        )
        async with self._database.read() as connection:
            rows = (await connection.execute(query)).all()
        return Queue(
            ids={row.external_task_id: place for place, row in enumerate(rows, start=1)},
            places=[(row.due_at, row.created_at) for row in rows],
        )


class _Kept(Generic[_T]):
    """One answer that is used again until it is too old; whoever asks meanwhile waits for it."""

    def __init__(self, *, lifetime: timedelta, now: Callable[[], datetime]) -> None:
        self._lifetime = lifetime
        self._now = now
        self._turn = asyncio.Lock()
        self._answer: tuple[datetime, _T] | None = None

    async def get(self, ask: Callable[[], Awaitable[_T]]) -> _T:
        """Return the answer, after asking for a new one where it is needed."""
        async with self._turn:
            now = self._now()
            if self._answer is None or now - self._answer[0] >= self._lifetime:
                self._answer = now, await ask()
            return self._answer[1]
