"""What every stage has: rows that are its own, and one thing to do with each."""

from __future__ import annotations

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import ClassVar

from kirin.model import Generation
from kirin.stages.door import Door, OpenDoor
from kirin.store import Claim, GenerationStore, Work

log = logging.getLogger(__name__)

Clock = Callable[[], datetime]
Jitter = Callable[[], float]

LEASE = timedelta(seconds=60)
"""How long a claim lasts unless it is renewed: rows of a machine that died wait no longer."""

_AFTER_A_BUG = timedelta(seconds=30)
_OF_THE_AGE = 0.1


class Stage(ABC):
    """Takes on rows that wait for its `work`, at most `width` at once, one outside call for each.

    A claim lasts `lease_for`, and the engine renews those that are `in_hand`, so that a row is
    worked on twice only when its first worker has died. The `door` may hold rows back.
    """

    work: ClassVar[Work]
    patience = timedelta(0)
    """So long at least is waited for what is under way when the program ends."""

    def __init__(
        self,
        *,
        store: GenerationStore,
        now: Clock,
        width: int,
        door: Door | None = None,
        lease_for: timedelta = LEASE,
    ) -> None:
        self._store = store
        self._now = now
        self.width = width
        self.lease_for = lease_for
        self.door = door or OpenDoor(now)
        self.is_stopping = False
        self._in_hand: dict[int, Claim] = {}
        self._due: datetime | None = None

    @property
    def in_hand(self) -> Sequence[Claim]:
        """The rows that are being worked on at this moment."""
        return [*self._in_hand.values()]

    async def run_once(self) -> int:
        """Do what is due now, up to `width` rows; return how many there were."""
        claims = await self.claim(self.width)
        await asyncio.gather(*(self.handle(claim) for claim in claims))
        return len(claims)

    async def next_due(self, *, look: bool = True) -> datetime | None:
        """Return when there will be something to take on; None: not before the bell rings.

        Without a `look` it is said from the one that the latest `claim` has made.
        """
        if look:
            self._due = await self._store.next_due(self.work)
        due, opens_at = self._due, self.door.opens_at
        return None if due is None or opens_at is None else max(due, opens_at)

    async def claim(self, limit: int) -> list[Claim]:
        """Take on up to `limit` rows that are due; a look comes first, for it takes no lock."""
        if limit <= 0:
            return []
        due = self._due = await self._store.next_due(self.work)
        if due is None or due > self._now():
            return []
        room = self.door.enter(limit)
        if not room:
            return []
        claims: list[Claim] = []
        try:
            claims = await self._take(room)
        finally:
            self.door.settle(room, claims)
        return claims

    async def handle(self, claim: Claim) -> None:
        """Do one row's work; whatever goes wrong with it stays with it."""
        self._in_hand[id(claim)] = claim
        try:
            await self._advance(claim, claim.generation)
        except Exception:
            log.exception("%s of %s failed", self.work, claim.generation.external_task_id)
            age = self._now() - claim.generation.created_at
            wait = max(_AFTER_A_BUG, age * _OF_THE_AGE)
            await self._store.postpone(claim, self._now() + wait)
        finally:
            del self._in_hand[id(claim)]
            self.door.done(claim)

    async def take_leave(self, *, until: datetime) -> int:
        """Do what is to be done when the program ends, until then at most; return how much."""
        return 0

    async def _take(self, limit: int) -> list[Claim]:
        """Claim up to `limit` rows that are due."""
        return await self._store.claim(
            self.work, now=self._now(), limit=limit, lease_for=self.lease_for
        )

    @abstractmethod
    async def _advance(self, claim: Claim, generation: Generation) -> None:
        """Make the outside call and record what came of it."""

    def _in(self, seconds: float) -> datetime:
        return self._now() + timedelta(seconds=seconds)
