"""What the buttons and menus do in detail; the matrix has who may use them, and when."""

from __future__ import annotations

import base64
from typing import Any

import discord
import pytest
from simcord.results import InteractionResult

from cogs.ui.texts import PICTURES_REFUSED
from kirin.model import Status
from tests.scenarios.world import World, card, gallery, links, message_of

FORM = {
    "prompt": "a blue fox",
    "negative_prompt": "dogs",
    "aspect_ratio": ["1:1"],
    "resolution": "2k",
    "n": ["2"],
}


async def finished(world: World, prompt: str = "a red fox", **options: Any) -> InteractionResult:
    sent = await world.imagine(prompt, **options)
    await world.finish()
    return sent


async def press(
    world: World, sent: InteractionResult, label: str, by: Any = None
) -> InteractionResult:
    return await (by or world.alice).click(message_of(sent), label=label)


async def address_of(world: World, sent: InteractionResult) -> str:
    generation = await world.app.store.of_message(message_of(sent).id)
    assert generation is not None
    assert generation.placement.message_url is not None
    return generation.placement.message_url


@pytest.fixture
def bob(world: World) -> Any:
    guild = world.env.guild
    return guild.add_member(world.env.create_user("bob"))


async def test_again_makes_the_same_wish_in_a_new_message(world: World) -> None:
    first = await finished(world, aspect_ratio="1:1", n=2)
    second = await press(world, first, "Again")
    await world.finish()
    one, two = world.sim.creates
    assert message_of(second).id != message_of(first).id
    assert {**one.params, "external_task_id": ""} == {**two.params, "external_task_id": ""}
    assert len(gallery(second)) == 2
    assert len(gallery(first)) == 2
    assert await address_of(world, first) in card(second)


async def test_again_keeps_privacy_and_spoiler(world: World) -> None:
    first = await finished(world, private=True, spoiler=True)
    second = await press(world, first, "Again")
    await world.finish()
    assert second.ephemeral
    assert gallery(second)[0].spoiler


async def test_again_sends_the_stored_reference_picture(world: World, picture: bytes) -> None:
    first = await finished(world, image=("a.png", picture))
    await press(world, first, "Again")
    await world.finish()
    one, two = world.sim.creates
    assert one.params["image"] == two.params["image"]


async def test_edit_opens_the_wish_as_it_was(world: World) -> None:
    first = await finished(world, negative_prompt="cats", aspect_ratio="3:2", n=2)
    shown = await press(world, first, "Edit")
    assert shown.modal is not None
    inputs = {
        part["component"]["custom_id"]: part["component"] for part in shown.modal["components"]
    }
    assert inputs["prompt"]["value"] == "a red fox"
    assert inputs["negative_prompt"]["value"] == "cats"
    chosen = {
        name: next(option["value"] for option in inputs[name]["options"] if option.get("default"))
        for name in ("aspect_ratio", "resolution", "n")
    }
    assert chosen == {"aspect_ratio": "3:2", "resolution": "1k", "n": "2"}


async def test_edited_wish_becomes_a_new_one_with_a_link_to_the_old(world: World) -> None:
    first = await finished(world)
    shown = await press(world, first, "Edit")
    second = await world.alice.submit_modal(shown, FORM)
    await world.finish()
    params = world.sim.creates[-1].params
    assert params["prompt"] == "a blue fox"
    assert params["negative_prompt"] == "dogs"
    assert (params["aspect_ratio"], params["resolution"], params["n"]) == ("1:1", "2k", 2)
    assert len(gallery(second)) == 2
    assert await address_of(world, first) in card(second)


async def test_edit_of_a_failed_wish_tries_again(world: World) -> None:
    world.sim.inject("task-risk-control")
    first = await finished(world, "a rude fox")
    shown = await press(world, first, "Edit and try again")
    second = await world.alice.submit_modal(shown, FORM)
    await world.finish()
    assert len(gallery(second)) == 2


async def test_edit_that_breaks_a_rule_is_refused_in_words(world: World, picture: bytes) -> None:
    first = await finished(world, image=("a.png", picture))
    shown = await press(world, first, "Edit")
    second = await world.alice.submit_modal(shown, FORM)
    assert "A negative prompt cannot go together with a reference picture." in card(second)
    assert "a blue fox" in card(second)


