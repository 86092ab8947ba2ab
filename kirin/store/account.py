"""What the store knows of the provider's account: slots in use, slots there are, refusals."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from math import inf
from typing import Final

from sqlalchemy import ColumnElement, ScalarSelect, and_, delete, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from kirin.model import Generation, Status
from kirin.slots import Account, Hold, Refusal, assumed_slots, held_back, slots_after_refusal
from kirin.store.database import Database
from kirin.store.facts import Fact
from kirin.store.notices import announce
from kirin.store.tables import facts, generations
from kirin.store.upserts import put
from kirin.store.work import Work

CANCELLED_HOLDS_FOR: Final = timedelta(minutes=1)
"""For so long after its create a cancelled task is taken to be still running at the provider."""

_SLOTS = "account_slots"
_HOLD = "account_hold"
_LOCK = 0x6B6972696E  # any number that means only this, for every program on one PostgreSQL

_c = generations.c

HOLDING = (Status.SUBMITTING.value, Status.RUNNING.value)

# out of the planner's sight, so that it reads the small index of open rows and nothing else
_status = func.coalesce(_c.status, "")

HELD = and_(_c.finished_at.is_(None), _c.status.in_(HOLDING))
"""The rows whose tasks hold slots at the provider, or may."""


class AccountStore:
    """Reads and learns about the one account.

    `slots` is what the operator knows, 0 for nothing; a refusal may tell for a while of fewer.
    """

    def __init__(self, database: Database, *, slots: int = 0) -> None:
        self._database = database
        self._slots = slots
        self._may_hold = True

    @property
    def may_hold(self) -> bool:
        """Say whether a refusal may hold creates back, as far as this process has seen."""
        return self._may_hold

    async def lock(self, connection: AsyncConnection) -> None:
        """Be the only one who hands out slots until this write ends; SQLite is so by itself."""
        if self._database.is_shared:
            await connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))

    async def read(self, connection: AsyncConnection, now: datetime) -> Account:
        """Return what is known now."""
        counts = (await connection.execute(select(*_counts(now)))).one()
        known = await _facts(connection)
        hold = known.get(_HOLD)
        self._may_hold = hold is not None
        return Account(
            slots=self._assumed(known.get(_SLOTS), now),
            used=sum(counts[:3]),
            sending=sum(counts[3:]),
            hold=Hold.read(hold.value, hold.learned_at) if hold else None,
        )

    async def next_release(self, connection: AsyncConnection, now: datetime) -> datetime | None:
        """Return when time alone frees something: a cancelled task's slots, or a create's lease."""
        cancelled = select(func.min(_c.submitted_at)).where(_cancelled(now))
        left = select(func.min(_c.lease_until)).where(
            _c.status == Status.SUBMITTING.value, _c.lease_until > now
        )
        row = (
            await connection.execute(select(cancelled.scalar_subquery(), left.scalar_subquery()))
        ).one()
        moments = [row[0] + CANCELLED_HOLDS_FOR if row[0] else None, row[1]]
        return min((moment for moment in moments if moment), default=None)

    async def refused(
        self, generation: Generation, *, now: datetime, wait: Callable[[int], float]
    ) -> Refusal:
        """Note that a create was refused, because of too many running tasks or of its haste.

        `wait` gives the seconds to hold back after so many refusals in a row. The row is still
        marked as being sent.
        """
        sent_at = generation.submitted_at or now
        async with self._database.write() as connection:
            await self.lock(connection)
            account = await self.read(connection, now)
            hold = held_back(account.hold, sent_at=sent_at, now=now, wait=wait)
            await _learn(connection, _HOLD, str(hold), hold.since)
        self._may_hold = True
        return Refusal(hold=hold, was_alone=account.used <= generation.request.n)

    async def was_full(self, n: int, now: datetime) -> None:
        """Learn from a wish for `n` that was refused for too many running tasks, and is back.

        Where several were refused together, the last one to be back tells the truth.
        """
        async with self._database.write() as connection:
            await self.lock(connection)
            account = await self.read(connection, now)
            found = slots_after_refusal(account.slots, held=account.used, n=n)
            if found is not None:
                await _learn(connection, _SLOTS, str(found), now)

    async def accepted(self, sent_at: datetime) -> None:
        """Note that a create has gone well: after a refusal, it opens the way again."""
        if not self._may_hold:
            return
        async with self._database.write() as connection:
            hold = (await _facts(connection)).get(_HOLD)
            if hold and sent_at >= Hold.read(hold.value, hold.learned_at).until:
                # the value too: another process may learn of a refusal at this very moment
                this_hold = and_(facts.c.name == _HOLD, facts.c.value == hold.value)
                await connection.execute(delete(facts).where(this_hold))
                await announce(connection, {Work.SUBMIT})

    def _assumed(self, found: Fact | None, now: datetime) -> float:
        known = self._slots or inf
        return min(known, assumed_slots(int(found.value), now - found.learned_at) if found else inf)


def _counts(now: datetime) -> tuple[ScalarSelect[int], ...]:
    """Count slots: of tasks, of what was cancelled of late, of what is leased; and creates."""
    leased = and_(_c.lease_until > now, _c.lease_until.is_not(None))
    queued = and_(_status == Status.QUEUED.value, leased)
    sending = and_(_status == Status.SUBMITTING.value, leased)
    slots = func.coalesce(func.sum(_c.n), 0)
    return (
        *(select(slots).where(rows).scalar_subquery() for rows in (HELD, _cancelled(now), queued)),
        *(select(func.count()).where(rows).scalar_subquery() for rows in (queued, sending)),
    )


def _cancelled(now: datetime) -> ColumnElement[bool]:
    """Find the cancelled wishes whose tasks may still be running."""
    return and_(_c.submitted_at > now - CANCELLED_HOLDS_FOR, _status == Status.CANCELLED.value)


async def _facts(connection: AsyncConnection) -> dict[str, Fact]:
    rows = await connection.execute(
        select(facts.c.name, facts.c.value, facts.c.learned_at).where(
            facts.c.name.in_((_SLOTS, _HOLD))
        )
    )
    return {row.name: Fact(value=row.value, learned_at=row.learned_at) for row in rows}


async def _learn(connection: AsyncConnection, name: str, value: str, now: datetime) -> None:
    await put(connection, facts, name=name, value=value, learned_at=now)
