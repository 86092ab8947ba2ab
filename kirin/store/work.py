"""The kinds of work that rows wait for, and the lane that each runs in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum, auto

from sqlalchemy import Column, ColumnElement, and_, func, select

from kirin.model import Generation, Status
from kirin.store.tables import generations

OPEN = tuple(status.value for status in Status if not status.is_terminal)
TERMINAL = tuple(status.value for status in Status if status.is_terminal)


class Work(StrEnum):
    """What a row can wait for; every kind belongs to one stage."""

    SUBMIT = auto()
    RESOLVE = auto()
    POLL = auto()
    REPORT = auto()
    DELIVER = auto()


@dataclass(frozen=True, slots=True)
class Lane:
    """The columns that one lane keeps: one worker at a time in each lane of a row."""

    due_at: Column[datetime]
    lease: Column[str]
    lease_until: Column[datetime]


_c = generations.c
PROVIDER_LANE = Lane(_c.due_at, _c.lease, _c.lease_until)
MESSAGE_LANE = Lane(_c.message_due_at, _c.message_lease, _c.message_lease_until)

LANES: dict[Work, Lane] = {
    Work.SUBMIT: PROVIDER_LANE,
    Work.RESOLVE: PROVIDER_LANE,
    Work.POLL: PROVIDER_LANE,
    Work.REPORT: MESSAGE_LANE,
    Work.DELIVER: MESSAGE_LANE,
}

# few rows wait for their message and nearly all have ended, so no index over the status is of use
_status = func.coalesce(_c.status, "")

CONDITIONS: dict[Work, ColumnElement[bool]] = {
    Work.SUBMIT: _c.status == Status.QUEUED.value,
    Work.RESOLVE: _c.status == Status.SUBMITTING.value,
    Work.POLL: _c.status == Status.RUNNING.value,
    Work.REPORT: and_(_c.message_due_at.is_not(None), _status.in_(OPEN)),
    Work.DELIVER: and_(
        _c.message_due_at.is_not(None), _status.in_(TERMINAL), _c.delivered_at.is_(None)
    ),
}

_PROVIDER_WORK = {
    Status.QUEUED: Work.SUBMIT,
    Status.SUBMITTING: Work.RESOLVE,
    Status.RUNNING: Work.POLL,
}


def together(*conditions: ColumnElement[bool]) -> ColumnElement[bool]:
    """Find the rows that one statement changes, locked in the order of their ids.

    So two such statements never wait for each other in a circle (PostgreSQL would end one).
    """
    rows = select(_c.external_task_id).where(*conditions)
    return _c.external_task_id.in_(rows.order_by(_c.external_task_id).with_for_update())


def waits_for(generation: Generation, lane: Lane | None = None) -> set[Work]:
    """Name the work that a generation in this state waits for, now or later (in one lane)."""
    work = set()
    if generation.due_at and generation.status in _PROVIDER_WORK:
        work.add(_PROVIDER_WORK[generation.status])
    if generation.message_due_at:
        work.add(Work.DELIVER if generation.status.is_terminal else Work.REPORT)
    return {each for each in work if lane is None or LANES[each] is lane}


def news_of(old: Generation | None, new: Generation) -> set[Work]:
    """Name the work that nobody else reckons with yet: of a new state, or due earlier than before.

    What has only become due later needs no word: whoever waits for it looks in time anyway.
    """
    if old is None or old.status is not new.status:
        return waits_for(new) | (frees(old, new) if old else set())
    before = waits_for(old)
    return {
        work for work in waits_for(new) if work not in before or _due(new, work) < _due(old, work)
    }


def frees(old: Generation, new: Generation) -> set[Work]:
    """Name the work that the end of a wish makes possible: another one may have its slots."""
    return {Work.SUBMIT} if new.status.is_terminal and not old.status.is_terminal else set()


def _due(generation: Generation, work: Work) -> datetime:
    moment: datetime = getattr(generation, LANES[work].due_at.name)
    return moment
