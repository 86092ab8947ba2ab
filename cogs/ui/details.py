"""Everything about one wish, for people who want to know."""

from __future__ import annotations

from datetime import datetime

import discord
from discord import ui

from cogs.ui.choices import ratio_name, resolution_name
from cogs.ui.display import inline, plain
from cogs.ui.frame import framed
from cogs.ui.speech import Speech
from kirin.model import Generation, LinkedImage

_WORDS_SHOWN = 700
_LINK_SHOWN = 200
_COLOUR = discord.Colour.blurple()


def details_card(generation: Generation, say: Speech) -> ui.LayoutView:
    """Show all parameters, ids, times and the cost."""
    return framed(
        _COLOUR,
        say("### Details of this wish"),
        _lines(_words(generation, say), say),
        _lines(_parameters(generation, say), say),
        _lines(_life(generation, say), say),
    )


def _words(generation: Generation, say: Speech) -> list[tuple[str, str | None]]:
    request = generation.request
    return [
        (say("Prompt"), inline(request.prompt, _WORDS_SHOWN)),
        (say("Negative prompt"), inline(request.negative_prompt or "", _WORDS_SHOWN)),
    ]


def _parameters(generation: Generation, say: Speech) -> list[tuple[str, str | None]]:
    request = generation.request
    reference = request.reference
    linked = isinstance(reference, LinkedImage)
    return [
        (say("Shape"), ratio_name(request.aspect_ratio, say)),
        (say("Size"), resolution_name(request.resolution, say)),
        (say("How many pictures"), say.number(request.n)),
        (say("Reference picture"), say("attached") if reference and not linked else None),
        (
            say("Reference link"),
            inline(reference.url, _LINK_SHOWN) if isinstance(reference, LinkedImage) else None,
        ),
        (say("Subjects"), ", ".join(map(str, request.element_ids))),
        (say("Watermark"), say("yes") if request.watermark else None),
    ]


def _life(generation: Generation, say: Speech) -> list[tuple[str, str | None]]:
    cost, discount = generation.cost, generation.discount
    return [
        (say("Asked for"), _moment(generation.created_at)),
        (say("Sent"), _moment(generation.submitted_at)),
        (say("Ended"), _moment(generation.finished_at)),
        (say("Cost"), say.money(cost) if cost is not None else None),
        (say("Discount"), say.number(float(discount)) if discount is not None else None),
        (say("Made from"), generation.parent_url),
        (say("Number of this wish"), f"`{generation.external_task_id}`"),
        (say("Number at the provider"), _code(generation.task_id)),
    ]


def _lines(facts: list[tuple[str, str | None]], say: Speech) -> str:
    return "\n".join(
        say("**{name}:** {value}", name=name, value=value) for name, value in facts if value
    )


def _moment(moment: datetime | None) -> str | None:
    return discord.utils.format_dt(moment, "f") if moment else None


def _code(text: str | None) -> str | None:
    """Show an id; inside a code block nothing but the mark of its end has an effect."""
    return f"`{plain(text, _LINK_SHOWN).replace('`', 'ˋ')}`" if text else None
