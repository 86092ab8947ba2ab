"""The picture provider's stand-in, in a process of its own: its work and memory are not ours."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiohttp

from bench.processes import run_module

_GREETING = re.compile(r"(?P<url>http://\S+) with the key (?P<key>\S+)")


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
async def run_provider(*, speed: float, seed: int, grain: bool = False) -> AsyncIterator[Provider]:
    """Start a simulator on a free port, and end it afterwards; `grain` makes large pictures."""
    arguments = ["--port", "0", "--speed", str(speed), "--seed", str(seed)]
    if grain:
        arguments.append("--grain")
    async with run_module("simulator", *arguments, greeting=_GREETING) as greeting:
        yield Provider(base_url=greeting["url"], key=greeting["key"])
