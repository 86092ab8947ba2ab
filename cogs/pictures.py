"""Getting the bytes of a picture that is to become a reference."""

from __future__ import annotations

import asyncio

import discord

from cogs.base import KirinBot
from kirin import references
from kirin.errors import DownloadFailed, InvalidRequest, Rule
from kirin.images import MOST_REFERENCE_BYTES, ReferenceImage, check_reference
from kirin.model import Generation


async def attached_picture(bot: KirinBot, url: str, size: int) -> ReferenceImage:
    """Read and check a picture that is attached to a message; raises `InvalidRequest`.

    `size` is in bytes as Discord told it: what is too large is never read.
    """
    if size > MOST_REFERENCE_BYTES:
        raise InvalidRequest(Rule.IMAGE_TOO_LARGE, size=size, limit=MOST_REFERENCE_BYTES)
    try:
        data = await bot.http.get_from_cdn(url)
    except discord.DiscordException as error:
        raise InvalidRequest(Rule.IMAGE_UNREADABLE) from error
    return await asyncio.to_thread(check_reference, data)


async def result_picture(
    bot: KirinBot, generation: Generation, number: int, message: discord.Message | None
) -> ReferenceImage:
    """Read one of a wish's pictures: the original, or what its message still holds of it.

    `number` counts from 0. Raises `InvalidRequest` where neither can be had.
    """
    if number < len(generation.output):
        try:
            original = await bot.downloader.fetch(generation.output[number].url)
            return await asyncio.to_thread(references.from_result, original)
        except DownloadFailed:
            pass  # the provider keeps results for a while only
    attachments = message.attachments if message else []
    if number >= len(attachments):
        raise InvalidRequest(Rule.IMAGE_UNREADABLE)
    try:
        data = await attachments[number].read()
    except discord.DiscordException as error:
        raise InvalidRequest(Rule.IMAGE_UNREADABLE) from error
    return await asyncio.to_thread(references.from_result, data)
