"""Whose pictures may be used by whom."""

from __future__ import annotations

from cogs.base import KirinBot
from cogs.ui.answers import Interaction
from kirin.model import Generation, UploadedImage


async def may_use_pictures(bot: KirinBot, interaction: Interaction, owner_id: int) -> bool:
    """Say whether whoever asks may use a picture of this person as a reference."""
    return await bot.people.may_use_pictures(
        of=owner_id, by=interaction.user.id, in_server=interaction.guild_id is not None
    )


async def may_reuse(bot: KirinBot, interaction: Interaction, generation: Generation) -> bool:
    """Say whether whoever asks may send a wish anew: it may hold a picture that its owner gave."""
    if not isinstance(generation.request.reference, UploadedImage):
        return True
    return await may_use_pictures(bot, interaction, generation.placement.user_id)
