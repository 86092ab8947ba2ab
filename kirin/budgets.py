"""Budgets: how much may be spent, by whom, and within which time. Pure functions of values.

A wish is charged its estimated price when it is queued (reserved), its real one when it has ended
(settled), and nothing when it came to nothing (given back). It counts on the day it was queued.
Days, weeks (from Monday) and months are those of UTC, the same for everyone who shares a budget.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from enum import StrEnum, auto
from typing import Self

MOST_AMOUNT = Decimal(1_000_000)
"""More than that is a typing error."""


class Period(StrEnum):
    """How long a budget lasts before it begins anew."""

    DAY = auto()
    WEEK = auto()
    MONTH = auto()

    def start(self, moment: datetime) -> datetime:
        """Return when the period that holds this moment (aware, UTC) began."""
        midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0)
        match self:
            case Period.DAY:
                return midnight
            case Period.WEEK:
                return midnight - timedelta(days=moment.weekday())
            case Period.MONTH:
                return midnight.replace(day=1)

    def end(self, moment: datetime) -> datetime:
        """Return when the period that holds this moment ends: there the budget is whole again."""
        start = self.start(moment)
        match self:
            case Period.DAY:
                return start + timedelta(days=1)
            case Period.WEEK:
                return start + timedelta(days=7)
            case Period.MONTH:
                return (start + timedelta(days=32)).replace(day=1)


class Unit(StrEnum):
    """What is counted."""

    PICTURES = auto()
    USD = auto()


class Scope(StrEnum):
    """Whose spending a budget counts together.

    `EVERYONE` is a budget that each person of a server has for themselves; `PERSON` is one
    person's own. A role's budget is shared by all who have that role.
    """

    OPERATOR = auto()
    SERVER = auto()
    CHANNEL = auto()
    ROLE = auto()
    EVERYONE = auto()
    PERSON = auto()

    @property
    def has_target(self) -> bool:
        """Say whether it is about one channel, role or person."""
        return self in {Scope.CHANNEL, Scope.ROLE, Scope.PERSON}


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """What a wish takes or took; `usd` in US dollars."""

    pictures: int
    usd: Decimal

    def of(self, unit: Unit) -> Decimal:
        """Return the part that a budget in this unit counts."""
        return Decimal(self.pictures) if unit is Unit.PICTURES else self.usd


NOTHING = Charge(pictures=0, usd=Decimal(0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """One limit; `target_id` is a channel's, a role's or a person's id, and 0 elsewhere."""

    scope: Scope
    target_id: int = 0
    period: Period
    unit: Unit
    amount: Decimal

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read the operator's own words, such as `20 USD/month` or `500 pictures/day`.

        Raises `ValueError` with a sentence.
        """
        amount, _, rest = text.strip().partition(" ")
        unit, _, period = rest.strip().lower().partition("/")
        try:
            return cls(
                scope=Scope.OPERATOR,
                period=Period(period.strip()),
                unit=Unit(unit.strip()),
                amount=parse_amount(amount, Unit(unit.strip())),
            )
        except ValueError:
            raise ValueError(
                f"{text.strip()!r} is no budget; write e.g. 20 USD/month or 500 pictures/day"
            ) from None


def parse_budgets(text: str) -> tuple[Budget, ...]:
    """Read several of them, with commas between; raise `ValueError` for one that is none."""
    parts = re.split(r"(?<=[A-Za-z])\s*,", text)  # other commas are decimal ones
    return tuple(Budget.parse(part) for part in parts if part.strip())


def parse_amount(text: str, unit: Unit = Unit.USD) -> Decimal:
    """Read an amount from 0 to a million; raise `ValueError`.

    Dollars may have a point or a comma, but none that could stand between thousands (`1,000`);
    pictures are whole.
    """
    digits = text.strip().removeprefix("$")
    if re.search(r",\d{3}$", digits):
        raise ValueError("not a number that all read in the same way")
    try:
        amount = Decimal(digits.replace(",", "."))
    except InvalidOperation:
        raise ValueError("not a number") from None
    if not amount.is_finite() or not 0 <= amount <= MOST_AMOUNT:
        raise ValueError("out of range")
    if unit is Unit.PICTURES and not digits.isdecimal():
        raise ValueError("not a whole number")
    return amount


@dataclass(frozen=True, slots=True, kw_only=True)
class Overrun:
    """A budget that a wish would pass: what is `left` of it, and when it begins anew."""

    budget: Budget
    used: Decimal
    asked: Decimal
    frees_at: datetime

    @property
    def left(self) -> Decimal:
        """Return what is left, in the budget's unit; never below 0."""
        return max(self.budget.amount - self.used, Decimal(0))


def strictest(
    used: Iterable[tuple[Budget, Charge]], charge: Charge, now: datetime
) -> Overrun | None:
    """Return the budget that stands in the way longest, or `None` where all of them allow it.

    A wish may use a budget up, and not pass it. `used` has what each budget has counted so far.
    """
    passed = [
        Overrun(
            budget=budget,
            used=so_far.of(budget.unit),
            asked=charge.of(budget.unit),
            frees_at=budget.period.end(now),
        )
        for budget, so_far in used
        if so_far.of(budget.unit) + charge.of(budget.unit) > budget.amount
    ]
    return max(passed, key=lambda overrun: (overrun.frees_at, -overrun.left), default=None)
