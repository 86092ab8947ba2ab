"""Getting a card into the message that belongs to a wish."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

import discord
from discord import ui

from cogs.ui import cards, uploads
from cogs.ui.discord_errors import Meaning
from cogs.ui.offer import offer_card
from cogs.ui.plain import partial_card, plain_card
from cogs.ui.routes import Edit, EditRefused, Routes
from cogs.ui.speech import Speech, speech_for
from cogs.ui.waiting import waiting_card
from kirin.errors import DeliveryDelayed, DeliveryImpossible, UploadTooLarge
from kirin.images import Picture
from kirin.model import Generation, Placement, Status
from kirin.model.placement import TOKEN_LIFETIME
from kirin.stages import Outlook

log = logging.getLogger(__name__)

_PATIENCE = timedelta(hours=24)

Kept = Sequence[discord.Attachment]
Make = Callable[[Kept], Edit]
Send = Callable[[Placement, Callable[[], Edit]], Awaitable[discord.Message]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Face:
    """One look of a message: the edits that lead to it, the last of which is complete.

    Each is handed what the earlier ones have uploaded. `instead` is the look for what Discord may
    mind; every step there takes something away, so that the way down ends.
    """

    edits: Sequence[Make]
    instead: Mapping[Meaning, Face] = field(default_factory=dict)


class DiscordMessenger:
    """Puts cards into messages, by the first way that is open and in the first look that is taken.

    Every look is complete when it is done (all components, all attachments, no mentions), so
    doing it again changes nothing. `result_lifetime` is how long the provider keeps originals.
    """

    def __init__(
        self, *, client: discord.Client, now: Callable[[], datetime], result_lifetime: timedelta
    ) -> None:
        self._routes = Routes(client=client, now=now)
        self._now = now
        self._result_lifetime = result_lifetime

    async def show_waiting(self, generation: Generation, outlook: Outlook) -> None:
        """Show what is happening to a wish that has not ended, while its token lives."""
        say = speech_for(generation.placement)
        face = _text(
            lambda with_prompt: waiting_card(generation, outlook, say, with_prompt=with_prompt),
            lambda: plain_card(generation, (), say),
        )
        await self._show(generation, face, self._routes.edit_by_token)

    async def offer_result(self, generation: Generation) -> None:
        """Show the button that brings the result when the token of the message has ended."""
        say = speech_for(generation.placement)
        face = _text(
            lambda with_prompt: offer_card(generation, say, with_prompt=with_prompt),
            lambda: offer_card(generation, say, with_prompt=False),
        )
        await self._show(generation, face, self._routes.edit_by_token)

    async def show_outcome(self, generation: Generation, pictures: Sequence[Picture]) -> None:
        """Show how a wish ended; those of its pictures that do not fit are linked to."""
        say = speech_for(generation.placement)
        face = _text(
            lambda with_prompt: cards.failure_card(generation, say, with_prompt=with_prompt),
            lambda: plain_card(generation, (), say),
        )
        if generation.status is Status.SUCCEEDED and pictures:
            face = _pictures(
                generation, pictures, generation.kept_until(self._result_lifetime), say
            )
        try:
            await self._show(generation, face, self._routes.edit)
        except DeliveryDelayed as error:
            if self._now() - _since(generation) > _PATIENCE:
                raise DeliveryImpossible(f"in vain for a day: {error}") from error
            raise

    async def _show(self, generation: Generation, face: Face, send: Send) -> None:
        """Put one look into the message, or a lesser one where Discord minds it."""
        while True:
            try:
                await _edit(generation, face, send)
            except EditRefused as error:
                log.warning("%s: %s", generation.external_task_id, error)
                if error.meaning is Meaning.TOO_LARGE:
                    raise UploadTooLarge(str(error)) from error
                if error.meaning not in face.instead:
                    raise
                face = face.instead[error.meaning]
            else:
                return


async def _edit(generation: Generation, face: Face, send: Send) -> None:
    kept: Kept = ()
    for make in face.edits:
        message = await send(generation.placement, partial(make, kept))
        kept = uploads.kept(message)


def _text(view: Callable[[bool], ui.LayoutView], plain: Callable[[], ui.LayoutView]) -> Face:
    """Return a look without files: in full, without the prompt, or plain."""
    plainly = Face(edits=[lambda _kept: Edit(view=plain())])
    wordless = Face(edits=[lambda _kept: Edit(view=view(False))], instead={Meaning.BODY: plainly})
    return Face(
        edits=[lambda _kept: Edit(view=view(True))],
        instead={Meaning.WORDS: wordless, Meaning.BODY: plainly},
    )


def _pictures(
    generation: Generation, pictures: Sequence[Picture], links_end: datetime | None, say: Speech
) -> Face:
    """Return the look with pictures: in full, without the prompt, or plain."""
    fitting = [picture for picture in pictures if picture.fits]
    parts = list(uploads.parts(fitting))

    def face(last: Callable[[], ui.LayoutView], instead: Mapping[Meaning, Face]) -> Face:
        return Face(edits=_uploading(generation, parts, last, say), instead=instead)

    def card(*, with_prompt: bool) -> ui.LayoutView:
        return cards.result_card(
            generation, pictures, say, links_end=links_end, with_prompt=with_prompt
        )

    plainly = face(lambda: plain_card(generation, fitting, say), {})
    wordless = face(lambda: card(with_prompt=False), {Meaning.BODY: plainly})
    return face(lambda: card(with_prompt=True), {Meaning.WORDS: wordless, Meaning.BODY: plainly})


def _uploading(
    generation: Generation,
    parts: Sequence[Sequence[Picture]],
    last: Callable[[], ui.LayoutView],
    say: Speech,
) -> list[Make]:
    """Return one edit for each part; the last one shows the card with all that is there then."""

    def make(index: int, kept: Kept) -> Edit:
        there = [picture for part in parts[: index + 1] for picture in part]
        is_last = index == len(parts) - 1
        total = sum(map(len, parts))
        return Edit(
            view=last() if is_last else partial_card(generation, there, total, say),
            files=uploads.files(generation, parts[index]),
            kept=kept,
        )

    return [partial(make, index) for index in range(len(parts))]


def _since(generation: Generation) -> datetime:
    """Return when the delivery began: when the wish ended, or when a newer way was opened."""
    issued_at = generation.placement.token_expires_at - TOKEN_LIFETIME
    return max(generation.finished_at or issued_at, issued_at)
