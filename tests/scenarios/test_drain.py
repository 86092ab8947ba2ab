"""The end of the program: nothing new is taken on, and those who wait hear that nothing is lost."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

from simcord.results import InteractionResult

from kirin.model import Status
from kirin.store import Work
from tests.scenarios.test_engine import PATIENCE, until
from tests.scenarios.world import World, card, gallery

FAREWELL = "The bot is being restarted.** Your wish is kept and goes on by itself."


async def imagine_many(world: World, count: int) -> list[InteractionResult]:
    return [await world.imagine(f"wish {number}") for number in range(count)]


@asynccontextmanager
async def drained(world: World) -> AsyncIterator[None]:
    """Run the engine as the program does; tell it to end, and let the body happen meanwhile."""
    engine = asyncio.create_task(world.app.engine.run())
    await asyncio.sleep(0)
    world.app.engine.stop()
    yield
    await asyncio.wait_for(engine, PATIENCE)
    await world.app.engine.take_leave()


async def test_thirty_who_wait_are_told_once_and_corrected_at_the_next_start(
    world: World,
) -> None:
    world.sim.inject("task-never-ends", count=None)
    sent = await imagine_many(world, 30)
    await world.work()
    await world.pass_time(3)
    edits = world.edits()
    async with drained(world):
        pass
    assert all(FAREWELL in card(wish) for wish in sent)
    assert world.edits() - edits == 30
    await world.restart()
    await world.work()
    await world.pass_time(2)
    assert all("Working" in card(wish) for wish in sent)
    assert world.edits() - edits == 60


async def test_wish_that_comes_in_during_the_end_is_kept_and_told(world: World) -> None:
    async with drained(world):
        sent = await world.imagine()
    assert FAREWELL in card(sent)
    assert world.sim.creates == []
    await world.restart()
    await world.finish()
    assert len(gallery(sent)) == 1


async def test_create_that_is_under_way_is_finished(world: World) -> None:
    engine = asyncio.create_task(world.app.engine.run())
    sent = await world.imagine()
    await until(world, lambda: "Working" in card(sent))
    world.app.engine.stop()
    await asyncio.wait_for(engine, PATIENCE)
    assert (await world.generation()).status is Status.RUNNING
    assert FAREWELL in card(sent)


async def test_nothing_is_said_where_others_go_on(world: World) -> None:
    sent = await world.imagine()
    await world.work()
    await world.pass_time(3)
    before = card(sent)
    world.app.presence._others = [world.app.presence._me]
    async with drained(world):
        pass
    assert card(sent) == before


async def test_outcomes_and_ended_tokens_hear_nothing(world: World) -> None:
    done = await world.imagine("done")
    await world.finish()
    assert len(gallery(done)) == 1
    world.sim.inject("task-never-ends", count=None)
    late = await world.imagine("late")
    await world.work()
    world.clock.advance(14 * 60 + 31)
    await world.work()
    edits = world.edits()
    async with drained(world):
        pass
    assert world.edits() == edits
    assert FAREWELL not in card(late)


async def test_farewells_end_with_the_time_for_them_and_leave_no_lease(world: World) -> None:
    await imagine_many(world, 3)
    world.clock.advance(1)
    reporter = world.app.engine.stage(Work.REPORT)
    edits = world.edits()
    assert await reporter.take_leave(until=world.now()) == 3
    assert world.edits() == edits
    assert await world.app.store.next_due(Work.REPORT) == world.now()


async def test_the_newest_are_told_first(world: World) -> None:
    await imagine_many(world, 2)
    world.clock.advance(5)
    await world.imagine("newest")
    claims = await world.app.store.claim_untold(
        (), now=world.now(), limit=1, lease_for=timedelta(minutes=1)
    )
    assert [claim.generation.request.prompt for claim in claims] == ["newest"]
