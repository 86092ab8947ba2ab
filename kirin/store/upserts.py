"""Inserts that survive another writer who stores the same at the same moment."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection


async def insert_once(connection: AsyncConnection, table: Table, **values: Any) -> None:  # noqa: ANN401
    """Store a row, or nothing where its key is taken: what is there is as good."""
    insert = _insert(connection, table).values(values)
    await connection.execute(insert.on_conflict_do_nothing())


async def put(connection: AsyncConnection, table: Table, **values: Any) -> None:  # noqa: ANN401
    """Store a row in place of the one with the same key; of two writers the later one wins."""
    keys = [column.name for column in table.primary_key]
    insert = _insert(connection, table).values(values)
    await connection.execute(
        insert.on_conflict_do_update(
            index_elements=keys,
            set_={name: value for name, value in values.items() if name not in keys},
        )
    )


def _insert(connection: AsyncConnection, table: Table) -> postgresql.Insert | sqlite.Insert:
    is_server = connection.dialect.name == "postgresql"
    return postgresql.insert(table) if is_server else sqlite.insert(table)
