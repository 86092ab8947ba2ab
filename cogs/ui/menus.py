"""Menus on messages."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

import discord
from discord import app_commands

MessageHandler = Callable[[discord.Interaction[Any], discord.Message], Coroutine[Any, Any, None]]


def message_menu(name: str, callback: MessageHandler) -> app_commands.ContextMenu:
    """Make an entry in the menu of every message, wherever the bot can be used."""
    return app_commands.ContextMenu(
        name=name,
        callback=callback,
        allowed_contexts=app_commands.AppCommandContext(
            guild=True, dm_channel=True, private_channel=True
        ),
        allowed_installs=app_commands.AppInstallationType(guild=True, user=True),
    )
