"""How long a generation is likely to take, learned from recent ones of the same shape.

Pure functions of numbers, in seconds. Everything rests on quantiles that are real observations,
so that one absurd duration (a bot that was switched off meanwhile) moves nothing by much.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import exp, isfinite, log
from statistics import NormalDist
from typing import Self

from kirin.model import GenerationRequest, Resolution

PRIOR_MEDIAN = 20.0
PRIOR_SIGMA = 0.5
"""Assumed, not measured: before anything is known, durations are log-normal around 20 s."""

PRIOR_WEIGHT = 5
"""The assumption counts like so many observations."""

_EXPECTED = 0.75
_LATE = 0.9
_LEEWAY = 1.4
_AT_EXPECTED = 0.9
_MOST = 0.99


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """What makes two wishes alike in the time that they take."""

    resolution: Resolution
    n: int
    has_reference: bool

    @classmethod
    def of(cls, request: GenerationRequest) -> Self:
        """Return the shape of a wish."""
        return cls(
            resolution=request.resolution,
            n=request.n,
            has_reference=request.reference is not None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """Three of four are ready after `expected`; at most one in ten takes longer than `late_after`.

    Where they all take the same time, `late_after` still leaves some room.
    """

    expected: float
    late_after: float

    @classmethod
    def learned(cls, durations: Iterable[float]) -> Self:
        """Learn from durations; those that cannot be true are left out."""
        seen = [seconds for seconds in durations if isfinite(seconds) and seconds > 0]
        sample = sorted([*seen, *_prior()])
        expected = _quantile(sample, _EXPECTED)
        return cls(expected=expected, late_after=max(_quantile(sample, _LATE), _LEEWAY * expected))

    def fraction(self, elapsed: float) -> float:
        """Return the part that is done: even until it is expected, then ever slower, never 1."""
        if elapsed <= 0:
            return 0.0
        if elapsed <= self.expected:
            return _AT_EXPECTED * elapsed / self.expected
        return _MOST - (_MOST - _AT_EXPECTED) * self.expected / elapsed

    def is_late(self, elapsed: float) -> bool:
        """Say whether it takes longer than usual."""
        return elapsed > self.late_after


def _prior() -> list[float]:
    """Return observations that stand for the assumption, spread evenly over its probabilities."""
    assumed = NormalDist(log(PRIOR_MEDIAN), PRIOR_SIGMA)
    return [exp(assumed.inv_cdf((place + 0.5) / PRIOR_WEIGHT)) for place in range(PRIOR_WEIGHT)]


def _quantile(ordered: list[float], part: float) -> float:
    """Return the observation at or just below a quantile; one between two would trust outliers."""
    return ordered[int(part * (len(ordered) - 1))]
