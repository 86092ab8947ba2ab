"""Callbacks of the provider: each is a hint to look at once, and nothing of it is believed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Set
from dataclasses import dataclass, field
from enum import StrEnum, auto

from kirin.stages.base import Clock
from kirin.store import GenerationStore

log = logging.getLogger(__name__)

MOST_WAITING = 1000
"""Wishes whose hints may wait for the database; more are dropped, for polling finds out as well."""


class Heard(StrEnum):
    """What became of a callback to a right address."""

    ACCEPTED = auto()
    IGNORED = auto()
    DROPPED = auto()


@dataclass(slots=True)
class _Batch:
    waiting: set[str] = field(default_factory=set)
    moved: Set[str] | None = None


class Hints:
    """Writes hints down, however many come: one transaction at a time, for all that wait by then.

    Many about one wish count as one.
    """

    def __init__(self, *, store: GenerationStore, now: Clock) -> None:
        self._store = store
        self._now = now
        self._next = _Batch()
        self._turn = asyncio.Lock()

    async def take(self, external_task_id: str) -> Heard:
        """Return when the hint is stored, or dropped: polling goes on without it."""
        batch = self._next
        if len(batch.waiting) >= MOST_WAITING:
            return Heard.DROPPED
        batch.waiting.add(external_task_id)
        async with self._turn:
            if batch is self._next:  # else one that waited with this has written both
                self._next = _Batch()
                await self._write(batch)
        if batch.moved is None:
            return Heard.DROPPED
        return Heard.ACCEPTED if external_task_id in batch.moved else Heard.IGNORED

    async def _write(self, batch: _Batch) -> None:
        try:
            batch.moved = await self._store.hint(batch.waiting, self._now())
        except Exception:
            log.exception("%d callbacks could not be noted", len(batch.waiting))
