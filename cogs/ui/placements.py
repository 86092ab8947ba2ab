"""Reading out of an interaction where its answer goes."""

from __future__ import annotations

from datetime import datetime

import discord

from kirin.model import Placement
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
    )
