"""A result that takes long arrives by the way that is open, and is made once."""

from typing import Any

import pytest

from kirin.model import Status
from tests.discord_rest.model import DIRECT, FOREIGN_SERVER, GROUP, SERVER, Message, Place
from tests.discord_rest.town import BOB, Town

MINUTES = [16, 120]


async def live(town: Town, place: Place, minutes: int, **options: Any) -> Message:
    """Send the command, and live until the picture that takes so long is there."""
    town.sim.inject("task-slow", seconds=minutes * 60)
    message = await town.imagine(place, **options)
    await town.work()
    await town.pass_time(minutes * 60 + 300)
    return message


def routes(town: Town) -> list[str]:
    return [edit.route for edit in town.discord.edits if edit.sizes]


@pytest.mark.parametrize("minutes", MINUTES)
@pytest.mark.parametrize("place", [SERVER, DIRECT])
async def test_where_the_bot_is_a_member_it_brings_a_late_result_itself(
    town: Town, place: Place, minutes: int
) -> None:
    message = await live(town, place, minutes)
    assert len(message.pictures) == len(message.uploads) == 1
    assert routes(town) == ["bot"]
    assert len(town.sim.creates) == 1
    assert all(edit.status == 200 for edit in town.discord.edits)
    assert town.discord.without_mentions == []


@pytest.mark.parametrize("minutes", MINUTES)
@pytest.mark.parametrize(
    ("place", "options"),
    [(FOREIGN_SERVER, {}), (GROUP, {}), (SERVER, {"private": True}), (DIRECT, {"private": True})],
)
async def test_where_it_is_not_a_click_brings_the_late_result_to_the_same_message(
    town: Town, place: Place, options: dict[str, bool], minutes: int
) -> None:
    message = await live(town, place, minutes, **options)
    assert [button["label"] for button in message.buttons][:1] == ["Show result"]
    assert message.pictures == []
    assert (await town.generation()).is_stranded
    edits = len(town.discord.edits)
    await town.pass_time(3600)
    assert len(town.discord.edits) == edits
    token = await town.click(message, "Show result")
    await town.work()
    assert len(message.pictures) == len(message.uploads) == 1
    assert town.discord.edits[-1].token == token.text
    assert routes(town)[-1] == "token"
    assert (await town.generation()).delivered_at is not None
    assert len(town.sim.creates) == 1
    assert town.discord.overlaps == 0
    assert town.discord.without_mentions == []


async def test_button_is_there_before_minute_fourteen(town: Town) -> None:
    town.sim.inject("task-slow", seconds=3600)
    message = await town.imagine(FOREIGN_SERVER)
    await town.work()
    await town.pass_time(11.5 * 60)
    assert "Show result" not in [button["label"] for button in message.buttons]
    await town.pass_time(1.5 * 60)
    assert "Show result" in [button["label"] for button in message.buttons]
    assert "The button brings the result here" in message.text


async def test_no_button_is_needed_where_the_bot_is_a_member(town: Town) -> None:
    town.sim.inject("task-slow", seconds=3600)
    message = await town.imagine(SERVER)
    await town.work()
    await town.pass_time(16 * 60)
    assert "Show result" not in [button["label"] for button in message.buttons]


async def test_click_on_a_wish_that_goes_on_keeps_its_message_alive(town: Town) -> None:
    town.sim.inject("task-slow", seconds=1080)
    message = await town.imagine(FOREIGN_SERVER)
    await town.work()
    await town.pass_time(13 * 60)
    await town.click(message, "Show result", user_id=BOB)
    await town.work()
    assert "Show result" not in [button["label"] for button in message.buttons]
    assert (await town.generation()).status is Status.RUNNING
    await town.pass_time(1500)
    assert len(message.pictures) == 1
    assert len(town.sim.creates) == 1


async def test_private_result_without_a_click_is_in_the_list(town: Town) -> None:
    message = await live(town, SERVER, 16, private=True)
    listed = await town.ask_for_results(SERVER)
    assert listed.ephemeral
    generation = await town.generation()
    token = await town.choose(listed, generation.external_task_id)
    await town.work()
    assert len(listed.pictures) == 1
    assert message.pictures == []
    assert town.discord.edits[-1].token == token.text
    assert len(town.sim.creates) == 1
