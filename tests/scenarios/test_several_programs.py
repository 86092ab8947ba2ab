"""Several programs on one PostgreSQL: what one takes in, all hear of."""

import asyncio

from kirin.store import Database, GenerationStore, Work
from tests.databases import on_postgres
from tests.kirin.kirin_factories import a_generation
from tests.scenarios.world import World

PATIENCE = 30.0

pytestmark = on_postgres


async def test_wish_that_another_program_takes_in_wakes_the_engine(world: World) -> None:
    bell = world.app.wakeups.bell(Work.SUBMIT)
    async with Database.open(world.settings.database_url) as database:
        await asyncio.wait_for(bell.wait(), PATIENCE)  # it rings once when it begins to listen
        bell.clear()
        await GenerationStore(database, owner="gateway").add(a_generation())
        await asyncio.wait_for(bell.wait(), PATIENCE)
