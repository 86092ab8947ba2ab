"""Learning how long tasks take from what polls reveal: that each ended between two moments.

The estimate is the smoothed self-consistent one for interval-censored data (EM with a smoothing
step): an observation is spread over its interval as the estimate has it, the sum is smoothed, and
so on. Where few ended, in the tail above all, the result is smoothed more. Newer observations weigh
more, and after a sudden change the older ones weigh nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from math import isfinite, log, sqrt

from kirin.polling.distribution import STEP, Distribution, edges_around

MEMORY = 300
"""So many observations of one shape are of use at most."""

_HALF_LIFE = 150  # an observation weighs half as much after so many newer ones
_ROUNDS = 40
_ENOUGH = 2.0  # so many observations make the height of the distribution at one place
_WIDEST = 12  # cells to either side, a factor of almost two

_SIGMA = 0.5
_PRIOR_WEIGHT = 4.0
_PRIOR_HALF_LIFE = 10  # the assumption weighs half as much after so many observations
_BROAD_SIGMA = 1.6
_BROAD_WEIGHT = 0.5  # whatever was seen: anything can happen, and it is never planned against

_LEAST_CHANGED = 6
_SURELY_CHANGED = 3.9  # standard deviations


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """A task that had not ended `after` so many seconds, and had `until` so many.

    `until` is infinite for one that is still at work.
    """

    after: float
    until: float

    @property
    def is_plausible(self) -> bool:
        """Say whether it can be true."""
        return isfinite(self.after) and 0 <= self.after < self.until


def assumed(median: float) -> Distribution:
    """Return what is believed before anything was seen: log-normal, with room for anything.

    The spread (sigma 0.5) is assumed, not measured.
    """
    edges = edges_around(median)
    usual, broad = _beliefs(edges, median, around=median)
    return Distribution.of_masses(
        edges,
        (
            _PRIOR_WEIGHT * likely + _BROAD_WEIGHT * possible
            for likely, possible in zip(usual, broad, strict=True)
        ),
    )


def learn(observations: Iterable[Observation], *, median: float) -> Distribution:
    """Return the distribution that the observations speak for, which come newest first.

    `median` is the assumption, in seconds.
    """
    seen = since_last_change([each for each in observations if each.is_plausible])
    if not seen:
        return assumed(median)
    edges = edges_around(median)
    middle = sorted(_middle(each) for each in seen)[len(seen) // 2]
    usual, broad = _beliefs(edges, median, around=max(edges[0], min(middle, edges[-1])))
    weight = _PRIOR_WEIGHT * 0.5 ** (len(seen) / _PRIOR_HALF_LIFE)
    belief = [
        weight * likely + _BROAD_WEIGHT * possible
        for likely, possible in zip(usual, broad, strict=True)
    ]
    spans = [_Span.of(each, edges, 0.5 ** (age / _HALF_LIFE)) for age, each in enumerate(seen)]
    masses = list(assumed(median).masses)
    for _ in range(_ROUNDS):
        masses = _smoothed(_expected(masses, spans, belief))
    counted = sum(span.weight for span in spans) + sum(belief)
    return Distribution.of_masses(edges, _levelled(masses, _ENOUGH / counted))


def since_last_change(observations: Sequence[Observation]) -> Sequence[Observation]:
    """Leave out what was seen before tasks suddenly began to take longer, or less long.

    The newest are compared with all others by their ranks (Mann and Whitney), for every number of
    newest ones.
    """
    while (changed := _change(observations)) is not None:
        observations = observations[:changed]
    return observations


def _change(observations: Sequence[Observation]) -> int | None:
    """Return how many were seen since the likeliest change, if there was one."""
    count = len(observations)
    ranks = _ranks([_middle(each) for each in observations])
    best, surest = None, _SURELY_CHANGED
    for newest, total in enumerate(accumulate(ranks), start=1):
        older = count - newest
        if newest < _LEAST_CHANGED or older < _LEAST_CHANGED:
            continue
        spread = sqrt(newest * older * (count + 1) / 12)
        apart = abs(total - newest * (count + 1) / 2) / spread
        if apart > surest:
            best, surest = newest, apart
    return best


def _middle(observation: Observation) -> float:
    return (observation.after + min(observation.until, 3 * observation.after + 1)) / 2


def _ranks(values: Sequence[float]) -> list[float]:
    """Return the place of each value among all; equal ones share the middle of their places."""
    order = sorted(range(len(values)), key=values.__getitem__)
    ranks = [0.0] * len(values)
    start = 0
    while start < len(order):
        end = start
        while end < len(order) and values[order[end]] == values[order[start]]:
            end += 1
        for place in order[start:end]:
            ranks[place] = (start + 1 + end) / 2
        start = end
    return ranks


@dataclass(frozen=True, slots=True)
class _Span:
    """An interval on the grid: cell and the part of it that is left out at either end."""

    weight: float
    first: int
    before: float
    last: int
    within: float

    @classmethod
    def of(cls, observation: Observation, edges: Sequence[float], weight: float) -> _Span:
        """Put an observation on the grid; one that is narrower than a cell is widened to one."""
        start, end = (_place(time, edges) for time in (observation.after, observation.until))
        if end - start < 1:
            middle = min(max((start + end) / 2, 0.5), len(edges) - 1.5)
            start, end = middle - 0.5, middle + 0.5
        return cls(weight, int(start), start - int(start), int(end), end - int(end))


def _place(time: float, edges: Sequence[float]) -> float:
    """Return where a time lies on the grid, counted in cells."""
    if time <= edges[0]:
        return 0.0
    if time >= edges[-1]:
        return float(len(edges) - 1)
    return log(time / edges[0]) / STEP


def _expected(
    masses: Sequence[float], spans: Sequence[_Span], belief: Sequence[float]
) -> list[float]:
    """Spread every observation over its span as the masses have it, and add the belief."""
    padded = [*masses, 0.0]
    below = list(accumulate(padded, initial=0.0))
    steps, extra = [0.0] * len(padded), [0.0] * len(padded)
    for span in spans:
        first, last = span.first, span.last
        inside = (below[last] + span.within * padded[last]) - (
            below[first] + span.before * padded[first]
        )
        share = span.weight / inside
        steps[first] += share
        steps[last] -= share
        extra[first] -= share * span.before
        extra[last] += share * span.within
    return [
        mass * (cover + more) + believed
        for mass, cover, more, believed in zip(
            masses, accumulate(steps), extra, belief, strict=False
        )
    ]


def _smoothed(masses: Sequence[float]) -> list[float]:
    """Mix every cell with its neighbours, and make the whole add up to one."""
    whole = sum(masses)
    outer, inner = 0.25 / whole, 0.5 / whole
    padded = [masses[0], *masses, masses[-1]]
    return [
        outer * before + inner * here + outer * after
        for before, here, after in zip(padded, padded[1:], padded[2:], strict=False)
    ]


def _levelled(masses: Sequence[float], enough: float) -> list[float]:
    """Give every cell the mean of so many around it as have enough of the mass together."""
    count = len(masses)
    below = list(accumulate(masses, initial=0.0))
    levelled, width = [], _WIDEST
    for place in range(count):
        low, high = max(0, place - width), min(count, place + width + 1)
        while width < _WIDEST and below[high] - below[low] < enough:
            width += 1
            low, high = max(0, place - width), min(count, place + width + 1)
        while width > 0:
            nearer = max(0, place - width + 1), min(count, place + width)
            if below[nearer[1]] - below[nearer[0]] < enough:
                break
            width, (low, high) = width - 1, nearer
        levelled.append((below[high] - below[low]) / (high - low))
    return levelled


def _beliefs(
    edges: Sequence[float], median: float, *, around: float
) -> tuple[list[float], list[float]]:
    return (
        Distribution.log_normal(edges, median, _SIGMA).masses,
        Distribution.log_normal(edges, around, _BROAD_SIGMA).masses,
    )
