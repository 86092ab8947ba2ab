"""Real SQLite without threads: its calls are made at once, and its lock is waited for in turn.

Several processes on one database would wait for its write lock by sleeping and trying again; here
they queue up for it in virtual time, with the same limit.
"""

from __future__ import annotations

import asyncio
import copy
import sqlite3
from collections import deque
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any, Self
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, Engine, event
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.util import await_only

from trials.life import Life, current

_BUSY_TIMEOUT = 10.0

_doors: WeakKeyDictionary[Life, Callable[[], InlineConnection]] = WeakKeyDictionary()

Trouble = Callable[[], sqlite3.OperationalError | None]


class WriteTurn:
    """The write lock of one database file."""

    def __init__(self) -> None:
        self._holder: InlineConnection | None = None
        self._waiting: deque[tuple[InlineConnection, asyncio.Future[None]]] = deque()

    async def take(self, connection: InlineConnection) -> None:
        """Wait for the lock; raise `sqlite3.OperationalError` when it takes too long."""
        if self._holder is None:
            self._holder = connection
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((connection, turn))
        try:
            await asyncio.wait_for(turn, _BUSY_TIMEOUT)
        except TimeoutError:
            raise sqlite3.OperationalError("database is locked") from None
        except BaseException:
            self.give_back(connection)
            raise

    def is_held_by(self, connection: InlineConnection) -> bool:
        """Say whether a connection has the lock."""
        return self._holder is connection

    def give_back(self, connection: InlineConnection) -> None:
        """Hand the lock to the next one who still waits."""
        if self._holder is not connection:
            return
        self._holder = None
        while self._waiting and self._holder is None:
            heir, turn = self._waiting.popleft()
            if not turn.done():
                self._holder = heir
                turn.set_result(None)


async def _at_once() -> None:
    """Wait for nothing: SQLAlchemy insists that every statement waits for something."""


class _Cursor(sqlite3.Cursor):
    def execute(self, *args: Any) -> Self:  # noqa: ANN401
        await_only(_at_once())
        return super().execute(*args)

    async def _async_soft_close(self) -> None:
        """SQLAlchemy asks for it; there is nothing on a server to be closed."""


class InlineConnection:
    """What SQLAlchemy uses as a driver's connection; around a commit its process may die."""

    def __init__(self, path: Path, *, life: Life, turn: WriteTurn, trouble: Trouble) -> None:
        self._raw: sqlite3.Connection | None = sqlite3.connect(path, isolation_level=None)
        self._raw.execute("PRAGMA foreign_keys=ON")
        self._life = life
        self._turn = turn
        self._trouble = trouble
        life.hold(self)

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - the rest is sqlite3's own
        return getattr(self._open, name)

    def cursor(self) -> sqlite3.Cursor:
        """Open a cursor."""
        return self._open.cursor(_Cursor)

    def begin_write(self) -> None:
        """Wait for the write lock."""
        await_only(self._turn.take(self))

    def commit(self) -> None:
        """Commit, unless the process dies over it or the disk has trouble."""
        if not self._open.in_transaction:
            return
        if not self._turn.is_held_by(self):
            self._open.commit()
            return
        await_only(self._life.boundary("before commit"))
        if error := self._trouble():
            raise error
        self._open.commit()
        self._turn.give_back(self)
        await_only(self._life.boundary("after commit"))

    def rollback(self) -> None:
        """Roll back; that is done already where the process is dead."""
        if self._raw is not None:
            self._raw.rollback()
            self._turn.give_back(self)

    def close(self) -> None:
        """Close, and let the system roll back what is open."""
        self.drop()

    def terminate(self) -> None:
        """Close, for SQLAlchemy in a hurry."""
        self.drop()

    def drop(self) -> None:
        """Close without a word; SQLite rolls an open transaction back."""
        connection, self._raw = self._raw, None
        if connection is not None:
            connection.close()
        self._turn.give_back(self)
        self._life.release(self)

    @property
    def _open(self) -> sqlite3.Connection:
        if self._raw is None:
            raise sqlite3.OperationalError("connection closed")
        return self._raw


def open_engine(path: Path, *, life: Life, turn: WriteTurn, trouble: Trouble) -> AsyncEngine:
    """Open a migrated database for one process.

    All engines share what SQLAlchemy has compiled; each has connections of its own.
    """
    _doors[life] = lambda: InlineConnection(path, life=life, turn=turn, trouble=trouble)
    shared = _shared_engine()
    own = copy.copy(shared)
    own.pool = shared.pool.recreate()
    return AsyncEngine(own)


@cache
def _shared_engine() -> Engine:
    engine = create_async_engine(
        "sqlite+aiosqlite:////trial",
        creator=_connect_current,
        pool_size=4,
        hide_parameters=True,
    ).sync_engine

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        if not connection.get_execution_options().get("writes", False):
            return
        driver: Any = connection.connection.dbapi_connection
        driver.begin_write()
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def _connect_current() -> InlineConnection:
    """Connect for the process that this code runs in."""
    life = current()
    if life is None:
        raise RuntimeError("only a process has a database")
    await_only(life.stay())
    return _doors[life]()
