"""Counting the rows that wait, for those who watch over the bot."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select

from kirin.model import Status
from kirin.store.database import Database
from kirin.store.kept import Kept
from kirin.store.tables import generations
from kirin.store.work import CONDITIONS, Work

_KEPT = timedelta(seconds=5)

_c = generations.c


@dataclass(frozen=True, slots=True, kw_only=True)
class Census:
    """What waits at one moment, in the whole database.

    `queued` wishes are not sent, the oldest since `queued_since`; those `in_flight` may be with
    the provider, with `pictures_in_flight` pictures; `undelivered` have ended, the first of them
    at `undelivered_since`, and their messages do not show it yet.
    """

    queued: int
    queued_since: datetime | None
    in_flight: int
    pictures_in_flight: int
    undelivered: int
    undelivered_since: datetime | None


class CensusStore:
    """Takes the census, at most every five seconds."""

    def __init__(self, database: Database, *, now: Callable[[], datetime]) -> None:
        self._database = database
        self._kept = Kept[Census](lifetime=_KEPT, now=now)

    async def census(self) -> Census:
        """Return how it was a moment ago."""
        return await self._kept.get(self._take)

    async def is_reachable(self) -> bool:
        """Say whether the database answers at this moment."""
        async with self._database.read() as connection:
            return await connection.scalar(select(1)) == 1

    async def _take(self) -> Census:
        open_rows = (
            select(_c.status, func.count(), func.sum(_c.n), func.min(_c.created_at))
            .where(_c.status.in_([status.value for status in Status if not status.is_terminal]))
            .group_by(_c.status)
        )
        undelivered = select(func.count(), func.min(_c.finished_at)).where(CONDITIONS[Work.DELIVER])
        async with self._database.read() as connection:
            rows = (await connection.execute(open_rows)).all()
            ended = (await connection.execute(undelivered)).one()
        found = {status: (count, pictures, since) for status, count, pictures, since in rows}
        nothing = (0, 0, None)
        queued = found.get(Status.QUEUED.value, nothing)
        sent = [found.get(s.value, nothing) for s in (Status.SUBMITTING, Status.RUNNING)]
        return Census(
            queued=queued[0],
            queued_since=queued[2],
            in_flight=sum(count for count, _, _ in sent),
            pictures_in_flight=sum(pictures for _, pictures, _ in sent),
            undelivered=ended[0],
            undelivered_since=ended[1],
        )
