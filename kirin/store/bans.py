"""Who is kept from the bot in which server, why, and until when."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, delete, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from kirin.model.text import storable
from kirin.store.community import bans
from kirin.store.database import Database
from kirin.store.upserts import put

_b = bans.c


@dataclass(frozen=True, slots=True, kw_only=True)
class Ban:
    """One person's ban in one server; without `until` it lasts until it is lifted."""

    guild_id: int
    user_id: int
    reason: str | None
    until: datetime | None
    banned_at: datetime
    banned_by: int


class BanStore:
    """The bans of servers; one that has run out counts no more."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, guild_id: int, user_id: int, now: datetime) -> Ban | None:
        """Read the ban of a person that holds now."""
        async with self._database.read() as connection:
            return await read_ban(connection, guild_id, user_id, now)

    async def of(self, guild_id: int, now: datetime) -> list[Ban]:
        """Read the bans of a server that hold now, the latest first."""
        query = (
            select(bans)
            .where(_b.guild_id == guild_id, _holds(now))
            .order_by(_b.banned_at.desc(), _b.user_id)
        )
        async with self._database.read() as connection:
            rows = (await connection.execute(query)).mappings().all()
        return [Ban(**row) for row in rows]

    async def put(self, ban: Ban) -> None:
        """Keep somebody from the bot, in place of an earlier ban."""
        async with self._database.write() as connection:
            await put(
                connection,
                bans,
                guild_id=ban.guild_id,
                user_id=ban.user_id,
                reason=storable(ban.reason) if ban.reason else ban.reason,
                until=ban.until,
                banned_at=ban.banned_at,
                banned_by=ban.banned_by,
            )

    async def lift(self, guild_id: int, user_id: int) -> bool:
        """End a ban; say whether there was one."""
        query = delete(bans).where(_b.guild_id == guild_id, _b.user_id == user_id)
        async with self._database.write() as connection:
            result = await connection.execute(query)
        return result.rowcount == 1

    async def forget_past(self, now: datetime) -> int:
        """Delete the bans that have run out; return how many."""
        async with self._database.write() as connection:
            result = await connection.execute(delete(bans).where(_b.until <= now))
        return result.rowcount


async def read_ban(
    connection: AsyncConnection, guild_id: int, user_id: int, now: datetime
) -> Ban | None:
    """Read the ban of a person that holds now."""
    query = select(bans).where(_b.guild_id == guild_id, _b.user_id == user_id, _holds(now))
    row = (await connection.execute(query)).mappings().first()
    return Ban(**row) if row else None


def _holds(now: datetime) -> ColumnElement[bool]:
    return or_(_b.until.is_(None), _b.until > now)
