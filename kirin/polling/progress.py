"""What a task's progress says about its end: a hint that is used, and never believed blindly."""

from __future__ import annotations

from math import exp, log

from kirin.polling.distribution import Distribution

_LEAST = 0.05  # before that, progress says next to nothing about the whole
_MOST = 0.99  # some providers wait at the end with the bar nearly full
_NOISE = 0.25  # standard deviation of the estimate's logarithm, assumed
_DOUBT = 0.05  # what a time is worth that the number speaks against: it may mean nothing at all


def sharpened(
    distribution: Distribution, *, elapsed: float, progress: float | None, before: float | None
) -> Distribution:
    """Return what is likely for a task of this progress (0 to 1), `before` being its last one.

    elapsed / progress is taken for an estimate of the whole time, with noise, and with a doubt
    that leaves every time some of its probability. Progress that stands still says nothing.
    """
    if progress is None or not _LEAST <= progress <= _MOST or elapsed <= 0:
        return distribution
    if before is not None and progress <= before:
        return distribution
    if elapsed >= distribution.edges[-2]:
        return distribution
    estimate = log(elapsed / progress)
    middles = (
        (low + high) / 2
        for low, high in zip(distribution.edges, distribution.edges[1:], strict=False)
    )
    likelihoods = [
        _DOUBT + (1 - _DOUBT) * exp(-(((log(middle) - estimate) / _NOISE) ** 2) / 2)
        for middle in middles
    ]
    return Distribution.of_masses(
        distribution.edges,
        [
            mass * likelihood if edge > elapsed else 0.0
            for mass, likelihood, edge in zip(
                distribution.masses, likelihoods, distribution.edges[1:], strict=True
            )
        ],
    )
