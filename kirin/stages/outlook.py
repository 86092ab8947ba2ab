"""Foretelling what is left of a wish, for its card."""

from __future__ import annotations

from datetime import datetime, timedelta

from kirin.forecast import Forecast, Shape
from kirin.model import Generation, Status
from kirin.stages.base import Clock
from kirin.stages.messenger import Outlook
from kirin.store import ForecastStore

_MOST_REPORTED = 0.99


class Oracle:
    """Makes the outlook of a waiting wish from the queue and from generations of its shape."""

    def __init__(self, *, forecasts: ForecastStore, now: Clock) -> None:
        self._forecasts = forecasts
        self._now = now

    async def outlook(self, generation: Generation, *, until: datetime) -> Outlook:
        """Say what can be said now, and will still be true at `until`: a nearer `eta` is left out.

        Nobody should read that a picture was ready three seconds ago while there is none.
        """
        match generation.status:
            case Status.QUEUED:
                return await self._in_the_queue(generation)
            case Status.RUNNING:
                forecast = await self._forecasts.forecast(Shape.of(generation.request))
                return self._at_work(generation, forecast, until)
            case _:
                return Outlook()

    async def _in_the_queue(self, generation: Generation) -> Outlook:
        queue = await self._forecasts.queue()
        return Outlook(position=queue.position(generation), total=queue.total(generation))

    def _at_work(self, generation: Generation, forecast: Forecast, until: datetime) -> Outlook:
        started_at = generation.submitted_at or generation.created_at
        elapsed = (self._now() - started_at).total_seconds()
        eta = started_at + timedelta(seconds=forecast.expected)
        is_late = forecast.is_late(elapsed)
        fraction = None if is_late else forecast.fraction(elapsed)
        if generation.progress:  # 0 tells no more than time does
            fraction = min(generation.progress, _MOST_REPORTED)
        return Outlook(eta=eta if eta > until else None, fraction=fraction, is_late=is_late)
