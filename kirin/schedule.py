"""When those who wait will have their turn: the queue played forward, in seconds of one clock."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from heapq import heapify, heappop, heappush, nlargest
from math import inf

from kirin.fairness import (
    MEMORY,
    PATIENCE,
    Use,
    Waiting,
    choose,
    fair_order,
    needed,
    others_may_use,
    overdue,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """Something that takes `n` slots for so many seconds."""

    n: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Busy:
    """Slots in use since `since`, which are likely to be free again at `until`, and whose."""

    n: int
    until: float
    since: float = -inf
    server: int = 0
    user: int = 0

    def use_at(self, moment: float) -> Use:
        """Return what it counts for at a moment."""
        is_counted = moment < max(self.until, self.since + MEMORY)
        slots = self.n if is_counted else 0
        return Use(server=self.server, user=self.user, slots=slots, served_at=self.since)


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


def rehearsed_starts(
    waiting: Iterable[Waiting],
    seconds: Mapping[str, float],
    busy: Iterable[Busy],
    past: Iterable[Use],
    *,
    slots: int,
    not_before: float,
) -> dict[str, float]:
    """Return when each is likely to start, by letting all go out by the very rules of the queue.

    The wishes take those `seconds`; `past` is what people have had that has ended. The result is
    in the order of the starts. For n wishes it takes about n * n microseconds.
    """
    rehearsal = _Rehearsal(waiting, busy, past, slots, not_before)
    while rehearsal.waiting:
        rehearsal.send(seconds)
        rehearsal.wait()
    return rehearsal.starts


class _Rehearsal:
    """A queue at one moment of its future."""

    def __init__(
        self,
        waiting: Iterable[Waiting],
        busy: Iterable[Busy],
        past: Iterable[Use],
        slots: int,
        moment: float,
    ) -> None:
        self.waiting = {wish.id: wish for wish in waiting}
        self.starts: dict[str, float] = {}
        self._busy = [replace(each, until=max(each.until, moment)) for each in busy]
        self._past = list(past)
        self._slots = slots
        self._moment = moment

    def send(self, seconds: Mapping[str, float]) -> None:
        """Let go out whoever fits."""
        kept_for = overdue(self.waiting.values(), now=self._moment)
        free = max(0, self._slots - sum(needed(each.n, self._slots) for each in self._running()))
        choice = choose(
            fair_order(self.waiting.values(), self._uses(), now=self._moment),
            slots=self._slots,
            free=free,
            limit=self._slots,
            kept_for=kept_for,
            for_others=self._for_others(kept_for),
        )
        for wish in choice.chosen:
            del self.waiting[wish.id]
            self.starts[wish.id] = self._moment
            until = self._moment + seconds[wish.id]
            self._busy.append(
                Busy(n=wish.n, until=until, since=self._moment, server=wish.server, user=wish.user)
            )
        if choice.passed and choice.passed.passed_at is None:
            passed = replace(choice.passed, passed_at=self._moment)
            self.waiting[passed.id] = passed

    def wait(self) -> None:
        """Let the time pass until a task ends: nobody goes out before."""
        self._moment = min((each.until for each in self._running()), default=self._moment + 1)

    def _running(self) -> list[Busy]:
        return [each for each in self._busy if each.until > self._moment]

    def _uses(self) -> list[Use]:
        ended = (
            use if self._moment < use.served_at + MEMORY else replace(use, slots=0)
            for use in self._past
        )
        return [*ended, *(each.use_at(self._moment) for each in self._busy)]

    def _for_others(self, kept_for: Waiting | None) -> float:
        if kept_for is None or kept_for.passed_at is None:
            return 0.0
        since = kept_for.passed_at + PATIENCE
        taken = sum(each.n for each in self._running() if each.since >= since)
        return others_may_use(kept_for, slots=self._slots, taken_since=taken)


def _free_at(busy: Iterable[Busy], slots: int, not_before: float) -> list[float]:
    """Return for each slot when it is free."""
    ends = nlargest(slots, (max(each.until, not_before) for each in busy for _ in range(each.n)))
    free_at = [*ends, *[not_before] * (slots - len(ends))]
    heapify(free_at)
    return free_at
