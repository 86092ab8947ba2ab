"""What has to be done from time to time, whatever wishes there are."""

from __future__ import annotations

from datetime import timedelta

from kirin.model import FailureReason
from kirin.stages.base import Clock
from kirin.store import GenerationStore

_OVERDUE_AT_ONCE = 200


class Housekeeper:
    """Forgets interaction tokens that have expired, and ends wishes that are queued for too long.

    The submitter ends those too, but takes on nothing while the provider is out of reach.
    """

    every = timedelta(minutes=1)

    def __init__(self, *, store: GenerationStore, queue_deadline: timedelta, now: Clock) -> None:
        self._store = store
        self._queue_deadline = queue_deadline
        self._now = now

    async def run_once(self) -> int:
        """Do it now; return how many tokens were wiped and wishes ended."""
        return await self._store.wipe_tokens(self._now()) + await self._end_overdue()

    async def _end_overdue(self) -> int:
        now = self._now()
        overdue = await self._store.queued_before(
            now - self._queue_deadline, limit=_OVERDUE_AT_ONCE
        )
        return sum(
            [
                await self._store.change(wish, wish.expired(FailureReason.BUSY, now))
                for wish in overdue
            ]
        )
