"""Four workers and two intakes on one PostgreSQL, among faults and crashes: every promise holds."""

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from kirin.model import Status
from kirin.store import Database, GenerationStore
from kirin.store.community import ledger
from kirin.store.tables import generations
from tests.databases import on_postgres
from tests.scenarios.crowd import SLOTS, Crowd, open_crowd

WISHES = 24
_TURNS = 400


async def live_on(crowd: Crowd, database: Database) -> None:
    """Let time pass until nothing is left to do."""
    for turn in range(_TURNS):
        await crowd.turn(crash=turn < 40 and turn % 2 == 0)
        async with database.read() as connection:
            left = await connection.scalar(
                select(generations.c.external_task_id)
                .where(generations.c.delivered_at.is_(None))
                .limit(1)
            )
        if left is None:
            return
        crowd.clock.now += timedelta(seconds=4)


@on_postgres
@pytest.mark.parametrize("seed", [1])
async def test_four_workers_and_two_intakes_pay_once_and_deliver_everything(
    seed: int, database_url: str, tmp_path: Path
) -> None:
    async with (
        open_crowd(database_url, tmp_path, seed=seed, workers=4, intakes=2) as crowd,
        Database.open(database_url) as database,
    ):
        await crowd.wish(WISHES)
        await live_on(crowd, database)
        store = GenerationStore(database)
        ended = [await store.get(wish) for wish in crowd.wishes]
        async with database.read() as connection:
            leases = (
                await connection.execute(
                    select(generations.c.external_task_id).where(
                        generations.c.lease.is_not(None) | generations.c.message_lease.is_not(None)
                    )
                )
            ).all()
            entries = (await connection.execute(select(ledger.c.state))).scalars().all()
    assert [wish.status for wish in ended if wish] == [Status.SUCCEEDED] * WISHES
    assert crowd.shop.creates == dict.fromkeys(crowd.wishes, 1)
    assert crowd.board.last == dict.fromkeys(crowd.wishes, "outcome")
    assert all(wish and wish.delivered_at for wish in ended)
    assert crowd.shop.most_held <= SLOTS
    assert leases == []
    assert entries == ["settled"] * WISHES
    assert crowd.crashes > 0
    assert crowd.shop.faults > 0
