"""The loop itself: it wakes at once, outlives a bad row, and ends when it is told to."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest

import bot
from kirin.model import Status
from kirin.store import Work
from tests.databases import on_both_engines
from tests.scenarios.world import World, card, gallery, message_of

pytestmark = on_both_engines

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


async def test_reads_that_are_made_again_count_as_requests(world: World) -> None:
    await world.imagine()
    await world.work()
    world.clock.advance(60)
    budget = world.app.engine.gate.budget
    full = budget.tokens
    world.sim.inject("poll-503", count=None)
    reads = world.sim.reads.polls
    assert await world.app.engine.stage(Work.POLL).run_once() == 1
    assert full - budget.tokens == world.sim.reads.polls - reads == 3


@asynccontextmanager
async def another_worker(world: World) -> AsyncIterator[bot.App]:
    """Open the same database a second time, as another machine would, with a name of its own."""
    settings = world.settings.model_copy(update={"worker_name": "another"})
    async with bot.open_app(
        settings, now=world.now, jitter=lambda: 0.5, sleep=world.clock.sleep
    ) as app:
        yield app


async def test_rows_of_a_machine_that_died_are_taken_over_after_a_minute(world: World) -> None:
    await world.imagine()
    async with another_worker(world) as other:
        dead = await other.engine.stage(Work.SUBMIT).claim(1)
        assert len(dead) == 1
        world.clock.advance(64)
        assert await world.app.engine.stage(Work.SUBMIT).run_once() == 0
        world.clock.advance(2)
        assert await world.app.engine.stage(Work.SUBMIT).run_once() == 1
        await other.engine.stage(Work.SUBMIT).handle(dead[0])  # it was frozen, and wakes up
    assert len(world.sim.creates) == 1


async def test_row_that_takes_long_is_kept_by_renewing_its_lease(world: World) -> None:
    await world.imagine()
    await world.work()
    (create,) = world.sim.creates
    world.sim.finish(create.external_task_id or "")
    world.sim.inject("download-slow", seconds=1e6)
    world.clock.advance(60)
    async with another_worker(world) as other, asyncio.TaskGroup() as group:
        await world.app.engine.stage(Work.POLL).run_once()
        deliverer = world.app.engine.stage(Work.DELIVER)
        slow = group.create_task(deliverer.run_once())
        while not deliverer.in_hand:
            await asyncio.sleep(0)
        for _ in range(5):
            world.clock.advance(50)
            assert await world.app.engine.renew_leases() == 1
            assert await other.engine.stage(Work.DELIVER).claim(8) == []
        world.clock.advance(61)
        assert len(await other.engine.stage(Work.DELIVER).claim(8)) == 1
        assert await world.app.engine.renew_leases() == 1
        slow.cancel()
    assert (await world.generation()).delivered_at is None


async def test_renewal_takes_nothing_from_whoever_has_taken_the_row_over(world: World) -> None:
    await world.imagine()
    async with another_worker(world) as other:
        lost = await other.engine.stage(Work.SUBMIT).claim(1)
        world.clock.advance(70)
        (taken,) = await world.app.engine.stage(Work.SUBMIT).claim(1)
        assert await other.store.renew(lost, until=world.now()) == 0
        assert await world.app.store.renew([taken], until=world.now()) == 1
        assert await other.store.save(lost[0], lost[0].generation) is None


async def test_row_that_cannot_be_claimed_wakes_nobody_up_again_and_again(world: World) -> None:
    """A stage that is held back sleeps until it is let in: an empty budget costs no processor."""
    gate = world.app.engine.gate
    gate.room(Work.SUBMIT, 1000)
    await world.imagine()
    stage = world.app.engine.stage(Work.SUBMIT)
    due = await stage.next_due()
    assert due is not None
    assert due > world.now()
    assert await stage.run_once() == 0
    world.clock.advance((due - world.now()).total_seconds() + 1e-6)
    assert await stage.run_once() == 1
