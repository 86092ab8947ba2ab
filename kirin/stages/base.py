"""What every stage has: rows that are its own, and one thing to do with each."""

from __future__ import annotations

import asyncio
import logging
from abc import ABC, abstractmethod
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import ClassVar

from kirin.model import Generation
from kirin.store import Claim, GenerationStore, Work

log = logging.getLogger(__name__)

Clock = Callable[[], datetime]
Jitter = Callable[[], float]

_AFTER_A_BUG = timedelta(seconds=30)
_OF_THE_AGE = 0.1


class Stage(ABC):
    """Takes on rows that wait for its `work`, at most `width` at once, one outside call for each.

    A claim lasts `lease_for`: longer than the call can take, so that a row is worked on twice
    only when its first worker has died.
    """

    work: ClassVar[Work]
    lease_for: ClassVar[timedelta] = timedelta(minutes=2)

    def __init__(self, *, store: GenerationStore, now: Clock, width: int) -> None:
        self._store = store
        self._now = now
        self.width = width

    async def run_once(self) -> int:
        """Do what is due now, up to `width` rows; return how many there were."""
        claims = await self.claim(self.width)
        await asyncio.gather(*(self.handle(claim) for claim in claims))
        return len(claims)

    async def claim(self, limit: int) -> list[Claim]:
        """Take on up to `limit` rows that are due; a look comes first, for it takes no lock."""
        due = await self._store.next_due(self.work)
        if limit <= 0 or due is None or due > self._now():
            return []
        return await self._store.claim(
            self.work, now=self._now(), limit=limit, lease_for=self.lease_for
        )

    async def handle(self, claim: Claim) -> None:
        """Do one row's work; whatever goes wrong with it stays with it."""
        try:
            await self._advance(claim, claim.generation)
        except Exception:
            log.exception("%s of %s failed", self.work, claim.generation.external_task_id)
            age = self._now() - claim.generation.created_at
            wait = max(_AFTER_A_BUG, age * _OF_THE_AGE)
            await self._store.postpone(claim, self._now() + wait)

    @abstractmethod
    async def _advance(self, claim: Claim, generation: Generation) -> None:
        """Make the outside call and record what came of it."""

    def _in(self, seconds: float) -> datetime:
        return self._now() + timedelta(seconds=seconds)
