"""The best that can be had by someone who knows how long tasks take: a search without any art.

On a grid of a tenth of a second every next moment is tried; nothing of kirin/polling is used. The
one short cut: who looks earlier never does better by looking again later.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from operator import add

from bench.truths import Truth

STEP = 0.1
_NEVER = 1e-6  # beyond the time that so few exceed, polls are a fiftieth of the age apart
_LONGEST = 36_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Optimum:
    """For each tenth of a second the step of the best next poll."""

    nexts: list[int]

    def next_after(self, elapsed: float) -> float:
        """Return when to poll next after a poll on the grid."""
        place = round(elapsed / STEP)
        if place >= len(self.nexts):
            return elapsed * 1.02
        return self.nexts[place] * STEP


def find_optimum(truth: Truth, price: float) -> Optimum:
    """Minimise expected delay + price x expected polls."""
    survival = [1.0]
    while survival[-1] > _NEVER and len(survival) < _LONGEST:
        survival.append(truth.survival(len(survival) * STEP))
    last = len(survival) - 1
    beyond = [0.0] * (last + 1)  # the integral of the survival from there on
    for place in range(last - 1, -1, -1):
        beyond[place] = beyond[place + 1] + STEP * (survival[place] + survival[place + 1]) / 2
    after, nexts = beyond[:], [last] * (last + 1)
    after[last] = 0.0
    waiting = [0.0] * (last + 1)
    for place in range(last - 1, -1, -1):
        waiting[place + 1] = beyond[place + 1] + after[place + 1]
        alive, best, chosen = survival[place] * STEP, float("inf"), last
        for later in range(place + 1, nexts[place + 1] + 1):
            cost = alive * later + waiting[later]
            if cost < best:
                best, chosen = cost, later
        nexts[place] = chosen
        after[place] = best + price * survival[place] - alive * place - beyond[place]
    nexts[last] = round(last * 1.02) + 1
    return Optimum(nexts=nexts)


def expected(truth: Truth, next_after: Callable[[float], float]) -> tuple[float, float]:
    """Return the polls and the delay that a policy needs on average, by summing over its polls."""
    polls, covered, elapsed, alive = 0.0, 0.0, 0.0, 1.0
    while alive > _NEVER / 1000:
        later = next_after(elapsed)
        polls += alive
        covered += alive * (later - elapsed)
        elapsed, alive = later, truth.survival(later)
    return polls, covered - truth.mean


def fixed_interval(truth: Truth, delay: float) -> tuple[float, float]:
    """Return the fixed interval that has this mean delay, and the polls that it needs."""
    low, high = STEP / 10, 20 * delay
    for _ in range(40):
        middle = (low + high) / 2
        _, seen = expected(truth, partial(add, middle))
        low, high = (middle, high) if seen < delay else (low, middle)
    return low, expected(truth, partial(add, low))[0]
