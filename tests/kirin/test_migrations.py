import asyncio
import sys
from asyncio.subprocess import PIPE
from collections.abc import Iterator
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, create_engine, insert, inspect, select, text

from kirin.errors import StoreError
from kirin.store import Database, GenerationStore
from kirin.store.database import MIGRATIONS, upgrade
from kirin.store.rows import from_row, to_row
from kirin.store.tables import generations, metadata
from tests.kirin.kirin_factories import a_generation

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
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = create_engine(f"sqlite:///{tmp_path}/kirin.sqlite3")
    yield engine
    engine.dispose()


def differences(connection: Connection) -> object:
    options = {"compare_type": True, "compare_server_default": True}
    return compare_metadata(MigrationContext.configure(connection, opts=options), metadata)


def test_the_steps_form_one_line() -> None:
    assert len(SCRIPTS.get_heads()) == 1
    assert SCRIPTS.get_current_head() == REVISIONS[-1]


def test_the_comparison_sees_a_missing_column(engine: Engine) -> None:
    with engine.begin() as connection:
        upgrade(connection)
        connection.execute(text("ALTER TABLE generations DROP COLUMN shown"))
        assert differences(connection)


@pytest.mark.parametrize("revision", ["base", *REVISIONS])
def test_every_older_database_becomes_the_tables_of_today(engine: Engine, revision: str) -> None:
    with engine.begin() as connection:
        upgrade(connection, revision)
    with engine.begin() as connection:
        upgrade(connection)
        assert differences(connection) == []


def test_an_upgrade_of_what_is_up_to_date_changes_nothing(engine: Engine) -> None:
    schema = text("SELECT type, name, sql FROM sqlite_master ORDER BY name")
    with engine.begin() as connection:
        upgrade(connection)
        before = connection.execute(schema).all()
        upgrade(connection)
        assert connection.execute(schema).all() == before


@pytest.mark.parametrize("revision", REVISIONS)
def test_wishes_survive_an_upgrade(engine: Engine, revision: str) -> None:
    wish = a_generation()
    with engine.begin() as connection:
        upgrade(connection, revision)
        there = {column["name"] for column in inspect(connection).get_columns("generations")}
        row = {name: value for name, value in to_row(wish).items() if name in there}
        connection.execute(insert(generations).values(row))
    with engine.begin() as connection:
        upgrade(connection)
        after = to_row(from_row(dict(connection.execute(select(generations)).mappings().one())))
    assert {name: after[name] for name in row} == row


async def test_opening_a_database_brings_it_up_to_date(engine: Engine, database_url: str) -> None:
    with engine.begin() as connection:
        upgrade(connection, REVISIONS[0])
    async with Database.open(database_url) as database:
        await GenerationStore(database).add(a_generation())
    with engine.connect() as connection:
        assert differences(connection) == []


async def test_a_database_of_a_later_version_is_refused_and_left_alone(
    engine: Engine, database_url: str
) -> None:
    with engine.begin() as connection:
        upgrade(connection)
        connection.execute(text("UPDATE alembic_version SET version_num = 'future'"))
    with pytest.raises(StoreError, match="future"):
        async with Database.open(database_url):
            pass
    with engine.connect() as connection:
        assert connection.scalar(text("SELECT version_num FROM alembic_version")) == "future"


async def test_several_processes_may_open_a_new_database_at_once(database_url: str) -> None:
    processes = [
        await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", OPEN_IT, database_url), cwd=ROOT, stdin=PIPE, stdout=PIPE
        )
        for _ in range(3)
    ]
    for process in processes:
        assert process.stdout
        await process.stdout.readline()
    await asyncio.gather(*(process.communicate(b"go\n") for process in processes))
    assert [process.returncode for process in processes] == [0] * 3
