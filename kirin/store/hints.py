"""What a word of the provider changes in a row: the next read comes at once, and no more."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Update, and_, case, literal, update

from kirin.model import Generation, Status
from kirin.store.tables import generations
from kirin.store.work import together

SHORTEST_GAP = timedelta(seconds=1)
"""Hints make a row due at most this often, however many there are."""

_HEARD = (Status.SUBMITTING, Status.RUNNING)

_c = generations.c


def hinting(external_task_ids: Collection[str], now: datetime) -> Update:
    """Make the rows due that the provider may have; return id and status of each that moved.

    A hint within a second of the one before makes the row due when that second is over. One that
    would change nothing is not written; while a call is under way it always may.
    """
    soon = now + SHORTEST_GAP
    is_early = and_(_c.hinted_at.is_not(None), _c.hinted_at > now - SHORTEST_GAP)
    changes_nothing = and_(is_early, _c.lease.is_(None), _c.due_at <= soon)
    return (
        update(generations)
        .where(
            together(
                _c.external_task_id.in_(external_task_ids),
                _c.status.in_([status.value for status in _HEARD]),
                ~changes_nothing,
            )
        )
        .values(
            hinted_at=now,
            due_at=case((is_early, _earliest(soon)), else_=_earliest(now)),
        )
        .returning(_c.external_task_id, _c.status)
    )


def unless_hinted(seen: Generation, new: Generation) -> datetime | ColumnElement[datetime] | None:
    """Return when a row is due after a call: at once if a hint came while the call was under way.

    The answer that the call brought may be older than that hint.
    """
    if new.due_at is None or new.status not in _HEARD:
        return new.due_at
    at_once = min(seen.due_at or new.due_at, new.due_at)
    if seen.hinted_at is not None:
        at_once = min(max(at_once, seen.hinted_at + SHORTEST_GAP), new.due_at)
    is_hinted = _c.hinted_at.is_distinct_from(seen.hinted_at)
    return case((is_hinted, _moment(at_once)), else_=_moment(new.due_at))


def _earliest(moment: datetime) -> ColumnElement[datetime]:
    """Return when a row is due, or `moment` where that is earlier."""
    return case((_c.due_at > moment, _moment(moment)), else_=_c.due_at)


def _moment(value: datetime) -> ColumnElement[datetime]:
    return literal(value, _c.due_at.type)
