"""Wishes that a server or the operator does not want: declined before anything is sent or spent."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from simcord.results import InteractionResult

from kirin.budgets import Budget, Period, Scope, Unit
from kirin.store import Ban, BanStore, BudgetStore, Database, ServerStore
from tests.scenarios.world import World, card, message_of

TWO_A_DAY = pytest.mark.parametrize("changes", [{"OPERATOR_BUDGETS": "2 pictures/day"}])
FORM = {
    "prompt": "a blue fox",
    "negative_prompt": "",
    "aspect_ratio": ["1:1"],
    "resolution": "1k",
    "n": ["3"],
}
ADMIN = 9


def refusal(answer: InteractionResult) -> str:
    """Return what a declined person alone has been told, having seen that nobody sees else."""
    if answer.followups:
        (told,) = answer.followups
        assert told.ephemeral
        assert answer.response is None
        return str(told.components)
    assert answer.ephemeral
    return card(answer)


async def nothing_new(world: World, *, creates: int) -> None:
    """Make sure that no wish is stored or sent beyond these."""
    await world.finish()
    assert len(world.sim.creates) == creates
    assert await world.sql("SELECT count(*) FROM generations") == [(creates,)]
    assert await world.sql("SELECT count(*) FROM ledger") == [(creates,)]


def database(world: World) -> Database:
    return world.app.store._database


async def set_up(world: World, **settings: Any) -> None:
    guild = world.env.guild.id
    await ServerStore(database(world)).change(guild, by=ADMIN, now=world.now(), **settings)


@TWO_A_DAY
async def test_what_would_pass_the_operators_limit_is_declined_to_its_author_alone(
    world: World,
) -> None:
    await world.imagine()
    await world.imagine()
    declined = await world.imagine("one fox more")
    told = refusal(declined)
    assert "A limit of those who run this bot would be passed" in told
    assert "0 pictures of 2 pictures left, and this wish takes 1 picture." in told
    assert f"It begins anew <t:{round(midnight(world).timestamp())}:R>." in told
    assert "**Charged:** nothing. Nothing was sent." in told
    assert "one fox more" in told
    await nothing_new(world, creates=2)


@TWO_A_DAY
async def test_the_limit_begins_anew_at_midnight(world: World) -> None:
    await world.imagine(n=2)
    refusal(await world.imagine())
    await world.work()
    world.clock.advance((midnight(world) - world.now()).total_seconds())
    await world.imagine()
    await nothing_new(world, creates=2)


@TWO_A_DAY
async def test_a_failed_wish_leaves_the_limit_whole(world: World) -> None:
    world.sim.inject("task-risk-control")
    await world.imagine(n=2)
    refusal(await world.imagine())
    await world.finish()
    await world.imagine(n=2)
    refusal(await world.imagine())
    await nothing_new(world, creates=2)


@TWO_A_DAY
async def test_a_cancelled_wish_that_was_not_sent_leaves_the_limit_whole(world: World) -> None:
    world.sim.inject("create-429-1303", count=50)
    sent = await world.imagine(n=2)
    await world.work()
    await world.pass_time(2)
    await world.alice.click(message_of(sent), label="Cancel")
    await world.work()
    assert "Cancelled" in card(sent)
    await world.imagine(n=2)


@TWO_A_DAY
async def test_a_restart_forgets_nothing_of_the_limit(world: World) -> None:
    await world.imagine(n=2)
    await world.work()
    await world.restart()
    refusal(await world.imagine())
    await nothing_new(world, creates=1)


@TWO_A_DAY
async def test_the_limit_holds_for_the_button_and_for_the_form(world: World) -> None:
    first = await world.imagine(n=2)
    await world.finish()
    assert "would be passed" in refusal(await world.alice.click(message_of(first), label="Again"))
    shown = await world.alice.click(message_of(first), label="Edit")
    told = refusal(await world.alice.submit_modal(shown, FORM))
    assert "this wish takes 3 pictures" in told
    assert "a blue fox" in told
    await nothing_new(world, creates=1)


@TWO_A_DAY
async def test_a_private_wish_is_declined_in_its_own_message(world: World) -> None:
    declined = await world.imagine(n=3, private=True)
    assert "would be passed" in refusal(declined)
    assert declined.followups == []
    await nothing_new(world, creates=0)


@TWO_A_DAY
async def test_the_limit_holds_in_direct_messages(world: World) -> None:
    user = world.env.create_user("carol")
    declined = await user.slash("imagine", prompt="a fox", n=3)
    assert "would be passed" in card(declined)
    assert declined.followups == []
    await user.slash("imagine", prompt="a fox", n=2)
    refusal(await world.imagine())
    await nothing_new(world, creates=1)


@TWO_A_DAY
async def test_long_words_come_back_in_a_file(world: World) -> None:
    declined = await world.imagine("f" * 2500, negative_prompt="d" * 2500, n=3)
    (told,) = declined.followups
    (file,) = told.attachments
    assert "f" * 2500 in (await file.read()).decode()


@pytest.mark.parametrize("changes", [{"OPERATOR_BUDGETS": "0.06 USD/month"}])
async def test_money_is_counted_as_the_provider_takes_it(world: World) -> None:
    await world.imagine(n=2)
    await world.finish()
    assert "$0.004 of $0.06 left, and this wish takes $0.028." in refusal(await world.imagine())


async def test_a_servers_budget_is_named_as_such(world: World) -> None:
    budget = Budget(scope=Scope.SERVER, period=Period.DAY, unit=Unit.PICTURES, amount=Decimal(1))
    await BudgetStore(database(world)).set(world.env.guild.id, budget)
    await world.imagine()
    assert "The budget of this server would be passed" in refusal(await world.imagine())
    user = world.env.create_user("carol")
    await user.slash("imagine", prompt="elsewhere all is well")
    await nothing_new(world, creates=2)


async def test_a_budget_of_a_role_is_shared_by_those_who_have_it(world: World) -> None:
    guild = world.env.guild
    role = guild.create_role("painters")
    bob, carol = (guild.add_member(world.env.create_user(n), roles=[role]) for n in ("b", "c"))
    budget = Budget(
        scope=Scope.ROLE,
        target_id=role.id,
        period=Period.DAY,
        unit=Unit.PICTURES,
        amount=Decimal(1),
    )
    await BudgetStore(database(world)).set(guild.id, budget)
    await bob.slash(world.channel, "imagine", prompt="a fox")
    declined = await carol.slash(world.channel, "imagine", prompt="a fox")
    assert f"The budget of <@&{role.id}> would be passed" in refusal(declined)
    await world.imagine()
    await nothing_new(world, creates=2)


async def test_a_forbidden_channel_makes_no_pictures(world: World) -> None:
    await set_up(world, forbidden_channels=(world.channel.id,))
    assert "does not make pictures in this channel" in refusal(await world.imagine())
    await nothing_new(world, creates=0)


async def test_where_pictures_are_made_is_named(world: World) -> None:
    other = world.env.guild.create_text_channel("studio")
    await set_up(world, allowed_channels=(other.id,))
    assert f"in certain channels only: <#{other.id}>." in refusal(await world.imagine())
    await world.alice.slash(other, "imagine", prompt="a fox")
    await nothing_new(world, creates=1)


async def test_a_thread_counts_as_its_channel(world: World) -> None:
    world.env.backend.create_thread(world.channel.id, "sketches", owner_id=world.alice.id)
    (thread,) = world.channel.threads
    budget = Budget(
        scope=Scope.CHANNEL,
        target_id=world.channel.id,
        period=Period.DAY,
        unit=Unit.PICTURES,
        amount=Decimal(2),
    )
    await BudgetStore(database(world)).set(world.env.guild.id, budget)
    await world.alice.slash(thread, "imagine", prompt="a fox")
    await world.imagine()
    declined = await world.alice.slash(thread, "imagine", prompt="a fox")
    assert f"The budget of <#{world.channel.id}> would be passed" in refusal(declined)
    await set_up(world, forbidden_channels=(world.channel.id,))
    declined = await world.alice.slash(thread, "imagine", prompt="a fox")
    assert "does not make pictures in this channel" in refusal(declined)
    await nothing_new(world, creates=2)


async def test_a_forbidden_role_makes_no_pictures(world: World) -> None:
    role = world.env.guild.create_role("muted")
    bob = world.env.guild.add_member(world.env.create_user("bob"), roles=[role])
    await set_up(world, forbidden_roles=(role.id,))
    declined = await bob.slash(world.channel, "imagine", prompt="a fox")
    assert "Your roles may not make pictures in this server." in refusal(declined)
    await world.imagine()
    await nothing_new(world, creates=1)


async def test_roles_that_make_pictures_are_named(world: World) -> None:
    role = world.env.guild.create_role("painters")
    bob = world.env.guild.add_member(world.env.create_user("bob"), roles=[role])
    await set_up(world, allowed_roles=(role.id,))
    assert f"Only certain roles may make pictures in this server: <@&{role.id}>." in refusal(
        await world.imagine()
    )
    await bob.slash(world.channel, "imagine", prompt="a fox")
    await nothing_new(world, creates=1)


async def test_more_pictures_than_a_server_allows_are_declined(world: World) -> None:
    await set_up(world, most_pictures=1)
    told = refusal(await world.imagine(n=2))
    assert "This server allows at most 1 picture in one wish, and you asked for 2." in told
    await nothing_new(world, creates=0)


async def test_a_blocked_word_is_named_as_it_was_written(world: World) -> None:
    await set_up(world, blocked_words=("foxes",))
    assert "does not allow “F0XES” in a wish" in refusal(await world.imagine("red F0XES"))
    await world.imagine("a red fox", negative_prompt="foxes")
    await nothing_new(world, creates=1)


async def test_a_ban_is_told_with_its_reason_and_end(world: World) -> None:
    until = world.now().replace(microsecond=0) + timedelta(hours=1)
    ban = Ban(
        guild_id=world.env.guild.id,
        user_id=world.alice.id,
        reason="too many *foxes*",
        until=until,
        banned_at=world.now(),
        banned_by=ADMIN,
    )
    await BanStore(database(world)).put(ban)
    told = refusal(await world.imagine())
    assert "You may not make pictures in this server." in told
    assert f"That ends <t:{round(until.timestamp())}:R>." in told
    assert "The reason: too many" in told
    await BanStore(database(world)).put(replace(ban, until=world.now()))
    await world.imagine()
    await nothing_new(world, creates=1)


async def test_only_so_many_wishes_of_a_person_may_be_under_way(world: World) -> None:
    await set_up(world, most_open_per_person=1)
    await world.imagine()
    assert "as many wishes under way as this server allows at once: 1." in refusal(
        await world.imagine()
    )
    await world.finish()
    await world.imagine()
    await nothing_new(world, creates=2)


def midnight(world: World) -> datetime:
    return world.now().replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
