"""Many tasks and few requests: the price of a poll, and who is polled first."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kirin.polling import (
    Candidate,
    Distribution,
    Load,
    Plan,
    assumed,
    most_promising,
    price_within,
    rate,
)
from tests.kirin.kirin_factories import thoroughly

USUAL = assumed(20.0)


def rate_at(count: int, price: float) -> float:
    load = Load(count=count, distribution=USUAL)
    return rate([load], lambda spread: Plan.best(spread, price))


def a_candidate(name: str, since: float, elapsed: float, spread: Distribution = USUAL) -> Candidate:
    return Candidate(external_task_id=name, distribution=spread, since=since, elapsed=elapsed)


def test_few_tasks_are_polled_at_the_usual_price() -> None:
    assert price_within(0.5, 20, lambda price: rate_at(50, price)) == 0.5


def test_price_rises_until_the_requests_fit() -> None:
    price = price_within(0.5, 20, lambda price: rate_at(200, price))
    assert price > 0.5
    assert rate_at(200, price) <= 20 < rate_at(200, 0.5)


def test_more_than_can_be_afforded_at_any_price_costs_the_highest() -> None:
    assert price_within(0.5, 20, lambda price: rate_at(10_000, price)) > 100


@thoroughly
@given(st.floats(0.1, 1000), st.floats(0.1, 1000))
def test_smaller_budget_never_makes_polls_cheaper(one: float, other: float) -> None:
    less, more = sorted((one, other))
    assert price_within(0.5, less, lambda price: 100 / price) >= price_within(
        0.5, more, lambda price: 100 / price
    )


def test_rate_counts_every_poll_and_create_of_a_life() -> None:
    plan = Plan.best(USUAL, 0.5)
    life = USUAL.mean + plan.delay
    assert rate_at(1000, 0.5) == pytest.approx(1000 * (plan.polls + 1) / life)


def test_task_that_has_ended_most_probably_comes_first() -> None:
    due = [
        a_candidate("just looked", 30, 31),
        a_candidate("never looked", 0, 25),
        a_candidate("hardly begun", 0, 3),
    ]
    assert most_promising(due, 3) == ["never looked", "just looked", "hardly begun"]
    assert most_promising(due, 1) == ["never looked"]


def test_task_left_alone_long_enough_comes_before_any_other() -> None:
    likely = [a_candidate(f"likely {number}", 15, 25) for number in range(100)]
    forgotten = a_candidate("forgotten", 600, 20_000)
    assert most_promising([*likely, forgotten], 1) == ["forgotten"]
