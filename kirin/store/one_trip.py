"""SQLite connections that go to their thread once for a statement.

aiosqlite works in a thread of its own, and SQLAlchemy asks it four things for each statement: a
cursor, the execution, the rows, the end of the cursor. Each is a trip to the thread and back, which
costs more than most of our statements. Here the execution brings the rows along, and the rest is
answered without a trip. Rows are not streamed: nothing in this room reads more than it can hold.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Self

import aiosqlite

_ROWS_OF_A_CURSOR = 64


class OneTripCursor:
    """What SQLAlchemy asks of a cursor."""

    arraysize = 1

    def __init__(self, trip: Callable[..., Any], connection: sqlite3.Connection) -> None:
        self._trip = trip
        self._connection = connection
        self._rows: Sequence[Any] = ()
        self.description: Sequence[Any] | None = None
        self.rowcount = -1
        self.lastrowid: int | None = None

    async def __aenter__(self) -> Self:
        return self

    async def execute(self, sql: str, parameters: Iterable[Any] = ()) -> Self:
        """Run a statement and fetch all of its rows."""
        await self._trip(self._run, "execute", sql, parameters)
        return self

    async def executemany(self, sql: str, parameters: Iterable[Iterable[Any]]) -> Self:
        """Run a statement once for each set of parameters."""
        await self._trip(self._run, "executemany", sql, parameters)
        return self

    async def fetchall(self) -> Sequence[Any]:
        """Return the rows that are here already."""
        return self._rows

    async def close(self) -> None:
        """Do nothing: the thread has closed it."""

    def _run(self, method: str, sql: str, parameters: Iterable[Any]) -> None:
        """Do all of it, in the thread."""
        cursor = self._connection.cursor()
        try:
            getattr(cursor, method)(sql, parameters)
            self.description = cursor.description
            self._rows = cursor.fetchall() if cursor.description else ()
            self.rowcount, self.lastrowid = cursor.rowcount, cursor.lastrowid
        finally:
            cursor.close()


class OneTripConnection(aiosqlite.Connection):
    """A connection whose cursors cost no trips of their own."""

    def cursor(self) -> OneTripCursor:  # type: ignore[override]
        """Return a cursor."""
        return OneTripCursor(self._execute, self._conn)

    async def rollback(self) -> None:
        """End a transaction; SQLAlchemy asks after every read too, where there is none."""
        if self.in_transaction:
            await super().rollback()


def connect(path: str, **options: Any) -> OneTripConnection:  # noqa: ANN401
    """Return a connection to a file, to be awaited; its thread does not hold up the exit."""
    connection = OneTripConnection(lambda: sqlite3.connect(path, **options), _ROWS_OF_A_CURSOR)
    connection._thread.daemon = True  # noqa: SLF001 - as SQLAlchemy does with those it makes
    return connection
