"""What a seed decides before anything happens: how large, how long, and how bad."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from random import Random
from typing import Literal, Self

BOUNDARIES = (
    "before commit",
    "after commit",
    "before create",
    "after create",
    "before read",
    "after read",
    "before lookup",
    "after lookup",
    "before edit",
    "after edit",
    "before download",
    "after download",
)
"""Where a process can die: on either side of everything that has an effect or brings news."""

_COMMITS = 30
_CALLS = 4
_LONG = 0.04


@dataclass(frozen=True, slots=True, kw_only=True)
class Outage:
    """A time in which one side answers nobody; in seconds from the start."""

    begin: float
    end: float

    def __contains__(self, moment: object) -> bool:
        """Say whether a moment lies in it."""
        return isinstance(moment, float) and self.begin <= moment < self.end


@dataclass(frozen=True, slots=True, kw_only=True)
class Crash:
    """The process dies when it passes this boundary for the `count`-th time in this life."""

    where: str
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One world; times in seconds. From `quiet_at` on nothing goes wrong any more.

    `fault_rate` and `trouble_rate` are the parts of calls, and of commits, that go wrong.
    `duration` is the median of a picture's making. In a world that `shows_late` a task may stay
    hidden for longer than the grace of a lookup: there the provider's refusal of duplicates is
    what keeps a wish from being paid twice.
    """

    seed: int
    engines: int
    wishes: int
    quiet_at: float
    fault_rate: float
    trouble_rate: float
    duration: float
    capacity: int
    lookup_works: bool
    shows_late: bool
    tells_others: bool
    provider_outages: tuple[Outage, ...]
    discord_outages: tuple[Outage, ...]
    crashes: tuple[Crash, ...]
    kills: tuple[float, ...]
    stops: tuple[float, ...]
    settings: Mapping[str, str]

    @classmethod
    def drawn(cls, seed: int, *, engines: int) -> Self:
        """Draw a world."""
        rng = Random(f"plan {seed} {engines}")
        is_long = rng.random() < _LONG
        quiet_at = rng.uniform(900, 1200) if is_long else rng.uniform(40, 150)
        works: bool = rng.random() < 0.7
        return cls(
            seed=seed,
            engines=engines,
            wishes=1 if is_long else rng.randint(2, 4),
            quiet_at=quiet_at,
            fault_rate=rng.choice((0.0, 0.1, 0.25, 0.5)),
            trouble_rate=rng.choice((0.0, 0.0, 0.03)),
            duration=rng.choice((600.0, 1200.0)) if is_long else rng.choice((4.0, 15.0, 40.0)),
            capacity=rng.choice((9, 12, 30)),
            lookup_works=works,
            shows_late=rng.random() < 0.2,
            tells_others=rng.random() < 0.4,
            provider_outages=_outages(rng, quiet_at),
            discord_outages=_outages(rng, quiet_at),
            crashes=tuple(_crash(rng) for _ in range(rng.randint(0, 4))),
            kills=_moments(rng, quiet_at, most=1),
            stops=_moments(rng, quiet_at, most=1),
            settings=_settings(rng, works=works) | {"OPERATOR_BUDGETS": _caps(seed, engines)},
        )


def _crash(rng: Random) -> Crash:
    where = rng.choice(BOUNDARIES)
    return Crash(where=where, count=rng.randint(1, _COMMITS if "commit" in where else _CALLS))


def _outages(rng: Random, end: float) -> tuple[Outage, ...]:
    if rng.random() < 0.7:
        return ()
    begin = rng.uniform(0, end)
    return (Outage(begin=begin, end=begin + rng.uniform(5, end / 2)),)


def _moments(rng: Random, end: float, *, most: int) -> tuple[float, ...]:
    return tuple(rng.uniform(1, end) for _ in range(rng.randint(0, most)))


def _caps(seed: int, engines: int) -> str:
    rng = Random(f"caps {seed} {engines}")
    return rng.choice(("", "8 pictures/day", "0.3 USD/month", "14 pictures/week, 0.2 USD/day"))


def _settings(rng: Random, *, works: bool) -> dict[str, str]:
    modes: list[Literal["auto", "yes", "no"]] = ["auto", "auto", "auto", "no"]
    if works:
        modes.append("yes")
    return {
        "KIRIN_LOOKUP": rng.choice(modes),
        "QUEUE_DEADLINE_MINUTES": rng.choice(("2", "60", "60")),
        "GENERATION_DEADLINE_MINUTES": rng.choice(("3", "180", "180")),
        "CONCURRENT_CREATES": rng.choice(("1", "16")),
        "CONCURRENT_POLLS": rng.choice(("1", "32")),
        "CONCURRENT_DELIVERIES": rng.choice(("1", "8")),
    }
