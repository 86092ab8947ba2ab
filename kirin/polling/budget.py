"""Many tasks, few requests: what a poll has to cost, and which tasks are polled first."""

from __future__ import annotations

import heapq
from bisect import bisect_left
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from kirin.polling.distribution import Distribution
from kirin.polling.plan import Plan

_RUNGS = 16
_RUNG = 1.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """So many tasks in flight whose time is spread like this."""

    count: int
    distribution: Distribution


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A task whose poll is due: unfinished at `since`, and `elapsed` seconds old by now."""

    external_task_id: str
    distribution: Distribution
    since: float
    elapsed: float


def price_within(price: float, budget: float, rate_at: Callable[[float], float]) -> float:
    """Return the least price of a poll at which the requests a second stay within a budget.

    `price` is the usual one; `rate_at` gives the expected rate for a price, which falls as that
    rises, and is asked seldom. Where even the highest price is not enough, it is the highest.
    """
    if rate_at(price) <= budget:
        return price
    higher = [price * _RUNG**rung for rung in range(1, _RUNGS)]
    enough = bisect_left(higher, True, key=lambda each: rate_at(each) <= budget)
    return higher[min(enough, len(higher) - 1)]


def rate(loads: Iterable[Load], plan_for: Callable[[Distribution], Plan]) -> float:
    """Return how many requests a second these tasks need, others taking their place as they end.

    A task makes its polls and its create within the time that it is in flight (Little's law).
    """
    needed = 0.0
    for load in loads:
        plan = plan_for(load.distribution)
        needed += load.count * (plan.polls + 1) / (load.distribution.mean + plan.delay)
    return needed


def most_promising(candidates: Iterable[Candidate], count: int) -> list[str]:
    """Return the ids of those that have ended most probably, the likeliest first.

    Every second without a poll costs a delay with just that probability. It grows while a task is
    left alone, so that none is left alone for ever.
    """
    best = heapq.nlargest(
        count, candidates, key=lambda each: each.distribution.chance(each.since, each.elapsed)
    )
    return [each.external_task_id for each in best]
