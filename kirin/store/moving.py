"""Moving house: everything that one database holds, copied into another that is empty."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from sqlalchemy import LargeBinary, Table, func, insert, literal, select, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from kirin.errors import StoreError
from kirin.store.database import TROUBLE, Database, store_error
from kirin.store.names import hold_name
from kirin.store.tables import metadata, workers

_ROWS_AT_ONCE: Final = 500

_TABLES = [table for table in metadata.sorted_tables if table is not workers]


async def move(source: str, target: str, *, name: str) -> Mapping[str, int]:
    """Copy all rows from one database to another, all or none; return how many of each table.

    No process of this name may run on either. The source stays as it is, but that its tables are
    brought up to date. Raises `StoreError`, also where the target holds something already.
    """
    async with (
        hold_name(source, name),
        hold_name(target, name),
        Database.open(source) as old,
        Database.open(target) as new,
    ):
        try:
            async with old.write() as reading, new.write() as writing:
                await _must_be_empty(writing)
                return {table.name: await _copy(table, reading, writing) for table in _TABLES}
        except TROUBLE as error:
            raise store_error(error, new.url) from error


async def _must_be_empty(connection: AsyncConnection) -> None:
    for table in _TABLES:
        if await connection.scalar(select(func.count()).select_from(table)):
            raise StoreError(f"the database is not empty: there is something in {table.name}")


async def _copy(table: Table, reading: AsyncConnection, writing: AsyncConnection) -> int:
    """Copy a table part by part, in the order of its keys."""
    keys = tuple_(*table.primary_key)
    part = select(table).order_by(*table.primary_key).limit(_at_once(table))
    copied, query = 0, part
    while rows := (await reading.execute(query)).mappings().all():
        await writing.execute(insert(table), [dict(row) for row in rows])
        copied += len(rows)
        query = part.where(keys > tuple(rows[-1][key] for key in table.primary_key))
    await _count_on(table, writing)
    return copied


async def _count_on(table: Table, connection: AsyncConnection) -> None:
    """Let PostgreSQL number new rows from behind those that have come with their numbers."""
    numbered = table.autoincrement_column
    if numbered is None or connection.dialect.name != "postgresql":
        return
    highest = select(func.coalesce(func.max(numbered), 0) + 1).scalar_subquery()
    sequence = func.pg_get_serial_sequence(table.name, numbered.name)
    await connection.execute(select(func.setval(sequence, highest, literal(value=False))))


def _at_once(table: Table) -> int:
    """Pictures come one by one: each may have ten megabytes."""
    has_pictures = any(isinstance(column.type, LargeBinary) for column in table.columns)
    return 1 if has_pictures else _ROWS_AT_ONCE
