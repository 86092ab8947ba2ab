"""The buttons on the cards: they hold nothing but the wish's id, so they work after any restart."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Any, Protocol, Self

import discord
from discord import ui

from cogs.ui.speech import Speech
from kirin.model import FailureReason, Generation, Status

_ID = r"[0-9a-f]{32}"


class Act(StrEnum):
    """What a button does."""

    AGAIN = "again"
    EDIT = "edit"
    REFERENCE = "reference"
    ORIGINALS = "originals"
    DELETE = "delete"
    CANCEL = "cancel"


class Presses(Protocol):
    """Who answers the buttons: the cog named `PRESSES`."""

    async def press(
        self, interaction: discord.Interaction[Any], act: Act, generation_id: str
    ) -> None:
        """Do what a button says."""


PRESSES = "Actions"


class CardButton(
    ui.DynamicItem[ui.Button[ui.LayoutView]],
    template=rf"kirin:(?P<act>{'|'.join(Act)}):(?P<id>{_ID})",
):
    """One button of one wish; found again by its custom id alone."""

    def __init__(
        self,
        act: Act,
        generation_id: str,
        *,
        label: str | None = None,
        emoji: str | None = None,
        style: discord.ButtonStyle = discord.ButtonStyle.secondary,
    ) -> None:
        self.act = act
        self.generation_id = generation_id
        super().__init__(
            ui.Button(
                label=label or (None if emoji else act.value),
                emoji=emoji,
                style=style,
                custom_id=f"kirin:{act}:{generation_id}",
            )
        )

    @classmethod
    async def from_custom_id(
        cls,
        interaction: discord.Interaction[Any],
        item: ui.Item[Any],
        match: re.Match[str],
        /,
    ) -> Self:
        """Build the button that was pressed."""
        return cls(Act(match["act"]), match["id"])

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Hand the press over."""
        presses: Presses = interaction.client.get_cog(PRESSES)
        await presses.press(interaction, self.act, self.generation_id)


Row = ui.ActionRow[Any]


def result_row(generation: Generation, say: Speech, *, with_originals: bool) -> Row:
    """Return the buttons under pictures."""
    own = generation.external_task_id
    buttons = [
        CardButton(Act.AGAIN, own, label=say("Again"), emoji="🔁"),
        CardButton(Act.EDIT, own, label=say("Edit"), emoji="✏️"),
        CardButton(Act.REFERENCE, own, label=say("Use as reference"), emoji="🖼️"),
    ]
    if with_originals:
        buttons.append(CardButton(Act.ORIGINALS, own, label=say("Originals"), emoji="📎"))
    return Row(*buttons, _delete(generation, say))


def ended_row(generation: Generation, say: Speech) -> Row:
    """Return the buttons under a wish that ended without pictures."""
    own = generation.external_task_id
    if generation.status is Status.SUCCEEDED:  # made and paid: nothing to try again
        return Row(_delete(generation, say))
    primary = discord.ButtonStyle.primary
    edit = CardButton(Act.EDIT, own, label=say("Edit and try again"), emoji="✏️", style=primary)
    buttons = [edit, CardButton(Act.AGAIN, own, label=_again(generation, say), emoji="🔁")]
    return Row(*buttons, _delete(generation, say))


def waiting_row(generation: Generation, say: Speech) -> Row:
    """Return the buttons under a wish that waits."""
    return Row(CardButton(Act.CANCEL, generation.external_task_id, label=say("Cancel")))


def _again(generation: Generation, say: Speech) -> str:
    if generation.failure is FailureReason.UNKNOWN_OUTCOME:
        return say("Send it again on purpose")
    return say("Again") if generation.status is Status.CANCELLED else say("Try again as it is")


def _delete(generation: Generation, say: Speech) -> CardButton:
    return CardButton(Act.DELETE, generation.external_task_id, label=say("Delete"), emoji="🗑️")
