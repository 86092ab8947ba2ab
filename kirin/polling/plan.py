"""When to look: the moments that cost least, a poll being worth so many seconds of delay.

Let S(t) be the probability that a task takes longer than t, and G(t) the integral of S from t on.
Who looked at s, found the task unfinished and looks next at t has, for all tasks together, the
delay S(s)(t - s) - G(s) + G(t) and pays the price of S(s) polls. With W(t) for what comes after,

    W(s) = min over t > s of  price S(s) + S(s)(t - s) - G(s) + G(t) + W(t),

in which the choice of t is the lowest of the lines G(t) + W(t) + t x at x = S(s). Going backwards,
x grows and the lines come in the order of their slopes, so that each line is looked at once: the
exact optimum over a grid of N moments takes N steps (the "convex hull trick").

Where the provider calls back, a task that has ended is polled only if its callback was `lost` (a
probability): delay and poll then count for those alone, and the same recursion holds.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Self

from kirin.polling.distribution import Distribution

OF_THE_AGE = 0.02
"""Beyond the distribution a task is polled each fiftieth of its age."""

_PARTS = 4  # moments to look at within one cell of the distribution
_PARTS_OF_MANY = 2  # the same where a plan serves one task only


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """For each moment at which a task was found unfinished, the moment of the next poll.

    `polls` is how many a task is expected to need, `delay` how many seconds it is expected to have
    ended before it is seen.
    """

    moments: Sequence[float]
    nexts: Sequence[float]
    polls: float
    delay: float

    @classmethod
    def best(
        cls, distribution: Distribution, price: float, lost: float = 1.0, *, since: float = 0.0
    ) -> Self:
        """Make the plan that minimises expected delay + price x expected polls.

        One for a single task that is unfinished at `since` begins there, and is cheaper to make.
        """
        moments, survival = _grid(distribution, since)
        chosen = best_choices(moments, survival, price, lost)
        polls, delay = _expected(moments, survival, chosen, lost)
        return cls(
            moments=moments,
            nexts=tuple(moments[choice] for choice in chosen),
            polls=polls,
            delay=delay,
        )

    def next_after(self, elapsed: float) -> float:
        """Return when to poll next a task that was unfinished `elapsed` seconds after its create.

        Always later than `elapsed`, and the later the later that is.
        """
        moments = self.moments
        if elapsed >= moments[-2]:
            return elapsed * (1 + OF_THE_AGE)
        if elapsed <= moments[0]:
            return self.nexts[0]
        place = bisect_right(moments, elapsed) - 1
        part = (elapsed - moments[place]) / (moments[place + 1] - moments[place])
        return self.nexts[place] + part * (self.nexts[place + 1] - self.nexts[place])


def best_choices(
    moments: Sequence[float], survival: Sequence[float], price: float, lost: float = 1.0
) -> list[int]:
    """Return, for each moment of a grid, the place of the best next one; the last has itself.

    Whatever lives longer than the last moment counts as ending there.
    """
    last = len(moments) - 1
    left, after, choices = 0.0, 0.0, [last] * (last + 1)
    lines: deque[tuple[float, float, int]] = deque()
    for place in range(last - 1, -1, -1):
        later = place + 1
        height = price * (1 - lost) * survival[later] + lost * left + after
        _add(lines, (lost * moments[later], height, later))
        left += (moments[later] - moments[place]) * (survival[later] + survival[place]) / 2
        alive = survival[place]
        while len(lines) > 1 and _height(lines[1], alive) <= _height(lines[0], alive):
            lines.popleft()
        choices[place] = lines[0][2]
        at_best = _height(lines[0], alive)
        after = at_best + lost * (price * alive - alive * moments[place] - left)
    return choices


def _height(line: tuple[float, float, int], at: float) -> float:
    return line[1] + line[0] * at


def _add(lines: deque[tuple[float, float, int]], new: tuple[float, float, int]) -> None:
    """Add the line with the least slope so far, and drop those that it leaves nothing to."""
    while len(lines) > 1:
        (slope, height, _), (earlier_slope, earlier_height, _) = lines[-1], lines[-2]
        if (new[1] - earlier_height) * (earlier_slope - slope) > (height - earlier_height) * (
            earlier_slope - new[0]
        ):
            return lines.append(new)
        lines.pop()
    return lines.append(new)


def _grid(distribution: Distribution, since: float) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Return the moments to choose from, the first being `since`, and the survival at each."""
    moments, survival = [since], [distribution.beyond(since)]
    parts = _PARTS_OF_MANY if since else _PARTS
    cells = zip(pairwise(distribution.edges), pairwise(distribution.survival), strict=True)
    for (low, high), (here, there) in cells:
        if low <= since:
            continue
        for number in range(parts):
            part = number / parts
            moments.append(low + part * (high - low))
            survival.append(here + part * (there - here))
    return (*moments, distribution.edges[-1]), (*survival, 0.0)


def _expected(
    moments: Sequence[float], survival: Sequence[float], choices: Sequence[int], lost: float
) -> tuple[float, float]:
    """Follow the choices from the start; return the expected polls and the expected delay."""
    polls, covered, place = 0.0, 0.0, 0
    while place < len(moments) - 1:
        later = choices[place]
        gone = survival[place] - survival[later]
        polls += survival[later] + lost * gone
        covered += survival[place] * (moments[later] - moments[place])
        place = later
    mean = sum(
        (high - low) * (here + there) / 2
        for (low, high), (here, there) in zip(pairwise(moments), pairwise(survival), strict=True)
    )
    return polls, lost * (covered - mean)
