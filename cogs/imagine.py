"""`/imagine`: from typed options to a wish that is written down."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime

import aiohttp
import discord
from discord import app_commands
from discord.app_commands import locale_str
from discord.ext import commands

from cogs.base import KirinBot
from cogs.ui.answers import decline, refuse
from cogs.ui.choices import RATIO_NAMES, RESOLUTION_NAMES
from cogs.ui.placements import Interaction, asker_of, defer
from cogs.ui.speech import N_, speech_for
from cogs.ui.words import Words, written
from kirin import images
from kirin.errors import Declined, InvalidRequest, Rule
from kirin.images import ReferenceImage
from kirin.links import LONGEST_LINK, check_image_url
from kirin.model import (
    AspectRatio,
    GenerationRequest,
    LinkedImage,
    Reference,
    Resolution,
    UploadedImage,
)
from kirin.model.request import MOST_PICTURES, PROMPT_LIMIT, parse_element_id
from kirin.stages import Intake

log = logging.getLogger(__name__)

_CHECKS_AT_ONCE = 2
_SECONDS_FOR_A_READ = 30.0
_ID_LIMIT = 40

_RATIOS = [
    app_commands.Choice(name=locale_str(name), value=ratio) for ratio, name in RATIO_NAMES.items()
]
_RESOLUTIONS = [
    app_commands.Choice(name=locale_str(name), value=size)
    for size, name in RESOLUTION_NAMES.items()
]

Prompt = app_commands.Range[str, 1, PROMPT_LIMIT]
Link = app_commands.Range[str, 1, LONGEST_LINK]
ElementId = app_commands.Range[str, 1, _ID_LIMIT]
Count = app_commands.Range[int, 1, MOST_PICTURES]


class Imagine(commands.Cog):
    """The command; it checks, has the wish written down, and leaves the rest to the engine."""

    def __init__(self, *, intake: Intake, now: Callable[[], datetime]) -> None:
        self._intake = intake
        self._now = now
        self._checking = asyncio.Semaphore(_CHECKS_AT_ONCE)

    @app_commands.command(description=N_("Make pictures from your words."))
    @app_commands.allowed_installs(guilds=True, users=True)
    @app_commands.allowed_contexts(guilds=True, dms=True, private_channels=True)
    @app_commands.describe(
        prompt=N_("What to paint; it may also say what must not appear"),
        negative_prompt=N_("What must not appear (not together with a reference picture)"),
        image=N_("A reference picture: JPEG or PNG, at most 10 MB, both sides at least 300 px"),
        image_url=N_("A link to a reference picture (https), instead of attaching one"),
        aspect_ratio=N_("The shape; 16:9 unless you choose"),
        resolution=N_("The size; 1k unless you choose"),
        n=N_("How many pictures; 1 unless you choose"),
        watermark=N_("Put the provider's watermark on the pictures"),
        subject=N_("The number of a subject from the provider's library"),
        subject2=N_("A second subject"),
        subject3=N_("A third subject"),
        private=N_("Show the answer to you alone"),
        spoiler=N_("Hide the pictures until they are clicked"),
    )
    @app_commands.choices(aspect_ratio=_RATIOS, resolution=_RESOLUTIONS)
    async def imagine(
        self,
        interaction: Interaction,
        prompt: Prompt,
        negative_prompt: Prompt | None = None,
        image: discord.Attachment | None = None,
        image_url: Link | None = None,
        aspect_ratio: str = AspectRatio.WIDE,
        resolution: str = Resolution.ONE_K,
        n: Count = 1,
        watermark: bool = False,
        subject: ElementId | None = None,
        subject2: ElementId | None = None,
        subject3: ElementId | None = None,
        private: bool = False,
        spoiler: bool = False,
    ) -> None:
        """Answer the command."""
        placement = await defer(interaction, private=private, spoiler=spoiler, now=self._now())
        words = Words(prompt=prompt, negative_prompt=negative_prompt)
        try:
            reference, uploaded = await self._reference(image, image_url)
            request = GenerationRequest(
                prompt=prompt,
                negative_prompt=written(negative_prompt),
                reference=reference,
                element_ids=_element_ids(subject, subject2, subject3),
                aspect_ratio=AspectRatio(aspect_ratio),
                resolution=Resolution(resolution),
                n=n,
                watermark=watermark,
            )
        except InvalidRequest as error:
            log.info("interaction %s refused: %s", interaction.id, error)
            await refuse(interaction, error, words, speech_for(placement))
            return
        try:
            generation = await self._intake.accept(
                request, placement, uploaded, asker=asker_of(interaction)
            )
        except Declined as error:
            await decline(interaction, error, words)
            return
        log.info("%s queued: n=%d", generation.external_task_id, request.n)

    async def _reference(
        self, image: discord.Attachment | None, image_url: str | None
    ) -> tuple[Reference | None, ReferenceImage | None]:
        """Return the reference of a wish, and its bytes if they were attached."""
        if image is not None and image_url is not None:
            raise InvalidRequest(Rule.IMAGE_GIVEN_TWICE)
        if image_url is not None:
            return LinkedImage(url=check_image_url(image_url)), None
        if image is None:
            return None, None
        data = await _read(image)
        async with self._checking:
            uploaded = await asyncio.to_thread(images.check_reference, data)
        return UploadedImage(sha256=uploaded.sha256), uploaded


async def _read(attachment: discord.Attachment) -> bytes:
    """Read an attachment at once: Discord does not keep it for long."""
    if attachment.size > images.MOST_REFERENCE_BYTES:
        raise InvalidRequest(
            Rule.IMAGE_TOO_LARGE, size=attachment.size, limit=images.MOST_REFERENCE_BYTES
        )
    try:
        async with asyncio.timeout(_SECONDS_FOR_A_READ):
            return await attachment.read()
    except (discord.DiscordException, aiohttp.ClientError, OSError, TimeoutError) as error:
        raise InvalidRequest(Rule.IMAGE_UNREADABLE) from error


def _element_ids(*subjects: str | None) -> tuple[int, ...]:
    ids = [parse_element_id(text) for text in subjects if text is not None]
    return tuple(dict.fromkeys(ids))


async def setup(bot: KirinBot) -> None:
    """Add the feature to the bot."""
    await bot.add_cog(Imagine(intake=bot.intake, now=bot.now))
