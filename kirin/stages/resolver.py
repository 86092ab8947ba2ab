"""Creates whose outcome is unknown: looked up by our own id before anything is sent again."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from kirin import pacing
from kirin.errors import ProviderError, RateLimited, TaskNotFound
from kirin.model import FailureReason, Generation, TaskSnapshot, TaskState
from kirin.stages.base import Clock, Jitter, Stage
from kirin.stages.door import Door
from kirin.stages.lookup import Lookup
from kirin.stages.outcome import LAST_PATIENCE, may_pass, taken
from kirin.stages.pollplan import PollPlanner
from kirin.stages.provider import Provider
from kirin.store import Claim, GenerationStore, Work

log = logging.getLogger(__name__)

_A_MOMENT = timedelta(seconds=1)


class Resolver(Stage):
    """Takes wishes left in *submitting*: after a timeout, a 5xx, or the death of the process.

    Found: the wish goes on. Not found within `grace`, where the lookup is known to work: it is
    sent again. Otherwise it ends as unknown; nothing is ever paid twice to be sure.

    `on_ended` is called when a lookup has ended: a create that was held back may go out now.
    """

    work = Work.RESOLVE

    def __init__(
        self,
        *,
        store: GenerationStore,
        provider: Provider,
        lookup: Lookup,
        planner: PollPlanner,
        grace: timedelta,
        deadline: timedelta,
        now: Clock,
        jitter: Jitter,
        width: int,
        door: Door | None = None,
        on_ended: Callable[[], None] = lambda: None,
    ) -> None:
        super().__init__(store=store, now=now, width=width, door=door)
        self._provider = provider
        self._lookup = lookup
        self._planner = planner
        self._grace = grace
        self._deadline = deadline
        self._jitter = jitter
        self._on_ended = on_ended

    async def _advance(self, claim: Claim, generation: Generation) -> None:
        try:
            await self._store.save(claim, await self._resolve(generation))
        finally:
            self._on_ended()

    async def _resolve(self, generation: Generation) -> Generation:
        if self._lookup.is_forbidden:
            return await self._not_to_be_found(generation)
        try:
            snapshot = await self._provider.look_up(generation.external_task_id)
        except TaskNotFound:
            return await self._not_found(generation)
        except ProviderError as error:
            if not may_pass(error) and await self._is_hopeless(generation):
                return await self._not_to_be_found(generation)
            return self._troubled(generation, error)
        await self._lookup.proved()
        log.info("%s was taken after all", generation.external_task_id)
        return await taken(generation, snapshot, planner=self._planner, now=self._now)

    async def _is_hopeless(self, generation: Generation) -> bool:
        """Say whether a lookup that was refused, and has never worked, need not be tried again."""
        is_over = not _was_left(generation) and self._since_sent(generation) > self._grace
        return is_over and not await self._lookup.works()

    def _troubled(self, generation: Generation, error: ProviderError) -> Generation:
        log.warning("%s could not be looked up: %s", generation.external_task_id, error)
        asked = error.retry_after if isinstance(error, RateLimited) else None
        due_at = self._after(generation, retry_after=asked)
        if _was_left(generation):
            return generation.unanswered(now=self._now(), due_at=due_at)
        if self._since_sent(generation) > self._deadline + LAST_PATIENCE:
            return self._unknown(generation)
        return generation.unresolved(due_at)

    async def _not_found(self, generation: Generation) -> Generation:
        if _was_left(generation):
            return generation.unanswered(now=self._now(), due_at=self._now() + _A_MOMENT)
        if self._since_sent(generation) <= self._grace:
            over = self._now() - self._since_sent(generation) + self._grace + _A_MOMENT
            return generation.unresolved(min(self._after(generation), over))
        if generation.task_id or not await self._lookup.works():
            return await self._not_to_be_found(generation)
        log.info("%s was not taken, and is sent again", generation.external_task_id)
        now = self._now()
        return generation.requeued(now=now, due_at=now)

    async def _not_to_be_found(self, generation: Generation) -> Generation:
        """Go on with what the provider has under our id, as it has said itself; else give up."""
        if generation.task_id is None:
            return self._unknown(generation)
        log.warning("%s cannot be looked up; it is read by our id", generation.external_task_id)
        known = TaskSnapshot(task_id=generation.task_id, state=TaskState.RUNNING)
        return await taken(generation, known, planner=self._planner, now=self._now)

    def _unknown(self, generation: Generation) -> Generation:
        log.error("%s: whether it was taken stays unknown", generation.external_task_id)
        return generation.failed(FailureReason.UNKNOWN_OUTCOME, now=self._now())

    def _since_sent(self, generation: Generation) -> timedelta:
        return self._now() - (generation.submitted_at or generation.created_at)

    def _after(self, generation: Generation, *, retry_after: float | None = None) -> datetime:
        return self._in(
            pacing.backoff(generation.setbacks + 1, retry_after=retry_after, jitter=self._jitter())
        )


def _was_left(generation: Generation) -> bool:
    """Say whether nobody saw the create end: its process died, so it may arrive even now.

    The row is due at the moment of the create until then, and later ever after.
    """
    due_at, sent_at = generation.due_at, generation.submitted_at
    return due_at is not None and sent_at is not None and due_at <= sent_at
