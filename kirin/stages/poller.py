"""Reading running tasks until they end."""

from __future__ import annotations

import logging
from datetime import timedelta

from kirin import pacing
from kirin.errors import ProviderError, RateLimited, TaskNotFound
from kirin.model import FailureReason, Generation, TaskSnapshot
from kirin.stages.base import Clock, Jitter, Stage
from kirin.stages.door import Door
from kirin.stages.lookup import Lookup
from kirin.stages.outcome import LAST_PATIENCE, conclude, may_pass
from kirin.stages.pollplan import PollOrder, PollPlanner
from kirin.stages.provider import Provider
from kirin.store import Claim, GenerationStore, Work

log = logging.getLogger(__name__)

LOST_GRACE = timedelta(minutes=2)
"""How long after its create a task may be unknown to the provider: they show up late."""

LOST_AFTER = 5
"""So many polls without a good one that do not find a task come before it is given up."""


class Poller(Stage):
    """Takes running generations when their next poll is due.

    No refusal of a poll ends a generation before its deadline: the picture may be paid for, and
    an operator can mend a key. At the deadline it ends only with a poll that finds it unfinished,
    so what was finished while nobody could look is not missed; without such an answer a day later.
    """

    work = Work.POLL

    def __init__(
        self,
        *,
        store: GenerationStore,
        provider: Provider,
        lookup: Lookup,
        planner: PollPlanner,
        order: PollOrder,
        deadline: timedelta,
        now: Clock,
        jitter: Jitter,
        width: int,
        door: Door | None = None,
    ) -> None:
        super().__init__(store=store, now=now, width=width, door=door)
        self._provider = provider
        self._lookup = lookup
        self._planner = planner
        self._order = order
        self._deadline = deadline
        self._jitter = jitter

    async def _take(self, limit: int) -> list[Claim]:
        """Claim what is due; where that is more than `limit`, what has most probably ended."""
        chosen = await self._order.first(limit)
        return await self._store.claim(
            self.work, now=self._now(), limit=limit, lease_for=self.lease_for, among=chosen
        )

    async def _advance(self, claim: Claim, generation: Generation) -> None:
        try:
            snapshot = await self._provider.read(generation.task_id or generation.external_task_id)
        except TaskNotFound:
            await self._store.save(claim, self._not_found(generation))
        except ProviderError as error:
            await self._store.save(claim, self._troubled(generation, error))
        else:
            await self._store.save(claim, await self._found(generation, snapshot))
            await self._lookup.try_out(generation)

    async def _found(self, generation: Generation, snapshot: TaskSnapshot) -> Generation:
        ended = conclude(generation.read(), snapshot, self._now())
        if ended is not None:
            _log_end(ended)
            return ended
        due_at = await self._planner.next_poll(generation, progress=snapshot.progress)
        polled = generation.polled(progress=snapshot.progress, now=self._now(), due_at=due_at)
        return self._given_up(polled) if self._age(generation) > self._deadline else polled

    def _not_found(self, generation: Generation) -> Generation:
        if self._age(generation) <= LOST_GRACE or generation.misses < LOST_AFTER:
            return self._look_again(generation).missed()
        log.error("%s is lost: the provider does not know it", generation.external_task_id)
        return generation.failed(FailureReason.LOST, now=self._now())

    def _troubled(self, generation: Generation, error: ProviderError) -> Generation:
        log.warning("%s could not be read: %s", generation.external_task_id, error)
        patience = LAST_PATIENCE if may_pass(error) else timedelta(0)
        if self._age(generation) > self._deadline + patience:
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
