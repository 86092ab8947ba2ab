"""One program for each name: its leases carry the name, and a second would end them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

from filelock import FileLock, Timeout
from sqlalchemy import URL, make_url

from kirin.errors import NameInUse
from kirin.store.database import TROUBLE, store_error
from kirin.store.lasting import DRIVER_TROUBLE, Sleep, connected, stay_connected, until_lost

log = logging.getLogger(__name__)

_TRIES = 10
_PAUSE = 0.2  # a server needs a moment to notice that a program was killed
_TAKE = "SELECT pg_try_advisory_lock(hashtextextended('kirin worker ' || $1, 0))"
_LET_GO = "SELECT pg_advisory_unlock(hashtextextended('kirin worker ' || $1, 0))"


@asynccontextmanager
async def hold_name(url: str, name: str, *, sleep: Sleep = asyncio.sleep) -> AsyncIterator[None]:
    """Be the only program of this name on this database while the block runs.

    A program that dies lets go of its name, however it dies. Raises `NameInUse` where another
    program holds it, and `StoreError` where that cannot be told.
    """
    where = make_url(url)
    hold = _on_server if where.get_backend_name() == "postgresql" else _beside_file
    async with AsyncExitStack() as stack:
        try:
            await stack.enter_async_context(hold(where, name, sleep))
        except TROUBLE as error:
            raise store_error(error, where) from error
        yield


@asynccontextmanager
async def _beside_file(url: URL, name: str, _sleep: Sleep) -> AsyncIterator[None]:
    database = Path(url.database or "")
    path = database.with_name(f"{database.name}-{quote(name, safe='')}.lock")
    await asyncio.to_thread(path.parent.mkdir, parents=True, exist_ok=True)
    lock = FileLock(path, timeout=0, thread_local=False)
    try:
        await asyncio.to_thread(lock.acquire)
    except Timeout as error:
        raise NameInUse(name) from error
    try:
        yield
    finally:
        lock.release()


@asynccontextmanager
async def _on_server(url: URL, name: str, sleep: Sleep) -> AsyncIterator[None]:
    async with connected(url) as connection:
        await _take(connection, name, sleep)
        task = asyncio.create_task(_keep(connection, url, name, sleep), name="worker name")
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait({task})
            with suppress(*DRIVER_TROUBLE):
                await connection.execute(_LET_GO, name)


async def _take(connection: Any, name: str, sleep: Sleep) -> None:  # noqa: ANN401
    for _ in range(_TRIES):
        if await connection.fetchval(_TAKE, name):
            return
        await sleep(_PAUSE)
    raise NameInUse(name)


async def _keep(connection: Any, url: URL, name: str, sleep: Sleep) -> None:  # noqa: ANN401
    """The lock is the connection's: whenever that is lost, take the name again."""

    async def take_again(new: Any) -> None:  # noqa: ANN401
        try:
            await _take(new, name, sleep)
        except NameInUse as error:
            log.error("while this program had lost the database, %s", error)

    await until_lost(connection)
    await stay_connected(url, take_again, sleep=sleep)
