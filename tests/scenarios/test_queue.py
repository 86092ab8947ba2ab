"""Sharing one account: fair turns, its slots, and what people are told meanwhile."""

import re
import uuid

import pytest

from kirin.model import Status
from kirin.store import Work
from tests.kirin.kirin_factories import a_generation, a_placement, a_request
from tests.scenarios.world import World, card


def refusals(world: World) -> list[str]:
    return [create.refusal for create in world.sim.creates if create.refusal]


def sent_out(world: World) -> list[str]:
    """Return the prompts of the tasks, in the order of their creates."""
    return [create.params["prompt"] for create in world.sim.creates if create.took_effect]


def name(prompt: str) -> str:
    return uuid.uuid5(uuid.NAMESPACE_OID, prompt).hex


async def wish(world: World, prompt: str, *, user: int, n: int = 1) -> None:
    """Put a wish into the queue as that person in the world's server; no card belongs to it."""
    await world.app.store.add(
        a_generation(
            name(prompt),
            request=a_request(prompt=prompt, n=n),
            placement=a_placement(user_id=user, token=None),
            created_at=world.now(),
            due_at=world.now(),
            message_due_at=None,
        )
    )
    world.clock.advance(0.01)


def limit(world: World, slots: int) -> None:
    world.sim.account._slots = slots


@pytest.mark.parametrize("changes", [{"ACCOUNT_SLOTS": "4"}])
async def test_singles_of_others_pass_the_many_of_one_and_no_slot_is_asked_for_in_vain(
    world: World,
) -> None:
    limit(world, 4)
    for number in range(20):
        await wish(world, f"many {number:02}", user=1)
    await world.work()
    await wish(world, "batch", user=2, n=3)
    await wish(world, "one", user=3)
    await wish(world, "other", user=4)
    await world.pass_time(200)
    assert refusals(world) == []
    order = sent_out(world)
    assert len(order) == 23
    assert max(order.index("one"), order.index("other")) < 8
    assert order.index("batch") < 20
    many = [prompt for prompt in order if prompt.startswith("many")]
    assert many == sorted(many)


async def test_number_of_slots_is_found_out_by_being_refused(world: World) -> None:
    limit(world, 3)
    for number in range(7):
        await wish(world, f"wish {number:02}", user=number)
    await world.pass_time(10)
    refused = len(refusals(world))
    assert refused > 0
    fact = await world.app.facts.get("account_slots")
    assert fact is not None
    assert fact.value == "3"
    await world.pass_time(90)
    assert len(sent_out(world)) == 7
    assert len(refusals(world)) == refused


@pytest.mark.parametrize("changes", [{"ACCOUNT_SLOTS": "4"}])
async def test_wish_too_large_for_the_account_holds_nobody_up_for_long(world: World) -> None:
    limit(world, 4)
    await wish(world, "nine", user=1, n=9)
    for number in range(6):
        await wish(world, f"wish {number}", user=2 + number)
    await world.pass_time(240)
    assert len(sent_out(world)) == 6
    nine = await world.app.store.get(name("nine"))
    assert nine is not None
    assert nine.status is Status.QUEUED


async def test_refusal_holds_all_back_and_one_goes_first_afterwards(world: World) -> None:
    world.sim.inject("create-429-1302", count=1)
    await wish(world, "first", user=1)
    await world.work()
    for number in range(5):
        await wish(world, f"wish {number}", user=2 + number)
    assert await world.work() == 0
    assert len(world.sim.creates) == 1
    submitter = world.app.engine.stage(Work.SUBMIT)
    world.clock.advance(3)
    claims = await submitter.claim(16)
    assert [claim.generation.request.prompt for claim in claims] == ["first"]
    assert await submitter.claim(16) == []
    await submitter.handle(claims[0])
    assert len(await submitter.claim(16)) == 5


@pytest.mark.parametrize("changes", [{"ACCOUNT_SLOTS": "2"}])
async def test_queued_card_promises_a_time_where_slots_are_known(world: World) -> None:
    for number in range(4):
        await wish(world, f"wish {number}", user=10 + number)
    await world.work()
    sent = await world.imagine("mine")
    await world.pass_time(2)
    found = re.search(r"number 1 of 3, probably ready <t:(\d+):R>", card(sent))
    assert found is not None
    assert 20 <= int(found[1]) - world.clock() <= 90


@pytest.mark.parametrize("changes", [{"ACCOUNT_SLOTS": "1"}])
async def test_full_account_is_looked_at_now_and_then_only(world: World) -> None:
    limit(world, 1)
    await wish(world, "runs", user=1)
    await wish(world, "waits", user=2)
    await world.work()
    assert sent_out(world) == ["runs"]
    due = await world.app.engine.stage(Work.SUBMIT).next_due()
    assert due is not None
    assert (due - world.now()).total_seconds() == 5
    await world.pass_time(120)
    assert sent_out(world) == ["runs", "waits"]
