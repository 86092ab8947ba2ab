"""Every button and menu: by the owner, by another, after a restart, in a DM, without a record."""

from __future__ import annotations

import sqlite3
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum, auto
from typing import Any

import discord
import pytest
from simcord import actors
from simcord.backend import serializers
from simcord.builders import UserHandle
from simcord.enums import AppCommandType, InteractionType
from simcord.results import InteractionResult

from cogs.ui.texts import MISSING_RECORD, NO_CARD_HERE, NOT_YOURS, PICTURES_REFUSED
from tests.scenarios.world import World, card, gallery, links, message_of

FORM = {"prompt": "a blue fox", "aspect_ratio": ["1:1"], "resolution": "1k", "n": ["2"]}
ONE, TWO = "[1 picture(s)]", "[2 picture(s)]"
SHOWN_IN_A_FORM = "[form]"
GONE = "[gone]"


class Case(StrEnum):
    """Who uses a control, or what has happened before."""

    OWNER = auto()
    ANOTHER = auto()
    RESTART = auto()
    DM = auto()
    VANISHED = auto()


@dataclass(kw_only=True)
class Scene:
    """A wish of somebody, and somebody who uses what is on its card."""

    world: World
    case: Case
    owner: Any
    user: Any
    picture: bytes

    async def slash(self, who: Any, name: str, **options: Any) -> InteractionResult:
        if isinstance(who, UserHandle):
            sent: InteractionResult = await who.slash(name, **options)
        else:
            sent = await who.slash(self.world.channel, name, **options)
        return sent

    async def imagine(self, **options: Any) -> InteractionResult:
        """Send the owner's wish; the engine has taken it on."""
        sent = await self.slash(self.owner, "imagine", prompt="a red fox", **options)
        await self.world.work()
        return sent

    async def finished(self, **options: Any) -> InteractionResult:
        sent = await self.imagine(**options)
        await self.world.finish()
        return sent

    async def press(self, sent: InteractionResult, label: str) -> InteractionResult:
        answer: InteractionResult = await self.user.click(message_of(sent), label=label)
        return answer

    async def menu(self, name: str, target: discord.Message) -> InteractionResult:
        """Use a menu on a message; simcord has them for members only, so a DM is spelled out."""
        if not isinstance(self.user, UserHandle):
            used: InteractionResult = await self.user.context_menu(self.world.channel, name, target)
            return used
        backend, channel = self.world.env.backend, self.user.dm_channel
        kind = AppCommandType.MESSAGE
        root = actors._resolve_visible_command(self.user, channel.id, name, kind)
        stored = backend.get_message(channel.id, target.id)
        resolved = {str(target.id): dict(serializers.message_payload(backend, stored))}
        data = {
            "id": root["id"],
            "name": root["name"],
            "type": kind,
            "target_id": str(target.id),
            "resolved": {"messages": resolved},
        }
        return await actors._dispatch_actor_interaction(
            self.user, InteractionType.APPLICATION_COMMAND, channel, data
        )

    async def interrupt(self, *tables: str) -> None:
        """Let happen what the case is about: a restart, or the loss of the record."""
        if self.case is Case.RESTART:
            await self.world.restart()
        if self.case is Case.VANISHED:
            path = self.world.settings.database_url.removeprefix("sqlite+aiosqlite:///")
            with sqlite3.connect(path) as file:
                for table in tables or ("generations",):
                    file.execute(f"DELETE FROM {table}")  # noqa: S608 - names from this file


def seen(answer: InteractionResult, *, besides: InteractionResult | None = None) -> str:
    """Write down all that an answer shows; `besides` is the card that the control was on."""
    shown = [str(followup.components) for followup in answer.followups]
    if answer.modal is not None:
        shown.append(SHOWN_IN_A_FORM)
    own = besides.response.id if besides and besides.response else None
    if answer.response is not None and answer.response.id != own:
        shown.append(looks(answer))
    return "\n".join(shown)


def looks(sent: InteractionResult) -> str:
    """Write down what a message looks like now."""
    if sent.response is None:
        return GONE
    return "\n".join((card(sent), f"[{len(gallery(sent))} picture(s)]", *links(sent)))


