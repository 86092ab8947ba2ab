"""The ways to a message: its interaction token while that lives, then the bot itself.

A call is never cancelled or timed out: discord.py would not release its lock for the token.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import aiohttp
import discord
from discord import ui

from cogs.ui.discord_errors import Meaning, meaning_of, retry_after
from kirin.errors import DeliveryDelayed, DeliveryImpossible
from kirin.model import Placement
from kirin.model.placement import TOKEN_LIFETIME

log = logging.getLogger(__name__)

_YOUNG = timedelta(seconds=30)
_CLOSED = frozenset({Meaning.NEXT_ROUTE, Meaning.NOT_YET})
_ABOUT_THE_EDIT = frozenset({Meaning.TOO_LARGE, Meaning.WORDS, Meaning.BODY})


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """One complete state of a message; made anew for each try, because files are read only once.

    `kept` are attachments that the message has already.
    """

    view: ui.LayoutView
    files: Sequence[discord.File] = ()
    kept: Sequence[discord.Attachment] = ()


class EditRefused(DeliveryImpossible):
    """The way is open, but Discord does not take this very edit; `meaning` says what it minds."""

    def __init__(self, meaning: Meaning, text: str) -> None:
        super().__init__(text)
        self.meaning = meaning


class Routes:
    """Edits a message by the first way that is open.

    Raises `EditRefused` for an edit that should look different, `DeliveryDelayed` for trouble
    that passes and `DeliveryImpossible` where no way is left.
    """

    def __init__(self, *, client: discord.Client, now: Callable[[], datetime]) -> None:
        self._client = client
        self._now = now

    async def edit(self, placement: Placement, make: Callable[[], Edit]) -> discord.Message:
        """Edit by the token, or else as the bot."""
        token = placement.live_token(self._now())
        if token is not None:
            try:
                return await self._by_token(placement, token, make())
            except discord.HTTPException as error:
                self._go_on(placement, error)
        return await self._last(placement, make)

    async def edit_by_token(
        self, placement: Placement, make: Callable[[], Edit]
    ) -> discord.Message:
        """Edit by the token alone."""
        token = placement.live_token(self._now())
        if token is None:
            raise DeliveryImpossible("the token has ended")
        try:
            return await self._by_token(placement, token, make())
        except discord.HTTPException as error:
            self._go_on(placement, error)
            raise DeliveryImpossible(str(error)) from error

    def _go_on(self, placement: Placement, error: discord.HTTPException) -> None:
        """Return where the next way is to be taken, else raise."""
        meaning = meaning_of(error)
        issued_at = placement.token_expires_at - TOKEN_LIFETIME
        if meaning is Meaning.NOT_YET and self._now() - issued_at < _YOUNG:
            # Discord sometimes does not know an interaction in its first seconds
            raise DeliveryDelayed(f"the interaction is not known yet: {error}") from error
        if meaning not in _CLOSED:
            raise _final(error) from error
        log.info("the token of interaction %d is of no use: %s", placement.interaction_id, error)

    async def _last(self, placement: Placement, make: Callable[[], Edit]) -> discord.Message:
        if placement.ephemeral:
            raise DeliveryImpossible("a private answer can be edited only while its token lives")
        try:
            return await self._as_bot(placement, make())
        except discord.HTTPException as error:
            raise _final(error) from error

    async def _by_token(self, placement: Placement, token: str, edit: Edit) -> discord.Message:
        webhook = discord.Webhook.partial(placement.application_id, token, client=self._client)
        return await _call(
            webhook.edit_message(
                placement.message_id,
                view=edit.view,
                attachments=[*edit.kept, *edit.files],
                allowed_mentions=discord.AllowedMentions.none(),
            )
        )

    async def _as_bot(self, placement: Placement, edit: Edit) -> discord.Message:
        channel = self._client.get_partial_messageable(
            placement.channel_id, guild_id=placement.guild_id
        )
        return await _call(
            channel.get_partial_message(placement.message_id).edit(
                view=edit.view,
                attachments=[*edit.kept, *edit.files],
                allowed_mentions=discord.AllowedMentions.none(),
            )
        )


async def _call(call: Awaitable[discord.Message]) -> discord.Message:
    """Make a call; what is neither an answer nor ours to mend is trouble that passes."""
    try:
        return await call
    except discord.RateLimited as error:
        raise DeliveryDelayed(str(error), retry_after=error.retry_after) from error
    except (aiohttp.ClientError, OSError, TimeoutError) as error:
        raise DeliveryDelayed(type(error).__name__) from error
    except (KeyError, TypeError, ValueError) as error:
        # discord.py trips over answers without what it expects, such as a 429 that names no time
        log.warning("discord.py could not read an answer", exc_info=error)
        raise DeliveryDelayed(f"an answer that discord.py cannot read: {error!r}") from error


def _final(error: discord.HTTPException) -> DeliveryDelayed | DeliveryImpossible:
    """Say what an answer means where no further way is taken."""
    meaning = meaning_of(error)
    if meaning is Meaning.LATER:
        return DeliveryDelayed(str(error), retry_after=retry_after(error))
    if meaning in _ABOUT_THE_EDIT:
        return EditRefused(meaning, str(error))
    return DeliveryImpossible(str(error))
