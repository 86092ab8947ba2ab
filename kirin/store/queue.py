"""Who waits, in which order they go out, and who goes out now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import inf

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from kirin import fairness
from kirin.fairness import DIRECT_MESSAGES, Use, Waiting
from kirin.forecast import Shape
from kirin.slots import Account
from kirin.store.account import HELD, AccountStore
from kirin.store.database import Database
from kirin.store.forecasts import raw_shape, shape_columns
from kirin.store.line import (
    QUEUED,
    WHO,
    Line,
    computed,
    free,
    head,
    read_held,
    read_past,
    uses_of,
    waiting_of,
)
from kirin.store.raw import RawRow, raw_rows, seconds
from kirin.store.tables import generations

_TYPICAL_SECONDS = 20.0  # of a task; only the order in long queues depends on it, a little
_MOST_LATE = 500

_c = generations.c
_N = 3  # where a raw row of `WHO` has it


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningTask:
    """What is known of a task that holds slots: it was sent at `sent_at`, in seconds since 1970."""

    shape: Shape
    sent_at: float
    server: int
    user: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """Everybody who waits, in fair order, with what the account and its tasks do meanwhile.

    `past` is what people have had of late that has ended.
    """

    order: Sequence[Waiting]
    shapes: Mapping[str, Shape]
    account: Account
    running: Sequence[RunningTask]
    past: Sequence[Use]


class QueueStore:
    """The queue of the one account.

    Slots are counted and rows chosen in one transaction, so workers never take more than there
    are. The order of a long line is read outside of it and used for seconds, without those that
    have gone since. What waits for longer than `deadline` needs no slot: its end does.
    """

    def __init__(
        self,
        database: Database,
        *,
        account: AccountStore | None = None,
        deadline: timedelta = timedelta(hours=1),
    ) -> None:
        self._database = database
        self.account = account or AccountStore(database)
        self._deadline = deadline
        self._line: Line | None = None
        self.is_open = False
        """Whether the latest choice has named anybody: then there may be slots for more."""

    async def next_chance(self, now: datetime) -> datetime | None:
        """Return when those who wait may have a chance that they have not now, by time alone."""
        async with self._database.read() as connection:
            account = await self.account.read(connection, now)
            oldest = await connection.scalar(select(func.min(_c.created_at)).where(QUEUED))
            due_at = await connection.scalar(
                select(func.min(_c.due_at)).where(QUEUED, _c.due_at > now)
            )
            released = await self.account.next_release(connection, now)
        moments = [oldest + self._deadline if oldest else None, released]
        if account.free:
            moments += [due_at, account.hold.until if account.hold else None]
        return min((moment for moment in moments if moment and moment > now), default=None)

    async def look(self, now: datetime, limit: int) -> Line | None:
        """Return those who might go out now, or `None` where nobody can; takes no lock.

        While choices name somebody, a long line is returned without another look at the slots.
        """
        fresh = self._line if self._line and self._line.is_fresh(now) else None
        if fresh and self.is_open:
            return fresh
        async with self._database.read() as connection:
            account = await self.account.read(connection, now)
            if not (account.free and account.room(limit, now)):
                return await self._late(connection, now)
            if fresh:
                return fresh
            rows = await raw_rows(connection, select(*WHO).where(free(now)))
            is_tight = len(rows) > limit or sum(row[_N] for row in rows) > account.free
            uses: list[RawRow] = []
            if is_tight:
                uses += await read_held(connection)
                uses += await read_past(connection, now, self._deadline)
        self._line = await computed(
            lambda: self._line_of(rows, uses, now), size=len(rows) + len(uses)
        )
        return self._line

    async def choose(
        self, connection: AsyncConnection, line: Line, *, now: datetime, limit: int
    ) -> Sequence[str]:
        """Name up to `limit` wishes for which there are slots, in the midst of a write.

        Those that have waited for too long come first: they need none.
        """
        await self.account.lock(connection)
        account = await self.account.read(connection, now)
        deadline = (now - self._deadline).timestamp()
        late = [wish for wish in line.order if wish.since < deadline][:limit]
        rest = [wish for wish in line.order if wish.since >= deadline]
        kept_for = fairness.overdue(rest, now=now.timestamp())
        choice = fairness.choose(
            rest,
            slots=account.slots,
            free=account.free,
            limit=account.room(limit - len(late), now),
            kept_for=kept_for,
            for_others=await _for_others(connection, account, kept_for),
        )
        if choice.passed and choice.passed.passed_at is None:
            await _note_passed(connection, choice.passed, now)
            line = line.noting(choice.passed, now)
        names = [wish.id for wish in (*late, *choice.chosen)]
        self._line = line.without(names)
        self.is_open = bool(names)
        return names

    async def survey(self, now: datetime) -> Survey:
        """Read everybody who waits, also those who are backing off or about to be sent."""
        queued = select(*WHO, *shape_columns()).where(QUEUED)
        running = select(_c.submitted_at, _c.guild_id, _c.user_id, *shape_columns()).where(
            HELD, _c.submitted_at.is_not(None)
        )
        async with self._database.read() as connection:
            account = await self.account.read(connection, now)
            rows = await raw_rows(connection, queued)
            held = await read_held(connection) if len(rows) > 1 else ()
            past = await read_past(connection, now, self._deadline) if len(rows) > 1 else ()
            is_limited = bool(rows) and account.slots < inf
            tasks = await raw_rows(connection, running) if is_limited else ()
        return await computed(
            lambda: _survey(rows, held, past, tasks, account=account, now=now),
            size=len(rows) + len(held) + len(past) + len(tasks),
        )

    async def _late(self, connection: AsyncConnection, now: datetime) -> Line | None:
        late = select(*WHO).where(free(now), _c.created_at < now - self._deadline).limit(_MOST_LATE)
        order = [waiting_of(row) for row in await raw_rows(connection, late)]
        return Line(order=order, read_at=now, length=len(order)) if order else None

    def _line_of(
        self, rows: Sequence[RawRow], uses: Sequence[RawRow], now: datetime
    ) -> Line | None:
        order = fairness.fair_order(map(waiting_of, rows), uses_of(uses), now=now.timestamp())
        if not order:
            return None
        first = head(order, late_before=(now - self._deadline).timestamp())
        return Line(order=first, read_at=now, length=len(order))


def _survey(
    rows: Sequence[RawRow],
    held: Sequence[RawRow],
    past: Sequence[RawRow],
    tasks: Sequence[RawRow],
    *,
    account: Account,
    now: datetime,
) -> Survey:
    waiting = [waiting_of(row) for row in rows]
    pace = _pace(waiting, account)
    uses = uses_of([*held, *past])
    return Survey(
        order=fairness.fair_order(waiting, uses, now=now.timestamp(), pace=pace),
        shapes={row[0]: raw_shape(row[len(WHO) :]) for row in rows},
        account=account,
        running=[_running(row) for row in tasks],
        past=uses_of(past),
    )


def _running(row: RawRow) -> RunningTask:
    sent_at, server, user, *shape = row
    return RunningTask(
        shape=raw_shape(shape),
        sent_at=seconds(sent_at),
        server=server or DIRECT_MESSAGES,
        user=user,
    )


def _pace(waiting: Sequence[Waiting], account: Account) -> float:
    """Return about how many seconds lie between two turns; 0 where slots are not known."""
    pictures = sum(wish.n for wish in waiting)
    return _TYPICAL_SECONDS * pictures / len(waiting) / account.slots if waiting else 0.0


async def _for_others(
    connection: AsyncConnection, account: Account, kept_for: Waiting | None
) -> float:
    if kept_for is None or kept_for.passed_at is None:
        return 0.0
    since = datetime.fromtimestamp(kept_for.passed_at + fairness.PATIENCE, UTC)
    taken = await connection.scalar(
        select(func.coalesce(func.sum(_c.n), 0)).where(HELD, _c.submitted_at >= since)
    )
    return fairness.others_may_use(kept_for, slots=account.slots, taken_since=taken or 0)


async def _note_passed(connection: AsyncConnection, wish: Waiting, now: datetime) -> None:
    await connection.execute(
        update(generations).where(_c.external_task_id == wish.id).values(passed_at=now)
    )
