"""All that a server says about a person's wish, read in one look: every wish asks for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from kirin.budgets import Budget
from kirin.model.server import NO_SETTINGS, ServerSettings
from kirin.store.bans import Ban, read_ban
from kirin.store.budgets import read_budgets
from kirin.store.database import Database
from kirin.store.servers import read_settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What holds for one person in one server."""

    settings: ServerSettings = NO_SETTINGS
    ban: Ban | None = None
    budgets: Sequence[Budget] = ()


class StandingStore:
    """What servers have decided, as far as one wish is concerned."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, guild_id: int | None, user_id: int, now: datetime) -> Standing:
        """Read it; outside of servers nothing stands against anybody."""
        if guild_id is None:
            return Standing()
        async with self._database.read() as connection:
            return Standing(
                settings=await read_settings(connection, guild_id),
                ban=await read_ban(connection, guild_id, user_id, now),
                budgets=await read_budgets(connection, guild_id),
            )
