"""Keeping the message of a waiting wish true."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from kirin import pacing
from kirin.errors import DeliveryDelayed, DeliveryImpossible
from kirin.model import Generation, Status
from kirin.stages.base import Clock, Stage
from kirin.stages.door import Door
from kirin.stages.messenger import Messenger, Notice, Outlook
from kirin.stages.outlook import Oracle
from kirin.store import Claim, GenerationStore, Kept, Work

log = logging.getLogger(__name__)

LOOKS_PER_SECOND = 25.0
"""Looks at waiting messages, of this process: some 4 ms of work each, so a tenth of a core."""

BURST_SECONDS = 4.0
"""So many seconds' looks may be made in one moment: a hundred people can send wishes together."""

FAREWELLS = 300
"""Waiting messages that are told of a restart, at most: a few seconds' edits."""

OFFER = "offer"
"""What a message shows whose token is near its end: the button that brings the result later."""

_PROGRESS_STEPS = 20
_EXACT_PLACES = 10
_LEAST_NEWS_SECONDS = 15
_NEWS_PART = 0.15
_LONGEST_WITHOUT_A_LOOK = timedelta(seconds=60)
_COUNT_KEPT = timedelta(seconds=10)
_LEEWAY = 1.2


class Reporter(Stage):
    """Takes open generations whose message may be edited again, and edits it if it is out of date.

    It edits with the interaction token alone: once that has expired, only the outcome is sent.
    Where the message may be out of reach then, the last edit puts up a button that brings it back.

    `down_since` says since when the provider is out of reach; when that changes, every waiting
    message is looked at. `others_alive` says whether other processes go on when this one ends,
    `share` which part of the messages falls to this one.
    """

    work = Work.REPORT

    def __init__(
        self,
        *,
        store: GenerationStore,
        oracle: Oracle,
        messenger: Messenger,
        now: Clock,
        width: int,
        door: Door | None = None,
        down_since: Callable[[], datetime | None] = lambda: None,
        others_alive: Callable[[], bool] = lambda: False,
        share: Callable[[], float] = lambda: 1.0,
    ) -> None:
        super().__init__(store=store, now=now, width=width, door=door)
        self._oracle = oracle
        self._messenger = messenger
        self._down_since = down_since
        self._others_alive = others_alive
        self._share = share
        self._waiting = Kept[int](lifetime=_COUNT_KEPT, now=now)
        self._told_down: datetime | None = None
        self._is_leaving = False

    async def claim(self, limit: int) -> list[Claim]:
        """Take on what is due; when there is news for everybody, everything is."""
        down_since = self._down_since()
        if down_since != self._told_down:
            hurried = await self._store.hurry_reports(self._now())
            log.info("%d waiting messages get the news", hurried)
            self._told_down = down_since
        return await super().claim(limit)

    async def take_leave(self, *, until: datetime) -> int:
        """Say in waiting messages that the program ends; they are looked at first when it is back.

        The newest come first, for somebody may be looking at them. Nothing is said where others
        go on with the wishes.
        """
        if self._others_alive():
            return 0
        self._is_leaving = True
        claims = await self._store.claim_untold(
            (Notice.RESTARTING, OFFER), now=self._now(), limit=FAREWELLS, lease_for=self.lease_for
        )
        turns = asyncio.Semaphore(self.width)
        await asyncio.gather(*(self._farewell(claim, turns, until) for claim in claims))
        return len(claims)

    async def _farewell(self, claim: Claim, turns: asyncio.Semaphore, until: datetime) -> None:
        async with turns:
            if self._now() < until:
                await self.handle(claim)
            else:
                await self._store.postpone(claim, self._now())

    async def _advance(self, claim: Claim, generation: Generation) -> None:
        await self._store.save(claim, await self._report(generation))

    async def _report(self, generation: Generation) -> Generation:
        now = self._now()
        if generation.placement.live_token(now) is None:
            return generation.showing(generation.shown or "", next_at=None)
        pause = await self._pause(generation)
        outlook = await self._outlook(generation, at=now, until=now + pause)
        is_closing = generation.placement.is_closing(now)
        face = OFFER if is_closing else waiting_face(generation, outlook)
        if face != generation.shown:
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
                wait = max(pause, timedelta(seconds=error.retry_after or 0))
                return generation.showing(generation.shown or "", next_at=self._now() + wait)
        return generation.showing(face, next_at=await self._next_look(generation, outlook, face))

    async def _outlook(self, generation: Generation, *, at: datetime, until: datetime) -> Outlook:
        if self._is_leaving:
            return Outlook(notice=Notice.RESTARTING)
        if since := self._down_since():
            return Outlook(notice=Notice.PROVIDER_DOWN, notice_since=since)
        return await self._oracle.outlook(generation, at=at, until=until)

    async def _next_look(self, generation: Generation, shown: Outlook, face: str) -> datetime:
        """Say when the message may have something else to show, as far as time alone changes it.

        What else changes it makes it due by itself.
        """
        now = self._now()
        if self._is_leaving or shown.notice_since != self._down_since():
            return now  # there has been news during the edit, or will be at the next start
        pause = await self._pause(generation)
        look = now + pause
        if face != OFFER and generation.progress is None:
            while look - now < _LONGEST_WITHOUT_A_LOOK:
                outlook = await self._outlook(generation, at=look, until=look + pause)
                if _is_restless(outlook) or waiting_face(generation, outlook) != face:
                    break
                look += pause
        closing_at = generation.placement.closing_at
        return min(look, closing_at) if closing_at and closing_at > now else look

    async def _pause(self, generation: Generation) -> timedelta:
        """Return the shortest time between two edits of a message.

        When more messages wait than can be looked at so often, each is left alone for longer:
        none should be looked at later than it was due, for buttons have to be put up in time.
        """
        age = (self._now() - generation.created_at).total_seconds()
        count = await self._waiting.get(self._store.count_waiting)
        round_ = count * self._share() / LOOKS_PER_SECOND * _LEEWAY
        return timedelta(seconds=max(pacing.report_delay(age), round_))