async def again(scene: Scene) -> str:
    sent = await scene.finished()
    await scene.interrupt()
    answer = await scene.press(sent, "Again")
    await scene.world.finish()
    return seen(answer, besides=sent)


async def edit(scene: Scene) -> str:
    sent = await scene.finished()
    await scene.interrupt()
    return seen(await scene.press(sent, "Edit"), besides=sent)


async def edit_submitted(scene: Scene) -> str:
    sent = await scene.finished()
    return await submitted(scene, await scene.press(sent, "Edit"))


async def reference(scene: Scene) -> str:
    sent = await scene.finished()
    await scene.interrupt()
    return seen(await scene.press(sent, "Use as reference"), besides=sent)


async def reference_submitted(scene: Scene) -> str:
    sent = await scene.finished()
    return await submitted(scene, await scene.press(sent, "Use as reference"))


async def submitted(scene: Scene, shown: InteractionResult, *tables: str) -> str:
    """Send a form that was open when the interruption came."""
    assert shown.modal is not None
    await scene.interrupt(*tables)
    answer = await scene.user.submit_modal(shown, FORM)
    await scene.world.finish()
    return seen(answer)


async def originals(scene: Scene) -> str:
    sent = await scene.imagine()
    path = scene.world.settings.database_url.removeprefix("sqlite+aiosqlite:///")
    with sqlite3.connect(path) as file:
        file.execute("UPDATE generations SET upload_limit = 100000")
    await scene.world.finish()
    await scene.interrupt()
    answer = await scene.press(sent, "Originals")
    assert answer.ephemeral
    return seen(answer, besides=sent)


async def delete(scene: Scene) -> str:
    sent = await scene.finished()
    await scene.interrupt()
    answer = await scene.press(sent, "Delete")
    return "\n".join((looks(sent), seen(answer, besides=sent)))


async def cancel(scene: Scene) -> str:
    sent = await scene.imagine()
    await scene.interrupt()
    answer = await scene.press(sent, "Cancel")
    await scene.world.finish()
    return "\n".join((looks(sent), seen(answer, besides=sent)))


async def show_result(scene: Scene) -> str:
    """Press the button of a wish that has ended when no way to its message was open."""
    scene.world.sim.inject("task-slow", seconds=800)
    sent = await scene.imagine(private=scene.case is Case.DM)
    scene.world.clock.advance(730)
    await scene.world.work()
    scene.world.clock.advance(600)
    scene.world.env.inject_error("PATCH", "/channels/*/messages/*", status=403, code=50001, times=1)
    await scene.world.work()
    assert (await scene.world.generation()).is_stranded
    await scene.interrupt()
    answer = await scene.press(sent, "Show result")
    await scene.world.work()
    return "\n".join((looks(sent), seen(answer, besides=sent)))


async def picture_of(scene: Scene) -> discord.Message:
    """Let the owner post a picture."""
    files = [("photo.png", scene.picture)]
    if isinstance(scene.owner, UserHandle):
        place = scene.owner.dm_channel.id
        stored = scene.world.env.backend.store_attachments(place, files)
        return await scene.owner.send_dm("look", attachments=stored)
    posted: discord.Message = await scene.owner.send(scene.world.channel, "look", attachments=files)
    return posted


async def menu_reference(scene: Scene) -> str:
    posted = await picture_of(scene)
    return await submitted(scene, await scene.menu("Use as reference", posted), "drafts")


async def menu_details(scene: Scene) -> str:
    sent = await scene.finished()
    await scene.interrupt()
    answer = await scene.menu("Show details", message_of(sent))
    assert answer.ephemeral
    return seen(answer)


async def privacy(scene: Scene) -> str:
    """Refuse the use of one's pictures; then somebody else wants to use the owner's."""
    world = scene.world
    sent = await world.imagine()
    await world.finish()
    told = await scene.slash(scene.user, "privacy references", allowed="off")
    assert told.ephemeral
    assert "nobody else can use your pictures" in card(told)
    await scene.interrupt()
    carol = world.env.guild.add_member(world.env.create_user("carol"))
    return seen(await carol.click(message_of(sent), label="Use as reference"))


