"""Putting outcomes into their messages."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Protocol

from kirin import pacing
from kirin.errors import DeliveryDelayed, DeliveryImpossible, DownloadFailed, UploadTooLarge
from kirin.fitting import fitted
from kirin.images import Picture
from kirin.model import Generation, ResultImage, Status
from kirin.spool import subfolder
from kirin.stages.base import Clock, Jitter, Stage
from kirin.stages.messenger import Messenger
from kirin.store import Claim, GenerationStore, Work

log = logging.getLogger(__name__)

MOST_PICTURES_SHOWN = 9
"""Pictures in one message; Discord's gallery would hold ten."""

TAKEN_FOR_CERTAIN = 2 * 1024 * 1024
"""Bytes in one file that Discord takes anywhere, nine at once too: tried when it refuses more."""

FIRST_WORD_AFTER = timedelta(seconds=15)
"""Pictures that cannot be fetched for so long are linked to meanwhile, and fetched later."""

PATIENCE_WITH_PICTURES = timedelta(hours=6)
"""Pictures that cannot be fetched for so long stay links."""

PATIENCE_WITH_TROUBLE = timedelta(hours=24)
"""An outcome that fails to be shown for so long waits in the store for its owner to ask."""

_DOWNLOADS_AT_ONCE = 6
_LINKED = "linked"


class Downloader(Protocol):
    """Fetches finished pictures."""

    async def save(self, url: str, path: Path, *, number: int) -> Picture:
        """Put one picture into a new file; raise `DownloadFailed`."""


class Deliverer(Stage):
    """Takes ended generations that are not delivered: download, build the card, edit the message.

    `delivered_at` is set only after Discord has accepted the edit; a failed delivery is retried
    as a delivery, and the provider is never asked to make anything again.

    Pictures wait in files below `spool`. All deliveries together download a few at once, chunk by
    chunk, and re-encode `encodings` at once: only those are in memory. Whoever holds one of these
    turns waits for no other.
    """

    work = Work.DELIVER

    def __init__(
        self,
        *,
        store: GenerationStore,
        downloader: Downloader,
        messenger: Messenger,
        now: Clock,
        jitter: Jitter,
        width: int,
        spool: Path,
        encodings: int,
    ) -> None:
        super().__init__(store=store, now=now, width=width)
        self._spool = spool
        self._downloads = asyncio.Semaphore(_DOWNLOADS_AT_ONCE)
        # threads of their own: the allocator keeps what each thread has once needed
        self._encoders = ThreadPoolExecutor(encodings, thread_name_prefix="encoder")
        self._downloader = downloader
        self._messenger = messenger
        self._jitter = jitter

    async def _advance(self, claim: Claim, generation: Generation) -> None:
        try:
            delivered = await self._deliver(generation)
        except Exception:
            if self._waiting(generation) < PATIENCE_WITH_TROUBLE:
                raise
            log.exception("%s cannot be shown, and is given up", generation.external_task_id)
            delivered = generation.undeliverable()
        await self._store.save(claim, delivered)

    async def _deliver(self, generation: Generation) -> Generation:
        async with subfolder(self._spool) as folder:
            pictures = await self._fetch_all(generation, folder)
            lacks_all = generation.status is Status.SUCCEEDED and not pictures
            is_worth_waiting = self._waiting(generation) < PATIENCE_WITH_PICTURES
            if lacks_all and is_worth_waiting and not self._is_time_for_a_word(generation):
                return self._later(generation)
            try:
                await self._show(generation, pictures)
            except DeliveryDelayed as error:
                log.warning("%s is delivered later: %s", generation.external_task_id, error)
                return self._later(generation, error.retry_after)
            except DeliveryImpossible as error:
                log.error("%s has no way to its message: %s", generation.external_task_id, error)
                return generation.undeliverable()
            if lacks_all and is_worth_waiting:
                return replace(self._later(generation), shown=_LINKED)
            return generation.delivered(self._now())

    def _is_time_for_a_word(self, generation: Generation) -> bool:
        """Say whether people should be told, once, where their pictures are meanwhile."""
        return generation.shown != _LINKED and self._waiting(generation) >= FIRST_WORD_AFTER

    def _waiting(self, generation: Generation) -> timedelta:
        """Say how long the outcome has been there."""
        return self._now() - (generation.finished_at or generation.created_at)

    async def _show(self, generation: Generation, pictures: Sequence[Picture]) -> None:
        """Show the pictures as large as Discord takes them, and links to those it never takes."""
        most = generation.placement.upload_limit
        for limit in (most, min(most, TAKEN_FOR_CERTAIN), 0):
            fitting = await asyncio.gather(*(self._fit(picture, limit) for picture in pictures))
            try:
                await self._messenger.show_outcome(generation, fitting)
            except UploadTooLarge as error:
                log.warning("%s: %s (limit %d)", generation.external_task_id, error, limit)
            else:
                return
        raise DeliveryImpossible("Discord finds even links too large")

    def _later(self, generation: Generation, retry_after: float | None = None) -> Generation:
        attempts = generation.delivery_attempts + 1
        wait = pacing.backoff(attempts, retry_after=retry_after, jitter=self._jitter())
        return generation.delivery_delayed(self._in(wait))

    async def _fetch_all(self, generation: Generation, folder: Path) -> Sequence[Picture]:
        wanted = enumerate(generation.output[:MOST_PICTURES_SHOWN], start=1)
        fetched = await asyncio.gather(
            *(self._fetch(generation, result, folder, number) for number, result in wanted)
        )
        return [picture for picture in fetched if picture is not None]

    async def _fetch(
        self, generation: Generation, result: ResultImage, folder: Path, number: int
    ) -> Picture | None:
        marked = result.watermark_url if generation.request.watermark else None
        path = folder / str(number)
        try:
            async with self._downloads:
                return await self._downloader.save(marked or result.url, path, number=number)
        except DownloadFailed as error:
            log.warning("%s: a picture is missing: %s", generation.external_task_id, error)
            return None

    async def _fit(self, picture: Picture, limit: int) -> Picture:
        if limit == 0 or picture.size <= limit:
            return replace(picture, fits=limit > 0)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._encoders, fitted, picture, limit)
