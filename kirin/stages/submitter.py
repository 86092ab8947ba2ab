"""Sending wishes to the provider, each once."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

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
from kirin.stages.base import LEASE, Clock, Jitter, Stage
from kirin.stages.door import Door
from kirin.stages.outcome import conclude
from kirin.stages.pollplan import PollPlanner
from kirin.stages.provider import Provider
from kirin.store import Claim, GenerationStore, QueueStore, Work

log = logging.getLogger(__name__)

_FIRST_LOOKUP_SECONDS = 1.0
_TOO_LARGE_SECONDS = 60.0
_TOO_MANY_TASKS = "1303"


class Submitter(Stage):
    """Takes queued wishes, marks them as being sent, and sends them.

    The queue says who goes out next, and how many. When nobody can, for want of slots or after a
    refusal, nothing is due before the bell rings, or before time alone changes something.

    A create whose outcome is unknown is left to the resolver; it is never sent again from here.
    """

    work = Work.SUBMIT

    def __init__(
        self,
        *,
        store: GenerationStore,
        queue: QueueStore,
        provider: Provider,
        planner: PollPlanner,
        deadline: timedelta,
        now: Clock,
        jitter: Jitter,
        width: int,
        door: Door | None = None,
        lease_for: timedelta = LEASE,
        callback_url: Callable[[str], str | None] = lambda _id: None,
    ) -> None:
        super().__init__(store=store, now=now, width=width, door=door, lease_for=lease_for)
        self._queue = queue
        self._is_stuck = False
        self._found_full: set[str] = set()
        self._provider = provider
        self._planner = planner
        self._deadline = deadline
        self._jitter = jitter
        self._callback_url = callback_url

    async def next_due(self, *, look: bool = True) -> datetime | None:
        """Return when there may be something to send; None: not before the bell rings."""
        due = await super().next_due(look=look)
        if due is None or due > self._now() or not self._is_stuck:
            return due
        return await self._queue.next_chance(self._now())

    async def _take(self, limit: int) -> list[Claim]:
        now = self._now()
        line = await self._queue.look(now, limit)
        self._is_stuck = line is None
        if line is None:
            return []
        claims = await self._store.claim_chosen(
            self.work,
            partial(self._queue.choose, line=line, now=now, limit=limit),
            now=now,
            lease_for=self.lease_for,
        )
        self._is_stuck = not self._queue.is_open
        return claims

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
        if sent.external_task_id in self._found_full:
            self._found_full.remove(sent.external_task_id)
            await self._queue.account.was_full(sent.request.n, self._now())

    async def _image(self, generation: Generation) -> bytes | None:
        reference = generation.request.reference
        if not isinstance(reference, UploadedImage):
            return None
        return await self._store.reference_image(reference.sha256)

    async def _send(self, generation: Generation, image: bytes | None) -> Generation:
        try:
            snapshot = await self._provider.create(
                generation.request,
                external_task_id=generation.external_task_id,
                image=image,
                callback_url=self._callback_url(generation.external_task_id),
            )
        except RateLimited as error:
            log.warning("%s stays queued: %s", generation.external_task_id, error)
            return await self._refused(generation, error)
        except NotSent as error:
            log.warning("%s stays queued: %s", generation.external_task_id, error)
            wait = pacing.backoff(generation.setbacks + 1, jitter=self._jitter())
            return generation.requeued(now=self._now(), due_at=self._in(wait))
        except DuplicateTask as error:
            log.warning("%s is taken already: %s", generation.external_task_id, error)
            return await self._running(generation, generation.external_task_id)
        except (NoAnswer, UnreadableAnswer, ProviderTrouble) as error:
            log.warning("%s: is it taken? %s", generation.external_task_id, error)
            due_at = self._in(_FIRST_LOOKUP_SECONDS)
            return generation.unanswered(now=self._now(), due_at=due_at)
        except ProviderError as error:
            log.error("%s was refused: %s", generation.external_task_id, error)
            return generation.failed(wire.reason_for(error), now=self._now(), error=error)
        return await self._taken(generation, snapshot)

    async def _refused(self, generation: Generation, error: RateLimited) -> Generation:
        """Put a wish back to its place in the queue, and hold all back.

        One that was refused although nothing else was running may be too large for the account:
        it is tried ever more seldom, for each time it must have the account for itself.
        """
        jitter = self._jitter()
        now = self._now()
        refusal = await self._queue.account.refused(
            generation,
            now=now,
            wait=lambda strikes: pacing.backoff(
                strikes, retry_after=error.retry_after, jitter=jitter
            ),
        )
        log.warning("nothing is sent before %s", refusal.hold.until)
        if error.code == _TOO_MANY_TASKS:
            self._found_full.add(generation.external_task_id)
        if not refusal.was_alone or generation.request.n == 1:
            return generation.requeued(now=now, due_at=now)
        wait = pacing.spread(_TOO_LARGE_SECONDS * 2 ** min(generation.setbacks, 5), jitter)
        return generation.requeued(now=now, due_at=self._in(wait))

    async def _taken(self, generation: Generation, snapshot: TaskSnapshot) -> Generation:
        await self._queue.account.accepted(generation.submitted_at or self._now())
        ended = conclude(generation, snapshot, self._now())
        if ended is not None:
            return ended
        return await self._running(generation, snapshot.task_id or generation.external_task_id)

    async def _running(self, generation: Generation, task_id: str) -> Generation:
        poll_at = await self._planner.next_poll(generation)
        return generation.taken(task_id, now=self._now(), poll_at=poll_at)