def waiting_face(generation: Generation, outlook: Outlook) -> str:
    """Name what a waiting message shows; two states with one name look the same, or nearly so.

    The bar moves in twentieths. In a long queue a place more or less is not worth an edit.
    """
    if outlook.notice:
        return outlook.notice.value
    match generation.status:
        case Status.QUEUED:
            kind = "busy" if generation.setbacks else "queued"
            place = f"{_rounded(outlook.position or 0)}:{_rounded(outlook.total or 0)}"
            return f"{kind}:{place}:{_promised(generation, outlook)}"
        case Status.RUNNING:
            return f"running:{_step(outlook.fraction)}:{_promise(outlook)}"
        case _:
            return generation.status.value


def _is_restless(outlook: Outlook) -> bool:
    """Say whether what is shown depends on more than time: a place near the front changes soon."""
    return outlook.position is not None and outlook.position <= _EXACT_PLACES


def _promised(generation: Generation, outlook: Outlook) -> str:
    """Name the promised time: the one that is shown, as long as it is about right."""
    if outlook.eta is None:
        return ""
    eta = int(outlook.eta.timestamp())
    _, _, shown = (generation.shown or "").rpartition(":")
    if shown.isdigit() and generation.shown and generation.shown.startswith(("queued", "busy")):
        whole = eta - generation.created_at.timestamp()
        if abs(eta - int(shown)) <= max(_LEAST_NEWS_SECONDS, whole * _NEWS_PART):
            return shown
    return str(eta)


def _rounded(count: int) -> int:
    return count if count <= _EXACT_PLACES else count - count % _EXACT_PLACES


def _step(fraction: float | None) -> str:
    return "none" if fraction is None else str(int(fraction * _PROGRESS_STEPS))


def _promise(outlook: Outlook) -> str:
    if outlook.is_late:
        return "late"
    return "soon" if outlook.eta is None else "eta"
