"""What each server has decided, and who decided it when."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from datetime import datetime
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from kirin.model import AspectRatio, Resolution
from kirin.model.server import NO_SETTINGS, ReferenceRule, ServerSettings, SpoilerRule
from kirin.store.community import servers, setting_changes
from kirin.store.database import Database
from kirin.store.upserts import insert_once

_ENUMS = {
    "aspect_ratio": AspectRatio,
    "resolution": Resolution,
    "spoilers": SpoilerRule,
    "references": ReferenceRule,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class SettingChange:
    """One change of one setting: `old` and `new` as they are stored, in plain JSON values."""

    changed_at: datetime
    changed_by: int
    name: str
    old: Any
    new: Any


class ServerStore:
    """The settings of servers, each change with its author."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def get(self, guild_id: int | None) -> ServerSettings:
        """Read the settings of a server; the defaults where nobody has set anything, or in a DM."""
        if guild_id is None:
            return NO_SETTINGS
        async with self._database.read() as connection:
            return await read_settings(connection, guild_id)

    async def change(
        self, guild_id: int, *, by: int, now: datetime, **values: object
    ) -> ServerSettings:
        """Set some settings at once, note who did it, and return all of them as they are now."""
        async with self._database.write() as connection:
            await insert_once(connection, servers, guild_id=guild_id, settings={})
            old = await read_settings(connection, guild_id, for_update=True)
            new = replace(old, **values)  # type: ignore[arg-type]
            await connection.execute(
                update(servers).where(servers.c.guild_id == guild_id).values(settings=asdict(new))
            )
            noted = _differences(old, new)
            if noted:
                common = {"guild_id": guild_id, "changed_at": now, "changed_by": by}
                await connection.execute(
                    insert(setting_changes), [common | change for change in noted]
                )
        return new

    async def recent_changes(self, guild_id: int, limit: int) -> list[SettingChange]:
        """Read who changed what, the latest first."""
        query = (
            select(setting_changes)
            .where(setting_changes.c.guild_id == guild_id)
            .order_by(setting_changes.c.changed_at.desc(), setting_changes.c.id.desc())
            .limit(limit)
        )
        async with self._database.read() as connection:
            rows = (await connection.execute(query)).mappings().all()
        names = [field.name for field in fields(SettingChange)]
        return [SettingChange(**{name: row[name] for name in names}) for row in rows]


async def read_settings(
    connection: AsyncConnection, guild_id: int, *, for_update: bool = False
) -> ServerSettings:
    """Read the settings of a server; the defaults where nobody has set anything."""
    query = select(servers.c.settings).where(servers.c.guild_id == guild_id)
    stored = await connection.scalar(query.with_for_update() if for_update else query)
    return _from_json(stored) if stored else NO_SETTINGS


def _differences(old: ServerSettings, new: ServerSettings) -> list[dict[str, Any]]:
    before, after = asdict(old), asdict(new)
    return [
        {"name": name, "old": before[name], "new": value}
        for name, value in after.items()
        if before[name] != value
    ]


def _from_json(stored: Mapping[str, Any]) -> ServerSettings:
    """Read stored settings; what a later version has added, or has dropped since, is left out."""
    known = {field.name for field in fields(ServerSettings)}
    return ServerSettings(
        **{name: _value(name, value) for name, value in stored.items() if name in known}
    )


def _value(name: str, value: Any) -> Any:  # noqa: ANN401
    if isinstance(value, list):
        return tuple(value)
    if name in _ENUMS and value is not None:
        return _ENUMS[name](value)
    return value
