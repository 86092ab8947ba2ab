"""Outcomes reach their message whatever Discord answers; nothing is made twice for it."""

import pytest

from cogs.ui.texts import INTERNAL_ERROR
from tests.databases import on_both_engines
from tests.scenarios.world import World, card, gallery, links, message_of

pytestmark = on_both_engines

TOKEN_ROUTE = "/webhooks/*/*/messages/*"
BOT_ROUTE = "/channels/*/messages/*"


@pytest.mark.parametrize("status", [500, 502, 503])
async def test_delivery_is_retried_as_a_delivery(world: World, status: int) -> None:
    sent = await world.imagine()
    await world.work()
    world.env.inject_error("PATCH", TOKEN_ROUTE, status=status, times=3)
    await world.finish()
    assert len(gallery(sent)) == 1
    assert len(world.sim.creates) == 1


async def test_picture_that_took_sixteen_minutes_arrives_in_its_message(world: World) -> None:
    world.sim.inject("task-slow", seconds=960)
    sent = await world.imagine()
    message_id = message_of(sent).id
    await world.work()
    await world.pass_time(1300)
    assert message_of(sent).id == message_id
    assert len(gallery(sent)) == 1
    last = [request for request in world.env.http_requests if request.method == "PATCH"][-1]
    assert last.path.startswith("/channels/")


@pytest.mark.parametrize(("status", "code"), [(401, 50027), (404, 10015)])
async def test_token_that_expires_early_gives_way_to_the_bots_own(
    world: World, status: int, code: int
) -> None:
    sent = await world.imagine()
    await world.work()
    world.clock.advance(40)
    world.env.inject_error("PATCH", TOKEN_ROUTE, status=status, code=code, times=None)
    await world.finish()
    assert len(gallery(sent)) == 1


async def test_interaction_unknown_in_its_first_seconds_is_tried_again(world: World) -> None:
    world.env.inject_error("PATCH", TOKEN_ROUTE, status=404, code=10015, times=1)
    sent = await world.imagine()
    await world.work()
    await world.pass_time(6)
    assert "Working" in card(sent)


async def test_private_answer_after_its_token_is_parked_and_not_tried_for_ever(
    world: World,
) -> None:
    world.sim.inject("task-slow", seconds=960)
    sent = await world.imagine(private=True)
    await world.work()
    await world.pass_time(1300)
    assert "The button brings the result here" in card(sent)
    generation = await world.generation()
    assert generation.delivered_at is None
    assert generation.message_due_at is None
    assert generation.output
    edits = world.edits()
    await world.pass_time(3600)
    assert world.edits() == edits


@pytest.mark.parametrize(
    ("status", "code"), [(404, 10008), (404, 10003), (403, 50001), (403, 50013), (400, 50035)]
)
async def test_message_out_of_reach_ends_the_tries(world: World, status: int, code: int) -> None:
    await world.imagine()
    await world.work()
    world.env.inject_error("PATCH", "*", status=status, code=code, times=None)
    await world.finish()
    generation = await world.generation()
    assert generation.delivered_at is None
    assert generation.message_due_at is None
    assert generation.delivery_attempts == 1


@pytest.mark.parametrize(("status", "code"), [(413, 0), (400, 40005)])
async def test_upload_that_is_too_large_becomes_links(world: World, status: int, code: int) -> None:
    sent = await world.imagine(n=2)
    await world.work()
    world.clock.advance(40)
    world.env.inject_error("PATCH", TOKEN_ROUTE, status=status, code=code, times=2)
    await world.finish()
    assert "too large for this place" in card(sent)
    assert len(links(sent)) == 2


async def test_automod_that_dislikes_the_prompt_gets_a_card_without_it(world: World) -> None:
    sent = await world.imagine("a rude fox")
    await world.work()
    world.clock.advance(40)
    world.env.inject_error("PATCH", TOKEN_ROUTE, status=400, code=200000, times=1)
    await world.finish()
    assert "rude" not in card(sent)
    assert len(gallery(sent)) == 1


async def test_command_that_came_too_late_starts_nothing(world: World) -> None:
    world.env.inject_error(
        "POST", "/interactions/*/*/callback", status=404, code=10062, message="Unknown interaction"
    )
    await world.imagine()
    await world.finish()
    assert list(world.sim.creates) == []
    assert len(world.env.errors) == 1


async def test_bug_in_the_bot_is_owned_up_to_in_the_message(world: World) -> None:
    await world.sql("ALTER TABLE generations RENAME TO mislaid")
    sent = await world.imagine()
    assert INTERNAL_ERROR.title in card(sent)
    assert "Traceback" not in card(sent)
    assert "generations" not in card(sent)
    assert len(world.env.errors) == 1
    assert list(world.sim.creates) == []


async def test_result_is_not_held_up_by_progress(world: World) -> None:
    sent = await world.imagine()
    await world.work()
    (create,) = world.sim.creates
    world.clock.advance(13)
    world.sim.finish(create.external_task_id or "")
    await world.work()
    assert len(gallery(sent)) == 1
