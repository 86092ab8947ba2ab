"""Sending wishes to the provider, each once."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
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
from kirin.model import FailureReason, Generation, TaskSnapshot, TaskState, UploadedImage
from kirin.stages.base import LEASE, Clock, Jitter, Stage
from kirin.stages.door import Door
from kirin.stages.lookup import Lookup
from kirin.stages.memory import MemoryRoom
from kirin.stages.outcome import taken
from kirin.stages.pollplan import PollPlanner
from kirin.stages.provider import Provider
from kirin.store import Claim, GenerationStore, QueueStore, Work

log = logging.getLogger(__name__)

MOST_IMAGE_BYTES = 40_000_000
"""Bytes of reference images that are sent at once; each is in memory almost four times then."""

_FIRST_LOOKUP_SECONDS = 1.0
_TOO_LARGE_SECONDS = 60.0
_SLOW_LOOK = timedelta(seconds=5)
_TOO_MANY_TASKS = "1303"
_RECORDED_AGAIN_AFTER = (0.0, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0)

_Answer = TaskSnapshot | ProviderError


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sent:
    """What came of a create: the wish as it goes on, and what was learned about the account.

    `is_accepted` where the provider took it, `was_full` where it has too many running tasks.
    """

    generation: Generation
    is_accepted: bool = False
    was_full: bool = False


class Submitter(Stage):
    """Takes queued wishes, marks them as being sent, and sends them.

    The queue says who goes out next, and how many. When nobody can, for want of slots or after a
    refusal, nothing is due before the bell rings, or before time alone changes something.

    A create whose outcome is unknown is left to the resolver; it is never sent again from here.
    `on_ended` is called when one has ended: others that were held back may go out now.
    """

    work = Work.SUBMIT

    def __init__(
        self,
        *,
        store: GenerationStore,
        queue: QueueStore,
        provider: Provider,
        lookup: Lookup,
        planner: PollPlanner,
        deadline: timedelta,
        now: Clock,
        jitter: Jitter,
        width: int,
        door: Door | None = None,
        lease_for: timedelta = LEASE,
        callback_url: Callable[[str], str | None] = lambda _id: None,
        on_ended: Callable[[], None] = lambda: None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        super().__init__(store=store, now=now, width=width, door=door, lease_for=lease_for)
        self._queue = queue
        self._is_stuck = False
        self.patience = lease_for
        self._provider = provider
        self._lookup = lookup
        self._planner = planner
        self._deadline = deadline
        self._jitter = jitter
        self._callback_url = callback_url
        self._on_ended = on_ended
        self._sleep = sleep
        self._memory = MemoryRoom(MOST_IMAGE_BYTES)

    async def next_due(self, *, look: bool = True) -> datetime | None:
        """Return when there may be something to send; None: not before the bell rings.

        Who is held back looks now and then: not everything that sets others free rings here.
        """
        due = await super().next_due(look=look)
        if due is None or due > self._now() or not self._is_stuck:
            return due
        chance = await self._queue.next_chance(self._now())
        return min(moment for moment in (chance, self._now() + _SLOW_LOOK) if moment)

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
        async with self._memory.holding(await self._image_size(generation)):
            if self.is_stopping:
                await self._store.postpone(claim, generation.due_at or self._now())
            else:
                await self._submit(claim, generation)

    async def _submit(self, claim: Claim, generation: Generation) -> None:
        now = self._now()
        image = await self._image(generation)
        if image is None and isinstance(generation.request.reference, UploadedImage):
            failed = generation.failed(FailureReason.REFERENCE_MISSING, now=now)
            await self._store.save(claim, failed)
            return
        until = now + self.lease_for
        sending = await self._store.save(claim, generation.sending(now), keep=True, until=until)
        if sending is None:
            return
        answer = await self._send(sending.generation, image)
        try:
            await self._learn(await self._record(sending, answer))
        finally:
            self._on_ended()

    async def _image_size(self, generation: Generation) -> int:
        reference = generation.request.reference
        if not isinstance(reference, UploadedImage):
            return 0
        return await self._store.reference_size(reference.sha256)

    async def _image(self, generation: Generation) -> bytes | None:
        reference = generation.request.reference
        if not isinstance(reference, UploadedImage):
            return None
        return await self._store.reference_image(reference.sha256)

    async def _send(self, generation: Generation, image: bytes | None) -> _Answer:
        try:
            return await self._provider.create(
                generation.request,
                external_task_id=generation.external_task_id,
                image=image,
                callback_url=self._callback_url(generation.external_task_id),
            )
        except ProviderError as error:
            return error

    async def _record(self, sending: Claim, answer: _Answer) -> _Sent:
        """Record what came of a create, through a minute of trouble with the database.

        The answer comes once: a task's id that was not written down may never be found again.
        """
        for seconds in _RECORDED_AGAIN_AFTER:
            try:
                return await self._recorded(sending, answer)
            except Exception:
                told = answer.task_id if isinstance(answer, TaskSnapshot) else answer
                name = sending.generation.external_task_id
                log.exception("the answer for %s (%s) is not recorded yet", name, told)
                await self._sleep(seconds)
        return await self._recorded(sending, answer)

    async def _recorded(self, sending: Claim, answer: _Answer) -> _Sent:
        """Record it, also where the lease was lost and nobody has sent the wish again."""
        sent = await self._answered(sending.generation, answer)
        now = sent.generation
        if await self._store.save(sending, now) is None and not await self._store.change(
            sending.generation, now, is_same_attempt=True
        ):
            log.warning("%s was ended while it was sent (%s)", now.external_task_id, now.task_id)
        return sent

    async def _learn(self, sent: _Sent) -> None:
        """Note what a recorded answer says about the account."""
        if sent.is_accepted:
            await self._queue.account.accepted(sent.generation.submitted_at or self._now())
        if sent.was_full:
            await self._queue.account.was_full(sent.generation.request.n, self._now())

    async def _answered(self, generation: Generation, answer: _Answer) -> _Sent:
        name = generation.external_task_id
        match answer:
            case TaskSnapshot():
                told = await taken(generation, answer, planner=self._planner, now=self._now)
                return _Sent(generation=told, is_accepted=True)
            case RateLimited():
                log.warning("%s stays queued: %s", name, answer)
                return _Sent(
                    generation=await self._refused(generation, answer),
                    was_full=answer.code == _TOO_MANY_TASKS,
                )
            case DuplicateTask():
                log.warning("%s is taken already: %s", name, answer)
                return _Sent(generation=await self._duplicate(generation))
            case _:
                return _Sent(generation=self._not_taken(generation, answer))

    def _not_taken(self, generation: Generation, error: ProviderError) -> Generation:
        """Go on with a wish that the provider has not taken, as far as is known."""
        name, now = generation.external_task_id, self._now()
        match error:
            case NotSent():
                log.warning("%s stays queued: %s", name, error)
                wait = pacing.backoff(generation.setbacks + 1, jitter=self._jitter())
                return generation.requeued(now=now, due_at=self._in(wait))
            case NoAnswer() | UnreadableAnswer() | ProviderTrouble():
                log.warning("%s: is it taken? %s", name, error)
                return generation.unanswered(now=now, due_at=self._in(_FIRST_LOOKUP_SECONDS))
            case _:
                log.error("%s was refused: %s", name, error)
                return generation.failed(wire.reason_for(error), now=now, error=error)

    async def _duplicate(self, generation: Generation) -> Generation:
        """Have the task looked up by our id; where that may not work, it is read by it."""
        if await self._lookup.works():
            due_at = self._in(_FIRST_LOOKUP_SECONDS)
            return generation.duplicate(now=self._now(), due_at=due_at)
        known = TaskSnapshot(task_id=generation.external_task_id, state=TaskState.RUNNING)
        return await taken(generation, known, planner=self._planner, now=self._now)

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
        if not refusal.was_alone or generation.request.n == 1:
            return generation.requeued(now=now, due_at=now)
        wait = pacing.spread(_TOO_LARGE_SECONDS * 2 ** min(generation.setbacks, 5), jitter)
        return generation.requeued(now=now, due_at=self._in(wait))
