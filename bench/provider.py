"""The picture provider's stand-in, in a process of its own: its work and memory are not ours."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import aiohttp

_ROOT = Path(__file__).parents[1]
_GREETING = re.compile(r"(?P<url>http://\S+) with the key (?P<key>\S+)")
_PATIENCE = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What the provider has seen; `ends` has the tasks' ends by our own id, in UNIX time."""

    creates: int
    tasks: int
    polls: int
    ends: Mapping[str, float | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """A running simulator."""

    base_url: str
    key: str

    async def account(self) -> Account:
        """Ask it what it has seen."""
        async with (
            aiohttp.ClientSession(raise_for_status=True) as session,
            session.get(f"{self.base_url}/control") as answer,
        ):
            seen = await answer.json()
        return Account(
            creates=seen["creates"],
            tasks=seen["creates_in_effect"],
            polls=seen["polls"],
            ends={task["external_task_id"]: task["ends_at"] for task in seen["tasks"]},
        )


@asynccontextmanager
async def run_provider(*, speed: float, seed: int) -> AsyncIterator[Provider]:
    """Start a simulator on a free port, and end it afterwards."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "simulator", "--port", "0"),
        *("--speed", str(speed), "--seed", str(seed)),
        cwd=_ROOT,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        yield await _greeted(process)
    finally:
        await _end(process)


async def _greeted(process: asyncio.subprocess.Process) -> Provider:
    if process.stdout is None:
        raise RuntimeError("the simulator has no output to read its address from")
    line = (await asyncio.wait_for(process.stdout.readline(), _PATIENCE)).decode()
    greeting = _GREETING.search(line)
    if greeting is None:
        raise RuntimeError(f"the simulator did not tell its address but {line!r}")
    return Provider(base_url=greeting["url"], key=greeting["key"])


async def _end(process: asyncio.subprocess.Process) -> None:
    with suppress(ProcessLookupError):
        process.terminate()
    try:
        await asyncio.wait_for(process.wait(), _PATIENCE)
    except TimeoutError:
        process.kill()
        await process.wait()
