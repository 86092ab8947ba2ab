"""Servers in processes of their own: their work and memory are not the bot's."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

_ROOT = Path(__file__).parents[1]
_PATIENCE = 10.0


@asynccontextmanager
async def run_module(
    name: str, *arguments: str, greeting: re.Pattern[str]
) -> AsyncIterator[re.Match[str]]:
    """Start a module, wait for its greeting on the first line of its output, and end it after."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", name, *arguments), cwd=_ROOT, stdout=asyncio.subprocess.PIPE
    )
    try:
        yield await _greeted(process, name, greeting)
    finally:
        await _end(process)


async def _greeted(
    process: asyncio.subprocess.Process, name: str, greeting: re.Pattern[str]
) -> re.Match[str]:
    if process.stdout is None:
        raise RuntimeError(f"{name} has no output to read its address from")
    line = (await asyncio.wait_for(process.stdout.readline(), _PATIENCE)).decode()
    found = greeting.search(line)
    if found is None:
        raise RuntimeError(f"{name} did not tell its address but {line!r}")
    return found


async def _end(process: asyncio.subprocess.Process) -> None:
    with suppress(ProcessLookupError):
        process.terminate()
    try:
        await asyncio.wait_for(process.wait(), _PATIENCE)
    except TimeoutError:
        process.kill()
        await process.wait()
