"""Moving house: everything that one database holds, copied into another that is empty."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from sqlalchemy import LargeBinary, Table, func, insert, select
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
            async with old.read() as reading, new.write() as writing:
                await _must_be_empty(writing)
                return {table.name: await _copy(table, reading, writing) for table in _TABLES}
        except TROUBLE as error:
            raise store_error(error, new.url) from error


async def _must_be_empty(connection: AsyncConnection) -> None:
    for table in _TABLES:
        if await connection.scalar(select(func.count()).select_from(table)):
            raise StoreError(f"the database is not empty: there is something in {table.name}")


async def _copy(table: Table, reading: AsyncConnection, writing: AsyncConnection) -> int:
    copied = 0
    rows = await reading.stream(select(table))
    async for part in rows.mappings().partitions(_at_once(table)):
        await writing.execute(insert(table), [dict(row) for row in part])
        copied += len(part)
    return copied


def _at_once(table: Table) -> int:
    """Pictures come one by one: each may have ten megabytes."""
    has_pictures = any(isinstance(column.type, LargeBinary) for column in table.columns)
    return 1 if has_pictures else _ROWS_AT_ONCE
