"""Cards with little on them: for uploads that are not complete, and where Discord dislikes more."""

from __future__ import annotations

from collections.abc import Sequence

import discord
from discord import ui

from cogs.ui.cards import picture_name
from cogs.ui.frame import framed
from cogs.ui.speech import Speech
from kirin.images import Picture
from kirin.model import Generation, Status

_COLOUR = discord.Colour.light_grey()


def partial_card(
    generation: Generation, pictures: Sequence[Picture], total: int, say: Speech
) -> ui.LayoutView:
    """Show the pictures that are there while the others are on their way."""
    return framed(
        _COLOUR,
        say(
            "🖼️ **{shown} of {total}** pictures are here; the others follow.",
            shown=say.number(len(pictures)),
            total=say.number(total),
        ),
        _gallery(generation, pictures, say),
    )


def plain_card(generation: Generation, pictures: Sequence[Picture], say: Speech) -> ui.LayoutView:
    """Show how a wish stands without anything that Discord could mind: pictures, and its number."""
    number = say("-# Number of this wish: {number}", number=generation.external_task_id)
    gallery = (_gallery(generation, pictures, say),) if pictures else ()
    return framed(_COLOUR, _headline(generation, pictures, say), *gallery, number)


def _headline(generation: Generation, pictures: Sequence[Picture], say: Speech) -> str:
    match generation.status:
        case Status.SUCCEEDED if pictures:
            return say("**Your wish is ready.**")
        case Status.SUCCEEDED:
            return say("**Your wish is ready**, but its pictures cannot be shown here.")
        case status if status.is_terminal:
            return say("**Your wish has ended without a picture.**")
        case _:
            return say("**Your wish is being worked on.**")


def _gallery(
    generation: Generation, pictures: Sequence[Picture], say: Speech
) -> ui.MediaGallery[ui.LayoutView]:
    return ui.MediaGallery[ui.LayoutView](
        *(
            discord.MediaGalleryItem(
                f"attachment://{picture_name(generation, picture)}",
                description=say("Picture {number}", number=picture.number),
                spoiler=generation.placement.spoiler,
            )
            for picture in pictures
        )
    )
