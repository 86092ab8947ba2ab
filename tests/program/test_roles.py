"""Several processes that are one bot: who hears Discord, who works, and what is left of a death."""

from __future__ import annotations

import asyncio
from pathlib import Path

from kirin.store import Work
from kirin.store.notices import CHANNEL
from tests.databases import on_postgres, run_sql
from tests.program.street import PATIENCE, open_street

GATEWAY = ("--role", "gateway")
WORKER = ("--role", "worker")


def sqlite(folder: Path) -> str:
    return f"sqlite+aiosqlite:///{folder / 'kirin.sqlite3'}"


async def test_a_shard_names_itself_and_makes_the_pictures_of_its_own_servers(
    tmp_path: Path,
) -> None:
    async with (
        open_street(tmp_path, sqlite(tmp_path)) as street,
        street.program(SHARD_COUNT="2", SHARD_IDS="1"),
    ):
        assert street.gateway.shards == {(1, 2)}
        message = await street.imagine("a red fox", shard=1)
        await street.until(lambda: len(message.pictures) == 1)


async def test_a_role_of_its_own_is_refused_on_sqlite_with_the_way_out(tmp_path: Path) -> None:
    async with open_street(tmp_path, sqlite(tmp_path)) as street:
        code, said = await street.complaint("--role", "worker")
    assert code == 1
    assert said.startswith("- ROLE is wrong: with SQLite one process does all.")
    assert "postgresql+asyncpg://" in said


@on_postgres
async def test_a_wish_goes_in_at_the_gateway_of_its_server_and_comes_true_in_a_worker(
    tmp_path: Path, database_url: str
) -> None:
    async with (
        open_street(tmp_path, database_url) as street,
        street.program(*GATEWAY, WORKER_NAME="gateway-0", SHARD_COUNT="2", SHARD_IDS="0"),
        street.program(*GATEWAY, WORKER_NAME="gateway-1", SHARD_COUNT="2", SHARD_IDS="1"),
    ):
        assert street.gateway.shards == {(0, 2), (1, 2)}
        messages = [await street.imagine("a red fox", shard=shard) for shard in (0, 1)]
        assert street.sim.effects == {}, "a gateway has sent a wish"
        async with street.program(*WORKER, WORKER_NAME="worker") as worker:
            await street.until(lambda: all(len(message.pictures) == 1 for message in messages))
            assert await names(database_url) == ["gateway-0", "gateway-1", "worker"]
            worker.terminate()
            _, log = await worker.communicate()
        assert worker.returncode == 0, log
        assert b"registered" not in log
        assert await names(database_url) == ["gateway-0", "gateway-1"]
        assert len(street.gateway.shards) == 2


@on_postgres
async def test_what_a_killed_worker_had_in_hand_another_brings_to_its_end(
    tmp_path: Path, database_url: str
) -> None:
    async with (
        open_street(tmp_path, database_url) as street,
        street.program(*WORKER, WORKER_NAME="one") as one,
        street.program(*WORKER, WORKER_NAME="two") as two,
        street.program(*GATEWAY, WORKER_NAME="gateway"),
    ):
        street.sim.inject("create-slow-answer")
        message = await street.imagine("a red fox")
        async with asyncio.timeout(PATIENCE):
            await street.held_up.wait()
        [(lease,)] = await run_sql(database_url, "SELECT lease FROM generations")
        dead = one if lease.endswith(":one") else two
        dead.kill()
        await dead.communicate()
        await a_minute_passes(database_url)
        await street.until(lambda: len(message.pictures) == 1)
        assert list(street.sim.effects.values()) == [1]


async def names(database_url: str) -> list[str]:
    return [name for (name,) in await run_sql(database_url, "SELECT name FROM workers ORDER BY 1")]


async def a_minute_passes(database_url: str) -> None:
    """Let the leases of those who cannot renew them run out, and wake those who sleep."""
    await run_sql(
        database_url,
        "UPDATE generations SET lease_until = lease_until - interval '1 minute',"
        " submitted_at = submitted_at - interval '1 minute', due_at = due_at - interval '1 minute'",
    )
    await run_sql(database_url, f"SELECT pg_notify('{CHANNEL}', '{' '.join(Work)}')")
