"""Putting outcomes into their messages."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from datetime import timedelta

from kirin import images, pacing
from kirin.download import PictureDownloader
from kirin.errors import DeliveryDelayed, DeliveryImpossible, DownloadFailed
from kirin.images import Picture
from kirin.model import Generation, ResultImage, Status
from kirin.stages.base import Clock, Jitter, Stage
from kirin.stages.messenger import Messenger
from kirin.store import Claim, GenerationStore, Work

log = logging.getLogger(__name__)

MOST_PICTURES_SHOWN = 9
"""Pictures in one message; Discord's gallery would hold ten."""

UPLOAD_IN_ALL = 24 * 1024 * 1024
"""Bytes in one upload that Discord takes for certain."""

_DOWNLOADS_AT_ONCE = 3
_DOWNLOAD_ROUNDS = 4


class Deliverer(Stage):
    """Takes ended generations that are not delivered: download, build the card, edit the message.

    `delivered_at` is set only after Discord has accepted the edit; a failed delivery is retried
    as a delivery, and the provider is never asked to make anything again.
    """

    work = Work.DELIVER
    lease_for = timedelta(minutes=10)

    def __init__(
        self,
        *,
        store: GenerationStore,
        downloader: PictureDownloader,
        messenger: Messenger,
        now: Clock,
        jitter: Jitter,
        width: int,
    ) -> None:
        super().__init__(store=store, now=now, width=width)
        self._downloader = downloader
        self._messenger = messenger
        self._jitter = jitter

    async def _advance(self, claim: Claim, generation: Generation) -> None:
        await self._store.save(claim, await self._deliver(generation))

    async def _deliver(self, generation: Generation) -> Generation:
        pictures = await self._pictures(generation)
        is_last_round = generation.delivery_attempts + 1 >= _DOWNLOAD_ROUNDS
        if generation.status is Status.SUCCEEDED and not pictures and not is_last_round:
            return self._later(generation)
        try:
            await self._messenger.show_outcome(generation, pictures)
        except DeliveryDelayed as error:
            log.warning("%s is delivered later: %s", generation.external_task_id, error)
            return self._later(generation, error.retry_after)
        except DeliveryImpossible as error:
            log.error("%s has no way to its message: %s", generation.external_task_id, error)
            return generation.undeliverable()
        return generation.delivered(self._now())

    def _later(self, generation: Generation, retry_after: float | None = None) -> Generation:
        attempts = generation.delivery_attempts + 1
        wait = pacing.backoff(attempts, retry_after=retry_after, jitter=self._jitter())
        return generation.delivery_delayed(self._in(wait))

    async def _pictures(self, generation: Generation) -> Sequence[Picture]:
        limiter = asyncio.Semaphore(_DOWNLOADS_AT_ONCE)

        async def fetch(result: ResultImage) -> Picture | None:
            async with limiter:
                return await self._fetch(generation, result)

        wanted = generation.output[:MOST_PICTURES_SHOWN]
        fetched = await asyncio.gather(*(fetch(result) for result in wanted))
        return await asyncio.to_thread(
            images.fit,
            [picture for picture in fetched if picture is not None],
            per_file=generation.placement.upload_limit,
            in_all=UPLOAD_IN_ALL,
        )

    async def _fetch(self, generation: Generation, result: ResultImage) -> Picture | None:
        marked = result.watermark_url if generation.request.watermark else None
        try:
            return await self._downloader.fetch(marked or result.url)
        except DownloadFailed as error:
            log.warning("%s: a picture is missing: %s", generation.external_task_id, error)
            return None
