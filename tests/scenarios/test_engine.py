"""The loop itself: it wakes at once, outlives a bad row, and ends when it is told to."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

from kirin.model import Status
from kirin.store import Work
from tests.scenarios.world import World, card, gallery, message_of

PATIENCE = 30.0


@asynccontextmanager
async def running(world: World) -> AsyncIterator[None]:
    """Run the engine as the program does; leaving stops it as SIGTERM does."""
    engine = asyncio.create_task(world.app.engine.run())
    try:
        yield
    finally:
        world.app.engine.stop()
        await asyncio.wait_for(engine, PATIENCE)


async def until(world: World, condition: Callable[[], bool]) -> None:
    """Let the engine run until something has come true in the simulated Discord."""
    changed = asyncio.Event()
    world.env.backend.subscribers.append(lambda *_: changed.set())
    async with asyncio.timeout(PATIENCE):
        while not condition():
            await changed.wait()
            changed.clear()


async def test_new_wish_wakes_a_sleeping_engine(world: World) -> None:
    async with running(world):
        sent = await world.imagine()
        await until(world, lambda: "Working" in card(sent))


async def test_wish_goes_all_the_way_when_the_time_comes(world: World) -> None:
    async with running(world):
        sent = await world.imagine()
        await until(world, lambda: "Working" in card(sent))
        (create,) = world.sim.creates
        world.sim.finish(create.external_task_id or "")
        world.clock.advance(30)
        world.app.wakeups.ring(Work.POLL)
        await until(world, lambda: len(gallery(sent)) == 1)
    assert (await world.generation()).delivered_at is not None


async def test_row_that_cannot_be_worked_on_does_not_stop_the_others(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    broken = await world.imagine("broken")
    await world.work()
    store = world.app.store
    generation = await world.generation()
    async with store._database.write() as connection:
        await connection.exec_driver_sql(
            "UPDATE generations SET status = 'succeeded', output = '[{\"no\": \"url\"}]'"
        )
    with caplog.at_level(logging.CRITICAL):
        with pytest.raises(TypeError):
            await store.get(generation.external_task_id)
        healthy = await world.imagine("healthy")
        await world.finish()
    assert len(gallery(healthy)) == 1
    assert gallery(broken) == []


async def test_stopped_engine_leaves_the_rest_for_the_next_start(world: World) -> None:
    async with running(world):
        sent = await world.imagine()
        await until(world, lambda: "Working" in card(sent))
    assert (await world.generation()).status in {Status.SUBMITTING, Status.RUNNING}
    await world.restart()
    await world.finish()
    assert len(gallery(sent)) == 1
    assert len(message_of(sent).attachments) == 1
    assert len(world.sim.creates) == 1
