"""When to poll: the plan against every other plan there is, on small grids."""

from itertools import combinations, pairwise

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from kirin.polling import Distribution, Plan, assumed, sharpened
from kirin.polling.distribution import edges_around
from kirin.polling.plan import best_choices
from tests.kirin.kirin_factories import thoroughly

prices = st.floats(0.01, 20)
losses = st.floats(0.02, 1)
grids = st.lists(st.tuples(st.floats(0.1, 10), st.floats(0, 1)), min_size=1, max_size=8).filter(
    lambda cells: sum(mass for _, mass in cells) > 0.01
)


def cost(
    moments: list[float], survival: list[float], polls: list[int], price: float, lost: float
) -> float:
    """Add up delay and polls interval by interval, a task ending anywhere between two moments."""
    total = 0.0
    for start, end in pairwise([0, *polls]):
        total += price * (survival[end] + lost * (survival[start] - survival[end]))
        for cell in range(start, end):
            ended = survival[cell] - survival[cell + 1]
            middle = (moments[cell] + moments[cell + 1]) / 2
            total += lost * ended * (moments[end] - middle)
    return total


@thoroughly
@given(grids, prices, losses)
def test_no_other_choice_of_polls_costs_less(
    cells: list[tuple[float, float]], price: float, lost: float
) -> None:
    whole = sum(mass for _, mass in cells)
    moments, survival = [0.0], [1.0]
    for width, mass in cells:
        moments.append(moments[-1] + width)
        survival.append(max(0.0, survival[-1] - mass / whole))
    survival[-1] = 0.0
    last = len(cells)
    every = (
        [*between, last] for count in range(last) for between in combinations(range(1, last), count)
    )
    least = min(cost(moments, survival, polls, price, lost) for polls in every)
    choices, place, ours = best_choices(moments, survival, price, lost), 0, []
    while place < last:
        place = choices[place]
        ours.append(place)
    assert cost(moments, survival, ours, price, lost) == pytest.approx(least, abs=1e-9)


@thoroughly
@given(st.floats(0.2, 600), prices, losses, st.floats(0, 1e6), st.floats(0, 1e6))
def test_next_poll_is_later_and_never_earlier_for_who_looked_later(
    median: float, price: float, lost: float, one: float, other: float
) -> None:
    plan = Plan.best(assumed(median), price, lost)
    earlier, later = sorted((one, other))
    assert earlier < plan.next_after(earlier) < 1e8
    assert plan.next_after(earlier) <= plan.next_after(later) * (1 + 1e-9)


def test_dearer_polls_are_fewer_and_find_things_later() -> None:
    plans = [Plan.best(assumed(20.0), price) for price in (0.15, 0.5, 2.0, 10.0)]
    assert [plan.polls for plan in plans] == sorted((plan.polls for plan in plans), reverse=True)
    assert [plan.delay for plan in plans] == sorted(plan.delay for plan in plans)


def test_what_is_expected_of_a_plan_is_what_comes_of_it() -> None:
    spread = Distribution.log_normal(edges_around(20.0), 20.0, 0.5)
    plan = Plan.best(spread, 0.5)
    polls, delay, elapsed = 0.0, 0.0, 0.0
    while spread.beyond(elapsed) > 1e-9:
        later = plan.next_after(elapsed)
        polls += spread.beyond(elapsed)
        delay += spread.beyond(elapsed) * (later - elapsed)
        elapsed = later
    assert plan.polls == pytest.approx(polls, rel=0.01)
    assert plan.delay == pytest.approx(delay - spread.mean, rel=0.02)


def test_first_poll_waits_until_something_can_be_ready() -> None:
    plan = Plan.best(assumed(20.0), 0.5)
    assert 8 < plan.next_after(0) < 16
    assert plan.next_after(20) - 20 < 5


def test_task_that_runs_for_hours_is_polled_each_fiftieth_of_its_age() -> None:
    plan = Plan.best(assumed(20.0), 0.5)
    assert plan.next_after(36_000) == pytest.approx(36_720)


def test_reliable_callbacks_leave_hardly_anything_to_polls() -> None:
    alone, with_callbacks = (Plan.best(assumed(20.0), 0.5, lost) for lost in (1.0, 0.02))
    assert with_callbacks.polls < 0.5
    assert with_callbacks.next_after(0) > assumed(20.0).quantile(0.6)
    assert alone.polls > 4


@thoroughly
@given(st.floats(0.01, 3e4), st.floats(0, 1), st.none() | st.floats(0, 1))
def test_whatever_progress_says_there_is_a_next_poll(
    elapsed: float, progress: float, before: float | None
) -> None:
    spread = sharpened(assumed(20.0), elapsed=elapsed, progress=progress, before=before)
    plan = Plan.best(spread, 0.5, since=elapsed)
    assert elapsed < plan.next_after(elapsed) < 3 * elapsed + 60


def test_progress_moves_the_next_poll_towards_the_end_that_it_promises() -> None:
    usual = Plan.best(assumed(20.0), 0.5).next_after(15)
    slow = sharpened(assumed(20.0), elapsed=15, progress=0.25, before=0.1)
    assert Plan.best(slow, 0.5, since=15).next_after(15) > usual + 2
    soon = sharpened(assumed(20.0), elapsed=15, progress=0.8, before=0.1)
    assert soon.chance(15, 22) > assumed(20.0).chance(15, 22) + 0.15


@pytest.mark.parametrize(
    ("progress", "before"), [(None, None), (0.0, None), (1.0, 0.5), (0.5, 0.5), (0.4, 0.5)]
)
def test_progress_that_says_nothing_changes_nothing(
    progress: float | None, before: float | None
) -> None:
    spread = assumed(20.0)
    assert sharpened(spread, elapsed=15, progress=progress, before=before) is spread


@thoroughly
@given(st.floats(0.01, 0.99), st.floats(1, 300))
def test_quantile_and_survival_are_each_others_inverse(part: float, median: float) -> None:
    spread = assumed(median)
    assert spread.beyond(spread.quantile(part)) == pytest.approx(1 - part, abs=1e-6)


@thoroughly
@given(st.floats(0, 200), st.floats(0, 200), st.floats(0, 200))
def test_chance_grows_with_the_time_that_a_task_is_left_alone(
    one: float, two: float, three: float
) -> None:
    since, until, later = sorted((one, two, three))
    assume(until > since)
    spread = assumed(20.0)
    assert 0 <= spread.chance(since, until) <= spread.chance(since, later) <= 1
