"""The *Show result* button: a click on it opens a fresh way to its own message.

The card that has it is put up while the first way is still open, where a second is not certain.
"""

from __future__ import annotations

import re
from typing import Any, Final, Protocol, Self

import discord
from discord import ui

from cogs.ui.buttons import Act, CardButton, Row
from cogs.ui.frame import framed, heading
from cogs.ui.speech import Speech
from kirin.model import Generation

RESULTS: Final = "Results"

_COLOUR = discord.Colour.blurple()


class Brings(Protocol):
    """Who answers the button: the cog named `RESULTS`."""

    async def bring(self, interaction: discord.Interaction[Any], generation_id: str) -> None:
        """Have the result put into the message that was clicked on."""


class ShowResult(
    ui.DynamicItem[ui.Button[ui.LayoutView]], template=r"kirin:show:(?P<id>[0-9a-f]{32})"
):
    """The button of one wish; found again by its custom id alone."""

    def __init__(self, generation_id: str, *, label: str = "Show result") -> None:
        self.generation_id = generation_id
        super().__init__(
            ui.Button(
                label=label,
                emoji="🖼️",
                style=discord.ButtonStyle.primary,
                custom_id=f"kirin:show:{generation_id}",
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
        return cls(match["id"])

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Hand the press over."""
        brings: Brings = interaction.client.get_cog(RESULTS)
        await brings.bring(interaction, self.generation_id)


def offer_card(generation: Generation, say: Speech, *, with_prompt: bool = True) -> ui.LayoutView:
    """Say that the wish goes on, and that the button will bring what comes of it."""
    return framed(
        _COLOUR,
        heading(generation, say, with_prompt=with_prompt),
        say(
            "⏳ **This one takes longer.** Your wish goes on, but Discord will soon let nobody "
            "change this message by itself. The button brings the result here, as soon as there "
            "is one; {results} has it too.",
            results=f"`/{say.named('command', 'results')}`",
        ),
        Row(
            ShowResult(generation.external_task_id, label=say("Show result")),
            CardButton(Act.CANCEL, generation.external_task_id, label=say("Cancel")),
        ),
    )
