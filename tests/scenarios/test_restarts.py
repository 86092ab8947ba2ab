"""Killed anywhere, the bot finishes every wish in its own message, and pays once."""

from dataclasses import replace

import pytest
from simcord.results import InteractionResult

from cogs.ui.texts import EXPLANATIONS
from kirin.model import FailureReason, Status
from kirin.stages.lookup import FACT
from kirin.store import Work
from tests.databases import on_both_engines
from tests.scenarios.world import World, card, gallery, message_of

pytestmark = on_both_engines


async def assert_delivered_once(world: World, sent: InteractionResult, message_id: int) -> None:
    await world.finish()
    assert message_of(sent).id == message_id
    assert len(gallery(sent)) == 1
    assert len(message_of(sent).attachments) == 1
    assert len(world.channel.history()) == 1
    generation = await world.generation()
    assert generation.delivered_at is not None
    assert world.sim.effects[generation.external_task_id] == 1


async def test_wish_killed_while_queued_is_finished_in_its_message(world: World) -> None:
    sent = await world.imagine()
    message_id = message_of(sent).id
    await world.restart()
    await assert_delivered_once(world, sent, message_id)
    assert len(world.sim.creates) == 1


async def test_wish_killed_while_running_is_finished_in_its_message(world: World) -> None:
    sent = await world.imagine()
    message_id = message_of(sent).id
    await world.work()
    assert (await world.generation()).status is Status.RUNNING
    await world.restart()
    await assert_delivered_once(world, sent, message_id)
    assert len(world.sim.creates) == 1


async def test_wish_killed_before_its_delivery_is_delivered(world: World) -> None:
    sent = await world.imagine()
    message_id = message_of(sent).id
    await world.work()
    (create,) = world.sim.creates
    world.sim.finish(create.external_task_id or "")
    world.clock.advance(30)
    await world.app.engine.stage(Work.POLL).run_once()
    assert (await world.generation()).status is Status.SUCCEEDED
    assert gallery(sent) == []
    await world.restart()
    await assert_delivered_once(world, sent, message_id)
    assert len(world.sim.creates) == 1


async def test_wish_killed_between_its_delivery_and_the_note_of_it_shows_no_picture_twice(
    world: World,
) -> None:
    sent = await world.imagine()
    message_id = message_of(sent).id
    await world.work()
    (create,) = world.sim.creates
    world.sim.finish(create.external_task_id or "")
    world.clock.advance(30)
    await world.app.engine.stage(Work.POLL).run_once()
    deliverer = world.app.engine.stage(Work.DELIVER)
    (claim,) = await deliverer.claim(1)
    await deliverer.handle(replace(claim, lease="lost, so that nothing is noted"))
    assert len(gallery(sent)) == 1
    assert (await world.generation()).delivered_at is None
    await world.restart()
    await assert_delivered_once(world, sent, message_id)


async def test_row_that_a_dead_worker_holds_is_taken_over_at_the_start(world: World) -> None:
    await world.imagine()
    await world.app.engine.stage(Work.SUBMIT).claim(1)
    assert await world.app.engine.stage(Work.SUBMIT).run_once() == 0
    await world.restart()
    assert await world.app.engine.stage(Work.SUBMIT).run_once() == 1


@pytest.mark.parametrize("fault", ["create-drop-after", "create-504-after", "create-truncated"])
async def test_unanswered_create_that_took_effect_is_found_again(world: World, fault: str) -> None:
    world.sim.inject(fault)
    sent = await world.imagine()
    await assert_delivered_once(world, sent, message_of(sent).id)
    assert len(world.sim.creates) == 1


@pytest.mark.parametrize("fault", ["create-drop-before", "create-502"])
async def test_unanswered_create_without_effect_is_sent_again_where_the_lookup_is_known_to_work(
    world: World, fault: str
) -> None:
    await world.app.facts.learn(FACT, "yes", world.now())
    world.sim.inject(fault)
    sent = await world.imagine()
    await assert_delivered_once(world, sent, message_of(sent).id)
    assert [create.took_effect for create in world.sim.creates] == [False, True]


async def test_unanswered_create_is_looked_up_for_a_while_before_it_is_sent_again(
    world: World,
) -> None:
    await world.app.facts.learn(FACT, "yes", world.now())
    world.sim.inject("create-drop-before")
    await world.imagine()
    await world.work()
    await world.pass_time(25)
    assert len(world.sim.creates) == 1
    await world.pass_time(30)
    assert len(world.sim.creates) == 2


async def test_unanswered_create_ends_as_unknown_where_the_lookup_is_not_known_to_work(
    world: World,
) -> None:
    world.sim.inject("create-drop-before")
    sent = await world.imagine()
    await world.finish()
    assert EXPLANATIONS[FailureReason.UNKNOWN_OUTCOME].title in card(sent)
    assert "**Charged:** perhaps" in card(sent)
    assert len(world.sim.creates) == 1


async def test_killed_during_a_create_looks_it_up_before_sending_anything(world: World) -> None:
    sent = await world.imagine()
    submitter = world.app.engine.stage(Work.SUBMIT)
    (claim,) = await submitter.claim(1)
    sending = claim.generation.sending(world.now())
    await world.app.store.save(claim, sending, keep=True)
    await world.app.client.create(sending.request, external_task_id=sending.external_task_id)
    await world.restart()
    await assert_delivered_once(world, sent, message_of(sent).id)
    assert len(world.sim.creates) == 1


async def test_create_that_nobody_saw_end_has_its_grace_from_the_next_start(world: World) -> None:
    await world.app.facts.learn(FACT, "yes", world.now())
    sent = await world.imagine()
    (claim,) = await world.app.engine.stage(Work.SUBMIT).claim(1)
    await world.app.store.save(claim, claim.generation.sending(world.now()), keep=True)
    world.clock.advance(600)
    await world.restart()
    await world.work()
    await world.pass_time(28)
    assert world.sim.creates == []
    await world.finish()
    assert len(world.sim.creates) == 1
    assert len(gallery(sent)) == 1


async def test_bot_finds_out_whether_the_lookup_works_and_remembers(world: World) -> None:
    await world.imagine()
    await world.finish()
    fact = await world.app.facts.get(FACT)
    assert fact is not None
    assert fact.value == "yes"
    lookups = world.sim.reads.lookups
    assert lookups == 1
    await world.restart()
    await world.imagine()
    await world.finish()
    assert world.sim.reads.lookups == lookups


async def test_downtime_longer_than_the_deadline_loses_no_finished_picture(world: World) -> None:
    sent = await world.imagine()
    await world.work()
    world.clock.advance(3600)
    await world.restart()
    await world.finish()
    assert len(gallery(sent)) == 1


async def test_duplicate_that_the_provider_refuses_counts_as_found(world: World) -> None:
    sent = await world.imagine()
    submitter = world.app.engine.stage(Work.SUBMIT)
    (claim,) = await submitter.claim(1)
    generation = claim.generation
    await world.app.client.create(generation.request, external_task_id=generation.external_task_id)
    await submitter.handle(claim)
    assert (await world.generation()).status is Status.RUNNING
    await assert_delivered_once(world, sent, message_of(sent).id)
