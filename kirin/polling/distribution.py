"""How long tasks take: probabilities over a grid of times whose steps are even in log-time.

All times are in seconds since the create.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from math import ceil, exp, log
from statistics import NormalDist
from typing import Self

STEP = 0.05
"""Each edge of the grid is so much later than the one before, in log-time: five per cent."""

_FROM = 1 / 200
_TO = 1000


def edges_around(median: float) -> tuple[float, ...]:
    """Return a grid for times around a median: from a two-hundredth to a thousandfold of it."""
    cells = ceil(log(_TO / _FROM) / STEP)
    return tuple(median * _FROM * exp(STEP * cell) for cell in range(cells + 1))


@dataclass(frozen=True, slots=True, kw_only=True)
class Distribution:
    """A probability for each cell between two edges; `survival` is that of ending after an edge.

    Within a cell every moment is as likely as any other.
    """

    edges: Sequence[float]
    survival: Sequence[float]

    @classmethod
    def of_masses(cls, edges: Sequence[float], masses: Iterable[float]) -> Self:
        """Make one of a weight for each cell; sums run from the far end, where they are small."""
        tails = list(accumulate(reversed(list(masses)), initial=0.0))[::-1]
        return cls(edges=edges, survival=tuple(tail / tails[0] for tail in tails))

    @classmethod
    def log_normal(cls, edges: Sequence[float], median: float, sigma: float) -> Self:
        """Make one whose logarithm is normal; what lies beyond the grid is left out."""
        bell = NormalDist(log(median), sigma)
        return cls.of_masses(
            edges, (bell.cdf(log(high)) - bell.cdf(log(low)) for low, high in pairwise(edges))
        )

    @property
    def masses(self) -> list[float]:
        """Return the probability of each cell."""
        return [here - there for here, there in pairwise(self.survival)]

    @property
    def mean(self) -> float:
        """Return the expected time."""
        return self.edges[0] + sum(
            (high - low) * (here + there) / 2
            for (low, high), (here, there) in zip(
                pairwise(self.edges), pairwise(self.survival), strict=True
            )
        )

    def beyond(self, elapsed: float) -> float:
        """Return the probability of taking longer than that."""
        if elapsed <= self.edges[0]:
            return 1.0
        if elapsed >= self.edges[-1]:
            return 0.0
        cell = bisect_right(self.edges, elapsed) - 1
        low, high = self.edges[cell], self.edges[cell + 1]
        part = (elapsed - low) / (high - low)
        return self.survival[cell] + part * (self.survival[cell + 1] - self.survival[cell])

    def quantile(self, part: float) -> float:
        """Return the time within which this part of all tasks ends."""
        left = 1 - part
        cell = bisect_right(self.survival, -left, key=lambda survival: -survival) - 1
        if cell >= len(self.edges) - 1:
            return self.edges[-1]
        here, there = self.survival[cell], self.survival[cell + 1]
        low, high = self.edges[cell], self.edges[cell + 1]
        return low + (high - low) * (here - left) / (here - there)

    def chance(self, since: float, until: float) -> float:
        """Return how likely a task that ran at `since` has ended by `until`."""
        before = self.beyond(since)
        return 1 - self.beyond(until) / before if before > 0 else 1.0
