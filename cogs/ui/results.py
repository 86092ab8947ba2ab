"""The list of a person's own results, and the menu that brings one of them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final, Protocol, Self

import discord
from discord import ui

from cogs.ui.display import inline, plain
from cogs.ui.frame import framed
from cogs.ui.offer import RESULTS
from cogs.ui.speech import Speech
from kirin.model import Generation, Status

MOST_TO_CHOOSE: Final = 10
MOST_LINKS: Final = 10

_COLOUR = discord.Colour.blurple()
_CUSTOM_ID = "kirin:results"
_LONGEST_LABEL = 100
_PROMPT_SHOWN = 80


class Picks(Protocol):
    """Who answers the menu: the cog named `RESULTS`."""

    async def pick(self, interaction: discord.Interaction[Any], generation_id: str) -> None:
        """Have the result put in place of the list."""


class PickResult(ui.DynamicItem[ui.Select[ui.LayoutView]], template=_CUSTOM_ID):
    """The menu of results; its values are the numbers of wishes."""

    def __init__(
        self, options: Sequence[discord.SelectOption] = (), *, placeholder: str | None = None
    ) -> None:
        super().__init__(
            ui.Select(custom_id=_CUSTOM_ID, options=list(options), placeholder=placeholder)
        )

    @classmethod
    async def from_custom_id(
        cls,
        interaction: discord.Interaction[Any],
        item: ui.Item[Any],
        match: re.Match[str],
        /,
    ) -> Self:
        """Build the menu that was used."""
        return cls()

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        """Hand the choice over."""
        picks: Picks = interaction.client.get_cog(RESULTS)
        await picks.pick(interaction, self.item.values[0])


def results_card(ended: Sequence[Generation], say: Speech) -> ui.LayoutView:
    """Show what can be brought here, and where the rest has been shown."""
    waiting = [wish for wish in ended if _can_be_brought(wish)][:MOST_TO_CHOOSE]
    shown = [wish for wish in ended if wish.delivered_at and wish.placement.message_url]
    parts: list[str | ui.Item[ui.LayoutView]] = [say("### Your results")]
    if waiting:
        parts += [
            say("These could not be shown, or only you could see them:"),
            ui.ActionRow[Any](
                PickResult(
                    [_option(wish, say) for wish in waiting],
                    placeholder=say("Choose one to see it here"),
                )
            ),
        ]
    if shown:
        lines = [_line(wish, say) for wish in shown[:MOST_LINKS]]
        parts.append("\n".join([say("Shown where they were asked for:"), *lines]))
    if len(parts) == 1:
        parts.append(say("There is nothing yet. `/imagine` makes your first picture."))
    return framed(_COLOUR, *parts)


def _can_be_brought(generation: Generation) -> bool:
    if generation.status is Status.CANCELLED:
        return False
    was_private = generation.delivered_at is not None and generation.placement.ephemeral
    return generation.is_stranded or was_private


def _option(generation: Generation, say: Speech) -> discord.SelectOption:
    words = plain(generation.request.prompt, _LONGEST_LABEL) or say("Your wish")
    made = len(generation.output)
    outcome = (
        say.count("{number} picture", "{number} pictures", made)
        if generation.status is Status.SUCCEEDED
        else say("ended without a picture")
    )
    return discord.SelectOption(label=words, value=generation.external_task_id, description=outcome)


def _line(generation: Generation, say: Speech) -> str:
    words = inline(generation.request.prompt, _PROMPT_SHOWN) or say("Your wish")
    when = discord.utils.format_dt(generation.created_at, "R")
    return f"- {when} [{words}]({generation.placement.message_url})"
