"""The program as a process of its own: started, spoken to, stopped, and killed."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.program.street import PATIENCE, Street, open_street


@pytest.fixture
async def street(tmp_path: Path) -> AsyncIterator[Street]:
    url = f"sqlite+aiosqlite:///{tmp_path / 'kirin.sqlite3'}"
    async with open_street(tmp_path, url) as opened:
        yield opened


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


async def test_program_told_twice_to_end_ends_at_once(street: Street) -> None:
    street.sim.inject("create-slow-answer")
    async with street.program() as process:
        await street.imagine("a red fox")
        async with asyncio.timeout(PATIENCE):
            await street.held_up.wait()
            process.terminate()
            assert process.stderr is not None
            while b"stopping" not in await process.stderr.readline():
                pass
            process.terminate()
            _, log = await process.communicate()
    assert process.returncode == 1
    assert b"ending at once" in log


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
