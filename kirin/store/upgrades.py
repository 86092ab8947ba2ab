"""Bringing the tables of a database up to date, safe for several programs that start at once."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, func, select, text
from sqlalchemy.exc import OperationalError, ProgrammingError
from sqlalchemy.ext.asyncio import AsyncConnection

from kirin.errors import StoreError
from kirin.store.migrations import NEWEST

MIGRATIONS = Path(__file__).parent / "migrations"

_LOCK = func.hashtextextended("kirin: upgrade", 0)


async def is_up_to_date(connection: AsyncConnection) -> bool:
    """Say whether the last step has been taken; costs one small query."""
    try:
        version = await connection.scalar(text("SELECT version_num FROM alembic_version"))
    except (OperationalError, ProgrammingError):  # there is no such table yet
        return False
    return bool(version == NEWEST)


def upgrade(connection: Connection, revision: str = "head") -> None:
    """Bring the tables to a revision; nothing happens where they are there already.

    On PostgreSQL whoever comes second waits for the first to commit. On SQLite the caller's
    transaction has to be one that writes. Raises `StoreError` where a later version of the bot has
    been here.
    """
    from alembic import command  # noqa: PLC0415 - slow to import, and hardly ever needed
    from alembic.config import Config  # noqa: PLC0415
    from alembic.util import CommandError  # noqa: PLC0415

    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, revision)
    except CommandError as error:
        raise StoreError(str(error)) from error
