"""When the next poll of a generation is, and which polls come first when there are too many."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from kirin import pacing
from kirin.forecast import Shape
from kirin.model import Generation
from kirin.polling import (
    Candidate,
    Distribution,
    Load,
    Plan,
    most_promising,
    price_within,
    rate,
    sharpened,
)
from kirin.stages.base import Clock, Jitter
from kirin.store import ForecastStore
from kirin.store.due_polls import DuePoll, DuePolls

_SHORTEST_WAIT = 0.05
_OF_THE_BUDGET = 0.9  # the rest is for lookups and for what is tried again
_PRICE_KEPT = timedelta(seconds=5)
_RANKING_KEPT = timedelta(seconds=2)
_RANKED_AT_ONCE = 1000  # the longest due: more than can be polled before the next ranking
_RANKED_HERE = 200  # more of them are ranked by a thread

Budget = Callable[[], float]
"""How many requests a second the whole account may make."""


@dataclass(frozen=True, slots=True)
class _Pricing:
    price: float
    found_at: datetime


class PollPlanner:
    """Says when to look next, from what is known of tasks of the same shape.

    `price` is how many seconds of delay one poll is worth; it is raised while more tasks are in
    flight than `budget` has requests for. With `callbacks`, polls wait as long as those can be
    trusted.
    """

    def __init__(
        self,
        *,
        forecasts: ForecastStore,
        price: float,
        now: Clock,
        jitter: Jitter,
        callbacks: bool = False,
        budget: Budget | None = None,
    ) -> None:
        self._forecasts = forecasts
        self._price = price
        self._now = now
        self._jitter = jitter
        self._callbacks = callbacks
        self._budget = budget
        self._pricing: _Pricing | None = None
        self._plans = _Plans()

    async def next_poll(self, generation: Generation, *, progress: float | None = None) -> datetime:
        """Return when to poll a generation that is not finished now, as far as is known.

        `progress` is what the provider has just reported; that of the generation is from before.
        """
        now = self._now()
        elapsed = max(0.0, (now - _begun(generation)).total_seconds())
        shape = Shape.of(generation.request)
        distribution = await self._forecasts.distribution(shape)
        price = await self._price_now()
        lost = await self._forecasts.lost_callbacks() if self._callbacks else 1.0
        sharper = sharpened(
            distribution, elapsed=elapsed, progress=progress, before=generation.progress
        )
        if sharper is distribution:
            plan = self._plans.get(distribution, price, lost)
        else:
            plan = Plan.best(sharper, price, lost, since=elapsed)
        wait = pacing.nudge(plan.next_after(elapsed) - elapsed, self._jitter())
        return now + timedelta(seconds=max(wait, _SHORTEST_WAIT))

    async def _price_now(self) -> float:
        """Return what a poll costs at present."""
        if self._budget is None:
            return self._price
        now = self._now()
        if self._pricing is None or now - self._pricing.found_at >= _PRICE_KEPT:
            self._pricing = _Pricing(await self._find_price(self._budget()), now)
        return self._pricing.price

    async def _find_price(self, budget: float) -> float:
        loads = [
            Load(count=count, distribution=await self._forecasts.distribution(shape))
            for shape, count in (await self._forecasts.in_flight()).items()
        ]
        return price_within(
            self._price,
            budget * _OF_THE_BUDGET,
            lambda price: rate(loads, lambda spread: self._plans.get(spread, price, 1.0)),
        )


class _Plans:
    """The plans in use: one for each distribution, price and trust in callbacks."""

    _MOST = 256

    def __init__(self) -> None:
        self._plans: dict[tuple[int, float, float], tuple[Distribution, Plan]] = {}

    def get(self, distribution: Distribution, price: float, lost: float) -> Plan:
        """Return a plan, made anew where it is not known."""
        key = (id(distribution), price, lost)
        known = self._plans.get(key)
        if known is None or known[0] is not distribution:
            if len(self._plans) >= self._MOST:
                self._plans.clear()
            known = self._plans[key] = distribution, Plan.best(distribution, price, lost)
        return known[1]


class PollOrder:
    """Chooses among polls that are due where there are more than can be made."""

    def __init__(self, *, due: DuePolls, forecasts: ForecastStore, now: Clock) -> None:
        self._due = due
        self._forecasts = forecasts
        self._now = now
        self._ranked: list[str] = []
        self._ranked_at: datetime | None = None

    async def first(self, count: int) -> Sequence[str] | None:
        """Return the ids of those to poll first; `None` where all that are due can be polled.

        An order is used for two seconds: with thousands due, slots come free one at a time.
        """
        now = self._now()
        if self._ranked_at is None or now - self._ranked_at >= _RANKING_KEPT or not self._ranked:
            due = await self._due.read(now, limit=_RANKED_AT_ONCE)
            if len(due) <= count:
                self._ranked = []
                return None
            self._ranked = await self._rank(due, now)
            self._ranked_at = now
        chosen, self._ranked = self._ranked[:count], self._ranked[count:]
        return chosen

    async def _rank(self, due: Sequence[DuePoll], now: datetime) -> list[str]:
        shapes = {each.shape for each in due}
        spread = {shape: await self._forecasts.distribution(shape) for shape in shapes}
        if len(due) <= _RANKED_HERE:
            return _ranked(due, spread, now.timestamp())
        return await asyncio.to_thread(_ranked, due, spread, now.timestamp())


def _ranked(due: Sequence[DuePoll], spread: Mapping[Shape, Distribution], now: float) -> list[str]:
    called_for = [each.external_task_id for each in due if each.is_called_for]
    rest = [
        Candidate(
            external_task_id=each.external_task_id,
            distribution=spread[each.shape],
            since=each.since - each.begun,
            elapsed=now - each.begun,
        )
        for each in due
        if not each.is_called_for
    ]
    return [*called_for, *most_promising(rest, len(rest))]


def _begun(generation: Generation) -> datetime:
    return generation.submitted_at or generation.created_at
