"""What one program tells the others on the same database: there is work."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from kirin.store.database import Database
from kirin.store.lasting import Sleep, stay_connected
from kirin.store.work import Work

CHANNEL: Final = "kirin_work"


async def announce(connection: AsyncConnection, works: Collection[Work]) -> None:
    """Tell the other programs what this transaction makes possible, once it is committed.

    At most one notice for a transaction; none on SQLite, where there is no other program to tell.
    """
    if works and connection.dialect.name == "postgresql":
        await connection.execute(select(func.pg_notify(CHANNEL, " ".join(sorted(works)))))


@asynccontextmanager
async def listening(
    database: Database, ring: Callable[[Work], None], *, sleep: Sleep = asyncio.sleep
) -> AsyncIterator[None]:
    """Ring the bells of what other programs announce, while the block runs.

    All bells ring after each connect: what was said before is lost. A program of a later version
    may announce work that this one does not know.
    """

    def heard(_connection: object, _process: int, _channel: str, payload: str) -> None:
        for word in payload.split():
            with suppress(ValueError):
                ring(Work(word))

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
