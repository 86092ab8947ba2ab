"""With callbacks a picture is fetched when it is there; polling remains for when they fail."""

import asyncio
import random
import socket
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from kirin.callbacks import CallbackAddresses
from kirin.errors import SettingsError
from kirin.model import Status
from kirin.store import Work
from simulator.tasks import draw_seconds
from tests.scenarios.world import World, gallery

NO_LONGER_THAN = 0.2  # virtual seconds between the end of a task and the read that finds it
A_MOMENT = 0.01  # so that whoever sleeps until then is awake for certain
PATIENCE = 30.0


@pytest.fixture
def port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@pytest.fixture
def changes(port: int) -> dict[str, str]:
    return {
        "PUBLIC_URL": f"http://127.0.0.1:{port}",
        "LISTEN_PORT": str(port),
        "KIRIN_LOOKUP": "yes",  # nothing is read to find out whether the lookup works
    }


@pytest.fixture
async def listening(world: World) -> AsyncIterator[None]:
    async with world.app.site.listening():
        yield


async def called_back(world: World, count: int) -> None:
    """Wait until the provider has made so many callbacks, and all are answered."""
    async with asyncio.timeout(PATIENCE):
        await world.sim.callbacks.until_made(count)


async def finished_by_callback(world: World, external_task_id: str) -> None:
    """End a task now, and let the bot do what its callback makes due, in no time at all."""
    made = len(world.sim.callbacks.answers)
    world.sim.finish(external_task_id)
    await called_back(world, made + 1)
    await world.work()


def wish(world: World) -> str:
    return world.sim.creates[-1].external_task_id or ""


async def call(world: World, path: str, **options: object) -> int:
    async with (
        aiohttp.ClientSession() as session,
        session.post(world.settings.public_url + path, **options) as response,  # type: ignore[arg-type]
    ):
        return response.status


def path_of(world: World, external_task_id: str) -> str:
    url = CallbackAddresses.of(world.settings).url(external_task_id)
    assert url is not None
    return url.removeprefix(world.settings.public_url)


