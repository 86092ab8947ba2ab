"""Wishes in the making: what has to outlive the moment between a form and its answer."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import delete, insert, select

from kirin.store.database import Database
from kirin.store.tables import drafts

LIFETIME: Final = timedelta(days=1)
"""How long a draft is kept; Discord's links to attachments live as long."""


class DraftStore:
    """Small JSON documents under an id of 32 hexadecimal digits."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def keep(self, content: Mapping[str, Any], now: datetime) -> str:
        """Store a draft, return its id, and forget those that are too old."""
        draft_id = uuid.uuid4().hex
        async with self._database.write() as connection:
            await connection.execute(delete(drafts).where(drafts.c.created_at < now - LIFETIME))
            await connection.execute(
                insert(drafts).values(id=draft_id, content=dict(content), created_at=now)
            )
        return draft_id

    async def get(self, draft_id: str) -> dict[str, Any] | None:
        """Read a draft."""
        async with self._database.read() as connection:
            content: dict[str, Any] | None = await connection.scalar(
                select(drafts.c.content).where(drafts.c.id == draft_id)
            )
        return content
