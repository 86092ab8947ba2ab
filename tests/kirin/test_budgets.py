from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kirin.budgets import (
    NOTHING,
    Budget,
    Charge,
    Period,
    Scope,
    Unit,
    parse_amount,
    parse_budgets,
    strictest,
)
from tests.kirin.kirin_factories import thoroughly

A_MICROSECOND = timedelta(microseconds=1)
MOMENTS = st.datetimes(
    min_value=datetime(2020, 1, 1), max_value=datetime(2100, 1, 1), timezones=st.just(UTC)
)


def a_budget(**changes: object) -> Budget:
    values: dict[str, object] = {
        "scope": Scope.SERVER,
        "period": Period.DAY,
        "unit": Unit.PICTURES,
        "amount": Decimal(10),
    }
    return Budget(**values | changes)  # type: ignore[arg-type]


def pictures(count: int) -> Charge:
    return Charge(pictures=count, usd=Decimal("0.028") * count)


@pytest.mark.parametrize(
    ("period", "start", "end"),
    [
        (Period.DAY, datetime(2024, 2, 29, tzinfo=UTC), datetime(2024, 3, 1, tzinfo=UTC)),
        (Period.WEEK, datetime(2024, 2, 26, tzinfo=UTC), datetime(2024, 3, 4, tzinfo=UTC)),
        (Period.MONTH, datetime(2024, 2, 1, tzinfo=UTC), datetime(2024, 3, 1, tzinfo=UTC)),
    ],
)
def test_a_period_has_a_start_and_an_end(period: Period, start: datetime, end: datetime) -> None:
    moment = datetime(2024, 2, 29, 13, 5, tzinfo=UTC)
    assert (period.start(moment), period.end(moment)) == (start, end)


@thoroughly
@given(MOMENTS, st.sampled_from(Period))
def test_periods_follow_each_other_without_a_gap(moment: datetime, period: Period) -> None:
    assert period.start(moment) <= moment < period.end(moment)
    assert period.start(period.end(moment)) == period.end(moment)
    assert period.end(period.start(moment) - A_MICROSECOND) == period.start(moment)


def test_a_budget_can_be_used_up_and_not_passed() -> None:
    now = datetime(2026, 3, 1, tzinfo=UTC)
    assert strictest([(a_budget(), pictures(7))], pictures(3), now) is None
    overrun = strictest([(a_budget(), pictures(8))], pictures(3), now)
    assert overrun is not None
    assert (overrun.left, overrun.asked) == (Decimal(2), Decimal(3))
    assert overrun.frees_at == datetime(2026, 3, 2, tzinfo=UTC)


def test_the_budget_that_stands_in_the_way_longest_is_named() -> None:
    now = datetime(2026, 3, 3, tzinfo=UTC)
    day, month = a_budget(amount=Decimal(0)), a_budget(period=Period.MONTH, amount=Decimal(1))
    overrun = strictest([(day, NOTHING), (month, NOTHING)], pictures(2), now)
    assert overrun is not None
    assert overrun.budget is month


def test_money_counts_in_dollars() -> None:
    now = datetime(2026, 3, 3, tzinfo=UTC)
    budget = a_budget(unit=Unit.USD, amount=Decimal("0.05"))
    assert strictest([(budget, NOTHING)], pictures(1), now) is None
    assert strictest([(budget, pictures(1))], pictures(1), now) is not None


def test_what_was_spent_beyond_a_budget_leaves_nothing_and_no_debt() -> None:
    overrun = strictest([(a_budget(), pictures(50))], pictures(1), datetime(2026, 3, 3, tzinfo=UTC))
    assert overrun is not None
    assert overrun.left == 0


@pytest.mark.parametrize(
    ("text", "unit", "period", "amount"),
    [
        ("20 USD/month", Unit.USD, Period.MONTH, "20"),
        ("500 pictures/day", Unit.PICTURES, Period.DAY, "500"),
        (" 2,5 usd / week ", Unit.USD, Period.WEEK, "2.5"),
        ("$5 USD/day", Unit.USD, Period.DAY, "5"),
    ],
)
def test_the_operator_writes_budgets_in_words(
    text: str, unit: Unit, period: Period, amount: str
) -> None:
    assert Budget.parse(text) == Budget(
        scope=Scope.OPERATOR, unit=unit, period=period, amount=Decimal(amount)
    )


@pytest.mark.parametrize(
    "text", ["20 USD/month, 2,5 USD/day,", "20 USD/month,2,5 USD/day", "20 USD/month , 2.5 USD/day"]
)
def test_several_budgets_stand_in_one_line(text: str) -> None:
    assert [str(budget.amount) for budget in parse_budgets(text)] == ["20", "2.5"]


def test_no_words_are_no_budget() -> None:
    assert parse_budgets(" ") == ()


@pytest.mark.parametrize(
    "text",
    [
        *("", "20", "20 USD", "20 EUR/day", "x USD/day", "-1 USD/day"),
        *("2.5 pictures/day", "1,000 pictures/day", "1.000 pictures/day", "1,000 USD/month"),
    ],
)
def test_what_is_no_budget_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match=r"20 USD/month"):
        Budget.parse(text)


@pytest.mark.parametrize("text", ["", "a", "-1", "NaN", "Infinity", "1e9", "1,000", "1,000,000"])
def test_what_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"number|range"):
        parse_amount(text)
