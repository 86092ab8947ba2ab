"""*Show details* on a card: everything about a wish, to the asker alone."""

from __future__ import annotations

import discord
from discord.ext import commands

from cogs.base import KirinBot
from cogs.ui.answers import Interaction, fill, owning_up, show
from cogs.ui.details import details_card
from cogs.ui.menus import message_menu
from cogs.ui.speech import speech
from cogs.ui.texts import NO_CARD_HERE


class Details(commands.Cog):
    """The menu on the bot's own messages."""

    def __init__(self, bot: KirinBot) -> None:
        self._bot = bot
        self._menu = message_menu("Show details", self.show_details)
        bot.tree.add_command(self._menu)

    async def cog_unload(self) -> None:
        """Take the menu away with the rest."""
        self._bot.tree.remove_command(self._menu.name, type=self._menu.type)

    async def show_details(self, interaction: Interaction, message: discord.Message) -> None:
        """Show all parameters, ids, times and the cost of the wish behind a card."""
        async with owning_up(interaction):
            await interaction.response.defer(ephemeral=True, thinking=True)
            say = speech(str(interaction.locale))
            generation = await self._bot.store.of_message(message.id)
            if generation is None:
                await fill(interaction, say(NO_CARD_HERE))
            else:
                await show(interaction, details_card(generation, say))


async def setup(bot: KirinBot) -> None:
    """Add the feature to the bot."""
    await bot.add_cog(Details(bot))
