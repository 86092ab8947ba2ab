"""The program as a process of its own (or as several), and all that it speaks to."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

import simulator
from simulator import Simulator
from tests.discord_rest.model import SERVER, Message
from tests.discord_rest.stand_in import StandIn, serve
from tests.discord_rest.town import ALICE, imagine_command, interaction
from tests.program.gateway import Gateway, serve_gateway

ROOT = Path(__file__).parents[2]
PATIENCE = 60.0


@dataclass(kw_only=True)
class Street:
    """Discord and the provider in this process, and the program in others."""

    folder: Path
    database_url: str
    discord: StandIn
    rest: str
    gateway: Gateway
    sim: Simulator
    held_up: asyncio.Event

    @asynccontextmanager
    async def program(self, *arguments: str, **changes: str) -> AsyncIterator[Process]:
        """Run the program until the block ends; it is not left running.

        `changes` are settings that are to differ. One that hears Discord is waited for.
        """
        before = len(self.gateway.shards)
        process = await self._start(arguments, changes)
        try:
            if "worker" not in arguments:
                await self._connected(process, before + 1)
            yield process
        finally:
            if process.returncode is None:
                process.kill()
                await process.communicate()

    async def complaint(self, *arguments: str, **changes: str) -> tuple[int | None, str]:
        """Run a program that cannot start; return its exit code and what it says."""
        process = await self._start(arguments, changes)
        _, said = await process.communicate()
        return process.returncode, said.decode()

    async def _start(self, arguments: Sequence[str], changes: Mapping[str, str]) -> Process:
        return await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.program.launch", *arguments),
            cwd=self.folder,
            env={**os.environ, **self._environment(), **changes},
            stderr=asyncio.subprocess.PIPE,
        )

    async def _connected(self, process: Process, shards: int) -> None:
        async with asyncio.timeout(PATIENCE):
            while len(self.gateway.shards) < shards:
                if process.returncode is not None:
                    _, said = await process.communicate()
                    pytest.fail(f"the program has ended at once: {said.decode()}")
                await asyncio.sleep(0.01)

    async def imagine(self, prompt: str, *, shard: int = 0) -> Message:
        """Let Alice send the command, and wait until the bot has acknowledged it."""
        token = self.discord.new_token(SERVER)
        data = imagine_command(prompt)
        await self.gateway.send(
            "INTERACTION_CREATE",
            interaction(
                self.discord.new_id(), token, ALICE, upload_limit=10_000_000, type=2, data=data
            ),
            shard=shard,
        )
        await self.until(lambda: token.message is not None)
        assert token.message is not None
        return token.message

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until the program has shown something in its messages."""
        async with asyncio.timeout(PATIENCE):
            await self.discord.until(condition)

    def _environment(self) -> dict[str, str]:
        return {
            "PYTHONPATH": str(ROOT),
            "STAND_IN_REST": self.rest,
            "STAND_IN_GATEWAY": self.gateway.address,
            "DISCORD_TOKEN": "simulated-discord-token",
            "KIRIN_API_KEY": self.sim.key,
            "KIRIN_BASE_URL": self.sim.base_url,
            "DATABASE_URL": self.database_url,
            "EXPECTED_SECONDS": "0.2",
            "POLL_PRICE_SECONDS": "0.05",
            "REQUESTS_PER_SECOND": "1000",
        }


@asynccontextmanager
async def open_street(folder: Path, database_url: str) -> AsyncIterator[Street]:
    """Open the stand-ins on loopback."""
    held_up, over = asyncio.Event(), asyncio.Event()

    async def hold_up(_seconds: float) -> None:
        """Keep a slow answer back for good; the test is told that it has come to that."""
        held_up.set()
        await over.wait()

    async with (
        simulator.serve(speed=40, sleep=hold_up) as sim,
        serve(time.time) as (stand_in, rest),
        serve_gateway() as gateway,
    ):
        yield Street(
            database_url=database_url,
            folder=folder,
            discord=stand_in,
            rest=rest,
            gateway=gateway,
            sim=sim,
            held_up=held_up,
        )
        over.set()
