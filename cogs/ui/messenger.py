"""Getting a card into the message that belongs to a wish."""

from __future__ import annotations

import io
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import aiohttp
import discord
from discord import ui

from cogs.ui import cards
from cogs.ui.speech import speech_for
from kirin.errors import DeliveryDelayed, DeliveryImpossible
from kirin.images import Picture
from kirin.model import Generation, Placement, Status

log = logging.getLogger(__name__)

_UNKNOWN_WEBHOOK = 10015
_TOKEN_EXPIRED = frozenset({50027, _UNKNOWN_WEBHOOK})
_TOO_LARGE = frozenset({40005, 50045})
_TOO_LARGE_STATUS = 413
_AUTOMOD = 200000
_YOUNG = timedelta(seconds=30)
_UNAUTHORIZED = 401
_TOO_MANY_REQUESTS = 429
_SERVER_ERROR = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """One complete state of a message; made anew for each try, because files are read only once."""

    view: ui.LayoutView
    files: Sequence[discord.File] = ()


Make = Callable[[bool], Edit]
"""Builds the state, with or without the words of the prompt."""


class DiscordMessenger:
    """Edits messages: with the interaction token while it lives, else as the bot itself.

    Every edit is complete (all components, all attachments, no mentions), so doing it again
    changes nothing. A call is never cancelled: discord.py would not release its lock.
    """

    def __init__(self, *, client: discord.Client, now: Callable[[], datetime]) -> None:
        self._client = client
        self._now = now

    async def show_waiting(self, generation: Generation) -> None:
        """Show what is happening to a wish that has not ended."""
        say = speech_for(generation.placement)
        await self._put(
            generation,
            lambda with_prompt: Edit(
                view=cards.waiting_card(generation, say, with_prompt=with_prompt)
            ),
        )

    async def show_outcome(self, generation: Generation, pictures: Sequence[Picture]) -> None:
        """Show how a wish ended; without any picture, where they can be found instead."""
        say = speech_for(generation.placement)

        def failure(with_prompt: bool) -> Edit:
            return Edit(view=cards.failure_card(generation, say, with_prompt=with_prompt))

        def result(with_prompt: bool) -> Edit:
            return Edit(
                view=cards.result_card(generation, pictures, say, with_prompt=with_prompt),
                files=_uploads(generation, pictures),
            )

        if generation.status is not Status.SUCCEEDED or not pictures:
            await self._put(generation, failure)
            return
        try:
            await self._put(generation, result)
        except _TooLargeError:
            log.warning("%s: its pictures are too large here", generation.external_task_id)
            await self._put(generation, failure)

    async def _put(self, generation: Generation, make: Make) -> None:
        try:
            await self._edit(generation.placement, generation.created_at, lambda: make(True))
        except discord.HTTPException as error:
            if error.code != _AUTOMOD:
                raise _translated(error) from error
            await self._put_without_prompt(generation, make)

    async def _put_without_prompt(self, generation: Generation, make: Make) -> None:
        """Give way to the server's AutoMod, which may refuse the words of a prompt."""
        try:
            await self._edit(generation.placement, generation.created_at, lambda: make(False))
        except discord.HTTPException as error:
            raise _translated(error) from error

    async def _edit(
        self, placement: Placement, created_at: datetime, make: Callable[[], Edit]
    ) -> None:
        token = placement.live_token(self._now())
        try:
            if token is None:
                await self._edit_as_bot(placement, make())
                return
            try:
                await self._edit_by_token(placement, token, make())
            except discord.HTTPException as error:
                if not _is_expiry(error):
                    raise
                if self._now() - created_at < _YOUNG:
                    # Discord sometimes does not know an interaction in its first seconds
                    raise DeliveryDelayed(f"the interaction is not known yet: {error}") from error
                await self._edit_as_bot(placement, make())
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise DeliveryDelayed(type(error).__name__) from error

    async def _edit_by_token(self, placement: Placement, token: str, edit: Edit) -> None:
        webhook = discord.Webhook.partial(placement.application_id, token, client=self._client)
        await webhook.edit_message(
            placement.message_id,
            view=edit.view,
            attachments=edit.files,
            allowed_mentions=discord.AllowedMentions.none(),
        )

    async def _edit_as_bot(self, placement: Placement, edit: Edit) -> None:
        if placement.ephemeral:
            raise DeliveryImpossible("a private answer can be edited only while its token lives")
        channel = self._client.get_partial_messageable(
            placement.channel_id, guild_id=placement.guild_id
        )
        await channel.get_partial_message(placement.message_id).edit(
            view=edit.view,
            attachments=edit.files,
            allowed_mentions=discord.AllowedMentions.none(),
        )


class _TooLargeError(DeliveryImpossible):
    """Discord takes no upload of this size."""


def _uploads(generation: Generation, pictures: Sequence[Picture]) -> list[discord.File]:
    return [
        discord.File(
            io.BytesIO(picture.data), filename=cards.picture_name(generation, number, picture)
        )
        for number, picture in enumerate(pictures, start=1)
    ]


def _is_expiry(error: discord.HTTPException) -> bool:
    return error.code in _TOKEN_EXPIRED or error.status == _UNAUTHORIZED


def _translated(error: discord.HTTPException) -> DeliveryDelayed | DeliveryImpossible:
    """Say what an answer of Discord means for a delivery."""
    if error.code in _TOO_LARGE or error.status == _TOO_LARGE_STATUS:
        return _TooLargeError(str(error))
    if error.status == _TOO_MANY_REQUESTS or error.status >= _SERVER_ERROR:
        retry_after = error.response.headers.get("Retry-After", "")
        seconds = float(retry_after) if retry_after.isdigit() else None
        return DeliveryDelayed(f"Discord answers HTTP {error.status}", retry_after=seconds)
    return DeliveryImpossible(str(error))