async def results(scene: Scene) -> str:
    await scene.finished()
    await scene.interrupt()
    answer = await scene.slash(scene.user, "results")
    assert answer.ephemeral
    return seen(answer)


async def results_menu(scene: Scene) -> str:
    await scene.finished(private=True)
    generation = await scene.world.generation()
    listed = await scene.slash(scene.user, "results")
    await scene.interrupt()
    answer = await scene.user.select(message_of(listed), [generation.external_task_id])
    await scene.world.work()
    return "\n".join((looks(listed), seen(answer, besides=listed)))


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What people see, and how many wishes have reached the provider then."""

    seen: tuple[str, ...]
    creates: int


def sees(*texts: str, creates: int = 1) -> Outcome:
    return Outcome(seen=texts, creates=creates)


def for_all(outcome: Outcome, vanished: Outcome, **others: Outcome) -> Mapping[Case, Outcome]:
    """Return the row of a control that is for everybody, but for the cases that are named."""
    row = dict.fromkeys(Case, outcome) | {Case.VANISHED: vanished}
    return row | {Case[name.upper()]: other for name, other in others.items()}


MISSING = sees(MISSING_RECORD)
Control = Callable[[Scene], Awaitable[str]]
MATRIX: Mapping[Control, Mapping[Case, Outcome]] = {
    again: for_all(sees(ONE, creates=2), MISSING),
    edit: for_all(sees(SHOWN_IN_A_FORM), MISSING),
    edit_submitted: for_all(sees("a blue fox", TWO, creates=2), MISSING),
    reference: for_all(sees(SHOWN_IN_A_FORM), MISSING),
    reference_submitted: for_all(sees("a blue fox", TWO, creates=2), MISSING),
    originals: for_all(sees("The untouched pictures:", "until about <t:", "http://"), MISSING),
    delete: for_all(sees(GONE), sees(ONE, MISSING_RECORD), another=sees(ONE, NOT_YOURS)),
    cancel: for_all(sees("Cancelled."), MISSING, another=sees(ONE, NOT_YOURS)),
    show_result: for_all(sees(ONE), MISSING),
    menu_reference: for_all(sees("a blue fox", TWO), sees(MISSING_RECORD, creates=0)),
    menu_details: for_all(sees("Details of this wish", "a red fox"), sees(NO_CARD_HERE)),
    privacy: for_all(sees(PICTURES_REFUSED), MISSING, another=sees(SHOWN_IN_A_FORM)),
    results: for_all(
        sees("a red fox", "https://discord.com/channels/"),
        sees("There is nothing yet"),
        another=sees("There is nothing yet"),
    ),
    results_menu: for_all(sees(ONE), MISSING),
}
IMPOSSIBLE: Mapping[tuple[Control, Case], str] = {
    (results_menu, Case.ANOTHER): "the list is private: nobody else can see its menu",
}


def cells() -> list[Any]:
    return [
        pytest.param(control, case, id=f"{control.__name__}-{case}")
        for control in MATRIX
        for case in Case
        if (control, case) not in IMPOSSIBLE
    ]


@pytest.mark.parametrize(("control", "case"), cells())
async def test_control_does_what_it_should(
    world: World, picture: bytes, control: Control, case: Case
) -> None:
    owner: Any = world.env.create_user("dora") if case is Case.DM else world.alice
    if control is privacy and case is Case.DM:  # the picture is in a server, the decision is not
        owner = UserHandle(world.env, world.env.backend.get_user(world.alice.id))
    bob = world.env.guild.add_member(world.env.create_user("bob"))
    user = bob if case is Case.ANOTHER else owner
    scene = Scene(world=world, case=case, owner=owner, user=user, picture=picture)
    shown = await control(scene)
    expected = MATRIX[control][case]
    assert [text for text in expected.seen if text not in shown] == [], shown
    assert len(world.sim.creates) == expected.creates
