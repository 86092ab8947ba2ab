"""Being seen by the other processes, and seeing them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Final

from kirin.settings import Role
from kirin.stages.base import Clock
from kirin.store import Worker, WorkerStore

log = logging.getLogger(__name__)

EVERY: Final = timedelta(seconds=15)
"""How often a process says that it is alive; two that are missed are forgiven."""


class Presence:
    """Keeps this process on the list of the living, and remembers who else is there.

    What it says of the others is as old as the last beat: up to 15 s, and longer while the
    database is out of reach.
    """

    def __init__(self, *, workers: WorkerStore, name: str, role: Role, now: Clock) -> None:
        self._workers = workers
        self._me = Worker(name=name, role=role, started_at=now())
        self._now = now
        self._others: Sequence[Worker] = ()

    async def beat(self) -> None:
        """Say that this process is alive, and look who else is."""
        await self._workers.beat(self._me, self._now())
        await self._look_around()

    async def leave(self) -> None:
        """Say that this process ends, and look who stays: nobody, where all end together."""
        await self._workers.gone(self._me.name)
        await self._look_around()

    def share(self) -> float:
        """Return the part of what the account allows that is this process's own, up to 1."""
        return 1 / (1 + len(self._working_others()))

    def others_alive(self) -> bool:
        """Say whether another process goes on with the wishes when this one ends."""
        return bool(self._working_others())

    async def run(self, stopping: asyncio.Event) -> None:
        """Beat until the end is asked for, then leave; trouble with the database is survived."""
        while not stopping.is_set():
            await self._try(self.beat)
            with suppress(TimeoutError):
                await asyncio.wait_for(stopping.wait(), EVERY.total_seconds())
        await self._try(self.leave)

    async def _try(self, step: Callable[[], Awaitable[None]]) -> None:
        try:
            await step()
        except Exception:
            log.exception("could not say that this process is alive, or ends")

    async def _look_around(self) -> None:
        alive = await self._workers.alive(self._now())
        self._others = [worker for worker in alive if worker.name != self._me.name]

    def _working_others(self) -> list[Worker]:
        return [worker for worker in self._others if worker.role != Role.GATEWAY]
