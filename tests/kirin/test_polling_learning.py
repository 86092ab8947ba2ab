"""What polls teach: distributions from intervals, old ones forgotten when tasks change."""

from collections.abc import Callable
from math import inf, log, nan
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kirin.polling import Observation, Plan, assumed, learn
from kirin.polling.learning import since_last_change
from tests.kirin.kirin_factories import thoroughly


def seen(draw: Callable[[Random], float], count: int, *, seed: int = 1) -> list[Observation]:
    """Poll tasks by the plan for the assumption; return what that reveals, the newest first."""
    plan, random, found = Plan.best(assumed(20.0), 0.5), Random(seed), []
    for _ in range(count):
        time, since, at = draw(random), 0.0, plan.next_after(0.0)
        while at < time:
            since = at
            at += (plan.next_after(at) - at) * random.uniform(0.97, 1.03)
        found.append(Observation(after=since, until=at))
    return found[::-1]


def log_normal(median: float, sigma: float) -> Callable[[Random], float]:
    return lambda random: random.lognormvariate(log(median), sigma)


@pytest.mark.parametrize(("median", "sigma"), [(20, 0.5), (35, 0.3), (60, 0.5), (150, 0.4)])
def test_distribution_is_recovered_from_intervals_alone(median: float, sigma: float) -> None:
    learned = learn(seen(log_normal(median, sigma), 300), median=20.0)
    for part, away in ((0.25, -0.674), (0.5, 0.0), (0.75, 0.674), (0.9, 1.282)):
        truth = median * 2.718281828 ** (sigma * away)
        assert learned.quantile(part) == pytest.approx(truth, rel=0.13)


def test_two_modes_are_told_apart() -> None:
    def draw(random: Random) -> float:
        return random.lognormvariate(log(14 if random.random() < 0.5 else 50), 0.1)

    learned = learn(seen(draw, 300), median=20.0)
    between = learned.beyond(22) - learned.beyond(36)
    assert between < 0.1
    assert learned.beyond(36) == pytest.approx(0.5, abs=0.1)


def test_before_anything_was_seen_the_assumption_speaks() -> None:
    assert learn([], median=20.0) == assumed(20.0)
    assert assumed(7.0).quantile(0.5) == pytest.approx(7, rel=0.02)


def test_single_observation_does_not_outweigh_the_assumption() -> None:
    learned = learn([Observation(after=290, until=300)], median=20.0)
    assert learned.quantile(0.5) < 30


def test_dozen_alike_outweigh_the_assumption() -> None:
    learned = learn([Observation(after=88, until=92)] * 12, median=20.0)
    assert learned.quantile(0.5) == pytest.approx(90, rel=0.15)


def test_single_outlier_moves_next_to_nothing() -> None:
    usual = seen(log_normal(20, 0.3), 100)
    without, with_it = (
        learn(each, median=20.0) for each in (usual, [Observation(after=0, until=80_000), *usual])
    )
    assert with_it.quantile(0.75) == pytest.approx(without.quantile(0.75), rel=0.05)


@pytest.mark.parametrize(("before", "after"), [(20.0, 60.0), (60.0, 20.0)])
def test_sudden_change_is_learned_within_two_dozen(before: float, after: float) -> None:
    old = seen(log_normal(before, 0.5), 250)
    learned = learn([*seen(log_normal(after, 0.5), 25, seed=2), *old], median=20.0)
    assert learned.quantile(0.5) == pytest.approx(after, rel=0.3)


def test_what_stays_the_same_is_not_forgotten() -> None:
    for seed in range(20):
        steady = seen(log_normal(20, 0.5), 200, seed=seed)
        assert since_last_change(steady) == steady


def test_task_still_at_work_counts_as_taking_longer() -> None:
    ended = seen(log_normal(20, 0.3), 30)
    running = [Observation(after=100, until=inf)] * 30
    assert learn([*running, *ended], median=20.0).beyond(100) > 0.35


@pytest.mark.parametrize(("after", "until"), [(nan, 5), (0, nan), (-1, 5), (5, 5), (6, 5)])
def test_what_cannot_be_true_teaches_nothing(after: float, until: float) -> None:
    assert learn([Observation(after=after, until=until)] * 50, median=20.0) == assumed(20.0)


ages = st.floats(0, 1e6)


@thoroughly
@given(st.lists(st.tuples(ages, ages), max_size=12), st.floats(0.1, 1000))
def test_whatever_was_seen_makes_a_distribution(
    pairs: list[tuple[float, float]], median: float
) -> None:
    learned = learn(
        [Observation(after=min(pair), until=max(pair)) for pair in pairs], median=median
    )
    assert learned.survival[0] == 1
    assert list(learned.survival) == sorted(learned.survival, reverse=True)
    assert learned.survival[-1] == 0
    assert learned.quantile(0.25) <= learned.quantile(0.75) <= learned.edges[-1]
