"""A provider that cannot be reached: wishes wait, people are told once, and few calls are made."""

import pytest
from simcord.results import InteractionResult

import simulator
from kirin.breaker import LONGEST_WAIT
from kirin.model import Status
from kirin.stages.lookup import FACT
from tests.scenarios.world import World, card, gallery, message_of

HOUR = 3600
NOTICE = "The picture provider stopped answering"


def switch_off(world: World) -> None:
    """Let every call to the provider fail from now on."""
    world.sim.clear_faults()
    world.sim.inject("create-502", count=None)
    world.sim.inject("poll-502", count=None)


async def waiting_long(world: World, count: int) -> list[InteractionResult]:
    """Send wishes that go on for so long that time alone changes nothing on their cards."""
    world.sim.inject("poll-no-progress", count=None)
    world.sim.inject("task-never-ends", count=count)
    sent = [await world.imagine(f"wish {number}") for number in range(count)]
    await world.work()
    world.clock.advance(120)
    await world.pass_time(5)
    assert all("longer than usual" in card(wish) for wish in sent)
    return sent


@pytest.mark.parametrize("changes", [{"KIRIN_BASE_URL": "http://127.0.0.1:1"}])
async def test_wish_that_cannot_be_sent_tells_since_when(world: World) -> None:
    sent = await world.imagine()
    await world.work()
    began = int(world.clock())
    await world.pass_time(60)
    assert f"{NOTICE}** <t:{began}:R>. Nothing is lost" in card(sent)


class TestUnreachable:
    @pytest.fixture
    def changes(self, unused_tcp_port: int) -> dict[str, str]:
        return {"KIRIN_BASE_URL": f"http://127.0.0.1:{unused_tcp_port}"}

    async def test_wish_goes_out_soon_after_the_provider_is_there(
        self, world: World, unused_tcp_port: int
    ) -> None:
        sent = await world.imagine()
        await world.pass_time(60)
        async with simulator.serve(
            port=unused_tcp_port, now=world.clock, sleep=world.clock.sleep
        ) as back:
            await world.finish()
            assert len(gallery(sent)) == 1
            assert len(back.creates) == 1


async def test_everybody_who_waits_is_told_once_and_once_more_when_it_is_over(
    world: World,
) -> None:
    sent = await waiting_long(world, 4)
    switch_off(world)
    edits = world.edits()
    await world.pass_time(150)
    assert all(NOTICE in card(wish) for wish in sent)
    assert world.edits() - edits == len(sent)
    world.sim.clear_faults()
    world.sim.inject("poll-no-progress", count=None)
    await world.pass_time(LONGEST_WAIT + 5)
    assert all("longer than usual" in card(wish) for wish in sent)
    assert world.edits() - edits == 2 * len(sent)


async def test_hiccup_is_not_worth_an_edit(world: World) -> None:
    await waiting_long(world, 4)
    edits = world.edits()
    switch_off(world)
    for _ in range(30):
        await world.pass_time(1)
        if is_open(world):
            break
    world.sim.clear_faults()
    world.sim.inject("poll-no-progress", count=None)
    assert is_open(world)
    await world.pass_time(30)
    assert not is_open(world)
    assert world.edits() == edits


async def test_new_wish_of_an_outage_is_told_at_once(world: World) -> None:
    await waiting_long(world, 4)
    switch_off(world)
    await world.pass_time(60)
    sent = await world.imagine("late")
    await world.pass_time(2)
    assert NOTICE in card(sent)


async def test_dead_provider_gets_few_calls_however_many_wait(world: World) -> None:
    await waiting_long(world, 8)
    switch_off(world)
    before = requests(world)
    await world.pass_time(300)
    # the eight may be read at once, and probes follow; each read is tried three times
    assert requests(world) - before <= 3 * (8 + 3 + 300 / LONGEST_WAIT)


async def test_wishes_of_an_outage_all_end_well_once_it_is_over(world: World) -> None:
    await world.app.facts.learn(FACT, "yes", world.now())
    sent = [await world.imagine(f"wish {number}") for number in range(3)]
    await world.work()
    switch_off(world)
    await world.pass_time(30)
    sent += [await world.imagine(f"late wish {number}") for number in range(3)]
    await world.pass_time(120)
    assert len(world.sim.creates) == 3  # no create was risked
    world.sim.clear_faults()
    await world.finish()
    assert [len(gallery(wish)) for wish in sent] == [1] * 6
    assert set(world.sim.effects.values()) == {1}


async def test_wish_that_cannot_be_sent_in_time_ends_although_the_gate_is_closed(
    world: World,
) -> None:
    sent = await waiting_long(world, 4)
    switch_off(world)
    await world.pass_time(30)
    late = await world.imagine("in vain")
    world.clock.advance(HOUR + 1)
    assert await world.app.engine.keep_house() > 0
    assert await statuses(world, late, *sent) == [Status.EXPIRED, *[Status.RUNNING] * 4]


async def test_single_slow_create_does_not_hold_back_the_others(world: World) -> None:
    world.sim.inject("create-drop-after", count=1)
    world.sim.inject("create-drop-after", count=1)
    sent = [await world.imagine(f"wish {number}") for number in range(3)]
    await world.work()
    assert not world.app.engine.gate.is_open
    await world.finish()
    assert [len(gallery(wish)) for wish in sent] == [1] * 3


def is_open(world: World) -> bool:
    """Say whether calls to the provider are held back."""
    return world.app.engine.gate.is_open


def requests(world: World) -> int:
    """Count the calls to the provider, whatever became of them."""
    return world.sim.reads.polls + len(world.sim.creates)


async def statuses(world: World, *sent: InteractionResult) -> list[Status | None]:
    wishes = [await world.app.store.of_message(message_of(wish).id) for wish in sent]
    return [wish.status if wish else None for wish in wishes]
