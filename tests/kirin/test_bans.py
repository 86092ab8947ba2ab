"""Who is kept from the bot."""

from __future__ import annotations

from dataclasses import replace

import pytest

from kirin.store import Ban, BanStore, Database
from tests.kirin.kirin_factories import MINUTE, NOW

BAN = Ban(guild_id=500, user_id=600, reason="spam", until=None, banned_at=NOW, banned_by=9)


@pytest.fixture
def bans(database: Database) -> BanStore:
    return BanStore(database)


async def test_a_ban_holds_in_its_server_until_it_is_lifted(bans: BanStore) -> None:
    await bans.put(BAN)
    assert await bans.get(500, 600, NOW + 9999 * MINUTE) == BAN
    assert await bans.get(501, 600, NOW) is None
    assert await bans.get(500, 601, NOW) is None
    assert await bans.lift(500, 600)
    assert await bans.get(500, 600, NOW) is None
    assert not await bans.lift(500, 600)


async def test_a_ban_that_has_run_out_counts_no_more(bans: BanStore) -> None:
    await bans.put(replace(BAN, until=NOW + MINUTE))
    assert await bans.get(500, 600, NOW) is not None
    assert await bans.get(500, 600, NOW + MINUTE) is None
    assert await bans.of(500, NOW + MINUTE) == []


async def test_a_new_ban_takes_the_place_of_the_old_one(bans: BanStore) -> None:
    await bans.put(BAN)
    harsher = replace(BAN, reason=None, until=NOW + MINUTE, banned_at=NOW + MINUTE / 2)
    await bans.put(harsher)
    assert await bans.of(500, NOW) == [harsher]


async def test_bans_are_listed_by_server_the_latest_first(bans: BanStore) -> None:
    later = replace(BAN, user_id=601, banned_at=NOW + MINUTE)
    for ban in (BAN, later, replace(BAN, guild_id=501)):
        await bans.put(ban)
    assert await bans.of(500, NOW) == [later, BAN]


async def test_bans_that_have_run_out_are_forgotten(bans: BanStore) -> None:
    lasting = replace(BAN, user_id=601)
    await bans.put(replace(BAN, until=NOW))
    await bans.put(lasting)
    assert await bans.forget_past(NOW) == 1
    assert await bans.of(500, NOW) == [lasting]
