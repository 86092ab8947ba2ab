"""`/results` and *Show result*: the last ways to an outcome that could not reach its message.

Both open a fresh way: a click brings a token for the very message that was clicked on. The store is
told of it, and the deliverer does the rest.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

import discord
from discord import app_commands
from discord.ext import commands

from cogs.base import KirinBot
from cogs.ui.answers import Interaction, owning_up, whisper
from cogs.ui.offer import RESULTS, ShowResult
from cogs.ui.placements import moved_here
from cogs.ui.results import PickResult, results_card
from cogs.ui.speech import N_, speech
from cogs.ui.texts import MISSING_RECORD
from kirin.model import Generation

log = logging.getLogger(__name__)

_LOOKED_AT = 50
_TRIES = 3


class Results(commands.Cog, name=RESULTS):
    """Finds outcomes again, and has them brought to where somebody asks for them."""

    def __init__(self, bot: KirinBot) -> None:
        self._bot = bot

    @app_commands.command(
        description=N_("Find your pictures again, also those that never arrived.")
    )
    @app_commands.allowed_installs(guilds=True, users=True)
    @app_commands.allowed_contexts(guilds=True, dms=True, private_channels=True)
    async def results(self, interaction: Interaction) -> None:
        """List the asker's own wishes that have ended."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        ended = await self._bot.store.ended_of(interaction.user.id, _LOOKED_AT)
        await interaction.edit_original_response(
            view=results_card(ended, speech(str(interaction.locale))),
            attachments=[],
            allowed_mentions=discord.AllowedMentions.none(),
        )

    async def bring(self, interaction: Interaction, generation_id: str) -> None:
        """Have the result put into the message that was clicked on; whoever sees it may."""
        async with owning_up(interaction):
            await self._place(interaction, generation_id, may=lambda _generation: True)

    async def pick(self, interaction: Interaction, generation_id: str) -> None:
        """Have the chosen result put into the list that it was chosen from; its owner may."""
        asker = interaction.user.id
        async with owning_up(interaction):
            await self._place(
                interaction, generation_id, may=lambda wish: wish.placement.user_id == asker
            )

    async def _place(
        self, interaction: Interaction, generation_id: str, *, may: Callable[[Generation], bool]
    ) -> None:
        await interaction.response.defer()
        message = interaction.message
        for _ in range(_TRIES):
            generation = await self._bot.store.get(generation_id)
            if message is None or generation is None or not may(generation):
                await whisper(interaction, speech(str(interaction.locale))(MISSING_RECORD))
                return
            if _is_there(generation, message):
                return
            now = self._bot.now()
            placement = moved_here(generation.placement, interaction, message, now)
            if await self._bot.store.move(generation, generation.placed(placement, now)):
                log.info("%s is brought by interaction %d", generation_id, interaction.id)
                return


def _is_there(generation: Generation, message: discord.Message) -> bool:
    return generation.delivered_at is not None and generation.placement.message_id == message.id


async def setup(bot: KirinBot) -> None:
    """Add the feature to the bot."""
    await bot.add_cog(Results(bot))
    bot.add_dynamic_items(ShowResult, PickResult)
