"""What an answer of Discord means for an edit: one table, and a reading for everything else."""

from __future__ import annotations

import math
from collections.abc import Mapping
from enum import StrEnum, auto
from types import MappingProxyType
from typing import Final

import discord


class Meaning(StrEnum):
    """The branch that an error takes."""

    LATER = auto()
    """Trouble that passes: the same again, not before Discord wants it."""
    NOT_YET = auto()
    """Discord does not know the interaction: wait while it is young, else it has expired."""
    NEXT_ROUTE = auto()
    """This way to the message is closed, and trying it again would stay so."""
    GONE = auto()
    """The message or its channel is no more: no route is left."""
    TOO_LARGE = auto()
    """The same with less to upload."""
    WORDS = auto()
    """AutoMod dislikes the words: the same without the prompt."""
    BODY = auto()
    """Discord finds the card invalid: a plainer one, once."""
    REFUSED = auto()
    """Anything else that repeating will not change."""


MEANINGS: Final[Mapping[int, Meaning]] = MappingProxyType(
    {
        10003: Meaning.GONE,  # unknown channel
        10008: Meaning.GONE,  # unknown message
        10015: Meaning.NOT_YET,  # unknown webhook
        10062: Meaning.NEXT_ROUTE,  # unknown interaction
        30046: Meaning.LATER,  # too many edits of an old message
        40005: Meaning.TOO_LARGE,  # request entity too large
        50001: Meaning.NEXT_ROUTE,  # missing access
        50013: Meaning.NEXT_ROUTE,  # missing permissions
        50027: Meaning.NEXT_ROUTE,  # invalid webhook token
        50035: Meaning.BODY,  # invalid form body
        50045: Meaning.TOO_LARGE,  # file too large
        50083: Meaning.NEXT_ROUTE,  # archived thread
        200000: Meaning.WORDS,  # blocked by AutoMod
    }
)

_BY_STATUS: Final[Mapping[int, Meaning]] = MappingProxyType(
    {
        400: Meaning.BODY,
        401: Meaning.NEXT_ROUTE,
        403: Meaning.NEXT_ROUTE,
        404: Meaning.NEXT_ROUTE,
        408: Meaning.LATER,
        413: Meaning.TOO_LARGE,
        429: Meaning.LATER,
    }
)
_SERVER_ERROR = 500


def meaning_of(error: discord.HTTPException) -> Meaning:
    """Read an error: by Discord's own code, else by the status of HTTP."""
    if error.code in MEANINGS:
        return MEANINGS[error.code]
    if error.status >= _SERVER_ERROR:
        return Meaning.LATER
    return _BY_STATUS.get(error.status, Meaning.REFUSED)


def retry_after(error: discord.HTTPException) -> float | None:
    """Return the seconds that Discord wants to be left alone, if it has said."""
    for name in ("Retry-After", "X-RateLimit-Reset-After"):
        try:
            seconds = float(error.response.headers.get(name, ""))
        except ValueError:
            continue
        if math.isfinite(seconds) and seconds >= 0:
            return seconds
    return None
