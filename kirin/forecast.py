"""How long a generation is likely to take, in words for its card: pure functions, in seconds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from kirin.model import GenerationRequest, Resolution
from kirin.polling import Distribution

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
    def of(cls, distribution: Distribution) -> Self:
        """Read it off what has been learned."""
        expected = distribution.quantile(_EXPECTED)
        late_after = max(distribution.quantile(_LATE), _LEEWAY * expected)
        return cls(expected=expected, late_after=late_after)

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
