"""What one program stores wakes the others: on PostgreSQL, where several can be at work."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from kirin.errors import DuplicateGeneration
from kirin.model import Status
from kirin.stages import WakeUps
from kirin.store import (
    Claim,
    Database,
    FactStore,
    GenerationStore,
    PeopleStore,
    Work,
    listening,
)
from kirin.store.notices import CHANNEL
from tests.databases import on_postgres, run_sql
from tests.kirin.kirin_factories import MINUTE, NOW, SECOND, a_generation, a_placement

PATIENCE = 20.0
LATER = NOW + MINUTE

pytestmark = on_postgres


class Ears:
    """The bells of another program on the same database."""

    def __init__(self) -> None:
        self.heard: list[Work] = []
        self._bells = WakeUps()

    def ring(self, work: Work) -> None:
        self.heard.append(work)
        self._bells.ring(work)

    async def waking(self, work: Work) -> None:
        """Wait for a bell."""
        await asyncio.wait_for(self._bells.bell(work).wait(), PATIENCE)

    def forget(self) -> None:
        self.heard.clear()
        for work in Work:
            self._bells.bell(work).clear()


@asynccontextmanager
async def another_program(url: str) -> AsyncIterator[Ears]:
    ears = Ears()

    async def at_once(_seconds: float) -> None:
        await asyncio.sleep(0)

    async with Database.open(url) as database, listening(database, ears.ring, sleep=at_once):
        for work in Work:  # all of them ring when it has connected
            await ears.waking(work)
        ears.forget()
        yield ears


async def told(database: Database, ears: Ears) -> set[Work]:
    """Return what was said until now: notices come in the order in which they were sent."""
    async with database.write() as connection:
        await connection.exec_driver_sql(f"NOTIFY {CHANNEL}, 'unheard-of {Work.RESOLVE}'")
    await ears.waking(Work.RESOLVE)
    heard = set(ears.heard) - {Work.RESOLVE}
    ears.forget()
    return heard


async def cut_off(url: str) -> None:
    """End every connection of the programs on this database."""
    await run_sql(
        url,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND application_name = 'kirin'",
    )


async def take(store: GenerationStore, work: Work) -> Claim:
    (claim,) = await store.claim(work, now=NOW, limit=1, lease_for=MINUTE)
    return claim


async def test_a_new_wish_rings_in_other_programs(database: Database, database_url: str) -> None:
    async with another_program(database_url) as ears:
        await GenerationStore(database).add(a_generation())
        await ears.waking(Work.SUBMIT)
        assert await told(database, ears) == {Work.SUBMIT, Work.REPORT}


async def test_what_is_not_stored_is_not_announced(database: Database, database_url: str) -> None:
    store = GenerationStore(database)
    await store.add(a_generation())
    async with another_program(database_url) as ears:
        with pytest.raises(DuplicateGeneration):
            await store.add(a_generation())
        assert await told(database, ears) == set()


async def test_every_step_of_a_wish_is_announced_and_a_mere_poll_is_not(
    database: Database, database_url: str
) -> None:
    store = GenerationStore(database)
    await store.add(a_generation(status=Status.RUNNING, task_id="task-1"))
    async with another_program(database_url) as ears:
        poll = await take(store, Work.POLL)
        polled = poll.generation.polled(progress=0.5, now=NOW, due_at=NOW + SECOND)
        assert await store.save(poll, polled)
        assert await told(database, ears) == set()
        wish = await store.get("wish-1")
        assert wish is not None
        assert await store.change(wish, wish.cancelled(NOW))
        assert Work.DELIVER in await told(database, ears)


async def test_a_row_that_is_handed_back_is_announced(
    database: Database, database_url: str
) -> None:
    store = GenerationStore(database)
    await store.add(a_generation(status=Status.RUNNING, task_id="task-1"))
    async with another_program(database_url) as ears:
        await store.postpone(await take(store, Work.POLL), LATER)
        assert await told(database, ears) == {Work.POLL}


async def test_a_new_way_to_the_message_is_announced(database: Database, database_url: str) -> None:
    store = GenerationStore(database)
    await store.add(a_generation(status=Status.SUCCEEDED, message_due_at=LATER))
    async with another_program(database_url) as ears:
        wish = await store.get("wish-1")
        assert wish is not None
        assert await store.move(wish, wish.placed(a_placement(interaction_id=7), NOW))
        assert await told(database, ears) == {Work.DELIVER}


async def test_a_listener_that_was_cut_off_comes_back_and_rings_every_bell(
    database: Database, database_url: str
) -> None:
    async with another_program(database_url) as ears:
        await cut_off(database_url)
        for work in Work:
            await ears.waking(work)
        ears.forget()
        await GenerationStore(database).add(a_generation())
        await ears.waking(Work.SUBMIT)


async def test_a_store_whose_connections_were_cut_off_works_again(
    database: Database, database_url: str
) -> None:
    store = GenerationStore(database)
    await store.add(a_generation())
    await cut_off(database_url)
    assert await store.claim(Work.SUBMIT, now=NOW, limit=1, lease_for=timedelta(minutes=1))


async def test_several_programs_at_once_never_claim_the_same_row(database_url: str) -> None:
    async with Database.open(database_url) as one, Database.open(database_url) as other:
        stores = [GenerationStore(one, owner="one"), GenerationStore(other, owner="other")]
        await asyncio.gather(*(stores[0].add(a_generation(f"wish-{n}")) for n in range(60)))
        hands = await asyncio.gather(
            *(store.claim(Work.SUBMIT, now=NOW, limit=4, lease_for=MINUTE) for store in stores * 12)
        )
        left = await stores[0].claim(Work.SUBMIT, now=NOW, limit=60, lease_for=MINUTE)
    taken = [claim.generation.external_task_id for hand in [*hands, left] for claim in hand]
    assert len(taken) == len(set(taken)) == 60
    assert max(map(len, hands)) == 4


async def test_two_programs_may_store_the_same_finding_at_once(database_url: str) -> None:
    async with Database.open(database_url) as one, Database.open(database_url) as other:
        await asyncio.gather(
            *(FactStore(database).learn("lookup", "yes", NOW) for database in (one, other) * 4),
            *(
                PeopleStore(database).allow_references(7, allowed=False)
                for database in (one, other) * 4
            ),
        )
        assert not await PeopleStore(one).references_allowed(7)
