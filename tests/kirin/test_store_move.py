"""A fresh way to a message wins over whatever is under way on the old one."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from kirin.model import FailureReason, Generation
from kirin.store import Database, GenerationStore, Work
from kirin.store.upgrades import upgrade
from tests.kirin.kirin_factories import MINUTE, NOW, a_generation, a_placement

LEASE = timedelta(minutes=2)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[GenerationStore]:
    async with Database.open(f"sqlite+aiosqlite:///{tmp_path / 'db.sqlite3'}") as database:
        yield GenerationStore(database)


def ended(**changes: Any) -> Generation:
    failed = a_generation(**changes).failed(FailureReason.UNEXPECTED, now=NOW)
    return replace(failed, message_due_at=NOW)


def moved(generation: Generation, interaction_id: int = 201) -> Generation:
    placement = replace(
        generation.placement, interaction_id=interaction_id, token=f"fresh-{interaction_id}"
    )
    return generation.placed(placement, NOW + MINUTE)


async def test_delivery_that_fails_on_the_old_way_does_not_close_the_new_one(
    store: GenerationStore,
) -> None:
    await store.add(ended())
    (claim,) = await store.claim(Work.DELIVER, now=NOW, limit=1, lease_for=LEASE)
    assert await store.move(claim.generation, moved(claim.generation))
    assert await store.save(claim, claim.generation.undeliverable()) is None
    (again,) = await store.claim(Work.DELIVER, now=NOW + MINUTE, limit=1, lease_for=LEASE)
    assert again.generation.placement.token == "fresh-201"


async def test_of_two_ways_that_are_opened_at_once_one_is_taken(store: GenerationStore) -> None:
    generation = ended()
    await store.add(generation)
    assert await store.move(generation, moved(generation, 201))
    assert not await store.move(generation, moved(generation, 202))
    found = await store.get(generation.external_task_id)
    assert found is not None
    assert found.placement.interaction_id == 201


async def test_provider_is_not_disturbed_by_a_new_way(store: GenerationStore) -> None:
    await store.add(a_generation())
    (claim,) = await store.claim(Work.SUBMIT, now=NOW, limit=1, lease_for=LEASE)
    assert await store.move(claim.generation, moved(claim.generation))
    assert await store.save(claim, claim.generation.sending(NOW)) is not None


async def test_delivered_outcome_can_be_placed_once_more(store: GenerationStore) -> None:
    delivered = ended().delivered(NOW)
    await store.add(delivered)
    assert await store.move(delivered, moved(delivered))
    assert len(await store.claim(Work.DELIVER, now=NOW + MINUTE, limit=1, lease_for=LEASE)) == 1


async def test_ended_wishes_are_found_by_their_person_the_newest_first(
    store: GenerationStore,
) -> None:
    await store.add(ended(external_task_id="old"))
    await store.add(ended(external_task_id="new", created_at=NOW + MINUTE))
    await store.add(ended(external_task_id="other", placement=a_placement(user_id=601)))
    await store.add(a_generation("open"))
    found = await store.ended_of(600, 10)
    assert [generation.external_task_id for generation in found] == ["new", "old"]


def test_older_rows_survive_the_new_column(tmp_path: Path) -> None:
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'old.sqlite3'}")
    with engine.begin() as connection:
        upgrade(connection, "0001")
        table = sa.Table("generations", sa.MetaData(), autoload_with=connection)
        values = {column.name: _something(column) for column in table.c if not column.nullable}
        connection.execute(table.insert().values(values))
        upgrade(connection)
        rows = connection.execute(sa.text("SELECT * FROM generations")).mappings().all()
    engine.dispose()
    assert [row["bot_is_member"] for row in rows] == [0]


def _something(column: sa.Column[object]) -> object:
    if isinstance(column.type, sa.DateTime):
        return NOW
    return 1 if isinstance(column.type, sa.Integer | sa.Boolean) else "{}"
