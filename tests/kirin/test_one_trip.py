"""SQLite connections that go to their thread once for a statement."""

import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from kirin.store.one_trip import OneTripConnection, connect


class CountingConnection(OneTripConnection):
    trips = 0

    async def _execute(self, *arguments: Any, **options: Any) -> Any:
        self.trips += 1
        return await super()._execute(*arguments, **options)  # type: ignore[no-untyped-call]


@pytest.fixture
async def connection(tmp_path: Path) -> AsyncIterator[CountingConnection]:
    path = tmp_path / "file.sqlite3"
    connection = CountingConnection(lambda: sqlite3.connect(path, check_same_thread=False), 64)
    await connection
    await connection.cursor().execute("CREATE TABLE words (word TEXT)")
    connection.trips = 0
    yield connection
    await connection.close()


async def test_a_statement_with_rows_costs_one_trip(connection: CountingConnection) -> None:
    cursor = connection.cursor()
    await cursor.executemany("INSERT INTO words VALUES (?)", [("one",), ("two",)])
    assert (cursor.rowcount, connection.trips) == (2, 1)
    with_rows = connection.cursor()
    await with_rows.execute("SELECT word FROM words ORDER BY word")
    assert await with_rows.fetchall() == [("one",), ("two",)]
    await with_rows.close()
    assert connection.trips == 2


async def test_a_returning_statement_has_rows_and_a_count(connection: CountingConnection) -> None:
    cursor = connection.cursor()
    await cursor.execute("INSERT INTO words VALUES (?) RETURNING word", ("one",))
    assert await cursor.fetchall() == [("one",)]
    assert cursor.rowcount == 1
    assert cursor.description is not None
    assert cursor.description[0][0] == "word"


async def test_an_error_comes_back_and_the_connection_goes_on(
    connection: CountingConnection,
) -> None:
    with pytest.raises(sqlite3.OperationalError, match="no such table"):
        await connection.cursor().execute("SELECT * FROM nowhere")
    cursor = connection.cursor()
    await cursor.execute("SELECT 1")
    assert await cursor.fetchall() == [(1,)]


async def test_a_connection_to_a_file_writes_into_that_file(tmp_path: Path) -> None:
    path = tmp_path / "file.sqlite3"
    connection = connect(str(path))
    await connection
    await connection.cursor().execute("CREATE TABLE words (word TEXT)")
    await connection.close()
    with sqlite3.connect(path) as plain:
        assert plain.execute("SELECT name FROM sqlite_master").fetchall() == [("words",)]
    plain.close()
