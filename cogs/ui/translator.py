"""The command picker in everyone's language."""

from __future__ import annotations

from typing import Any, Final

import discord
from discord import app_commands
from discord.app_commands import TranslationContextLocation as Location

from cogs.ui.speech import LANGUAGES, speech


def name_(context: str, text: str) -> tuple[str, str]:
    """Mark the name of a command or option; it is translated by what it names."""
    return context, text


NAMES: Final = (
    name_("command", "imagine"),
    name_("command", "results"),
    name_("menu", "Use as reference"),
    name_("menu", "Show details"),
    name_("option", "prompt"),
    name_("option", "negative_prompt"),
    name_("option", "image"),
    name_("option", "image_url"),
    name_("option", "aspect_ratio"),
    name_("option", "resolution"),
    name_("option", "n"),
    name_("option", "watermark"),
    name_("option", "subject"),
    name_("option", "subject2"),
    name_("option", "subject3"),
    name_("option", "private"),
    name_("option", "spoiler"),
    name_("option", "allowed"),
)
"""Every name that Discord shows in its command picker, but those of groups and what is in them."""


class Translator(app_commands.Translator):
    """Gives Discord the names and descriptions of commands from the catalogs."""

    async def translate(
        self,
        string: app_commands.locale_str,
        locale: discord.Locale,
        context: app_commands.TranslationContextTypes,
    ) -> str | None:
        """Translate one string, or return `None` where there is no other word for it."""
        if locale.value not in LANGUAGES:
            return None
        if _is_in_a_group(context):
            return None  # with another name, clients may not find the subcommands
        say = speech(locale.value)
        kind = _kind(context)
        translated = say.named(kind, string.message) if kind else say.text(string.message)
        return None if translated == string.message else translated


def _is_in_a_group(context: app_commands.TranslationContext[Any, Any]) -> bool:
    if context.location is Location.group_name:
        return True
    return context.location is Location.command_name and bool(getattr(context.data, "parent", None))


def _kind(context: app_commands.TranslationContext[Any, Any]) -> str | None:
    match context.location:
        case Location.command_name if isinstance(context.data, app_commands.ContextMenu):
            return "menu"
        case Location.command_name:
            return "command"
        case Location.parameter_name:
            return "option"
        case _:
            return None
