"""Whose wish goes out next: pure functions of small values; times are seconds of one clock.

Servers take turns, and within a server its people do; all direct messages are one server. Whoever
has waited longest for a turn comes first, and every slot that one holds, or has taken within the
last minute, counts like having come a minute later. So nobody who comes much later is ever
preferred, whoever has had nothing comes before whoever has had much, and nobody starves.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush
from math import inf

DIRECT_MESSAGES = 0
"""The server that all direct messages count as."""

SLOT_COUNTS_AS = 60.0
"""Seconds that one comes later for every slot that one uses."""

MEMORY = 60.0
"""For so many seconds after its create a slot counts as used, even when it is free again."""

PATIENCE = 60.0
"""For so long smaller wishes may pass one that does not fit; then slots are kept for it."""

_TICK = 1e-5  # between two turns of one order


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A wish in the queue: it needs `n` slots and has been there `since` then.

    `passed_at` is when a smaller wish first went before it because it did not fit.
    """

    id: str
    server: int
    user: int
    n: int
    since: float
    passed_at: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """What a person in a server has had: slots used at present, and the latest create."""

    server: int
    user: int
    slots: int
    served_at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Who goes out now; `passed` did not fit and has let somebody pass."""

    chosen: tuple[Waiting, ...]
    passed: Waiting | None = None


@dataclass(slots=True)
class _Turn:
    """One who takes turns, a person or a server."""

    served_at: float = -inf
    slots: int = 0

    def key(self, since: float = -inf) -> float:
        return max(self.served_at, since) + self.slots * SLOT_COUNTS_AS

    def take(self, moment: float, slots: int) -> None:
        self.served_at = max(self.served_at, moment)
        self.slots += slots


@dataclass(slots=True)
class _Server:
    """A server's own turn, its people's turns, and their wishes, each the oldest first."""

    turn: _Turn = field(default_factory=_Turn)
    people: defaultdict[int, _Turn] = field(default_factory=lambda: defaultdict(_Turn))
    lines: defaultdict[int, deque[Waiting]] = field(default_factory=lambda: defaultdict(deque))
    heap: list[tuple[float, int]] = field(default_factory=list)

    def open(self) -> float:
        """Begin with the turns; return when the server's own is."""
        self.heap = [(self._key(user), user) for user in self.lines]
        heapify(self.heap)
        return self.turn.key(min(line[0].since for line in self.lines.values()))

    def next(self, moment: float, *, is_remembered: bool) -> Waiting:
        """Take the next wish out of its line, served at that moment."""
        _, user = heappop(self.heap)
        wish = self.lines[user].popleft()
        for turn in (self.turn, self.people[user]):
            turn.take(moment, wish.n if is_remembered else 0)
        if self.lines[user]:
            heappush(self.heap, (self._key(user), user))
        return wish

    def _key(self, user: int) -> float:
        return self.people[user].key(self.lines[user][0].since)


def fair_order(
    waiting: Iterable[Waiting], uses: Iterable[Use] = (), *, now: float, pace: float = 0.0
) -> list[Waiting]:
    """Return all who wait, in the order in which they should go out if all fitted.

    With a `pace`, the seconds between two turns, it is the order in which they are likely to go
    out: where a round of all takes so long that what one has had is forgotten by the next, it does
    not count.
    """
    servers = _servers(waiting, uses)
    heap = [(server.open(), id_) for id_, server in servers.items() if server.lines]
    heapify(heap)
    order: list[Waiting] = []
    people = sum(len(server.lines) for server in servers.values())
    is_remembered = pace * people < MEMORY
    while heap:
        _, id_ = heappop(heap)
        server = servers[id_]
        moment = now + len(order) * max(pace, _TICK)
        order.append(server.next(moment, is_remembered=is_remembered))
        if server.heap:
            heappush(heap, (server.turn.key(), id_))
    return order


def _servers(waiting: Iterable[Waiting], uses: Iterable[Use]) -> Mapping[int, _Server]:
    servers: defaultdict[int, _Server] = defaultdict(_Server)
    for use in uses:
        server = servers[use.server]
        server.turn.take(use.served_at, use.slots)
        server.people[use.user].take(use.served_at, use.slots)
    for wish in sorted(waiting, key=lambda wish: (wish.since, wish.id)):
        servers[wish.server].lines[wish.user].append(wish)
    return servers


def needed(n: int, slots: float) -> float:
    """Return how many slots must be free for `n` pictures: a wish too large needs all there are."""
    return min(n, slots)


def overdue(waiting: Iterable[Waiting], *, now: float) -> Waiting | None:
    """Return the wish for which freed slots are kept: of those passed for too long the first."""
    passed = ((wish.passed_at, wish.id, wish) for wish in waiting if wish.passed_at is not None)
    found = min((each for each in passed if now - each[0] >= PATIENCE), default=None)
    return found[2] if found else None


def others_may_use(kept_for: Waiting, *, slots: float, taken_since: int) -> float:
    """Return how many slots others may take while slots are kept for a wish that does not fit.

    They share what the account has beyond that wish; `taken_since` are the slots that they hold
    of creates made since the slots have been kept. What was running before runs out.
    """
    return max(0.0, slots - needed(kept_for.n, slots) - taken_since)


def choose(
    order: Sequence[Waiting],
    *,
    slots: float,
    free: float,
    limit: int,
    kept_for: Waiting | None = None,
    for_others: float = 0.0,
    without: Collection[str] = (),
) -> Choice:
    """Choose up to `limit` from a fair order for the slots that are `free` (never above `slots`).

    What does not fit lets smaller wishes of other people pass. `kept_for` goes first as soon as it
    fits, and until then the others have `for_others`. Those `without` are not there at all.
    """
    chosen: list[Waiting] = []
    blocked: set[int] = set()
    room = free
    if kept_for is not None:
        if limit > 0 and needed(kept_for.n, slots) <= free:
            chosen.append(kept_for)
            room -= needed(kept_for.n, slots)
        else:
            room = min(free, for_others)
            blocked.add(kept_for.user)
    stuck: Waiting | None = None
    passed: Waiting | None = None
    for wish in order:
        if len(chosen) >= limit or room <= 0:
            break
        if wish.user in blocked or wish is kept_for or wish.id in without:
            continue
        if needed(wish.n, slots) <= room:
            chosen.append(wish)
            room -= needed(wish.n, slots)
            passed = stuck
        else:
            blocked.add(wish.user)
            stuck = stuck or wish
    return Choice(chosen=tuple(chosen), passed=passed)
