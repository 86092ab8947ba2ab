"""The folder for finished pictures on their way: on disk, so that none has to stay in memory."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import quote

from kirin.settings import Settings


@asynccontextmanager
async def open_spool(settings: Settings) -> AsyncIterator[Path]:
    """Make an empty folder (beside the database, unless set otherwise), and remove it at last.

    Its name has the worker's in it: what a life of this process that died has left is removed,
    and another process keeps its own.
    """
    folder = _place(settings)
    await asyncio.to_thread(_empty, folder)
    try:
        yield folder
    finally:
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)


@asynccontextmanager
async def subfolder(folder: Path) -> AsyncIterator[Path]:
    """Make a folder of a new name in a folder, and remove it with all that is in it."""
    path = await asyncio.to_thread(_make, folder)
    try:
        yield path
    finally:
        await asyncio.to_thread(shutil.rmtree, path, ignore_errors=True)


def _place(settings: Settings) -> Path:
    worker = quote(settings.worker_name, safe="")
    file = settings.database_url.removeprefix("sqlite+aiosqlite:///")
    if settings.spool_folder or file == settings.database_url:
        return Path(settings.spool_folder or "data", f"pictures-{worker}")
    database = Path(file.split("?", maxsplit=1)[0])
    return database.with_name(f"{database.name}-pictures-{worker}")


def _make(folder: Path) -> Path:
    """Make the folder around it too, should somebody have removed that."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return Path(tempfile.mkdtemp(dir=folder))


def _empty(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
