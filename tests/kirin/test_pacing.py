from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kirin.pacing import backoff, nudge, report_delay, spread
from tests.kirin.kirin_factories import thoroughly

jitters = st.floats(0, 1)


@thoroughly
@given(st.floats(0, 1e6), jitters)
def test_a_planned_wait_is_moved_by_a_few_hundredths_at_most(wait: float, jitter: float) -> None:
    assert nudge(wait, jitter) == pytest.approx(wait, rel=0.031)


def test_back_off_doubles_from_2_seconds_to_two_minutes() -> None:
    waits = [backoff(setbacks) for setbacks in range(1, 10)]
    assert waits == [2, 4, 8, 16, 32, 64, 120, 120, 120]
    assert backoff(0) == 2
    assert backoff(10**6) == 120


@thoroughly
@given(st.integers(0, 10**6), st.floats(0, 600), jitters)
def test_back_off_is_never_shorter_than_was_asked_for(
    setbacks: int, asked: float, jitter: float
) -> None:
    assert backoff(setbacks, retry_after=asked, jitter=jitter) >= asked


def test_nobody_is_waited_for_longer_than_ten_minutes() -> None:
    assert backoff(1, retry_after=10**9) == 600


def test_back_off_is_spread_when_nothing_was_asked_for() -> None:
    assert (backoff(1, jitter=0), backoff(1, jitter=1)) == pytest.approx((1.8, 2.2))


def test_back_off_never_shrinks_as_setbacks_add_up() -> None:
    waits = [backoff(setbacks) for setbacks in range(50)]
    assert all(earlier <= later for earlier, later in pairwise(waits))


def test_a_waiting_message_is_edited_often_in_its_first_minute_and_then_seldom() -> None:
    assert [report_delay(age) for age in (0, 59.9, 60, 3600)] == [5, 5, 20, 20]


def test_jitter_in_the_middle_changes_nothing() -> None:
    assert spread(10, 0.5) == 10
