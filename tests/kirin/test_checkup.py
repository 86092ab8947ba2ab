from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

import simulator
from kirin.checkup import check_database, check_provider
from kirin.client import KirinClient
from simulator import Simulator
from tests.kirin.kirin_factories import KEY, Naps, http_answer, raw_server, some_settings


@asynccontextmanager
async def a_client(base_url: str, naps: Naps) -> AsyncIterator[KirinClient]:
    async with aiohttp.ClientSession() as session:
        settings = some_settings(KIRIN_BASE_URL=base_url)
        yield KirinClient(session=session, settings=settings, sleep=naps.sleep)


@pytest.fixture
async def sim() -> AsyncIterator[Simulator]:
    async with simulator.serve(key=KEY) as opened:
        yield opened


async def problem_with(base_url: str, naps: Naps) -> str | None:
    async with a_client(base_url, naps) as client:
        return await check_provider(client)


async def test_a_provider_that_knows_the_key_is_in_order_and_nothing_is_created(
    sim: Simulator, naps: Naps
) -> None:
    assert await problem_with(sim.base_url, naps) is None
    assert (len(sim.creates), sim.reads.polls) == (0, 1)


@pytest.mark.parametrize(
    ("fault", "problem"),
    [
        ("poll-401", "KIRIN_API_KEY is not accepted"),
        ("poll-402", "The provider refuses this account"),
        ("poll-403", "The provider refuses this account"),
        ("poll-429-1101", "The provider refuses this account"),
        ("poll-502", "KIRIN_BASE_URL gives an unexpected answer"),
    ],
)
async def test_what_is_wrong_with_the_provider_is_told_in_words(
    sim: Simulator, naps: Naps, fault: str, problem: str
) -> None:
    sim.inject(fault, count=None)
    told = await problem_with(sim.base_url, naps)
    assert told is not None
    assert told.startswith(problem)
    assert KEY not in told


async def test_a_page_where_the_provider_should_be_is_told_by_its_setting(naps: Naps) -> None:
    async with raw_server(http_answer("200 OK", b"<html></html>")) as raw:
        told = await problem_with(raw.base_url, naps)
    assert told is not None
    assert told.startswith("KIRIN_BASE_URL gives an unexpected answer")


async def test_a_provider_that_is_not_there_is_told_by_its_setting(naps: Naps) -> None:
    async with raw_server() as raw:
        base_url = raw.base_url
    told = await problem_with(base_url, naps)
    assert told is not None
    assert told.startswith("KIRIN_BASE_URL does not answer")


async def test_a_database_that_can_be_opened_is_in_order(database_url: str) -> None:
    assert await check_database(some_settings(DATABASE_URL=database_url)) is None


async def test_a_server_that_is_not_there_is_told_without_the_password() -> None:
    url = "postgresql+asyncpg://kirin:hunter-two@localhost:1/kirin"
    told = await check_database(some_settings(DATABASE_URL=url))
    assert told is not None
    assert told.startswith("DATABASE_URL cannot be opened (")
    assert told.endswith("). Check its address.")
    assert "hunter" not in told


async def test_a_database_that_cannot_be_opened_is_told_by_its_setting(tmp_path: Path) -> None:
    settings = some_settings(DATABASE_URL=f"sqlite+aiosqlite:///{tmp_path}")
    told = await check_database(settings)
    assert told is not None
    assert told.startswith("DATABASE_URL cannot be opened (unable to open database file)")
