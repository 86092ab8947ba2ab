"""What one program tells the others on the same database: there is work."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager, suppress
from math import inf
from typing import Any, Final

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from kirin.store.database import Database
from kirin.store.lasting import Sleep, stay_connected
from kirin.store.work import Work

CHANNEL: Final = "kirin_work"

_PAUSE_SECONDS: Final = 0.2


async def announce(connection: AsyncConnection, works: Collection[Work]) -> None:
    """Tell the other programs what this transaction makes possible, once it is committed.

    At most one notice for a transaction; none on SQLite, where there is no other program to tell.
    """
    if works and connection.dialect.name == "postgresql":
        await connection.execute(select(func.pg_notify(CHANNEL, " ".join(sorted(works)))))


class Bells:
    """Rings at once, and after that no bell more often than five times a second.

    Every ring costs a look at the database, in each program: a busy worker must not keep all the
    others busy with looking.
    """

    def __init__(self, ring: Callable[[Work], None]) -> None:
        self._ring = ring
        self._rung_at: dict[Work, float] = {}
        self._due: set[Work] = set()

    def ring(self, work: Work) -> None:
        """Ring, now or in a moment."""
        loop = asyncio.get_running_loop()
        wait = self._rung_at.get(work, -inf) + _PAUSE_SECONDS - loop.time()
        if wait <= 0:
            self._now(work)
        elif work not in self._due:
            self._due.add(work)
            loop.call_later(wait, self._now, work)

    def _now(self, work: Work) -> None:
        self._due.discard(work)
        self._rung_at[work] = asyncio.get_running_loop().time()
        self._ring(work)


@asynccontextmanager
async def listening(
    database: Database, ring: Callable[[Work], None], *, sleep: Sleep = asyncio.sleep
) -> AsyncIterator[None]:
    """Ring the bells of what other programs announce, while the block runs.

    All bells ring after each connect: what was said before is lost. A program of a later version
    may announce work that this one does not know.
    """
    bells = Bells(ring)

    def heard(_connection: object, _process: int, _channel: str, payload: str) -> None:
        for word in payload.split():
            with suppress(ValueError):
                bells.ring(Work(word))

    async def greet(connection: Any) -> None:  # noqa: ANN401
        await connection.add_listener(CHANNEL, heard)
        for work in Work:
            ring(work)

    if not database.is_shared:
        yield
        return
    task = asyncio.create_task(stay_connected(database.url, greet, sleep=sleep), name="notices")
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})
