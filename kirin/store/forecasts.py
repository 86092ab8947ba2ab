"""What recent generations teach about the next, and how many are under way.

Thousands of waiting wishes ask at once, so answers are kept for a little while.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import Label, RowMapping, func, or_, select

from kirin.forecast import Forecast, Shape
from kirin.model import Resolution, Status
from kirin.polling import MEMORY, Distribution, Observation, learn
from kirin.store.database import Database
from kirin.store.kept import Kept
from kirin.store.raw import RawRow
from kirin.store.tables import generations

EXPECTED_SECONDS = 20.0
"""Assumed, not measured: half of all tasks end within this time."""

_LOOKED_AT = 3000  # so many of all shapes, the newest; a rare shape must not mean a full scan
_CALLBACKS_LOOKED_AT = 50
_LEARNED_HERE = 20  # from more, a thread learns: it takes up to 10 ms
_LEARNED_KEPT = timedelta(seconds=30)
_COUNTED_KEPT = timedelta(seconds=5)
_CALLBACK_TO_POLL = timedelta(seconds=1)

_c = generations.c
_is_known_when = or_(_c.seen_running_at.is_not(None), _c.hinted_at.is_not(None), _c.polls <= 1)


def shape_columns() -> tuple[Label[Any], Label[Any], Label[Any]]:
    """Return what makes the shape of a row."""
    return (
        _c.request["resolution"].as_string().label("resolution"),
        _c.n.label("n"),
        _c.request["reference"].as_string().is_not(None).label("has_reference"),
    )


def shape_of(row: RowMapping) -> Shape:
    """Read the shape of a row with those columns."""
    return Shape(
        resolution=Resolution(row["resolution"]),
        n=row["n"],
        has_reference=bool(row["has_reference"]),
    )


@cache
def _shape(resolution: str, n: int, has_reference: bool) -> Shape:
    return Shape(resolution=Resolution(resolution), n=n, has_reference=has_reference)


def raw_shape(row: RawRow) -> Shape:
    """Read a shape from a raw row that has those columns and no others."""
    resolution, n, has_reference = row
    return _shape(resolution, n, bool(has_reference))


class ForecastStore:
    """Reads what forecasts are made of; `now` says how old an answer has become.

    `expected_seconds` is the median that is assumed until experience says otherwise.
    """

    def __init__(
        self,
        database: Database,
        *,
        now: Callable[[], datetime],
        expected_seconds: float = EXPECTED_SECONDS,
    ) -> None:
        self._database = database
        self._expected_seconds = expected_seconds
        self._learned: defaultdict[Shape, Kept[Distribution]] = defaultdict(
            lambda: Kept(lifetime=_LEARNED_KEPT, now=now)
        )
        self._lost = Kept[float](lifetime=_LEARNED_KEPT, now=now)
        self._in_flight = Kept[Mapping[Shape, int]](lifetime=_COUNTED_KEPT, now=now)

    async def distribution(self, shape: Shape) -> Distribution:
        """Return how the times that wishes of this shape take are spread at present."""

        async def learned() -> Distribution:
            seen = await self.observations(shape)
            if len(seen) <= _LEARNED_HERE:
                return learn(seen, median=self._expected_seconds)
            return await asyncio.to_thread(learn, seen, median=self._expected_seconds)

        return await self._learned[shape].get(learned)

    async def forecast(self, shape: Shape) -> Forecast:
        """Return how long wishes of this shape take at present."""
        return Forecast.of(await self.distribution(shape))

    async def lost_callbacks(self) -> float:
        """Return how likely it is that no callback tells of a task's end: 1 without any so far."""
        return await self._lost.get(self._count_lost)

    async def in_flight(self) -> Mapping[Shape, int]:
        """Return how many tasks of each shape are at work."""
        return await self._in_flight.get(self._count_in_flight)

    async def observations(self, shape: Shape) -> list[Observation]:
        """Return between which ages the latest tasks of a shape ended, the newest first.

        Only those with pictures count. A callback just before the end makes the interval narrow.
        Those that were polled before the times of polls were kept would tell of much too wide ones.
        """
        latest = (
            select(
                *(_c.submitted_at, _c.seen_running_at, _c.hinted_at, _c.finished_at),
                _is_known_when.label("is_known_when"),
                *shape_columns(),
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
            select(latest)
            .where(
                latest.c.resolution == shape.resolution.value,
                latest.c.n == shape.n,
                latest.c.has_reference.is_(shape.has_reference),
                latest.c.is_known_when,
            )
            .order_by(latest.c.finished_at.desc())
            .limit(MEMORY)
        )
        async with self._database.read() as connection:
            rows = (await connection.execute(alike)).mappings().all()
        return [_observation(row) for row in rows]

    async def _count_lost(self) -> float:
        latest = (
            select(_c.submitted_at, _c.seen_running_at, _c.hinted_at)
            .where(_c.status == Status.SUCCEEDED.value, _c.finished_at.is_not(None))
            .order_by(_c.finished_at.desc())
            .limit(_CALLBACKS_LOOKED_AT)
        )
        async with self._database.read() as connection:
            rows = (await connection.execute(latest)).mappings().all()
        lost = sum(not _was_called_back(row) for row in rows)
        return (lost + 1) / (len(rows) + 1)

    async def _count_in_flight(self) -> Mapping[Shape, int]:
        at_work = (
            select(*shape_columns()).where(_c.status == Status.RUNNING.value).subquery().columns
        )
        query = select(*at_work, func.count().label("count")).group_by(*at_work)
        async with self._database.read() as connection:
            rows = (await connection.execute(query)).mappings().all()
        return {shape_of(row): row["count"] for row in rows}


def _observation(row: RowMapping) -> Observation:
    since = row["seen_running_at"] or row["submitted_at"]
    if _was_called_back(row):
        since = max(since, row["hinted_at"] - _CALLBACK_TO_POLL)
    return Observation(
        after=(since - row["submitted_at"]).total_seconds(),
        until=(row["finished_at"] - row["submitted_at"]).total_seconds(),
    )


def _was_called_back(row: RowMapping) -> bool:
    """Say whether a callback came after the last poll that found the task at work."""
    since = row["seen_running_at"] or row["submitted_at"]
    return row["hinted_at"] is not None and (since is None or row["hinted_at"] >= since)
