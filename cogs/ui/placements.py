"""Reading out of an interaction where its answer goes."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

import discord

from kirin.model import Placement
from kirin.model.asker import Asker
from kirin.model.placement import TOKEN_LIFETIME

Interaction = discord.Interaction[discord.Client]


async def defer(
    interaction: Interaction, *, private: bool, spoiler: bool, now: datetime
) -> Placement:
    """Acknowledge a command, and return where its answer goes.

    Nothing may come before this in a handler: Discord waits three seconds. Whether the answer
    really is private is for Discord to say.
    """
    answer = await interaction.response.defer(ephemeral=private, thinking=True)
    message_id = answer.message_id if answer else None
    ephemeral = answer.is_ephemeral() if answer else private
    if message_id is None:
        message_id = (await interaction.original_response()).id
    return Placement(
        application_id=interaction.application_id,
        interaction_id=interaction.id,
        token=interaction.token,
        token_expires_at=now + TOKEN_LIFETIME,
        channel_id=interaction.channel_id or 0,
        message_id=message_id,
        guild_id=interaction.guild_id,
        user_id=interaction.user.id,
        ephemeral=ephemeral,
        spoiler=spoiler,
        locale=str(interaction.locale),
        guild_locale=str(interaction.guild_locale) if interaction.guild_locale else None,
        upload_limit=interaction.filesize_limit,
        bot_is_member=bot_is_member(interaction),
    )


def asker_of(interaction: discord.Interaction[Any]) -> Asker:
    """Say who asks, as far as a server's rules need to know."""
    channel = interaction.channel
    return Asker(
        # Member.roles would leave out what is not cached, and without intents nothing is
        role_ids=tuple(getattr(interaction.user, "_roles", ())),
        parent_channel_id=channel.parent_id if isinstance(channel, discord.Thread) else None,
    )


def bot_is_member(interaction: discord.Interaction[Any]) -> bool:
    """Say whether Discord tells that the bot itself is where an interaction comes from.

    In a server that means: it was installed there, and may see the channel. In its own DM it
    always is; in a DM between others and in a group it never is.
    """
    if interaction.guild_id is None:
        return interaction.context.dm_channel
    return interaction.is_guild_integration() and interaction.app_permissions.view_channel


def moved_here(
    placement: Placement,
    interaction: discord.Interaction[Any],
    message: discord.Message,
    now: datetime,
) -> Placement:
    """Return the placement of a wish that goes into the message that somebody has clicked on."""
    return replace(
        placement,
        interaction_id=interaction.id,
        token=interaction.token,
        token_expires_at=now + TOKEN_LIFETIME,
        channel_id=interaction.channel_id or 0,
        message_id=message.id,
        guild_id=interaction.guild_id,
        ephemeral=message.flags.ephemeral,
        upload_limit=interaction.filesize_limit,
        bot_is_member=bot_is_member(interaction),
    )
