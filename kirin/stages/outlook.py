"""Foretelling what is left of a wish, for its card."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import inf

from kirin.forecast import Forecast, Shape
from kirin.model import Generation, Status
from kirin.polling import Distribution
from kirin.schedule import Busy, Task, expected_starts, rehearsed_starts
from kirin.stages.base import Clock
from kirin.stages.messenger import Outlook
from kirin.store import ForecastStore, Kept, QueueStore, Survey

_MOST_REPORTED = 0.99
_LINE_KEPT = timedelta(seconds=3)
_LINE_KEPT_FROM_NEW_ONES = timedelta(seconds=1)
_LINE_KEPT_FOR_EACH = timedelta(milliseconds=1)  # a long one changes little, and costs more
_MANY = 30
_REHEARSED = 200  # in a longer queue the rules even out, and playing by them would take a second
_TYPICAL = 0.5
_PROBABLE = 0.75


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    """Everybody's place in the queue, and when their pictures are likely to be there."""

    places: Mapping[str, int]
    ready_at: Mapping[str, float]


class Oracle:
    """Makes the outlook of a waiting wish from the queue and from generations of its shape."""

    def __init__(self, *, forecasts: ForecastStore, queue: QueueStore, now: Clock) -> None:
        self._forecasts = forecasts
        self._queue = queue
        self._line = Kept[_Line](lifetime=_LINE_KEPT, now=now)
        self._length = 0
        self._now = now

    async def outlook(
        self, generation: Generation, *, until: datetime, at: datetime | None = None
    ) -> Outlook:
        """Say what can be said now, and will still be true at `until`: a nearer `eta` is left out.

        With `at`: what could be said then, if nothing but the time had changed.

        Nobody should read that a picture was ready three seconds ago while there is none.
        """
        match generation.status:
            case Status.QUEUED:
                return await self._in_the_queue(generation, until)
            case Status.RUNNING:
                forecast = await self._forecasts.forecast(Shape.of(generation.request))
                return self._at_work(generation, forecast, until, at or self._now())
            case _:
                return Outlook()

    async def _in_the_queue(self, generation: Generation, until: datetime) -> Outlook:
        id_ = generation.external_task_id
        line = await self._foretold(_LINE_KEPT)
        if id_ not in line.places:  # newer than the answer
            line = await self._foretold(_LINE_KEPT_FROM_NEW_ONES)
        ready_at = line.ready_at.get(id_, 0.0)
        total = len(line.places) + (id_ not in line.places)
        return Outlook(
            position=line.places.get(id_, total),
            total=total,
            eta=datetime.fromtimestamp(ready_at, UTC) if ready_at > until.timestamp() else None,
        )

    async def _foretold(self, lifetime: timedelta) -> _Line:
        lifetime = max(lifetime, self._length * _LINE_KEPT_FOR_EACH)
        line = await self._line.get(self._foretell, lifetime=lifetime)
        self._length = len(line.places)
        return line

    async def _foretell(self) -> _Line:
        """Play the queue forward; where the number of slots is not known, nothing is promised."""
        now = self._now()
        survey = await self._queue.survey(now)
        shapes = {*survey.shapes.values(), *(task.shape for task in survey.running)}
        spread = {shape: await self._forecasts.distribution(shape) for shape in shapes}
        if len(survey.order) + len(survey.running) < _MANY:
            return _line(survey, spread, now)
        return await asyncio.to_thread(_line, survey, spread, now)

    def _at_work(
        self, generation: Generation, forecast: Forecast, until: datetime, at: datetime
    ) -> Outlook:
        started_at = generation.submitted_at or generation.created_at
        elapsed = (at - started_at).total_seconds()
        eta = started_at + timedelta(seconds=forecast.expected)
        is_late = forecast.is_late(elapsed)
        fraction = None if is_late else forecast.fraction(elapsed)
        if generation.progress:  # 0 tells no more than time does
            fraction = min(generation.progress, _MOST_REPORTED)
        return Outlook(eta=eta if eta > until else None, fraction=fraction, is_late=is_late)


def _line(survey: Survey, spread: Mapping[Shape, Distribution], now: datetime) -> _Line:
    ids = [wish.id for wish in survey.order]
    slots = survey.account.slots
    if slots == inf:
        return _Line(places=_places(ids), ready_at={})
    starts = _starts(survey, spread, int(slots), now.timestamp())
    probable = {shape: each.quantile(_PROBABLE) for shape, each in spread.items()}
    ready_at = {id_: start + probable[survey.shapes[id_]] for id_, start in starts.items()}
    return _Line(places=_places(starts), ready_at=ready_at)


def _places(ids: Iterable[str]) -> Mapping[str, int]:
    return {id_: place for place, id_ in enumerate(ids, start=1)}


def _starts(
    survey: Survey, spread: Mapping[Shape, Distribution], slots: int, now: float
) -> Mapping[str, float]:
    """Return when each is likely to go out, in that order."""
    means = {shape: each.mean for shape, each in spread.items()}
    seconds = {wish.id: means[survey.shapes[wish.id]] for wish in survey.order}
    busy = [
        Busy(
            n=task.shape.n,
            since=task.sent_at,
            until=_until(task.sent_at, spread[task.shape], now),
            server=task.server,
            user=task.user,
        )
        for task in survey.running
    ]
    not_before = max(now, survey.account.hold.until.timestamp() if survey.account.hold else now)
    if len(survey.order) <= _REHEARSED:
        return rehearsed_starts(
            survey.order, seconds, busy, survey.past, slots=slots, not_before=not_before
        )
    tasks = [Task(n=wish.n, seconds=seconds[wish.id]) for wish in survey.order]
    starts = expected_starts(tasks, busy, slots=slots, not_before=not_before)
    return {wish.id: start for wish, start in zip(survey.order, starts, strict=True)}


def _until(sent_at: float, spread: Distribution, now: float) -> float:
    """Return when a task that still runs is likely to end: as many end before it as after."""
    elapsed = now - sent_at
    left = spread.beyond(elapsed) * _TYPICAL
    return sent_at + max(elapsed, spread.quantile(1 - left))
