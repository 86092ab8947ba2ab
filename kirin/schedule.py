"""When those who wait will have their turn: the queue played forward, in seconds of one clock."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush, nlargest


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """Something that takes `n` slots for so many seconds."""

    n: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Busy:
    """Slots in use, which are likely to be free again at `until`."""

    n: int
    until: float


def expected_starts(
    tasks: Sequence[Task], busy: Iterable[Busy], *, slots: int, not_before: float
) -> list[float]:
    """Return when each of the tasks, in the order of their turns, is likely to start.

    Each takes the slots that are free first. A task for more slots than there are takes all. What
    a slot would idle until the others of its task are free is used by smaller tasks that pass, so
    it counts as work done.
    """
    free_at = _free_at(busy, slots, not_before)
    starts = []
    for task in tasks:
        taken = [heappop(free_at) for _ in range(min(task.n, slots))]
        starts.append(taken[-1])
        for since in taken:
            heappush(free_at, since + task.seconds)
    return starts


def _free_at(busy: Iterable[Busy], slots: int, not_before: float) -> list[float]:
    """Return for each slot when it is free."""
    ends = nlargest(slots, (max(each.until, not_before) for each in busy for _ in range(each.n)))
    free_at = [*ends, *[not_before] * (slots - len(ends))]
    heapify(free_at)
    return free_at
