"""Processes around a benchmark: their work and memory are not the measured one's."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

_ROOT = Path(__file__).parents[1]
_PATIENCE = 10.0
_LONG_PATIENCE = 60.0


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


class Teller:
    """A process that tells of itself: one JSON object a line, with its `event`."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    def nudge(self) -> None:
        """Send it an empty line."""
        if self._process.stdin is not None:
            self._process.stdin.write(b"\n")

    async def until(self, event: str, *, patience: float = _LONG_PATIENCE) -> Mapping[str, Any]:
        """Return the next event of this name, and forget those before it; `patience` in seconds."""
        if self._process.stdout is None:
            raise RuntimeError("the process has no output to read from")
        async with asyncio.timeout(patience):
            async for line in self._process.stdout:
                told: dict[str, Any] = json.loads(line)
                if told["event"] == event:
                    return told
        raise RuntimeError(f"the process has ended before it was {event}")


@asynccontextmanager
async def run_telling(name: str, *arguments: str) -> AsyncIterator[Teller]:
    """Start a module that tells of itself; it ends as in a power failure."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", name, *arguments),
        cwd=_ROOT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        yield Teller(process)
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


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
