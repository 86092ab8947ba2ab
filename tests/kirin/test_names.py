"""Two programs of one name would end each other's leases, so the second is refused."""

import asyncio
import signal
import sys
from asyncio.subprocess import PIPE
from pathlib import Path

import pytest

from kirin.errors import NameInUse, StoreError
from kirin.store import hold_name
from tests.databases import on_postgres, run_sql

ROOT = Path(__file__).parents[2]
PATIENCE = 20.0
HOLD_IT = """
import asyncio, sys
from kirin.store import hold_name

async def main():
    async with hold_name(sys.argv[1], "kirin"):
        print("held", flush=True)
        await asyncio.sleep(60)

asyncio.run(main())
"""


async def no_pause(_seconds: float) -> None:
    await asyncio.sleep(0)


async def test_a_second_program_of_the_same_name_is_told_what_to_do(database_url: str) -> None:
    async with hold_name(database_url, "kirin"):
        with pytest.raises(NameInUse, match="WORKER_NAME"):
            async with hold_name(database_url, "kirin", sleep=no_pause):
                pass


async def test_programs_of_different_names_run_side_by_side(database_url: str) -> None:
    async with hold_name(database_url, "kirin"), hold_name(database_url, "../kirin"):
        pass


async def test_a_name_is_free_after_a_clean_end(database_url: str) -> None:
    for _ in range(2):
        async with hold_name(database_url, "kirin", sleep=no_pause):
            pass


async def test_what_goes_wrong_later_is_no_trouble_with_the_name(database_url: str) -> None:
    with pytest.raises(ConnectionResetError):
        async with hold_name(database_url, "kirin"):
            raise ConnectionResetError


async def test_a_killed_program_lets_go_of_its_name(database_url: str) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", HOLD_IT, database_url), cwd=ROOT, stdout=PIPE
    )
    assert process.stdout
    assert await process.stdout.readline() == b"held\n"
    with pytest.raises(NameInUse):
        async with hold_name(database_url, "kirin", sleep=no_pause):
            pass
    process.send_signal(signal.SIGKILL)
    await process.communicate()
    async with hold_name(database_url, "kirin"):
        pass


@pytest.mark.parametrize(
    "url",
    [
        "sqlite+aiosqlite:////dev/null/kirin.sqlite3",
        "postgresql+asyncpg://kirin:hunter-two@localhost:1/kirin",
    ],
)
async def test_a_database_that_is_away_is_an_error_of_the_store(url: str) -> None:
    with pytest.raises(StoreError) as caught:
        async with hold_name(url, "kirin"):
            pass
    assert not isinstance(caught.value, NameInUse)
    assert "hunter" not in str(caught.value)


@on_postgres
async def test_a_name_is_taken_again_when_the_connection_was_cut_off(database_url: str) -> None:
    taken = "SELECT pid FROM pg_locks WHERE locktype = 'advisory'"
    async with hold_name(database_url, "kirin", sleep=no_pause):
        ((before,),) = await run_sql(database_url, taken)
        await run_sql(database_url, f"SELECT pg_terminate_backend({before})")
        async with asyncio.timeout(PATIENCE):
            while await run_sql(database_url, taken) in ([], [(before,)]):
                pass
