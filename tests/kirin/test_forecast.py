"""How long a wish takes, learned from others of its shape."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kirin.forecast import PRIOR_MEDIAN, Forecast, Shape
from kirin.model import LinkedImage, Resolution, UploadedImage
from tests.kirin.kirin_factories import a_request, thoroughly

durations = st.lists(st.floats(0.5, 7200), max_size=50)
moments = st.floats(-10, 1e7)


def test_without_experience_the_assumption_speaks() -> None:
    forecast = Forecast.learned([])
    assert PRIOR_MEDIAN < forecast.expected < 1.5 * PRIOR_MEDIAN
    assert forecast.expected < forecast.late_after < 2 * PRIOR_MEDIAN


def test_single_observation_does_not_outweigh_the_assumption() -> None:
    assert Forecast.learned([300.0]).expected < 2 * PRIOR_MEDIAN


@pytest.mark.parametrize("seconds", [2.0, 60.0, 400.0])
def test_experience_outweighs_the_assumption(seconds: float) -> None:
    assert Forecast.learned([seconds] * 50).expected == seconds


def test_a_dozen_of_the_same_is_experience_enough() -> None:
    assert Forecast.learned([90.0] * 12).expected == 90.0


def test_expected_is_what_three_of_four_keep_to() -> None:
    forecast = Forecast.learned([float(seconds) for seconds in range(1, 101)])
    assert 70 <= forecast.expected <= 76
    assert 85 <= forecast.late_after <= 110


@thoroughly
@given(durations, st.floats(0.001, 1e12))
def test_one_outlier_never_becomes_the_forecast(seen: list[float], outlier: float) -> None:
    usual = [*seen, 40.0]  # the assumption's longest is 38 s
    forecast = Forecast.learned([*seen, outlier])
    assert forecast.expected <= max(usual)
    assert forecast.late_after <= 1.4 * max(usual)
    assert forecast.expected >= min([*seen, 10.0])


@pytest.mark.parametrize("nonsense", [0.0, -5.0, math.inf, math.nan])
def test_durations_that_cannot_be_true_teach_nothing(nonsense: float) -> None:
    assert Forecast.learned([nonsense] * 50) == Forecast.learned([])


@thoroughly
@given(durations, moments, moments)
def test_bar_never_goes_back(seen: list[float], one: float, other: float) -> None:
    forecast = Forecast.learned(seen)
    earlier, later = sorted((one, other))
    assert forecast.fraction(earlier) <= forecast.fraction(later)


@thoroughly
@given(durations, moments)
def test_bar_never_claims_the_end(seen: list[float], elapsed: float) -> None:
    assert 0 <= Forecast.learned(seen).fraction(elapsed) <= 0.99


@thoroughly
@given(durations)
def test_bar_is_far_along_when_the_end_is_expected(seen: list[float]) -> None:
    forecast = Forecast.learned(seen)
    assert forecast.fraction(0) == 0
    assert forecast.fraction(forecast.expected / 2) == pytest.approx(0.45)
    assert forecast.fraction(forecast.expected) == pytest.approx(0.9)


@thoroughly
@given(durations)
def test_nothing_is_late_before_its_end_was_expected(seen: list[float]) -> None:
    forecast = Forecast.learned(seen)
    assert not forecast.is_late(forecast.expected)
    assert not forecast.is_late(forecast.late_after)
    assert forecast.is_late(forecast.late_after + 1)


def test_shape_is_resolution_count_and_reference() -> None:
    plain = Shape.of(a_request())
    assert plain == Shape.of(a_request(prompt="other words", watermark=True))
    assert plain != Shape.of(a_request(n=2))
    assert plain != Shape.of(a_request(resolution=Resolution.TWO_K))
    linked = Shape.of(a_request(reference=LinkedImage(url="https://example.com/a.png")))
    assert linked != plain
    assert linked == Shape.of(a_request(reference=UploadedImage(sha256="0" * 64)))
