"""One database, SQLite or PostgreSQL: its connections, its transactions, its upgrade."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from pathlib import Path
from time import monotonic
from typing import Any, Self

from sqlalchemy import URL, Connection, event
from sqlalchemy.exc import DisconnectionError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry, NullPool

from kirin.errors import StoreError
from kirin.store import one_trip
from kirin.store.documents import to_json
from kirin.store.lasting import DRIVER_TROUBLE
from kirin.store.upgrades import is_up_to_date, upgrade

TROUBLE = (SQLAlchemyError, *DRIVER_TROUBLE)
"""What a database that is away, or refuses, raises: on connecting, the driver's own errors."""

_BUSY_TIMEOUT_MS = 10_000
_FILE_CONNECTIONS = 4
_SERVER_CONNECTIONS = 8  # of each program; PostgreSQL allows a hundred in all by default
_CONNECT_SECONDS = 10.0
IDLE_SECONDS = 5.0
_COMMAND_SECONDS = 30.0  # nothing the store says takes a tenth; a server that is gone says nothing

logging.getLogger("aiosqlite").setLevel(logging.INFO)  # its DEBUG shows every value, tokens too


class Database:
    """Read and write transactions on one database.

    On SQLite a write takes the lock at its beginning (`BEGIN IMMEDIATE`), after waiting its turn
    in this process, so that writers never starve each other through SQLite's own retries. On
    PostgreSQL writers meet in the rows: every statement that takes or changes one says in itself
    what it must still find there, for which READ COMMITTED is enough.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self.is_shared = engine.dialect.name == "postgresql"
        self._turn = nullcontext() if self.is_shared else asyncio.Lock()
        self._reading = {"isolation_level": "AUTOCOMMIT"} if self.is_shared else {}

    @classmethod
    @asynccontextmanager
    async def open(cls, url: str, *, idle: float = IDLE_SECONDS) -> AsyncIterator[Self]:
        """Open the database, create its folder, and bring its tables up to date.

        A connection to a server that was `idle` for so many seconds is tried out before it is used.
        Raises `StoreError`, never with the password in it, where that cannot be done.
        """
        engine = _engine(url)
        _ask_after(idle, engine)
        try:
            try:
                await _prepare(engine)
            except TROUBLE as error:
                raise store_error(error, engine.url) from error
            yield cls(engine)
        finally:
            await engine.dispose()

    @property
    def url(self) -> URL:
        """Return where it is; its text hides the password."""
        return self._engine.url

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """Give a connection for reading: each statement sees the state of its own moment.

        A transaction around them would cost two more trips.
        """
        async with self._engine.connect() as connection:
            await connection.execution_options(**self._reading)
            yield connection

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """Give a connection whose changes are kept if the block ends well."""
        async with self._turn, self._engine.connect() as connection:
            await connection.execution_options(writes=True)
            async with connection.begin():
                yield connection


def store_error(error: BaseException, url: URL) -> StoreError:
    """Put what a database or its driver says into the word of this room."""
    text = str(getattr(error, "orig", None) or error) or type(error).__name__
    return StoreError(text.replace(url.password, "***") if url.password else text)


def configure_sqlite(engine: AsyncEngine) -> None:
    """Make every connection durable and its transactions ours; needed before the first use."""

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
        if connection.get_execution_options().get("writes", False):
            connection.exec_driver_sql("BEGIN IMMEDIATE")


def _engine(url: str, **options: Any) -> AsyncEngine:  # noqa: ANN401
    if url.startswith("sqlite"):
        sizes = options or {"pool_size": _FILE_CONNECTIONS}
        engine = create_async_engine(
            url,
            hide_parameters=True,
            json_serializer=to_json,
            connect_args={"async_creator_fn": one_trip.connect},
            **sizes,
        )
        configure_sqlite(engine)
        return engine
    sizes = options or {"pool_size": _SERVER_CONNECTIONS}
    connect_args: dict[str, Any] = {
        "timeout": _CONNECT_SECONDS,
        "server_settings": {"application_name": "kirin", "jit": "off"},
    }
    if not options:
        connect_args["command_timeout"] = _COMMAND_SECONDS
    return create_async_engine(
        url,
        hide_parameters=True,
        json_serializer=to_json,
        isolation_level="READ COMMITTED",
        connect_args=connect_args,
        **sizes,
    )


def _ask_after(idle: float, engine: AsyncEngine) -> None:
    """Find out about connections that the server has ended meanwhile, before they are used.

    SQLAlchemy's own way asks each time, with three trips; a busy connection needs no question.
    """
    if engine.dialect.name == "sqlite":
        return

    @event.listens_for(engine.sync_engine, "checkin")
    def _put_back(_connection: Any, record: ConnectionPoolEntry) -> None:  # noqa: ANN401
        record.info["since"] = monotonic()

    @event.listens_for(engine.sync_engine, "checkout")
    def _take_out(connection: Any, record: ConnectionPoolEntry, _proxy: object) -> None:  # noqa: ANN401
        if record.driver_connection is None or record.driver_connection.is_closed():
            raise DisconnectionError  # the server has said so; no trip is needed to know
        since = record.info.get("since")
        if since is None or monotonic() - since < idle:
            return
        try:
            engine.dialect.do_ping(connection)
        except (*TROUBLE, engine.dialect.loaded_dbapi.Error) as error:
            raise DisconnectionError from error


async def _prepare(engine: AsyncEngine) -> None:
    if engine.dialect.name == "sqlite" and engine.url.database:
        folder = Path(engine.url.database).parent
        await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    async with engine.connect() as connection:
        if await is_up_to_date(connection):
            return
    await _upgrade(engine.url)


async def _upgrade(url: URL) -> None:
    """Take the missing steps on a connection of its own, where a command may take its time."""
    engine = _engine(url.render_as_string(hide_password=False), poolclass=NullPool)
    try:
        async with engine.connect() as connection:
            await connection.execution_options(writes=True)  # two processes may start at once
            await connection.run_sync(upgrade)
            await connection.commit()
    finally:
        await engine.dispose()
