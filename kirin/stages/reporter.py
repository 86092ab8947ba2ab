"""Keeping the message of a waiting wish true."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from kirin import pacing
from kirin.errors import DeliveryDelayed, DeliveryImpossible
from kirin.model import Generation, Status
from kirin.stages.base import Clock, Stage
from kirin.stages.messenger import Messenger
from kirin.store import Claim, GenerationStore, Work

log = logging.getLogger(__name__)

_PROGRESS_STEPS = 20


class Reporter(Stage):
    """Takes open generations whose message may be edited again, and edits it if it is out of date.

    It edits with the interaction token alone: once that has expired, only the outcome is sent.
    """

    work = Work.REPORT
    lease_for = timedelta(minutes=10)

    def __init__(
        self, *, store: GenerationStore, messenger: Messenger, now: Clock, width: int
    ) -> None:
        super().__init__(store=store, now=now, width=width)
        self._messenger = messenger

    async def _advance(self, claim: Claim, generation: Generation) -> None:
        await self._store.save(claim, await self._report(generation))

    async def _report(self, generation: Generation) -> Generation:
        if generation.placement.live_token(self._now()) is None:
            return generation.showing(generation.shown or "", next_at=None)
        face = waiting_face(generation)
        if face == generation.shown:
            return generation.showing(face, next_at=self._next_look(generation))
        try:
            await self._messenger.show_waiting(generation)
        except DeliveryImpossible as error:
            log.info("%s cannot be shown waiting: %s", generation.external_task_id, error)
            return generation.showing(generation.shown or "", next_at=None)
        except DeliveryDelayed as error:
            wait = timedelta(seconds=error.retry_after or 0)
            retry_at = max(self._next_look(generation), self._now() + wait)
            return generation.showing(generation.shown or "", next_at=retry_at)
        return generation.showing(face, next_at=self._next_look(generation))

    def _next_look(self, generation: Generation) -> datetime:
        age = (self._now() - generation.created_at).total_seconds()
        return self._in(pacing.report_delay(age))


def waiting_face(generation: Generation) -> str:
    """Name what a waiting message shows; two states with one name look the same."""
    if generation.status is Status.QUEUED and generation.setbacks:
        return f"busy:{generation.attempts}"
    if generation.status is Status.RUNNING and generation.progress is not None:
        return f"running:{int(generation.progress * _PROGRESS_STEPS)}"
    return generation.status.value
