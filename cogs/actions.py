"""What the buttons on the cards do.

Everything is found again by the wish's id in the custom id, so a press works after minutes, after
restarts, and in every process. A form has to be the first answer to a press, so there the store is
read before anything is acknowledged; everywhere else `defer` comes first.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace

from discord.ext import commands

from cogs.base import KirinBot
from cogs.consent import may_reuse, may_use_pictures
from cogs.ui import cards
from cogs.ui.answers import Interaction, fill, owning_up, show, whisper
from cogs.ui.buttons import PRESSES, Act, CardButton
from cogs.ui.forms import FormKind, edit_form, reference_form
from cogs.ui.placements import asker_of, defer, moved_here
from cogs.ui.speech import speech, speech_for
from cogs.ui.texts import MISSING_RECORD, NOT_YOURS, PICTURES_REFUSED, TOO_LATE_TO_CANCEL
from kirin.model import Generation

log = logging.getLogger(__name__)

_CHANGE_ATTEMPTS = 5

Handler = Callable[[Interaction, str], Awaitable[None]]


class Actions(commands.Cog, name=PRESSES):
    """Again, Edit, Use as reference, Originals, Delete and Cancel."""

    def __init__(self, bot: KirinBot) -> None:
        self._bot = bot
        self._handlers: dict[Act, Handler] = {
            Act.AGAIN: self._again,
            Act.EDIT: self._edit,
            Act.REFERENCE: self._reference,
            Act.ORIGINALS: self._originals,
            Act.DELETE: self._delete,
            Act.CANCEL: self._cancel,
        }

    async def press(self, interaction: Interaction, act: Act, generation_id: str) -> None:
        """Do what a button says, or say politely why not."""
        async with owning_up(interaction, takes_a_wish=act is Act.AGAIN):
            await self._handlers[act](interaction, generation_id)

    async def _again(self, interaction: Interaction, generation_id: str) -> None:
        """Make the same wish as a new generation, for whoever asks."""
        private = _is_private(interaction)
        placement = await defer(interaction, private=private, spoiler=False, now=self._bot.now())
        parent = await self._bot.store.get(generation_id)
        if parent is None:
            await fill(interaction, speech_for(placement)(MISSING_RECORD))
            return
        if not await may_reuse(self._bot, interaction, parent):
            await fill(interaction, speech_for(placement)(PICTURES_REFUSED))
            return
        placement = replace(placement, spoiler=parent.placement.spoiler)
        await self._bot.intake.accept(
            parent.request, placement, parent=parent, asker=asker_of(interaction)
        )

    async def _edit(self, interaction: Interaction, generation_id: str) -> None:
        """Open the form with everything as it was."""
        generation = await self._found(interaction, generation_id)
        if generation is None:
            return
        say = speech(str(interaction.locale))
        if not await may_reuse(self._bot, interaction, generation):
            await whisper(interaction, say(PICTURES_REFUSED))
            return
        await interaction.response.send_modal(edit_form(generation_id, generation.request, say))

    async def _reference(self, interaction: Interaction, generation_id: str) -> None:
        """Open the form that makes something new of one of the pictures."""
        generation = await self._found(interaction, generation_id)
        if generation is None:
            return
        say = speech(str(interaction.locale))
        if not await may_use_pictures(self._bot, interaction, generation.placement.user_id):
            await whisper(interaction, say(PICTURES_REFUSED))
            return
        pictures = len(generation.output)
        await interaction.response.send_modal(
            reference_form(FormKind.REFERENCE, generation_id, generation.request, pictures, say)
        )

    async def _originals(self, interaction: Interaction, generation_id: str) -> None:
        """Give the links to the untouched pictures, to this person alone."""
        await interaction.response.defer(ephemeral=True, thinking=True)
        say = speech(str(interaction.locale))
        generation = await self._bot.store.get(generation_id)
        if generation is None:
            await fill(interaction, say(MISSING_RECORD))
        else:
            end = generation.kept_until(self._bot.result_lifetime)
            await show(interaction, cards.originals_card(generation, end, say))

    async def _delete(self, interaction: Interaction, generation_id: str) -> None:
        """Remove the message: for its owner, and for those who may manage messages."""
        await interaction.response.defer()
        generation = await self._bot.store.get(generation_id)
        say = speech(str(interaction.locale))
        is_owner = generation is not None and generation.placement.user_id == interaction.user.id
        if not is_owner and not interaction.permissions.manage_messages:
            await whisper(interaction, say(MISSING_RECORD if generation is None else NOT_YOURS))
            return
        await interaction.delete_original_response()
        log.info("%s: its message was deleted by user %d", generation_id, interaction.user.id)

    async def _cancel(self, interaction: Interaction, generation_id: str) -> None:
        """End a wish that waits; the ordinary delivery then shows it."""
        await interaction.response.defer()
        say = speech(str(interaction.locale))
        generation = await self._bot.store.get(generation_id)
        if generation is None:
            await whisper(interaction, say(MISSING_RECORD))
        elif generation.placement.user_id != interaction.user.id:
            await whisper(interaction, say(NOT_YOURS))
        elif not await self._end(interaction, generation):
            await whisper(interaction, say(TOO_LATE_TO_CANCEL))

    async def _end(self, interaction: Interaction, generation: Generation) -> bool:
        """Mark a wish as cancelled, whatever stage has just moved it; false if it has ended.

        The press brings a fresh way to the message, which an old wish needs to show its end.
        """
        current: Generation | None = generation
        now = self._bot.now()
        for _ in range(_CHANGE_ATTEMPTS):
            if current is None or current.status.is_terminal:
                return False
            cancelled = current.cancelled(now)
            if interaction.message is not None:
                way = moved_here(current.placement, interaction, interaction.message, now)
                cancelled = cancelled.placed(way, now)
            if await self._bot.store.change(current, cancelled):
                log.info("%s was cancelled while %s", current.external_task_id, current.status)
                return True
            current = await self._bot.store.get(generation.external_task_id)
        return False

    async def _found(self, interaction: Interaction, generation_id: str) -> Generation | None:
        generation = await self._bot.store.get(generation_id)
        if generation is None:
            await whisper(interaction, speech(str(interaction.locale))(MISSING_RECORD))
        return generation


def _is_private(interaction: Interaction) -> bool:
    return interaction.message is not None and interaction.message.flags.ephemeral


async def setup(bot: KirinBot) -> None:
    """Add the buttons to the bot."""
    bot.add_dynamic_items(CardButton)
    await bot.add_cog(Actions(bot))
