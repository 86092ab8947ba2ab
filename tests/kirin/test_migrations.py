import asyncio
import logging
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, insert, inspect, select, text
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from kirin.errors import StoreError
from kirin.store import Database, GenerationStore
from kirin.store.migrations import NEWEST
from kirin.store.rows import from_row, to_row
from kirin.store.tables import generations, metadata
from kirin.store.upgrades import MIGRATIONS, upgrade
from tests.databases import Postgres
from tests.kirin.kirin_factories import a_generation, a_request

SCRIPTS = ScriptDirectory(str(MIGRATIONS))
ROOT = Path(__file__).parents[2]
REVISIONS = [script.revision for script in SCRIPTS.walk_revisions()][::-1]
OPEN_IT = """
import asyncio, sys
from kirin.store import Database

async def main():
    print("ready", flush=True)
    sys.stdin.readline()
    async with Database.open(sys.argv[1]):
        pass

asyncio.run(main())
"""


@pytest.fixture
def new_url(engine_name: str, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """A database in which there is nothing yet."""
    if engine_name == "sqlite":
        yield f"sqlite+aiosqlite:///{tmp_path}/new.sqlite3"
        return
    server: Postgres = request.getfixturevalue("postgres")
    with server.new_url() as url:
        yield url


@pytest.fixture
async def engine(new_url: str) -> AsyncIterator[AsyncEngine]:
    engine = create_async_engine(new_url)
    yield engine
    await engine.dispose()


def differences(connection: Connection) -> object:
    options = {"compare_type": True, "compare_server_default": True}
    return compare_metadata(MigrationContext.configure(connection, opts=options), metadata)


def schema(connection: Connection) -> object:
    """Describe everything that there is, for comparing."""
    looking = inspect(connection)
    return [
        (
            name,
            str(looking.get_columns(name)),
            sorted(str(index["name"]) for index in looking.get_indexes(name)),
        )
        for name in sorted(looking.get_table_names())
    ]


def test_the_steps_form_one_line_that_ends_in_the_newest() -> None:
    assert SCRIPTS.get_heads() == [NEWEST] == REVISIONS[-1:]


async def test_the_comparison_sees_a_missing_column(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        await connection.run_sync(upgrade)
        await connection.execute(text("ALTER TABLE generations DROP COLUMN shown"))
        assert await connection.run_sync(differences)


@pytest.mark.parametrize("revision", ["base", *REVISIONS])
async def test_every_older_database_becomes_the_tables_of_today(
    engine: AsyncEngine, revision: str
) -> None:
    async with engine.begin() as connection:
        await connection.run_sync(upgrade, revision)
    async with engine.begin() as connection:
        await connection.run_sync(upgrade)
        assert await connection.run_sync(differences) == []


async def test_an_upgrade_of_what_is_up_to_date_changes_nothing(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        await connection.run_sync(upgrade)
        before = await connection.run_sync(schema)
        await connection.run_sync(upgrade)
        assert await connection.run_sync(schema) == before


@pytest.mark.parametrize("revision", REVISIONS)
async def test_wishes_survive_an_upgrade(engine: AsyncEngine, revision: str) -> None:
    wish = a_generation(request=a_request(n=3))
    async with engine.begin() as connection:
        await connection.run_sync(upgrade, revision)
        there = await connection.run_sync(columns_of_wishes)
        row = {name: value for name, value in to_row(wish).items() if name in there}
        await connection.execute(insert(generations).values(row))
    async with engine.begin() as connection:
        await connection.run_sync(upgrade)
        stored = (await connection.execute(select(generations))).mappings().one()
    after = to_row(from_row(dict(stored)))
    assert {name: after[name] for name in row} == row
    assert stored["n"] == 3


def columns_of_wishes(connection: Connection) -> set[str]:
    return {column["name"] for column in inspect(connection).get_columns("generations")}


async def test_opening_a_database_brings_it_up_to_date(engine: AsyncEngine, new_url: str) -> None:
    async with engine.begin() as connection:
        await connection.run_sync(upgrade, REVISIONS[0])
    async with Database.open(new_url) as database:
        await GenerationStore(database).add(a_generation())
    async with engine.connect() as connection:
        assert await connection.run_sync(differences) == []


async def test_a_database_that_is_up_to_date_is_opened_without_a_look_at_the_steps(
    database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, "alembic"):
        async with Database.open(database_url):
            pass
    assert caplog.messages == []


async def test_a_database_of_a_later_version_is_refused_and_left_alone(
    engine: AsyncEngine, new_url: str
) -> None:
    async with engine.begin() as connection:
        await connection.run_sync(upgrade)
        await connection.execute(text("UPDATE alembic_version SET version_num = 'future'"))
    with pytest.raises(StoreError, match="future"):
        async with Database.open(new_url):
            pass
    async with engine.connect() as connection:
        version = await connection.scalar(text("SELECT version_num FROM alembic_version"))
    assert version == "future"


async def test_several_processes_may_open_a_new_database_at_once(new_url: str) -> None:
    processes = [
        await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", OPEN_IT, new_url), cwd=ROOT, stdin=PIPE, stdout=PIPE
        )
        for _ in range(3)
    ]
    for process in processes:
        assert process.stdout
        await process.stdout.readline()
    await asyncio.gather(*(process.communicate(b"go\n") for process in processes))
    assert [process.returncode for process in processes] == [0] * 3