async def test_negative_prompt_of_spaces_counts_as_none(world: World, picture: bytes) -> None:
    first = await finished(world, negative_prompt="  ", image=("a.png", picture))
    shown = await press(world, first, "Edit")
    second = await world.alice.submit_modal(shown, FORM | {"negative_prompt": " \n "})
    await world.finish()
    assert [len(gallery(sent)) for sent in (first, second)] == [1, 2]
    assert all("negative_prompt" not in create.params for create in world.sim.creates)


async def test_unknown_outcome_can_be_sent_again_on_purpose(world: World) -> None:
    world.sim.inject("create-drop-before")
    first = await finished(world)
    second = await press(world, first, "Send it again on purpose")
    await world.finish()
    assert len(gallery(second)) == 1


async def test_own_picture_becomes_the_reference_of_a_new_one(world: World) -> None:
    first = await finished(world, n=2)
    shown = await press(world, first, "Use as reference")
    answers = {name: value for name, value in FORM.items() if name != "negative_prompt"}
    second = await world.alice.submit_modal(shown, answers | {"picture": ["1"]})
    await world.finish()
    sent = base64.b64decode(world.sim.creates[-1].params["image"])
    assert sent == await message_of(first).attachments[1].read()
    assert len(gallery(second)) == 2


async def test_reference_falls_back_on_the_message_when_the_provider_has_forgotten(
    world: World,
) -> None:
    first = await finished(world)
    shown = await press(world, first, "Use as reference")
    world.sim.inject("download-404")
    answers = {name: value for name, value in FORM.items() if name != "negative_prompt"}
    await world.alice.submit_modal(shown, answers)
    await world.finish()
    sent = base64.b64decode(world.sim.creates[-1].params["image"])
    assert sent == await message_of(first).attachments[0].read()


async def test_people_can_refuse_the_use_of_their_pictures(world: World, bob: Any) -> None:
    first = await finished(world)
    await world.alice.slash(world.channel, "privacy references", allowed="off")
    refused = await press(world, first, "Use as reference", by=bob)
    assert refused.modal is None
    assert refused.ephemeral
    assert card(refused) == PICTURES_REFUSED
    assert (await press(world, first, "Use as reference")).modal is not None
    await world.alice.slash(world.channel, "privacy references", allowed="on")
    assert (await press(world, first, "Use as reference", by=bob)).modal is not None


async def test_member_who_may_manage_messages_deletes_for_others(world: World) -> None:
    guild = world.env.guild
    role = guild.create_role("Mods", permissions=discord.Permissions(manage_messages=True))
    mod = guild.add_member(world.env.create_user("mod"), roles=[role])
    first = await finished(world)
    await press(world, first, "Delete", by=mod)
    assert first.response is None


async def test_queued_wish_is_cancelled_unpaid(world: World) -> None:
    world.sim.inject("create-429-1303", count=None)
    sent = await world.imagine()
    await world.work()
    await press(world, sent, "Cancel")
    await world.finish()
    assert "**Charged:** nothing." in card(sent)
    assert sum(world.sim.effects.values()) == 0
    assert (await world.generation()).status is Status.CANCELLED


async def test_running_wish_is_cancelled_with_an_honest_word(world: World) -> None:
    sent = await world.imagine()
    await world.work()
    await press(world, sent, "Cancel")
    await world.finish()
    assert "Cancelled." in card(sent)
    assert "**Charged:** perhaps." in card(sent)
    assert gallery(sent) == []


async def test_cancelled_wish_can_be_sent_after_all(world: World) -> None:
    sent = await world.imagine()
    await world.work()
    await press(world, sent, "Cancel")
    await world.work()
    again = await press(world, sent, "Again")
    await world.finish()
    assert len(gallery(again)) == 1


