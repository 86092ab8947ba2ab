"""Many narrow rows, as the driver gives them: SQLAlchemy's types would cost more than the query."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Select
from sqlalchemy.ext.asyncio import AsyncConnection

RawRow = Sequence[Any]


async def raw_rows(connection: AsyncConnection, query: Select[Any]) -> Sequence[RawRow]:
    """Run a query; moments in its rows are read with `seconds`, in whatever thread has the time."""
    result = await connection.execute(query)
    rows: Sequence[RawRow] = result.cursor.fetchall() if result.cursor else ()
    result.close()
    return rows


def seconds(moment: str | datetime) -> float:
    """Return a raw moment as seconds since 1970: SQLite gives text in UTC, PostgreSQL a time."""
    if isinstance(moment, str):
        moment = datetime.fromisoformat(f"{moment}+00:00")
    return moment.timestamp()
