"""The rules of a server, held against a wish before anything is stored, sent or charged."""

from __future__ import annotations

from functools import lru_cache

from kirin.errors import Declined, Obstacle
from kirin.model import GenerationRequest, Placement
from kirin.model.asker import Asker
from kirin.model.server import ServerSettings
from kirin.moderation import WordList


def check_rules(
    request: GenerationRequest, placement: Placement, asker: Asker, settings: ServerSettings
) -> None:
    """Raise `Declined` with the first rule of the server that stands against a wish.

    A thread counts as its channel. The words of the negative prompt are free: they say what must
    not appear.
    """
    _check_channel(placement, asker, settings)
    _check_roles(asker, settings)
    if request.n > settings.most_pictures:
        raise Declined(Obstacle.TOO_MANY_PICTURES, n=request.n, most=settings.most_pictures)
    hit = _word_list(settings.blocked_words, settings.allowed_words).find(request.prompt)
    if hit is not None:
        raise Declined(Obstacle.WORD, entry=hit.entry, found=hit.found)


def _check_channel(placement: Placement, asker: Asker, settings: ServerSettings) -> None:
    here = {placement.channel_id, asker.parent_channel_id}
    allowed = settings.allowed_channels
    if here & set(settings.forbidden_channels) or (allowed and not here & set(allowed)):
        raise Declined(Obstacle.CHANNEL, allowed=allowed)


def _check_roles(asker: Asker, settings: ServerSettings) -> None:
    roles, allowed = set(asker.role_ids), settings.allowed_roles
    if roles & set(settings.forbidden_roles) or (allowed and not roles & set(allowed)):
        raise Declined(Obstacle.ROLE, allowed=allowed)


@lru_cache(maxsize=256)
def _word_list(blocked: tuple[str, ...], allowed: tuple[str, ...]) -> WordList:
    return WordList.of(blocked, allowed)
