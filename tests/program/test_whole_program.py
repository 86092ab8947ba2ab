"""The program as a process of its own: started, spoken to, stopped, and killed."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Callable
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

ROOT = Path(__file__).parent.parent.parent
PATIENCE = 60.0


@dataclass(kw_only=True)
class Street:
    """Discord and the provider in this process, and the program in others."""

    folder: Path
    discord: StandIn
    rest: str
    gateway: Gateway
    sim: Simulator
    held_up: asyncio.Event

    @asynccontextmanager
    async def program(self) -> AsyncIterator[Process]:
        """Run the program until the block ends; it is not left running."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "tests.program.launch",
            cwd=ROOT,
            env={**os.environ, **self._environment()},
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            async with asyncio.timeout(PATIENCE):
                await self.gateway.connected.wait()
            yield process
        finally:
            if process.returncode is None:
                process.kill()
                await process.communicate()

    async def imagine(self, prompt: str) -> Message:
        """Let Alice send the command, and wait until the bot has acknowledged it."""
        token = self.discord.new_token(SERVER)
        data = imagine_command(prompt)
        await self.gateway.send(
            "INTERACTION_CREATE",
            interaction(
                self.discord.new_id(), token, ALICE, upload_limit=10_000_000, type=2, data=data
            ),
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
            "DATABASE_URL": f"sqlite+aiosqlite:///{self.folder / 'kirin.sqlite3'}",
            "FIRST_POLL_SECONDS": "0.2",
            "POLL_INTERVAL_SECONDS": "0.1",
        }


@pytest.fixture
async def street(tmp_path: Path) -> AsyncIterator[Street]:
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
            folder=tmp_path,
            discord=stand_in,
            rest=rest,
            gateway=gateway,
            sim=sim,
            held_up=held_up,
        )
        over.set()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_program_makes_a_picture_and_ends_cleanly_when_told_to(
    street: Street, number: signal.Signals
) -> None:
    async with street.program() as process:
        message = await street.imagine("a red fox")
        await street.until(lambda: len(message.pictures) == 1)
        process.send_signal(number)
        _, log = await process.communicate()
    assert process.returncode == 0
    assert b"Traceback" not in log
    assert b"simulated-discord-token" not in log
    assert message.text.startswith("**“a red fox”**")


async def test_program_told_to_end_leaves_no_wish_behind(street: Street) -> None:
    async with street.program() as process:
        message = await street.imagine("a red fox")
        process.terminate()
        await process.communicate()
    assert process.returncode == 0
    async with street.program():
        await street.until(lambda: len(message.pictures) == 1)
    assert sum(street.sim.effects.values()) == 1


async def test_program_killed_during_a_create_and_during_the_work_finishes_both_wishes(
    street: Street,
) -> None:
    street.sim.inject("create-slow-answer")
    async with street.program() as process:
        first = await street.imagine("a red fox")
        async with asyncio.timeout(PATIENCE):
            await street.held_up.wait()
        process.kill()
        await process.communicate()
    async with street.program() as process:
        second = await street.imagine("a blue fox")
        await street.until(lambda: "Working" in second.text)
        process.kill()
        await process.communicate()
    async with street.program():
        await street.until(lambda: len(first.pictures) == len(second.pictures) == 1)
    assert len(street.sim.creates) == 2
    assert list(street.sim.effects.values()) == [1, 1]
