"""The budgets that servers have set for themselves, and what has been used of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from sqlalchemy import ColumnElement, delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from kirin.budgets import Budget, Charge, Period, Scope, Unit
from kirin.store.community import budgets
from kirin.store.database import Database
from kirin.store.ledger import used_of
from kirin.store.upserts import put

_b = budgets.c


class BudgetStore:
    """Budgets by server: one for each scope, target, period and unit."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def of(self, guild_id: int) -> list[Budget]:
        """Read all budgets of a server."""
        async with self._database.read() as connection:
            return await read_budgets(connection, guild_id)

    async def set(self, guild_id: int, budget: Budget) -> None:
        """Set a budget in place of the one of the same kind."""
        async with self._database.write() as connection:
            await put(
                connection,
                budgets,
                guild_id=guild_id,
                scope=budget.scope.value,
                target_id=budget.target_id,
                period=budget.period.value,
                unit=budget.unit.value,
                amount=Decimal(budget.amount),
            )

    async def remove(self, guild_id: int, budget: Budget) -> bool:
        """Remove a budget; say whether there was one."""
        async with self._database.write() as connection:
            result = await connection.execute(delete(budgets).where(*_same(guild_id, budget)))
        return result.rowcount == 1

    async def used(
        self, some: Sequence[Budget], guild_id: int | None, user_id: int, now: datetime
    ) -> list[tuple[Budget, Charge]]:
        """Add up what each budget has counted in its present period; see `ledger.used_of`."""
        async with self._database.read() as connection:
            return [
                (budget, await used_of(connection, budget, guild_id, user_id, now))
                for budget in some
            ]


async def read_budgets(connection: AsyncConnection, guild_id: int) -> list[Budget]:
    """Read all budgets of a server."""
    query = select(budgets).where(_b.guild_id == guild_id)
    return [
        Budget(
            scope=Scope(row["scope"]),
            target_id=row["target_id"],
            period=Period(row["period"]),
            unit=Unit(row["unit"]),
            amount=row["amount"],
        )
        for row in (await connection.execute(query)).mappings()
    ]


def _same(guild_id: int, budget: Budget) -> tuple[ColumnElement[bool], ...]:
    return (
        _b.guild_id == guild_id,
        _b.scope == budget.scope.value,
        _b.target_id == budget.target_id,
        _b.period == budget.period.value,
        _b.unit == budget.unit.value,
    )