async def test_menu_makes_a_reference_of_any_attached_picture(
    world: World, bob: Any, picture: bytes
) -> None:
    posted = await bob.send(world.channel, "look", attachments=[("photo.png", picture)])
    shown = await world.alice.context_menu(world.channel, "Use as reference", posted)
    answers = {name: value for name, value in FORM.items() if name != "negative_prompt"}
    sent = await world.alice.submit_modal(shown, answers)
    await world.finish()
    assert base64.b64decode(world.sim.creates[-1].params["image"]) == picture
    assert len(gallery(sent)) == 2


async def test_menu_checks_the_picture_like_any_other(world: World, small_picture: bytes) -> None:
    posted = await world.alice.send(world.channel, attachments=[("photo.png", small_picture)])
    shown = await world.alice.context_menu(world.channel, "Use as reference", posted)
    answers = {name: value for name, value in FORM.items() if name != "negative_prompt"}
    sent = await world.alice.submit_modal(shown, answers)
    assert "both sides must be at least 300 px" in card(sent)
    assert list(world.sim.creates) == []


async def test_menu_respects_a_refusal(world: World, bob: Any, picture: bytes) -> None:
    await bob.slash(world.channel, "privacy references", allowed="off")
    posted = await bob.send(world.channel, attachments=[("photo.png", picture)])
    refused = await world.alice.context_menu(world.channel, "Use as reference", posted)
    assert refused.modal is None
    assert card(refused) == PICTURES_REFUSED
    assert (await bob.context_menu(world.channel, "Use as reference", posted)).modal is not None


async def test_menu_on_a_message_without_a_picture_says_so(world: World) -> None:
    posted = await world.alice.send(world.channel, "just words")
    answer = await world.alice.context_menu(world.channel, "Use as reference", posted)
    assert answer.ephemeral
    assert "There is no picture attached to that message." in card(answer)


async def test_details_show_everything_to_the_asker_alone(world: World, bob: Any) -> None:
    first = await finished(world, negative_prompt="no cats", n=2)
    answer = await bob.context_menu(world.channel, "Show details", message_of(first))
    assert answer.ephemeral
    shown = card(answer)
    generation = await world.generation()
    for part in ("a red fox", "no cats", "$0.056", generation.external_task_id):
        assert part in shown
    assert generation.task_id
    assert generation.task_id in shown


async def test_details_of_another_message_are_not_known(world: World) -> None:
    posted = await world.alice.send(world.channel, "just words")
    answer = await world.alice.context_menu(world.channel, "Show details", posted)
    assert "none of this bot's cards" in card(answer)


async def test_refusal_also_holds_for_wishes_that_a_picture_was_given_to(
    world: World, bob: Any, picture: bytes
) -> None:
    first = await finished(world, image=("a.png", picture))
    shown = await press(world, first, "Edit", by=bob)
    await world.alice.slash(world.channel, "privacy references", allowed="off")
    refusals = [
        await press(world, first, "Again", by=bob),
        await bob.submit_modal(shown, FORM | {"negative_prompt": ""}),
    ]
    assert [card(answer) for answer in refusals] == [PICTURES_REFUSED] * 2
    assert (await press(world, first, "Edit", by=bob)).modal is None
    await press(world, first, "Again")
    await world.finish()
    assert len(world.sim.creates) == 2


async def test_old_private_wish_can_still_be_cancelled_and_says_so(world: World) -> None:
    world.sim.inject("task-never-ends")
    sent = await world.imagine(private=True)
    await world.work()
    await world.pass_time(1000)
    await press(world, sent, "Cancel")
    await world.work()
    assert "Cancelled." in card(sent)


async def test_missing_picture_can_be_had_as_an_original(world: World) -> None:
    world.sim.inject("download-404")
    first = await finished(world, n=2)
    answer = await press(world, first, "Originals")
    generation = await world.generation()
    assert links(answer) == [image.url for image in generation.output]


async def test_menu_on_a_card_links_the_new_wish_to_it(world: World) -> None:
    first = await finished(world)
    shown = await world.alice.context_menu(world.channel, "Use as reference", message_of(first))
    answers = {name: value for name, value in FORM.items() if name != "negative_prompt"}
    second = await world.alice.submit_modal(shown, answers)
    await world.finish()
    assert await address_of(world, first) in card(second)
