"""Keeping the message of a waiting wish true."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

from kirin import pacing
from kirin.errors import DeliveryDelayed, DeliveryImpossible
from kirin.model import Generation, Status
from kirin.stages.base import Clock, Stage
from kirin.stages.messenger import Messenger, Outlook
from kirin.stages.outlook import Oracle
from kirin.store import Claim, GenerationStore, Work

log = logging.getLogger(__name__)

_PROGRESS_STEPS = 20
_EXACT_PLACES = 10

OFFER = "offer"
"""What a message shows whose token is near its end: the button that brings the result later."""


class Reporter(Stage):
    """Takes open generations whose message may be edited again, and edits it if it is out of date.

    It edits with the interaction token alone: once that has expired, only the outcome is sent.
    Where the message may be out of reach then, the last edit puts up a button that brings it back.
    """

    work = Work.REPORT
    lease_for = timedelta(minutes=10)

    def __init__(
        self,
        *,
        store: GenerationStore,
        oracle: Oracle,
        messenger: Messenger,
        now: Clock,
        width: int,
    ) -> None:
        super().__init__(store=store, now=now, width=width)
        self._oracle = oracle
        self._messenger = messenger

    async def _advance(self, claim: Claim, generation: Generation) -> None:
        await self._store.save(claim, await self._report(generation))

    async def _report(self, generation: Generation) -> Generation:
        if generation.placement.live_token(self._now()) is None:
            return generation.showing(generation.shown or "", next_at=None)
        next_look = self._next_look(generation)
        outlook = await self._oracle.outlook(generation, until=next_look)
        is_closing = generation.placement.is_closing(self._now())
        face = OFFER if is_closing else waiting_face(generation, outlook)
        if face == generation.shown:
            return generation.showing(face, next_at=next_look)
        try:
            if is_closing:
                await self._messenger.offer_result(generation)
            else:
                await self._messenger.show_waiting(generation, outlook)
        except DeliveryImpossible as error:
            log.info("%s cannot be shown waiting: %s", generation.external_task_id, error)
            last_look = None if is_closing else generation.placement.closing_at
            return generation.showing(generation.shown or "", next_at=last_look)
        except DeliveryDelayed as error:
            wait = timedelta(seconds=error.retry_after or 0)
            retry_at = max(self._next_look(generation), self._now() + wait)
            return generation.showing(generation.shown or "", next_at=retry_at)
        return generation.showing(face, next_at=self._next_look(generation))

    def _next_look(self, generation: Generation) -> datetime:
        age = (self._now() - generation.created_at).total_seconds()
        return self._in(pacing.report_delay(age))


def waiting_face(generation: Generation, outlook: Outlook) -> str:
    """Name what a waiting message shows; two states with one name look the same, or nearly so.

    The bar moves in twentieths. In a long queue a place more or less is not worth an edit.
    """
    match generation.status:
        case Status.QUEUED:
            kind = "busy" if generation.setbacks else "queued"
            return f"{kind}:{_rounded(outlook.position or 0)}:{_rounded(outlook.total or 0)}"
        case Status.RUNNING:
            return f"running:{_step(outlook.fraction)}:{_promise(outlook)}"
        case _:
            return generation.status.value


def _rounded(count: int) -> int:
    return count if count <= _EXACT_PLACES else count - count % _EXACT_PLACES


def _step(fraction: float | None) -> str:
    return "none" if fraction is None else str(int(fraction * _PROGRESS_STEPS))


def _promise(outlook: Outlook) -> str:
    if outlook.is_late:
        return "late"
    return "soon" if outlook.eta is None else "eta"
