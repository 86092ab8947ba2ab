"""How long a wish takes, learned from others of its shape."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kirin.forecast import Forecast, Shape
from kirin.model import LinkedImage, Resolution, UploadedImage
from kirin.polling import Distribution, assumed
from tests.kirin.kirin_factories import a_request, thoroughly

medians = st.floats(0.5, 7200)
moments = st.floats(-10, 1e7)


def of(median: float) -> Forecast:
    return Forecast.of(assumed(median))


def test_three_of_four_keep_to_what_is_expected_and_nine_of_ten_are_not_late() -> None:
    spread = Distribution.of_masses([float(edge) for edge in range(1, 102)], [1.0] * 100)
    forecast = Forecast.of(spread)
    assert forecast.expected == pytest.approx(76)
    assert forecast.late_after == pytest.approx(1.4 * 76)


def test_many_that_take_long_put_off_being_late() -> None:
    spread = Distribution.of_masses([1.0, 10.0, 100.0, 200.0], [0.8, 0.0, 0.2])
    assert Forecast.of(spread).late_after == pytest.approx(150)


@thoroughly
@given(medians, moments, moments)
def test_bar_never_goes_back(median: float, one: float, other: float) -> None:
    forecast = of(median)
    earlier, later = sorted((one, other))
    assert forecast.fraction(earlier) <= forecast.fraction(later)


@thoroughly
@given(medians, moments)
def test_bar_never_claims_the_end(median: float, elapsed: float) -> None:
    assert 0 <= of(median).fraction(elapsed) <= 0.99


@thoroughly
@given(medians)
def test_bar_is_far_along_when_the_end_is_expected(median: float) -> None:
    forecast = of(median)
    assert forecast.fraction(0) == 0
    assert forecast.fraction(forecast.expected / 2) == pytest.approx(0.45)
    assert forecast.fraction(forecast.expected) == pytest.approx(0.9)


@thoroughly
@given(medians)
def test_nothing_is_late_before_its_end_was_expected(median: float) -> None:
    forecast = of(median)
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
