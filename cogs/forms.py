"""What becomes of a form that comes back: a new wish, with a link to the one it came from."""

from __future__ import annotations

from dataclasses import replace

import discord
from discord.ext import commands

from cogs.base import KirinBot
from cogs.consent import may_reuse, may_use_pictures
from cogs.pictures import attached_picture, result_picture
from cogs.ui.answers import Interaction, decline, fill, owning_up, refuse
from cogs.ui.forms import Answers, FormKind, read_form
from cogs.ui.placements import asker_of, defer
from cogs.ui.speech import speech_for
from cogs.ui.texts import MISSING_RECORD, PICTURES_REFUSED
from cogs.ui.words import Words
from kirin.errors import Declined, InvalidRequest
from kirin.images import ReferenceImage
from kirin.model import Generation, GenerationRequest, Placement, UploadedImage


class Forms(commands.Cog):
    """Takes forms by their custom id: discord.py knows only those of its own lifetime."""

    def __init__(self, bot: KirinBot) -> None:
        self._bot = bot

    @commands.Cog.listener()
    async def on_interaction(self, interaction: Interaction) -> None:
        """Take a form, if it is one of ours."""
        if interaction.type is not discord.InteractionType.modal_submit:
            return
        answers = read_form(interaction.data or {})
        if answers is not None:
            async with owning_up(interaction, takes_a_wish=True):
                await self._take(interaction, answers)

    async def _take(self, interaction: Interaction, answers: Answers) -> None:
        private = interaction.message is not None and interaction.message.flags.ephemeral
        placement = await defer(interaction, private=private, spoiler=False, now=self._bot.now())
        words = Words(prompt=answers.prompt, negative_prompt=answers.negative_prompt)
        try:
            if answers.kind is FormKind.DRAFT:
                accepted = await self._from_draft(interaction, answers, placement)
            else:
                accepted = await self._from_wish(interaction, answers, placement)
        except InvalidRequest as error:
            await refuse(interaction, error, words, speech_for(placement))
            return
        except Declined as error:
            await decline(interaction, error, words)
            return
        if not accepted:
            await fill(interaction, speech_for(placement)(MISSING_RECORD))

    async def _from_wish(
        self, interaction: Interaction, answers: Answers, placement: Placement
    ) -> bool:
        """Take a wish made from another; false where that one is no longer known."""
        parent = await self._bot.store.get(answers.id)
        if parent is None:
            return False
        placement = replace(placement, spoiler=parent.placement.spoiler)
        if not await self._may_take(interaction, answers, parent):
            await fill(interaction, speech_for(placement)(PICTURES_REFUSED))
            return True
        if answers.kind is FormKind.EDIT:
            await self._accept(
                interaction, answers.applied_to(parent.request), placement, parent=parent
            )
            return True
        image = await result_picture(self._bot, parent, answers.picture, interaction.message)
        request = replace(parent.request, negative_prompt=None, reference=_uploaded(image))
        await self._accept(
            interaction, answers.applied_to(request), placement, image=image, parent=parent
        )
        return True

    async def _may_take(
        self, interaction: Interaction, answers: Answers, parent: Generation
    ) -> bool:
        """Ask again for the owner's consent: it may have ended while the form was open."""
        if answers.kind is FormKind.EDIT:
            return await may_reuse(self._bot, interaction, parent)
        return await may_use_pictures(self._bot, interaction, parent.placement.user_id)

    async def _from_draft(
        self, interaction: Interaction, answers: Answers, placement: Placement
    ) -> bool:
        draft = await self._bot.drafts.get(answers.id)
        if draft is None:
            return False
        picture = draft["pictures"][answers.picture]
        image = await attached_picture(self._bot, picture["url"], picture["size"])
        blank = GenerationRequest(prompt=answers.prompt, reference=_uploaded(image))
        parent = await self._bot.store.get(draft["parent"]) if draft["parent"] else None
        await self._accept(
            interaction, answers.applied_to(blank), placement, image=image, parent=parent
        )
        return True

    async def _accept(
        self,
        interaction: Interaction,
        request: GenerationRequest,
        placement: Placement,
        *,
        image: ReferenceImage | None = None,
        parent: Generation | None = None,
    ) -> None:
        await self._bot.intake.accept(
            request, placement, image, parent=parent, asker=asker_of(interaction)
        )


def _uploaded(image: ReferenceImage) -> UploadedImage:
    return UploadedImage(sha256=image.sha256)


async def setup(bot: KirinBot) -> None:
    """Add the forms to the bot."""
    await bot.add_cog(Forms(bot))