async def numbers(world: World) -> dict[str, float]:
    """Scrape the metrics; a number's name is followed by the values of its labels."""
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{world.settings.public_url}/metrics") as response,
    ):
        text = await response.text()
    return {
        " ".join([sample.name, *sample.labels.values()]): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


@pytest.mark.usefixtures("listening")
async def test_callback_brings_the_picture_with_one_read(world: World) -> None:
    sent = await world.imagine()
    await world.work()
    world.clock.advance(3)
    await finished_by_callback(world, wish(world))
    assert len(gallery(sent)) == 1
    assert world.sim.reads.polls == 1
    assert world.sim.callbacks.answers == [204]


async def live_until_all_have_ended(world: World) -> None:
    """Go from moment to moment: to the next poll, or to the end of a task and its callback."""
    while running := [t for t in world.sim.tasks.values() if not t.has_ended(world.clock())]:
        due = await world.app.engine.stage(Work.POLL).next_due()
        moments = [task.ends_at for task in running]
        moments += [due.timestamp()] if due else []
        world.clock.advance(max(min(moments) - world.clock(), 0.0) + A_MOMENT)
        ended = sum(task.has_ended(world.clock()) for task in world.sim.tasks.values())
        await called_back(world, ended)
        await world.work()


async def remember_proven_callbacks(world: World, count: int) -> None:
    """Write down wishes of the past whose ends were told by callbacks, each read once."""
    luck = random.Random(1)
    await world.imagine()
    await world.finish()
    model = await world.generation()
    for number in range(count):
        submitted_at = world.now() - timedelta(hours=2, seconds=number)
        ended_at = submitted_at + timedelta(seconds=draw_seconds(luck))
        await world.app.store.add(
            replace(
                model,
                external_task_id=f"past-{number}",
                placement=replace(model.placement, message_id=number),
                submitted_at=submitted_at,
                seen_running_at=None,
                hinted_at=ended_at,
                finished_at=ended_at + timedelta(seconds=0.1),
            )
        )


@pytest.mark.usefixtures("listening")
async def test_with_proven_callbacks_a_generation_is_read_at_most_twice(world: World) -> None:
    await remember_proven_callbacks(world, 60)
    world.clock.advance(60)  # what is known is looked at anew
    old = set(world.sim.tasks)
    world.sim.inject("task-no-pictures", count=None)  # nothing is downloaded: it is quicker
    for _ in range(25):
        await world.imagine()
        await world.work()
    await live_until_all_have_ended(world)
    tasks = [task for id_, task in world.sim.tasks.items() if id_ not in old]
    reads = [world.sim.reads.polls_of[task.id] for task in tasks]
    assert len(reads) == 25
    assert max(reads) <= 2
    assert sum(reads) <= 25 * 1.3
    for task in tasks:
        generation = await world.app.store.get(task.wish.external_task_id or "")
        assert generation is not None
        assert generation.finished_at is not None
        assert generation.finished_at.timestamp() - task.ends_at <= NO_LONGER_THAN


@pytest.mark.usefixtures("listening")
@pytest.mark.parametrize("fault", ["callback-lost", "callback-forged"])
async def test_without_its_callback_a_picture_comes_by_polling(world: World, fault: str) -> None:
    world.sim.inject(fault)
    sent = await world.imagine()
    await world.finish()
    assert len(gallery(sent)) == 1
    assert (await world.generation()).hinted_at is None


@pytest.mark.usefixtures("listening")
async def test_callback_that_comes_twice_or_late_changes_nothing(world: World) -> None:
    for fault in ("callback-twice", "callback-late"):
        world.sim.inject(fault, seconds=300)
        sent = await world.imagine(fault)
        await world.finish()
        assert len(gallery(sent)) == 1
    await called_back(world, 3)
    edits, reads = world.edits(), world.sim.reads.polls
    await world.finish()
    assert (world.edits(), world.sim.reads.polls) == (edits, reads)


@pytest.mark.usefixtures("listening")
async def test_word_that_the_work_has_begun_costs_one_read(world: World) -> None:
    world.sim.inject("callback-at-start")
    sent = await world.imagine()
    await world.work()
    await called_back(world, 1)
    world.clock.advance(0.5)
    await world.work()
    assert world.sim.reads.polls <= 1
    await finished_by_callback(world, wish(world))
    world.clock.advance(1)
    await world.work()
    assert len(gallery(sent)) == 1


@pytest.mark.usefixtures("listening")
async def test_callback_during_a_poll_is_not_lost(world: World) -> None:
    world.sim.inject("callback-lost")  # ours comes instead
    sent = await world.imagine()
    await world.work()
    world.clock.advance(60)
    world.sim.inject("poll-unknown-status")  # what is read now is older than the callback
    poller = world.app.engine.stage(Work.POLL)
    (claim,) = await poller.claim(1)
    assert await call(world, path_of(world, wish(world))) == 204
    await poller.handle(claim)
    await world.work()
    assert len(gallery(sent)) == 1
    assert world.sim.reads.polls == 2


@pytest.mark.usefixtures("listening")
async def test_callback_before_the_answer_to_the_create_brings_the_first_poll_at_once(
    world: World,
) -> None:
    sent = await world.imagine()
    submitter = world.app.engine.stage(Work.SUBMIT)
    (claim,) = await submitter.claim(1)
    world.sim.inject("create-slow-answer", seconds=2)
    sending = asyncio.create_task(submitter.handle(claim))
    await world.clock.until_someone_sleeps()
    assert await call(world, path_of(world, claim.generation.external_task_id)) == 204
    world.clock.advance(2)
    await sending
    generation = await world.generation()
    assert generation.status is Status.RUNNING
    assert generation.due_at is not None
    assert generation.due_at <= world.now()
    await world.finish()
    assert len(gallery(sent)) == 1


@pytest.mark.usefixtures("listening")
async def test_callback_for_a_create_without_answer_has_it_looked_up_at_once(world: World) -> None:
    world.sim.inject("create-drop-after")
    sent = await world.imagine()
    await world.app.engine.stage(Work.SUBMIT).run_once()
    assert (await world.generation()).status is Status.SUBMITTING
    await finished_by_callback(world, wish(world))
    assert len(gallery(sent)) == 1
    assert len(world.sim.creates) == 1


@pytest.mark.usefixtures("listening")
async def test_callback_for_a_wish_that_has_ended_changes_nothing(world: World) -> None:
    sent = await world.imagine()
    await world.finish()
    reads, edits, row = world.sim.reads.polls, world.edits(), await world.generation()
    assert await call(world, path_of(world, wish(world))) == 204
    await world.work()
    assert (world.sim.reads.polls, world.edits(), await world.generation()) == (reads, edits, row)
    assert len(gallery(sent)) == 1


@pytest.mark.usefixtures("listening")
async def test_callback_for_a_cancelled_wish_shows_no_picture(world: World) -> None:
    sent = await world.imagine()
    await world.work()
    running = await world.generation()
    assert await world.app.store.change(running, running.cancelled(world.now()))
    await finished_by_callback(world, wish(world))
    assert (await world.generation()).status is Status.CANCELLED
    assert gallery(sent) == []
    assert world.sim.reads.polls == 0


@pytest.mark.usefixtures("listening")
async def test_flood_costs_one_read_a_second_at_most(world: World) -> None:
    world.sim.inject("task-never-ends")
    await world.imagine()
    await world.work()
    world.clock.advance(2)
    right = path_of(world, wish(world))
    paths = [right, right[:-1] + ("0" if right[-1] != "0" else "1")] * 1000
    async with aiohttp.ClientSession(world.settings.public_url) as session:

        async def post(path: str) -> int:
            async with session.post(path) as response:
                return response.status

        statuses = await asyncio.gather(*map(post, paths))
    assert statuses == [204, 404] * 1000
    for _ in range(10):
        await world.work()
    assert world.sim.reads.polls == 1
    assert (await numbers(world))["kirin_callbacks_total refused"] == 1000


@pytest.mark.usefixtures("listening")
async def test_numbers_equal_what_has_happened(world: World) -> None:
    world.sim.inject("task-risk-control")
    world.sim.inject("create-503", containing="twice")
    for prompt in ("refused", "a fox", "sent twice"):
        await world.imagine(prompt)
        await world.finish()
    await world.imagine("still at work")
    await world.work()
    shown = await numbers(world)
    sim = world.sim
    assert shown["kirin_wishes_accepted_total"] == 4
    assert shown["kirin_wishes_ended_total succeeded "] == 2
    assert shown["kirin_wishes_ended_total failed content_policy"] == 1
    assert shown["kirin_deliveries_total delivered"] == 3
    assert shown["kirin_provider_call_seconds_count create"] == len(sim.creates)
    assert shown["kirin_provider_errors_total create ProviderTrouble"] == 1
    assert (
        shown["kirin_provider_call_seconds_count read"]
        + shown["kirin_provider_call_seconds_count look_up"]
        == sim.reads.polls
    )
    assert shown["kirin_callbacks_total accepted"] + shown.get(
        "kirin_callbacks_total ignored", 0
    ) == len(sim.callbacks.answers)
    assert shown["kirin_reported_cost_dollars_total"] == pytest.approx(2 * 0.028)
    assert shown["kirin_in_flight"] == 1
    assert shown["kirin_slots_held"] == 1
    assert shown["kirin_queued"] == 0
    assert shown["kirin_undelivered"] == 0


async def health(world: World) -> tuple[int, str]:
    async with (
        aiohttp.ClientSession() as session,
        session.get(f"{world.settings.public_url}/healthz") as response,
    ):
        return response.status, await response.text()


@pytest.mark.usefixtures("listening")
async def test_engine_that_is_not_run_is_not_healthy(world: World) -> None:
    world.clock.advance(150)
    status, problems = await health(world)
    assert status == 503
    assert problems.count("does not look for work") == len(Work)
    assert "database" not in problems
    assert "gateway" not in problems


@pytest.mark.usefixtures("listening")
async def test_outage_of_the_provider_is_seen_in_the_metrics(world: World) -> None:
    assert (await numbers(world))["kirin_provider_held_back"] == 0
    assert (await numbers(world))["kirin_requests_available"] > 0
    world.sim.inject("create-503", count=None)
    world.sim.inject("poll-503", count=None)
    for _ in range(6):
        await world.imagine()
        await world.work()
    assert (await numbers(world))["kirin_provider_held_back"] == 1


async def test_port_that_is_taken_ends_the_program_before_it_touches_discord(
    world: World, port: int
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", port))
        taken.listen()
        with pytest.raises(SettingsError, match="cannot listen on"):
            async with world.app.site.listening():
                pass
