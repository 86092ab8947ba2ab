"""What servers have decided, and who decided it."""

from __future__ import annotations

import asyncio
from dataclasses import fields
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import insert

from kirin.model import AspectRatio, Resolution
from kirin.model.server import NO_SETTINGS, ReferenceRule, ServerSettings, SpoilerRule
from kirin.store import Database, ServerStore, move
from kirin.store.community import servers as table
from tests.databases import migrated_sqlite, on_postgres, run_sql
from tests.kirin.kirin_factories import NOW

GUILD, ADMIN = 500, 9
SECOND = timedelta(seconds=1)
FULL = ServerSettings(
    aspect_ratio=AspectRatio.SQUARE,
    resolution=Resolution.TWO_K,
    n=2,
    watermark=True,
    private=True,
    most_pictures=4,
    allowed_channels=(1, 2),
    forbidden_channels=(3,),
    allowed_roles=(4,),
    forbidden_roles=(5, 2**62),
    spoilers=SpoilerRule.ALWAYS,
    references=ReferenceRule.OWN,
    language="de",
    notices_channel=6,
    reports_channel=7,
    blocked_words=("Füchse*", "狐"),
    allowed_words=("fox",),
    most_open_per_person=2,
    most_open=20,
)


@pytest.fixture
def servers(database: Database) -> ServerStore:
    return ServerStore(database)


def test_the_full_settings_leave_nothing_at_its_default() -> None:
    for each in fields(ServerSettings):
        assert getattr(FULL, each.name) != getattr(NO_SETTINGS, each.name), each.name


async def test_a_server_that_nobody_has_set_up_has_the_defaults(servers: ServerStore) -> None:
    assert await servers.get(GUILD) == NO_SETTINGS
    assert await servers.get(None) == NO_SETTINGS


async def test_settings_come_back_as_they_were_set(servers: ServerStore) -> None:
    values = {each.name: getattr(FULL, each.name) for each in fields(ServerSettings)}
    assert await servers.change(GUILD, by=ADMIN, now=NOW, **values) == FULL
    assert await servers.get(GUILD) == FULL
    assert await servers.get(GUILD + 1) == NO_SETTINGS


async def test_a_change_leaves_the_other_settings_and_is_noted(servers: ServerStore) -> None:
    await servers.change(GUILD, by=ADMIN, now=NOW, n=2, blocked_words=("fox",))
    changed = await servers.change(GUILD, by=8, now=NOW + SECOND, n=3, blocked_words=("fox",))
    assert (changed.n, changed.blocked_words) == (3, ("fox",))
    latest, *earlier = await servers.recent_changes(GUILD, 10)
    assert (latest.name, latest.old, latest.new, latest.changed_by) == ("n", 2, 3, 8)
    assert {(change.name, change.changed_at) for change in earlier} == {
        ("n", NOW),
        ("blocked_words", NOW),
    }


async def test_two_who_change_different_settings_at_once_both_have_their_way(
    database_url: str,
) -> None:
    async with Database.open(database_url) as one, Database.open(database_url) as other:
        await asyncio.gather(
            ServerStore(one).change(GUILD, by=1, now=NOW, n=2),
            ServerStore(other).change(GUILD, by=2, now=NOW, most_pictures=4),
            ServerStore(one).change(GUILD, by=3, now=NOW, private=True),
        )
        settings = await ServerStore(one).get(GUILD)
    assert (settings.n, settings.most_pictures, settings.private) == (2, 4, True)


async def test_a_setting_of_a_later_version_is_left_alone(
    servers: ServerStore, database_url: str
) -> None:
    later = {"n": 3, "moon_phase": "full"}
    await run_sql(database_url, insert(table).values(guild_id=GUILD, settings=later))
    assert (await servers.get(GUILD)).n == 3


@on_postgres
async def test_changes_are_still_noted_after_a_move(database_url: str, tmp_path: Path) -> None:
    old_url = f"sqlite+aiosqlite:///{migrated_sqlite(tmp_path)}"
    async with Database.open(old_url) as old:
        await ServerStore(old).change(GUILD, by=ADMIN, now=NOW, n=2)
    await move(old_url, database_url, name="kirin")
    async with Database.open(database_url) as new:
        await ServerStore(new).change(GUILD, by=ADMIN, now=NOW, n=3)
        assert len(await ServerStore(new).recent_changes(GUILD, 10)) == 2
