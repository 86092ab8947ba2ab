"""Times that tasks could take, to be polled in virtual time: mixtures of log-normal ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import erfc, exp, log, sqrt
from random import Random


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A share of all tasks, log-normal around a median in seconds."""

    share: float
    median: float
    sigma: float

    def survival(self, seconds: float) -> float:
        """Return the probability of taking longer."""
        return erfc(log(seconds / self.median) / self.sigma / sqrt(2)) / 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """What the policies do not know."""

    name: str
    parts: Sequence[Part]

    def survival(self, seconds: float) -> float:
        """Return the probability of taking longer."""
        if seconds <= 0:
            return 1.0
        return sum(part.share * part.survival(seconds) for part in self.parts)

    @property
    def mean(self) -> float:
        """Return the expected time."""
        return sum(part.share * part.median * exp(part.sigma**2 / 2) for part in self.parts)

    def draw(self, random: Random) -> float:
        """Return the time of one task."""
        (part,) = random.choices(self.parts, [part.share for part in self.parts])
        return random.lognormvariate(log(part.median), part.sigma)


def log_normal(name: str, median: float, sigma: float) -> Truth:
    """Return the simplest kind."""
    return Truth(name=name, parts=(Part(share=1.0, median=median, sigma=sigma),))


STATIONARY = (
    log_normal("log-normal, sigma 0.5", 20.0, 0.5),
    log_normal("log-normal, sigma 0.3", 20.0, 0.3),
    Truth(
        name="two modes",
        parts=(Part(share=0.6, median=12.0, sigma=0.2), Part(share=0.4, median=40.0, sigma=0.2)),
    ),
    Truth(
        name="heavy tail",
        parts=(Part(share=0.9, median=18.0, sigma=0.4), Part(share=0.1, median=90.0, sigma=0.8)),
    ),
)
BEFORE, AFTER = log_normal("before", 20.0, 0.5), log_normal("after", 60.0, 0.5)
