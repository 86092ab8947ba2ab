"""An outcome that could not reach its message is one click, or one command, away."""

import sqlite3

from simcord.builders import GuildHandle
from simcord.results import InteractionResult

from kirin.model import Generation
from tests.scenarios.world import World, card, gallery, message_of


def guild_of(world: World) -> GuildHandle:
    guild = world.channel.guild
    assert guild is not None
    return guild


async def stranded(world: World) -> tuple[InteractionResult, Generation]:
    """A private wish whose token ended before its picture was there."""
    world.sim.inject("task-slow", seconds=960)
    sent = await world.imagine(private=True)
    await world.work()
    await world.pass_time(1300)
    generation = await world.generation()
    assert generation.is_stranded
    return sent, generation


async def unreachable(world: World) -> tuple[InteractionResult, Generation]:
    """A public wish with the button on its message, for which every way was closed later."""
    world.sim.inject("task-slow", seconds=960)
    sent = await world.imagine()
    await world.work()
    await world.pass_time(850)
    world.env.inject_error("PATCH", "/channels/*/messages/*", status=403, code=50001, times=1)
    await world.pass_time(450)
    generation = await world.generation()
    assert generation.is_stranded
    return sent, generation


async def test_owner_clicks_and_the_private_result_is_there(world: World) -> None:
    sent, _ = await stranded(world)
    assert "The button brings the result here" in card(sent)
    await world.alice.click(message_of(sent), label="Show result")
    await world.work()
    assert len(gallery(sent)) == 1
    assert len(world.sim.creates) == 1


async def test_another_member_clicks_and_the_result_is_there_for_all(world: World) -> None:
    sent, generation = await unreachable(world)
    bob = guild_of(world).add_member(world.env.create_user("bob"))
    await bob.click(message_of(sent), label="Show result")
    await world.work()
    assert len(gallery(sent)) == 1
    after = await world.generation()
    assert after.placement.user_id == generation.placement.user_id


async def test_button_works_after_a_restart(world: World) -> None:
    sent, _ = await stranded(world)
    await world.restart()
    await world.alice.click(message_of(sent), label="Show result")
    await world.work()
    assert len(gallery(sent)) == 1
    assert len(world.sim.creates) == 1


async def test_button_works_in_a_direct_message(world: World) -> None:
    world.sim.inject("task-slow", seconds=960)
    bob = world.env.create_user("bob")
    sent = await bob.slash("imagine", prompt="a red fox", private=True)
    await world.work()
    await world.pass_time(1300)
    await bob.click(message_of(sent), label="Show result")
    await world.work()
    assert len(gallery(sent)) == 1


async def test_button_of_a_vanished_record_says_so(world: World) -> None:
    sent, _ = await stranded(world)
    with sqlite3.connect(world.settings.database_url.removeprefix("sqlite+aiosqlite:///")) as file:
        file.execute("DELETE FROM generations")
    clicked = await world.alice.click(message_of(sent), label="Show result")
    await world.work()
    assert "remembers nothing of that wish" in str(clicked.followups[-1].components)
    assert gallery(sent) == []


async def test_list_brings_an_undelivered_result(world: World) -> None:
    _, generation = await stranded(world)
    listed = await world.alice.slash(world.channel, "results")
    assert message_of(listed).flags.ephemeral
    await world.alice.select(message_of(listed), [generation.external_task_id])
    await world.work()
    assert len(gallery(listed)) == 1
    assert len(world.sim.creates) == 1


async def test_list_works_after_a_restart(world: World) -> None:
    _, generation = await stranded(world)
    listed = await world.alice.slash(world.channel, "results")
    await world.restart()
    await world.alice.select(message_of(listed), [generation.external_task_id])
    await world.work()
    assert len(gallery(listed)) == 1


async def test_list_links_to_what_was_delivered(world: World) -> None:
    sent = await world.imagine("a [red](https://x.example) fox")
    await world.finish()
    listed = await world.alice.slash(world.channel, "results")
    place = f"{guild_of(world).id}/{world.channel.id}/{message_of(sent).id}"
    assert f"](https://discord.com/channels/{place})" in card(listed)
    assert "[red](" not in card(listed)


async def test_list_shows_nobody_elses_wishes(world: World) -> None:
    await stranded(world)
    bob = guild_of(world).add_member(world.env.create_user("bob"))
    listed = await bob.slash(world.channel, "results")
    assert "There is nothing yet" in card(listed)


async def test_result_that_was_fetched_elsewhere_still_comes_to_its_own_message(
    world: World,
) -> None:
    sent, generation = await unreachable(world)
    listed = await world.alice.slash(world.channel, "results")
    await world.alice.select(message_of(listed), [generation.external_task_id])
    await world.work()
    await world.alice.click(message_of(sent), label="Show result")
    await world.work()
    assert len(gallery(sent)) == len(gallery(listed)) == 1
    assert len(world.sim.creates) == 1


async def test_choice_of_a_vanished_record_says_so(world: World) -> None:
    _, generation = await stranded(world)
    listed = await world.alice.slash(world.channel, "results")
    with sqlite3.connect(world.settings.database_url.removeprefix("sqlite+aiosqlite:///")) as file:
        file.execute("DELETE FROM generations")
    chosen = await world.alice.select(message_of(listed), [generation.external_task_id])
    assert "remembers nothing of that wish" in str(chosen.followups[-1].components)
