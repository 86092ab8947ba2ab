"""Those who wait, read narrowly and put in order: ten thousand must not hold up anything else."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import TypeVar

from sqlalchemy import ColumnElement, and_, case, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from kirin import fairness
from kirin.fairness import Use, Waiting
from kirin.model import Status
from kirin.store.account import HELD, HOLDING
from kirin.store.raw import RawRow, raw_rows, seconds
from kirin.store.tables import generations

MANY = 500
"""More wishes than that are put in order by a thread, and their order is used for a while."""

_HEAD = 500  # of each size; sixteen go out at once
_KEPT_AT_LEAST = timedelta(seconds=1)
_KEPT_FOR_EACH = timedelta(milliseconds=0.5)
_REMEMBERED = 5_000  # creates, the latest: who was served before them has long waited again

_T = TypeVar("_T")
_c = generations.c

QUEUED = and_(_c.finished_at.is_(None), _c.status == Status.QUEUED.value)
"""The rows of all who wait, also of those who are backing off or about to be sent."""

WHO = (_c.external_task_id, _c.guild_id, _c.user_id, _c.n, _c.created_at, _c.passed_at)
"""What `waiting_of` reads, in this order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """Those who can go out, in fair order, as read at that moment.

    Of a long one it has only the first of each size; `taken` have gone since it was read.
    """

    order: Sequence[Waiting]
    read_at: datetime
    length: int
    taken: int = 0

    def is_fresh(self, now: datetime) -> bool:
        """Say whether it can be used again: a long one can, for seconds or until many have gone."""
        if self.length <= MANY or not self.order or self.taken >= _HEAD:
            return False
        return now - self.read_at < max(_KEPT_AT_LEAST, self.length * _KEPT_FOR_EACH)

    def without(self, names: Collection[str]) -> Line:
        """Return what is left of it."""
        gone = set(names)
        order = [wish for wish in self.order if wish.id not in gone]
        return replace(self, order=order, taken=self.taken + len(gone))

    def noting(self, passed: Waiting, now: datetime) -> Line:
        """Return it with one who has been passed just now."""
        noted = replace(passed, passed_at=now.timestamp())
        return replace(self, order=[noted if wish is passed else wish for wish in self.order])


def free(now: datetime) -> ColumnElement[bool]:
    """Find those who can be taken on."""
    return and_(QUEUED, _c.due_at <= now, or_(_c.lease_until.is_(None), _c.lease_until <= now))


def waiting_of(row: RawRow) -> Waiting:
    """Read one who waits; more columns may follow."""
    id_, server, user, n, created_at, passed_at = row[:6]
    return Waiting(
        id=id_,
        server=server or fairness.DIRECT_MESSAGES,
        user=user,
        n=n,
        since=seconds(created_at),
        passed_at=None if passed_at is None else seconds(passed_at),
    )


def head(order: Sequence[Waiting], *, late_before: float) -> Sequence[Waiting]:
    """Return all of a short order, and of a long one the first of each size.

    Those that came before `late_before` need no slots and are a kind of their own. Nobody is left
    out for whom slots may be kept.
    """
    if len(order) <= MANY:
        return order
    seen: Counter[int] = Counter()
    first = []
    for wish in order:
        kind = 0 if wish.since < late_before else wish.n
        seen[kind] += 1
        if seen[kind] <= _HEAD or wish.passed_at is not None:
            first.append(wish)
    return first


async def read_held(connection: AsyncConnection) -> Sequence[RawRow]:
    """Read who holds slots."""
    who = (_c.guild_id, _c.user_id)
    held = select(*who, func.sum(_c.n), func.max(_c.submitted_at))
    return await raw_rows(connection, held.where(HELD, _c.submitted_at.is_not(None)).group_by(*who))


async def read_past(
    connection: AsyncConnection, now: datetime, deadline: timedelta
) -> Sequence[RawRow]:
    """Read who was served of late, and what of it counts although it has ended.

    Nothing older than the deadline is of any weight.
    """
    latest = (
        select(_c.guild_id, _c.user_id, _c.n, _c.status, _c.submitted_at)
        .where(_c.submitted_at > now - deadline)
        .order_by(_c.submitted_at.desc())
        .limit(_REMEMBERED)
        .subquery()
    )
    since = now - timedelta(seconds=fairness.MEMORY)
    is_counted = and_(latest.c.submitted_at > since, latest.c.status.not_in(HOLDING))
    served = select(
        latest.c.guild_id,
        latest.c.user_id,
        func.sum(case((is_counted, latest.c.n), else_=0)),
        func.max(latest.c.submitted_at),
    )
    return await raw_rows(connection, served.group_by(latest.c.guild_id, latest.c.user_id))


def uses_of(rows: Iterable[RawRow]) -> list[Use]:
    """Read what `read_held` and `read_past` have read."""
    return [
        Use(
            server=server or fairness.DIRECT_MESSAGES,
            user=user,
            slots=slots,
            served_at=seconds(served_at),
        )
        for server, user, slots, served_at in rows
    ]


async def computed(compute: Callable[[], _T], *, size: int) -> _T:
    """Compute something from so many rows: at once, or in a thread where they are many."""
    return compute() if size <= MANY else await asyncio.to_thread(compute)
