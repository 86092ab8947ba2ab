"""One database: its connections, its transactions, and its upgrade at the start."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Self

from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy import Connection, event
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from kirin.errors import StoreError

MIGRATIONS = Path(__file__).parent / "migrations"

_BUSY_TIMEOUT_MS = 10_000
_CONNECTIONS = 4

logging.getLogger("aiosqlite").setLevel(logging.INFO)  # its DEBUG shows every value, tokens too


class Database:
    """Read and write transactions on one database.

    On SQLite a write takes the lock at its beginning (`BEGIN IMMEDIATE`), after waiting its turn
    in this process, so that writers never starve each other through SQLite's own retries.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._turn = asyncio.Lock()

    @classmethod
    @asynccontextmanager
    async def open(cls, url: str) -> AsyncIterator[Self]:
        """Open the database, create its folder, and bring its tables up to date.

        Raises `StoreError` where that cannot be done.
        """
        engine = create_async_engine(url, pool_size=_CONNECTIONS, hide_parameters=True)
        _configure_sqlite(engine)
        try:
            await _prepare(engine)
            yield cls(engine)
        finally:
            await engine.dispose()

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """Give a connection for reading one consistent state."""
        async with self._engine.connect() as connection:
            yield connection

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """Give a connection whose changes are kept if the block ends well."""
        async with self._turn, self._engine.connect() as connection:
            await connection.execution_options(writes=True)
            async with connection.begin():
                yield connection


async def _prepare(engine: AsyncEngine) -> None:
    try:
        if engine.url.database:
            folder = Path(engine.url.database).parent
            await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
        async with engine.connect() as connection:
            await connection.execution_options(writes=True)  # two processes may start at once
            await connection.run_sync(upgrade)
            await connection.commit()
    except (SQLAlchemyError, CommandError, OSError) as error:
        raise StoreError(str(getattr(error, "orig", None) or error)) from error


def upgrade(connection: Connection, revision: str = "head") -> None:
    """Bring the tables to a revision; nothing happens where they are there already."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, revision)


def _configure_sqlite(engine: AsyncEngine) -> None:
    @event.listens_for(engine.sync_engine, "connect")
    def _connect(connection: Any, _record: object) -> None:  # noqa: ANN401
        connection.isolation_level = None  # BEGIN is ours to say, below
        cursor = connection.cursor()
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            f"busy_timeout={_BUSY_TIMEOUT_MS}",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def _begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get("writes", False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
