"""When to look, and when to try again: pure functions of numbers, in seconds.

`jitter` is a number from 0 to 1 that the caller draws; the middle, 0.5, changes nothing.
"""

from __future__ import annotations

_SPREAD = 0.1
_NUDGE = 0.03
_LONGEST_BACKOFF = 120.0
_LONGEST_RETRY_AFTER = 600.0
_FIRST_BACKOFF = 2.0
_MOST_DOUBLINGS = 10

_LIVELY_SECONDS = 60.0
_REPORT_OFTEN = 5.0
_REPORT_SELDOM = 20.0


def backoff(setbacks: int, *, retry_after: float | None = None, jitter: float = 0.5) -> float:
    """Return the wait after so many troubled calls in a row, never less than the other side asked.

    Doubles from 2 s to two minutes; a `retry_after` above ten minutes counts as ten.
    """
    doublings = min(max(setbacks - 1, 0), _MOST_DOUBLINGS)
    wait = spread(min(_FIRST_BACKOFF * 2**doublings, _LONGEST_BACKOFF), jitter)
    return max(wait, min(retry_after or 0.0, _LONGEST_RETRY_AFTER))


def report_delay(age: float) -> float:
    """Return the wait before a waiting message may be edited again, for a wish of this age.

    Edits share Discord's patience: about every 5 s in the first minute, later every 20 s.
    """
    return _REPORT_OFTEN if age < _LIVELY_SECONDS else _REPORT_SELDOM


def spread(seconds: float, jitter: float) -> float:
    """Move a wait by up to a tenth, so that wishes made together do not call together."""
    return seconds * (1 + _SPREAD * (2 * jitter - 1))


def nudge(seconds: float, jitter: float) -> float:
    """Move a planned wait by a few hundredths: enough that polls fall at ever different ages."""
    return seconds * (1 + _NUDGE * (2 * jitter - 1))
