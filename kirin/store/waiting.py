"""Statements about rows that wait or are in hand, many at a time."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Select, Update, or_, select, update

from kirin.store.tables import generations
from kirin.store.work import CONDITIONS, MESSAGE_LANE, Lane, Work, together

_c = generations.c


def renewing(lane: Lane, leases: Iterable[tuple[str, str]], until: datetime) -> Update:
    """Prolong leases, given as pairs of a row's id and the lease, where they are still held."""
    held = dict(leases)
    return (
        update(generations)
        .where(together(_c.external_task_id.in_(held), lane.lease.in_({*held.values()})))
        .values({lane.lease_until: until})
    )


def hurrying(now: datetime) -> Update:
    """Make the message of every waiting wish due."""
    return (
        update(generations)
        .where(together(CONDITIONS[Work.REPORT], _c.message_due_at > now))
        .values(message_due_at=now)
    )


def told_otherwise(shown: Iterable[str], now: datetime, limit: int) -> Select[tuple[str]]:
    """Find waiting wishes whose message can be edited and shows none of these, the newest first."""
    return (
        select(_c.external_task_id)
        .where(
            CONDITIONS[Work.REPORT],
            _c.token.is_not(None),
            _c.token_expires_at > now,
            or_(_c.shown.is_(None), _c.shown.not_in([*shown])),
            or_(MESSAGE_LANE.lease_until.is_(None), MESSAGE_LANE.lease_until <= now),
        )
        .order_by(_c.created_at.desc())
        .limit(limit)
    )
