"""Other people's pictures as references, and everyone's right to refuse that."""

from __future__ import annotations

import discord
from discord import app_commands
from discord.app_commands import locale_str
from discord.ext import commands

from cogs.base import KirinBot
from cogs.consent import may_use_pictures
from cogs.ui.answers import Interaction, fill, owning_up, whisper
from cogs.ui.forms import FormKind, reference_form
from cogs.ui.menus import message_menu
from cogs.ui.speech import N_, speech
from cogs.ui.texts import NO_PICTURE_HERE, PICTURES_REFUSED
from kirin.model import Generation

_MOST_PICTURES = 10
_IMAGE_ENDINGS = (".png", ".jpg", ".jpeg", ".webp")


class References(commands.GroupCog, group_name="privacy", group_description=N_("Your privacy.")):
    """The menu on any message with a picture, and `/privacy references`."""

    def __init__(self, bot: KirinBot) -> None:
        self._bot = bot
        self._menu = message_menu("Use as reference", self.use_as_reference)
        bot.tree.add_command(self._menu)

    async def cog_unload(self) -> None:
        """Take the menu away with the rest."""
        self._bot.tree.remove_command(self._menu.name, type=self._menu.type)

    async def use_as_reference(self, interaction: Interaction, message: discord.Message) -> None:
        """Open the form for a message's pictures; a form has to be the first answer."""
        async with owning_up(interaction):
            say = speech(str(interaction.locale))
            pictures = [found for found in message.attachments if _is_picture(found)]
            if not pictures:
                await whisper(interaction, say(NO_PICTURE_HERE))
                return
            card = await self._bot.store.of_message(message.id)
            if not await may_use_pictures(self._bot, interaction, _owner(message, card)):
                await whisper(interaction, say(PICTURES_REFUSED))
                return
            kept = [{"url": found.url, "size": found.size} for found in pictures[:_MOST_PICTURES]]
            content = {"pictures": kept, "parent": card.external_task_id if card else None}
            draft = await self._bot.drafts.keep(content, self._bot.now())
            form = reference_form(FormKind.DRAFT, draft, None, len(kept), say)
            await interaction.response.send_modal(form)

    @app_commands.command(description=N_("Whether others may use your pictures as references."))
    @app_commands.describe(
        allowed=N_("Allowed unless you refuse it; your own use is always possible")
    )
    @app_commands.choices(
        allowed=[
            app_commands.Choice(name=locale_str(N_("on · others may use my pictures")), value="on"),
            app_commands.Choice(name=locale_str(N_("off · nobody else may")), value="off"),
        ]
    )
    async def references(self, interaction: Interaction, allowed: str) -> None:
        """Record the decision."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        say = speech(str(interaction.locale))
        await self._bot.people.allow_references(interaction.user.id, allowed=allowed == "on")
        if allowed == "on":
            text = say("Others may use your pictures as references in servers.")
        else:
            text = say("From now on nobody else can use your pictures as references here.")
        await fill(interaction, text)


def _owner(message: discord.Message, card: Generation | None) -> int:
    """Say whose pictures these are: on a card, those of whoever asked for them."""
    if card is not None:
        return card.placement.user_id
    asked = message.interaction_metadata
    return asked.user.id if asked is not None else message.author.id


def _is_picture(attachment: discord.Attachment) -> bool:
    kind = attachment.content_type or ""
    return kind.startswith("image/") or attachment.filename.lower().endswith(_IMAGE_ENDINGS)


async def setup(bot: KirinBot) -> None:
    """Add the feature to the bot."""
    await bot.add_cog(References(bot))
