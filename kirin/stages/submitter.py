"""Sending wishes to the provider, each once."""

from __future__ import annotations

import logging
from datetime import timedelta

from kirin import pacing, wire
from kirin.errors import (
    DuplicateTask,
    NoAnswer,
    NotSent,
    ProviderError,
    ProviderTrouble,
    RateLimited,
    UnreadableAnswer,
)
from kirin.model import FailureReason, Generation, TaskSnapshot, UploadedImage
from kirin.pacing import PollSchedule
from kirin.stages.base import Clock, Jitter, Stage
from kirin.stages.outcome import conclude
from kirin.stages.provider import Provider
from kirin.store import Claim, GenerationStore, Work

log = logging.getLogger(__name__)

_FIRST_LOOKUP_SECONDS = 1.0


class Submitter(Stage):
    """Takes queued wishes, marks them as being sent, and sends them.

    A create whose outcome is unknown is left to the resolver; it is never sent again from here.
    """

    work = Work.SUBMIT
    lease_for = timedelta(minutes=5)

    def __init__(
        self,
        *,
        store: GenerationStore,
        provider: Provider,
        schedule: PollSchedule,
        deadline: timedelta,
        now: Clock,
        jitter: Jitter,
        width: int,
    ) -> None:
        super().__init__(store=store, now=now, width=width)
        self._provider = provider
        self._schedule = schedule
        self._deadline = deadline
        self._jitter = jitter

    async def _advance(self, claim: Claim, generation: Generation) -> None:
        now = self._now()
        if now - generation.created_at > self._deadline:
            await self._store.save(claim, generation.expired(FailureReason.BUSY, now))
            return
        image = await self._image(generation)
        if image is None and isinstance(generation.request.reference, UploadedImage):
            failed = generation.failed(FailureReason.REFERENCE_MISSING, now=now)
            await self._store.save(claim, failed)
            return
        sending = await self._store.save(claim, generation.sending(now), keep=True)
        if sending is None:
            return
        sent = await self._send(sending.generation, image)
        if await self._store.save(sending, sent) is None:
            log.warning("%s was ended while it was sent (%s)", sent.external_task_id, sent.task_id)

    async def _image(self, generation: Generation) -> bytes | None:
        reference = generation.request.reference
        if not isinstance(reference, UploadedImage):
            return None
        return await self._store.reference_image(reference.sha256)

    async def _send(self, generation: Generation, image: bytes | None) -> Generation:
        try:
            snapshot = await self._provider.create(
                generation.request, external_task_id=generation.external_task_id, image=image
            )
        except (RateLimited, NotSent) as error:
            log.warning("%s stays queued: %s", generation.external_task_id, error)
            return self._back_in_the_queue(generation, error)
        except DuplicateTask as error:
            log.warning("%s is taken already: %s", generation.external_task_id, error)
            return self._running(generation, generation.external_task_id)
        except (NoAnswer, UnreadableAnswer, ProviderTrouble) as error:
            log.warning("%s: is it taken? %s", generation.external_task_id, error)
            due_at = self._in(_FIRST_LOOKUP_SECONDS)
            return generation.unanswered(now=self._now(), due_at=due_at)
        except ProviderError as error:
            log.error("%s was refused: %s", generation.external_task_id, error)
            return generation.failed(wire.reason_for(error), now=self._now(), error=error)
        return self._taken(generation, snapshot)

    def _back_in_the_queue(self, generation: Generation, error: ProviderError) -> Generation:
        wait = pacing.backoff(
            generation.setbacks + 1,
            retry_after=error.retry_after if isinstance(error, RateLimited) else None,
            jitter=self._jitter(),
        )
        return generation.requeued(now=self._now(), due_at=self._in(wait))

    def _taken(self, generation: Generation, snapshot: TaskSnapshot) -> Generation:
        ended = conclude(generation, snapshot, self._now())
        if ended is not None:
            return ended
        return self._running(generation, snapshot.task_id or generation.external_task_id)

    def _running(self, generation: Generation, task_id: str) -> Generation:
        wait = self._schedule.delay(polls=0, jitter=self._jitter())
        return generation.taken(task_id, now=self._now(), poll_at=self._in(wait))
