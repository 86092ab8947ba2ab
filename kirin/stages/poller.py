"""Reading running tasks until they end."""

from __future__ import annotations

import logging
from datetime import timedelta

from kirin import pacing
from kirin.errors import ProviderError, RateLimited, TaskNotFound
from kirin.model import FailureReason, Generation
from kirin.pacing import PollSchedule
from kirin.stages.base import Clock, Jitter, Stage
from kirin.stages.lookup import Lookup
from kirin.stages.outcome import conclude
from kirin.stages.provider import Provider
from kirin.store import Claim, GenerationStore, Work

log = logging.getLogger(__name__)

LOST_GRACE = timedelta(minutes=2)
"""How long after its create a task may be unknown to the provider: they show up late."""

LOST_AFTER = 5
"""So many troubled polls in a row (about a minute) come before an unknown task is given up."""


class Poller(Stage):
    """Takes running generations when their next poll is due.

    No refusal of a poll ends a generation before its deadline: the picture may be paid for, and
    an operator can mend a key. One poll is made even after the deadline, for what was finished
    while nobody looked.
    """

    work = Work.POLL
    lease_for = timedelta(minutes=10)

    def __init__(
        self,
        *,
        store: GenerationStore,
        provider: Provider,
        lookup: Lookup,
        schedule: PollSchedule,
        deadline: timedelta,
        now: Clock,
        jitter: Jitter,
        width: int,
    ) -> None:
        super().__init__(store=store, now=now, width=width)
        self._provider = provider
        self._lookup = lookup
        self._schedule = schedule
        self._deadline = deadline
        self._jitter = jitter

    async def _advance(self, claim: Claim, generation: Generation) -> None:
        await self._store.save(claim, await self._poll(generation))

    async def _poll(self, generation: Generation) -> Generation:
        try:
            snapshot = await self._provider.read(generation.task_id or generation.external_task_id)
        except TaskNotFound:
            return self._not_found(generation)
        except ProviderError as error:
            return self._troubled(generation, error)
        await self._lookup.try_out(generation)
        ended = conclude(generation.read(), snapshot, self._now())
        if ended is not None:
            _log_end(ended)
            return ended
        wait = self._schedule.delay(
            polls=generation.polls + 1,
            jitter=self._jitter(),
            age=self._age(generation).total_seconds(),
        )
        polled = generation.polled(
            progress=snapshot.progress, now=self._now(), due_at=self._in(wait)
        )
        return self._given_up(polled) if self._is_late(generation) else polled

    def _not_found(self, generation: Generation) -> Generation:
        if self._age(generation) <= LOST_GRACE or generation.setbacks < LOST_AFTER:
            return self._look_again(generation)
        log.error("%s is lost: the provider does not know it", generation.external_task_id)
        return generation.failed(FailureReason.LOST, now=self._now())

    def _troubled(self, generation: Generation, error: ProviderError) -> Generation:
        log.warning("%s could not be read: %s", generation.external_task_id, error)
        if self._is_late(generation):
            return self._given_up(generation)
        return self._look_again(generation, error)

    def _look_again(self, generation: Generation, error: ProviderError | None = None) -> Generation:
        asked = error.retry_after if isinstance(error, RateLimited) else None
        setbacks = generation.setbacks + 1
        wait = pacing.backoff(setbacks, retry_after=asked, jitter=self._jitter())
        return generation.poll_troubled(self._in(wait))

    def _given_up(self, generation: Generation) -> Generation:
        log.error("%s is not finished at its deadline", generation.external_task_id)
        return generation.expired(FailureReason.DEADLINE, self._now())

    def _is_late(self, generation: Generation) -> bool:
        return self._age(generation) > self._deadline

    def _age(self, generation: Generation) -> timedelta:
        return self._now() - (generation.submitted_at or generation.created_at)


def _log_end(generation: Generation) -> None:
    log.info(
        "%s %s: pictures=%d cost=%s polls=%d code=%s text=%s",
        generation.external_task_id,
        generation.status,
        len(generation.output),
        generation.cost,
        generation.polls,
        generation.error_code,
        generation.error_text,
    )
