"""What the bot has found out for itself and should not have to find out again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from kirin.store.database import Database
from kirin.store.tables import facts
from kirin.store.upserts import put


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """A finding and its date."""

    value: str
    learned_at: datetime


class FactStore:
    """Small named findings."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, name: str) -> Fact | None:
        """Read a finding."""
        query = select(facts.c.value, facts.c.learned_at).where(facts.c.name == name)
        async with self._database.read() as connection:
            row = (await connection.execute(query)).first()
        return Fact(value=row.value, learned_at=row.learned_at) if row else None

    async def learn(self, name: str, value: str, now: datetime) -> None:
        """Remember a finding in place of an older one."""
        async with self._database.write() as connection:
            await put(connection, facts, name=name, value=value, learned_at=now)
