"""Who waits, in which order they go out, and who goes out now."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from math import inf

from sqlalchemy import ColumnElement, RowMapping, and_, case, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from kirin import fairness
from kirin.fairness import Use, Waiting
from kirin.forecast import Shape
from kirin.model import Status
from kirin.slots import Account
from kirin.store.account import HELD, HOLDING, AccountStore
from kirin.store.database import Database
from kirin.store.forecasts import shape_columns, shape_of
from kirin.store.tables import generations

_LONG = 500
_LONG_LINE_KEPT = timedelta(seconds=1)
_TYPICAL_SECONDS = 20.0  # of a task; only the order in long queues depends on it, a little
_REMEMBERED = 5_000  # creates, the latest: who was served before them has long waited again

_c = generations.c
_QUEUED = and_(_c.finished_at.is_(None), _c.status == Status.QUEUED.value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """Those who can go out, in fair order, as read at that moment."""

    order: Sequence[Waiting]
    read_at: datetime
    is_long: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RunningTask:
    """What is known of a task that holds slots."""

    shape: Shape
    submitted_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """Everybody who waits, in fair order, with what the account and its tasks do meanwhile."""

    order: Sequence[Waiting]
    shapes: Mapping[str, Shape]
    account: Account
    running: Sequence[RunningTask]


class QueueStore:
    """The queue of the one account.

    Slots are counted and rows chosen in one transaction, so workers never take more than there
    are. The order of a long line is read outside of it and used for a second, without those that
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

    async def next_chance(self, now: datetime) -> datetime | None:
        """Return when those who wait may have a chance that they have not now, by time alone."""
        async with self._database.read() as connection:
            account = await self.account.read(connection, now)
            oldest = await connection.scalar(select(func.min(_c.created_at)).where(_QUEUED))
            due_at = await connection.scalar(
                select(func.min(_c.due_at)).where(_QUEUED, _c.due_at > now)
            )
        moments = [oldest + self._deadline if oldest else None]
        if account.free:
            moments += [due_at, account.hold.until if account.hold else None]
        return min((moment for moment in moments if moment and moment > now), default=None)

    async def look(self, now: datetime, limit: int) -> Line | None:
        """Return those who might go out now, or `None` where nobody can; takes no lock."""
        async with self._database.read() as connection:
            account = await self.account.read(connection, now)
            if not (account.free and account.room(limit, now)):
                return await self._late(connection, now)
            if self._line is None or not self._is_fresh(self._line, now):
                self._line = await self._read_line(connection, account, now, limit)
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
        names = [wish.id for wish in (*late, *choice.chosen)]
        self._line = _without(line, names) if line.is_long else None
        return names

    async def survey(self, now: datetime) -> Survey:
        """Read everybody who waits, also those who are backing off or about to be sent."""
        queued = select(*_WHO, *shape_columns()).where(_QUEUED)
        running = select(_c.submitted_at, *shape_columns()).where(
            HELD, _c.submitted_at.is_not(None)
        )
        async with self._database.read() as connection:
            account = await self.account.read(connection, now)
            rows = (await connection.execute(queued)).mappings().all()
            uses = await self._uses(connection, now) if len(rows) > 1 else []
            is_limited = bool(rows) and account.slots < inf
            tasks = (await connection.execute(running)).mappings().all() if is_limited else ()
        waiting = [_waiting(row) for row in rows]
        return Survey(
            order=fairness.fair_order(
                waiting, uses, now=now.timestamp(), pace=_pace(waiting, account)
            ),
            shapes={row["external_task_id"]: shape_of(row) for row in rows},
            account=account,
            running=[
                RunningTask(shape=shape_of(row), submitted_at=row["submitted_at"]) for row in tasks
            ],
        )

    def _is_fresh(self, line: Line, now: datetime) -> bool:
        return bool(line.order) and line.is_long and now - line.read_at < _LONG_LINE_KEPT

    async def _late(self, connection: AsyncConnection, now: datetime) -> Line | None:
        rows = await connection.execute(
            select(*_WAITING).where(_free(now), _c.created_at < now - self._deadline)
        )
        late = [_waiting(row) for row in rows.mappings()]
        return Line(order=late, read_at=now) if late else None

    async def _read_line(
        self, connection: AsyncConnection, account: Account, now: datetime, limit: int
    ) -> Line | None:
        rows = (await connection.execute(select(*_WAITING).where(_free(now)))).mappings().all()
        waiting = [_waiting(row) for row in rows]
        is_tight = len(waiting) > limit or sum(wish.n for wish in waiting) > account.free
        uses = await self._uses(connection, now) if is_tight else []
        order = fairness.fair_order(waiting, uses, now=now.timestamp())
        return Line(order=order, read_at=now, is_long=len(order) > _LONG) if order else None

    async def _uses(self, connection: AsyncConnection, now: datetime) -> list[Use]:
        """Read who holds slots, and who was served of late; nothing older is of any weight."""
        who = (_c.guild_id, _c.user_id)
        held = select(
            *who, func.sum(_c.n).label("slots"), func.max(_c.submitted_at).label("served_at")
        )
        latest = (
            select(*who, _c.n, _c.status, _c.submitted_at)
            .where(_c.submitted_at > now - self._deadline)
            .order_by(_c.submitted_at.desc())
            .limit(_REMEMBERED)
            .subquery()
        )
        since = now - timedelta(seconds=fairness.MEMORY)
        is_counted = and_(latest.c.submitted_at > since, latest.c.status.not_in(HOLDING))
        served = select(
            latest.c.guild_id,
            latest.c.user_id,
            func.sum(case((is_counted, latest.c.n), else_=0)).label("slots"),
            func.max(latest.c.submitted_at).label("served_at"),
        )
        queries = (
            held.where(HELD, _c.submitted_at.is_not(None)).group_by(*who),
            served.group_by(latest.c.guild_id, latest.c.user_id),
        )
        return [
            _use(row) for query in queries for row in (await connection.execute(query)).mappings()
        ]


_WHO = (_c.external_task_id, _c.guild_id, _c.user_id, _c.created_at, _c.passed_at)
_WAITING = (*_WHO, _c.n)


def _free(now: datetime) -> ColumnElement[bool]:
    """Find those who can be taken on."""
    return and_(_QUEUED, _c.due_at <= now, or_(_c.lease_until.is_(None), _c.lease_until <= now))


def _waiting(row: RowMapping) -> Waiting:
    passed_at = row["passed_at"]
    return Waiting(
        id=row["external_task_id"],
        server=row["guild_id"] or fairness.DIRECT_MESSAGES,
        user=row["user_id"],
        n=row["n"],
        since=row["created_at"].timestamp(),
        passed_at=passed_at.timestamp() if passed_at else None,
    )


def _pace(waiting: Sequence[Waiting], account: Account) -> float:
    """Return about how many seconds lie between two turns; 0 where slots are not known."""
    pictures = sum(wish.n for wish in waiting)
    return _TYPICAL_SECONDS * pictures / len(waiting) / account.slots if waiting else 0.0


def _use(row: RowMapping) -> Use:
    return Use(
        server=row["guild_id"] or fairness.DIRECT_MESSAGES,
        user=row["user_id"],
        slots=row["slots"],
        served_at=row["served_at"].timestamp(),
    )


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


def _without(line: Line, names: Collection[str]) -> Line:
    gone = set(names)
    return replace(line, order=[wish for wish in line.order if wish.id not in gone])
