"""One connection to PostgreSQL that is there for hours: lost, it is made anew."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any, NoReturn

import asyncpg
from sqlalchemy import URL
from sqlalchemy.dialects.postgresql.asyncpg import PGDialect_asyncpg

log = logging.getLogger(__name__)

Sleep = Callable[[float], Awaitable[None]]

DRIVER_TROUBLE = (asyncpg.PostgresError, asyncpg.InterfaceError, OSError)
"""What the driver raises where a server is away, goes away, or refuses."""

_CONNECT_SECONDS = 10.0
_ANSWER_SECONDS = 10.0
_LOOK_EVERY_SECONDS = 30.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.5, 15.0
_FOR_SQLALCHEMY_ONLY = {"prepared_statement_cache_size"}
_SERVER_SETTINGS = {
    "application_name": "kirin",
    # a machine that lost its power leaves no word; half a minute later it is taken for gone
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "4",
}


@asynccontextmanager
async def connected(url: URL) -> AsyncIterator[Any]:
    """Give a driver's connection of its own; raises what is in `DRIVER_TROUBLE`."""
    _, options = PGDialect_asyncpg().create_connect_args(url)  # type: ignore[no-untyped-call]
    for name in _FOR_SQLALCHEMY_ONLY & options.keys():
        del options[name]
    connection = await asyncpg.connect(
        **options,
        timeout=_CONNECT_SECONDS,
        command_timeout=_ANSWER_SECONDS,
        server_settings=_SERVER_SETTINGS,
    )
    try:
        yield connection
    finally:
        with suppress(*DRIVER_TROUBLE):
            await connection.close(timeout=_ANSWER_SECONDS)


async def until_lost(connection: Any) -> None:  # noqa: ANN401
    """Return when the connection has ended; ask now and then, for an end may come silently."""
    lost = asyncio.Event()
    with suppress(*DRIVER_TROUBLE):
        connection.add_termination_listener(lambda _connection: lost.set())
        while not connection.is_closed():
            with suppress(TimeoutError):
                await asyncio.wait_for(lost.wait(), _LOOK_EVERY_SECONDS)
                return
            await connection.execute("SELECT 1")


async def stay_connected(
    url: URL, greet: Callable[[Any], Awaitable[None]], *, sleep: Sleep
) -> NoReturn:
    """Connect again and again for as long as this runs; `greet` is called on each connection.

    Between two tries it pauses for 0.5 s, and ever longer, up to 15 s, while they fail.
    """
    pause = _FIRST_PAUSE
    while True:
        try:
            async with connected(url) as connection:
                await greet(connection)
                pause = _FIRST_PAUSE
                await until_lost(connection)
            log.warning("the database has ended a connection; it is made anew")
        except DRIVER_TROUBLE as error:
            log.warning("the database cannot be reached (%s); trying again", error)
        await sleep(pause)
        pause = min(_LONGEST_PAUSE, pause * 2)
