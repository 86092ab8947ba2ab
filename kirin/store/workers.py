"""Who is at work on this database: each process says so again and again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import delete, select

from kirin.store.database import Database
from kirin.store.tables import workers
from kirin.store.upserts import put

SEEN_WITHIN: Final = timedelta(seconds=45)
"""A process that has not been heard of for longer is taken for dead."""

_KEPT_FOR = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """One running process: its name, what it does, and since when."""

    name: str
    role: str
    started_at: datetime


class WorkerStore:
    """The processes that share the database; a clean end takes a process off the list."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def beat(self, worker: Worker, now: datetime) -> None:
        """Say that a process is alive; those that have not been heard of for an hour go."""
        async with self._database.write() as connection:
            await connection.execute(delete(workers).where(workers.c.seen_at < now - _KEPT_FOR))
            await put(
                connection,
                workers,
                name=worker.name,
                role=worker.role,
                started_at=worker.started_at,
                seen_at=now,
            )

    async def gone(self, name: str) -> None:
        """Take a process off the list."""
        async with self._database.write() as connection:
            await connection.execute(delete(workers).where(workers.c.name == name))

    async def alive(self, now: datetime) -> list[Worker]:
        """Name the processes that were heard of within `SEEN_WITHIN`."""
        query = (
            select(workers.c.name, workers.c.role, workers.c.started_at)
            .where(workers.c.seen_at > now - SEEN_WITHIN)
            .order_by(workers.c.name)
        )
        async with self._database.read() as connection:
            rows = (await connection.execute(query)).all()
        return [Worker(name=row.name, role=row.role, started_at=row.started_at) for row in rows]
