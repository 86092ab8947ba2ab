"""Pictures on their way up: in how many requests, and what the earlier ones have left there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

import discord

from cogs.ui.cards import picture_name
from kirin.images import Picture
from kirin.model import Generation

MOST_IN_A_REQUEST: Final = 24 * 1024 * 1024
"""Bytes in one upload that Discord takes for certain."""


def parts(
    pictures: Sequence[Picture], limit: int = MOST_IN_A_REQUEST
) -> Iterator[Sequence[Picture]]:
    """Divide pictures, in their order, into requests that hold at most `limit` bytes.

    A picture that is larger than the limit goes alone; without any picture there is one request.
    """
    part: list[Picture] = []
    weight = 0
    for picture in pictures:
        if part and weight + picture.size > limit:
            yield part
            part, weight = [], 0
        part.append(picture)
        weight += picture.size
    yield part


def files(generation: Generation, part: Sequence[Picture]) -> list[discord.File]:
    """Open the pictures of one part; discord.py closes them when they are sent."""
    return [
        discord.File(picture.path, filename=picture_name(generation, picture)) for picture in part
    ]


def kept(message: discord.Message) -> Sequence[discord.Attachment]:
    """Return what an edit must name so that a message keeps its files."""
    return tuple(message.attachments)
