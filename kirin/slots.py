"""What is known of the account's slots, and holding back after a refusal: pure values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import inf
from typing import Self

LEARNED_FOR = timedelta(minutes=10)
"""So long a number of slots that was found out is believed; then a little more is tried."""

_A_LITTLE_MORE = 10  # a tenth, and one at least


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """Nothing is sent before `until`, and then one create first, to see how it fares.

    `strikes` counts the refusals in a row, `since` is the latest that counted.
    """

    strikes: int
    since: datetime
    until: datetime

    def __str__(self) -> str:
        return f"{self.strikes} {self.until.isoformat()}"

    @classmethod
    def read(cls, text: str, since: datetime) -> Self:
        """Read what `str` has written."""
        strikes, until = text.split(" ")
        return cls(strikes=int(strikes), since=since, until=datetime.fromisoformat(until))


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What is known of the provider's account at one moment.

    It has `slots` (infinitely many where that is not known), of which our tasks hold `used`.
    `sending` creates are under way.
    """

    slots: float = inf
    used: int = 0
    sending: int = 0
    hold: Hold | None = None

    @property
    def free(self) -> float:
        """How many slots are free."""
        return max(0.0, self.slots - self.used)

    def room(self, limit: int, now: datetime) -> int:
        """Return how many creates may begin now, as far as refusals have a say in it."""
        if self.hold is None:
            return limit
        return min(limit, 1) if now >= self.hold.until and not self.sending else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """What a refusal has led to; `was_alone` where none of our tasks held a slot."""

    hold: Hold
    was_alone: bool


def held_back(
    hold: Hold | None, *, sent_at: datetime, now: datetime, wait: Callable[[int], float]
) -> Hold:
    """Return the hold after a refusal of a create that left at `sent_at`.

    `wait` gives the seconds after so many refusals in a row. Creates that left before the hold ends
    were under way together, and count as one.
    """
    if hold is not None and sent_at < hold.until:
        until = max(hold.until, now + timedelta(seconds=wait(hold.strikes)))
        return Hold(strikes=hold.strikes, since=hold.since, until=until)
    strikes = hold.strikes + 1 if hold else 1
    return Hold(strikes=strikes, since=now, until=now + timedelta(seconds=wait(strikes)))


def assumed_slots(found: int, age: timedelta) -> int:
    """Return how many slots to reckon with so long after finding out: a little more each time."""
    for _ in range(min(age // LEARNED_FOR, 100)):
        found += max(1, found // _A_LITTLE_MORE)
    return found


def slots_after_refusal(assumed: float, *, held: int, n: int) -> int | None:
    """Return what a refusal for too many running tasks tells, or `None` if nothing new.

    With `held` slots in use, `n` more were too many. A lonely wish that is refused says nothing:
    somebody else may be using the account.
    """
    most = held + n - 1
    return most if held and 1 <= most < assumed else None
