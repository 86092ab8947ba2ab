"""The polls that are due, as narrow as can be: there may be ten thousand."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import and_, func, or_, select

from kirin.forecast import Shape
from kirin.store.database import Database
from kirin.store.forecasts import raw_shape, shape_columns
from kirin.store.raw import RawRow, raw_rows, seconds
from kirin.store.tables import generations
from kirin.store.work import CONDITIONS, Work

_c = generations.c
_is_called_for = and_(
    _c.hinted_at.is_not(None),
    or_(_c.seen_running_at.is_(None), _c.hinted_at > _c.seen_running_at),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DuePoll:
    """A task that is to be read: begun at `begun`, known to be unfinished at `since`.

    Both in seconds since 1970.
    """

    external_task_id: str
    shape: Shape
    begun: float
    since: float
    is_called_for: bool


class DuePolls:
    """Reads which running rows could be polled now."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def read(self, now: datetime, *, limit: int) -> list[DuePoll]:
        """Return those that are due and that nobody has taken on.

        Those that the provider has called back about come first, then the longest due.
        """
        query = (
            select(
                _c.external_task_id,
                func.coalesce(_c.submitted_at, _c.created_at, type_=_c.created_at.type),
                _c.seen_running_at,
                _is_called_for.label("is_called_for"),
                *shape_columns(),
            )
            .where(
                CONDITIONS[Work.POLL],
                _c.due_at <= now,
                or_(_c.lease_until.is_(None), _c.lease_until <= now),
            )
            .order_by(_is_called_for.desc(), _c.due_at)
            .limit(limit)
        )
        async with self._database.read() as connection:
            rows = await raw_rows(connection, query)
        return [_due_poll(row) for row in rows]


def _due_poll(row: RawRow) -> DuePoll:
    external_task_id, begun_at, seen_running_at, is_called_for, *shape = row
    begun = seconds(begun_at)
    return DuePoll(
        external_task_id=external_task_id,
        shape=raw_shape(shape),
        begun=begun,
        since=begun if seen_running_at is None else seconds(seen_running_at),
        is_called_for=bool(is_called_for),
    )
