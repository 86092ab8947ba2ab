"""The books: what each wish was charged, and what is left of every budget.

One entry for each wish, written in the same transaction as the wish itself, and closed in the one
that ends it. Sums are taken over the entries, never kept beside them, so they cannot drift.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from enum import StrEnum, auto

from sqlalchemy import ColumnElement, and_, exists, func, insert, select, true, update
from sqlalchemy.ext.asyncio import AsyncConnection

from kirin.budgets import Budget, Charge, Scope, strictest
from kirin.errors import Declined, Obstacle
from kirin.model import Charge as Certainty
from kirin.model import Generation, Status
from kirin.store.community import ledger, ledger_roles
from kirin.store.tables import generations
from kirin.store.work import OPEN

MICROS = 1_000_000

_l = ledger.c
_LOCK = func.hashtextextended("kirin: budgets", 0)


class Entry(StrEnum):
    """How an entry stands."""

    RESERVED = auto()
    SETTLED = auto()
    RETURNED = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Booking:
    """What a new wish is to be charged, and every budget that it counts against.

    `channel_id` is that of the channel, also for a wish from one of its threads. The last two limit
    the wishes of the server that have not ended.
    """

    charge: Charge
    channel_id: int
    role_ids: Sequence[int] = ()
    budgets: Sequence[Budget] = ()
    most_open_of_person: int | None = None
    most_open_in_server: int | None = None

    @property
    def has_limits(self) -> bool:
        """Say whether anything could stand against it."""
        limits = (self.most_open_of_person, self.most_open_in_server)
        return bool(self.budgets) or any(limit is not None for limit in limits)


async def reserve(connection: AsyncConnection, generation: Generation, booking: Booking) -> None:
    """Enter a wish, or raise `Declined`; nobody else reserves until this transaction ends."""
    now, place = generation.created_at, generation.placement
    if booking.has_limits and connection.dialect.name == "postgresql":
        await connection.execute(select(func.pg_advisory_xact_lock(_LOCK)))
    await _check_open(connection, generation, booking)
    used = [
        (budget, await used_of(connection, budget, place.guild_id, place.user_id, now))
        for budget in booking.budgets
    ]
    overrun = strictest(used, booking.charge, now)
    if overrun is not None:
        raise Declined(Obstacle.BUDGET, overrun=overrun)
    await connection.execute(
        insert(ledger).values(
            external_task_id=generation.external_task_id,
            guild_id=place.guild_id,
            channel_id=booking.channel_id,
            user_id=place.user_id,
            booked_at=now,
            state=Entry.RESERVED.value,
            pictures=booking.charge.pictures,
            micros=to_micros(booking.charge.usd),
            is_certain=False,
        )
    )
    if booking.role_ids:
        entries = [
            {"external_task_id": generation.external_task_id, "role_id": role_id}
            for role_id in dict.fromkeys(booking.role_ids)
        ]
        await connection.execute(insert(ledger_roles), entries)


async def _check_open(
    connection: AsyncConnection, generation: Generation, booking: Booking
) -> None:
    """Raise `Declined` where as many wishes are open as may be."""
    guild_id, user_id = generation.placement.guild_id, generation.placement.user_id
    for obstacle, most, whose in (
        (Obstacle.OWN_OPEN, booking.most_open_of_person, user_id),
        (Obstacle.SERVER_OPEN, booking.most_open_in_server, None),
    ):
        if most is not None and await _open_wishes(connection, guild_id, whose) >= most:
            raise Declined(obstacle, most=most)


async def _open_wishes(
    connection: AsyncConnection, guild_id: int | None, user_id: int | None = None
) -> int:
    query = select(func.count()).where(
        generations.c.status.in_(OPEN), generations.c.guild_id == guild_id
    )
    if user_id is not None:
        query = query.where(generations.c.user_id == user_id)
    return await connection.scalar(query) or 0


async def close(connection: AsyncConnection, generation: Generation) -> None:
    """Settle the entry of a wish that has just ended, or give back what was reserved for it.

    Money that may be gone stays counted as estimated; pictures that nobody got never do.
    """
    mine = (
        _l.external_task_id == generation.external_task_id,
        _l.state == Entry.RESERVED.value,
    )
    values: dict[str, object]
    if generation.status is Status.SUCCEEDED:
        values = {"state": Entry.SETTLED.value, "pictures": len(generation.output)}
    elif generation.cost or _may_be_gone(generation):
        values = {"state": Entry.SETTLED.value, "pictures": 0}
    else:
        values = {"state": Entry.RETURNED.value, "pictures": 0, "micros": 0, "is_certain": True}
    if generation.cost is not None and values["state"] == Entry.SETTLED.value:
        values |= {"micros": to_micros(generation.cost), "is_certain": True}
    await connection.execute(update(ledger).where(*mine).values(values))


async def used_of(
    connection: AsyncConnection,
    budget: Budget,
    guild_id: int | None,
    user_id: int,
    now: datetime,
) -> Charge:
    """Add up what counts against a budget in the period that holds `now`.

    `user_id` is whose own budget is meant where each person has one.
    """
    query = select(
        func.coalesce(func.sum(_l.pictures), 0), func.coalesce(func.sum(_l.micros), 0)
    ).where(
        _l.booked_at >= budget.period.start(now),
        _l.booked_at < budget.period.end(now),
        _counted(budget, guild_id, user_id),
    )
    pictures, micros = (await connection.execute(query)).one()
    return Charge(pictures=int(pictures), usd=from_micros(int(micros)))


def to_micros(usd: Decimal) -> int:
    """Return dollars in millionths."""
    return int((usd * MICROS).to_integral_value())


def from_micros(micros: int) -> Decimal:
    """Return millionths of a dollar in dollars."""
    return Decimal(micros) / MICROS


def _counted(budget: Budget, guild_id: int | None, user_id: int) -> ColumnElement[bool]:
    here = _l.guild_id == guild_id
    match budget.scope:
        case Scope.OPERATOR:
            return true()
        case Scope.SERVER:
            return here
        case Scope.CHANNEL:
            return and_(here, _l.channel_id == budget.target_id)
        case Scope.ROLE:
            has_role = exists().where(
                ledger_roles.c.external_task_id == _l.external_task_id,
                ledger_roles.c.role_id == budget.target_id,
            )
            return and_(here, has_role)
        case Scope.EVERYONE:
            return and_(here, _l.user_id == user_id)
        case Scope.PERSON:
            return and_(here, _l.user_id == budget.target_id)


def _may_be_gone(generation: Generation) -> bool:
    """Say whether the provider may take money for a wish that came to nothing."""
    if generation.status is Status.CANCELLED:
        return generation.submitted_at is not None
    return generation.failure is not None and generation.failure.charge is Certainty.POSSIBLE
