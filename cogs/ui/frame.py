"""What every card has in common: a coloured frame, and the wish that it is about."""

from __future__ import annotations

import discord
from discord import ui

from cogs.ui.display import inline
from cogs.ui.speech import Speech
from kirin.model import Generation, GenerationRequest

_PROMPT_SHOWN = 300


def framed(colour: discord.Colour, *parts: str | ui.Item[ui.LayoutView]) -> ui.LayoutView:
    """Build a fresh view for one send; texts are its paragraphs."""
    view = ui.LayoutView(timeout=None)
    items = [
        ui.TextDisplay[ui.LayoutView](part) if isinstance(part, str) else part for part in parts
    ]
    view.add_item(ui.Container(*items, accent_colour=colour))
    return view


def heading(generation: Generation, say: Speech, *, with_prompt: bool) -> str:
    """Name the wish by its words, or without them where they are not wanted."""
    words = quoted(generation.request) if with_prompt else say("Your wish")
    return f"**{words}**"


def quoted(request: GenerationRequest) -> str:
    """Return the beginning of a prompt, in quotation marks and without any effect."""
    return f"“{inline(request.prompt, _PROMPT_SHOWN)}”"
