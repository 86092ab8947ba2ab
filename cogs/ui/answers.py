"""Short answers to somebody who has pressed or asked something; the cards are elsewhere."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import aiohttp
import discord
from discord import ui

from cogs.ui import cards, texts
from cogs.ui.speech import Speech, speech
from cogs.ui.words import NO_WORDS, Words
from kirin.errors import Declined, InvalidRequest

log = logging.getLogger(__name__)

TOO_LATE = frozenset({10062, 40060})
"""Discord's codes for an interaction that is over or was answered by somebody else."""

Interaction = discord.Interaction[Any]


async def refuse(
    interaction: Interaction, error: InvalidRequest, words: Words, say: Speech
) -> None:
    """Say in the deferred message which rule a wish breaks, and give its words back."""
    await interaction.edit_original_response(
        view=cards.refusal_card(texts.refusal(error, say), words, say),
        attachments=words.files(say),
        allowed_mentions=discord.AllowedMentions.none(),
    )


async def show(interaction: Interaction, view: ui.LayoutView) -> None:
    """Put a card into the deferred message."""
    await interaction.edit_original_response(
        view=view, attachments=[], allowed_mentions=discord.AllowedMentions.none()
    )


async def fill(interaction: Interaction, text: str) -> None:
    """Put a short text into the deferred message."""
    await show(interaction, note(text))


@asynccontextmanager
async def owning_up(interaction: Interaction, *, takes_a_wish: bool = False) -> AsyncIterator[None]:
    """Tell the person when a handler fails; the details are in the log under the interaction's id.

    An interaction that came too late, or was answered elsewhere, is dropped.
    """
    interaction.client.note_handler()
    try:
        yield
    except Declined as error:
        await decline(interaction, error)
    except discord.HTTPException as error:
        if error.code not in TOO_LATE:
            await _own_up(interaction, error, loses_a_wish=takes_a_wish)
        else:
            log.warning("interaction %s was too late or answered elsewhere", interaction.id)
    except Exception as error:  # noqa: BLE001 - whatever it is, somebody waits for an answer
        await _own_up(interaction, error, loses_a_wish=takes_a_wish)


async def decline(interaction: Interaction, error: Declined, words: Words = NO_WORDS) -> None:
    """Tell the person alone what stands against a wish, and give its words back.

    Nobody is shown up before the others: a message that all would see is taken away.
    """
    log.info("interaction %s declined: %s", interaction.id, error)
    say = speech(str(interaction.locale))
    card, files = cards.refusal_card(texts.declined(error, say), words, say), words.files(say)
    with _logging_failures(interaction):
        if not await _is_seen_by_others(interaction):
            await _tell(interaction, card, files)
            return
        await show(interaction, note("…"))  # what follows on a mere "thinking" would fill that
        try:
            await interaction.followup.send(
                view=card,
                files=files,
                ephemeral=True,
                allowed_mentions=discord.AllowedMentions.none(),
            )
        finally:
            await interaction.delete_original_response()


async def _is_seen_by_others(interaction: Interaction) -> bool:
    """Say whether a message that waits for the answer is before more eyes than one pair."""
    waits = interaction.response.type is discord.InteractionResponseType.deferred_channel_message
    if not waits or (interaction.guild_id is None and interaction.context.dm_channel):
        return False
    return not (await interaction.original_response()).flags.ephemeral


async def _own_up(interaction: Interaction, cause: Exception, *, loses_a_wish: bool) -> None:
    log.error("interaction %s failed", interaction.id, exc_info=cause)
    card = cards.internal_error_card(
        str(interaction.id), speech(str(interaction.locale)), loses_a_wish=loses_a_wish
    )
    with _logging_failures(interaction):
        await _tell(interaction, card)


@contextmanager
def _logging_failures(interaction: Interaction) -> Iterator[None]:
    try:
        yield
    except (discord.DiscordException, aiohttp.ClientError, OSError) as failure:
        log.warning("interaction %s could not be told: %s", interaction.id, failure)


async def _tell(
    interaction: Interaction, card: ui.LayoutView, files: Sequence[discord.File] = ()
) -> None:
    none = discord.AllowedMentions.none()
    if not interaction.response.is_done():
        await interaction.response.send_message(
            view=card, files=files, ephemeral=True, allowed_mentions=none
        )
    elif interaction.response.type is discord.InteractionResponseType.deferred_channel_message:
        await interaction.edit_original_response(
            view=card, attachments=files, allowed_mentions=none
        )
    else:  # the original response is the card that the button is on
        await interaction.followup.send(
            view=card, files=files, ephemeral=True, allowed_mentions=none
        )


async def whisper(interaction: Interaction, text: str) -> None:
    """Tell something to this person alone, whether or not the interaction has been answered."""
    none = discord.AllowedMentions.none()
    if interaction.response.is_done():
        await interaction.followup.send(view=note(text), ephemeral=True, allowed_mentions=none)
    else:
        await interaction.response.send_message(
            view=note(text), ephemeral=True, allowed_mentions=none
        )


def note(text: str) -> ui.LayoutView:
    """Return a message of one text."""
    view = ui.LayoutView(timeout=None)
    view.add_item(ui.TextDisplay[ui.LayoutView](text))
    return view
