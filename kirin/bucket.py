"""So many a second, and no more: a bucket of tokens that the handed-in clock fills.

Nothing here sleeps: whoever finds too few tokens is told when there will be one.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

_FEWEST = 2.0


class TokenBucket:
    """Holds the tokens of `burst` seconds (two at least) and gains `rate()` of them a second.

    In any time of t seconds at most rate * (t + burst) are given out. The rate may change.
    """

    def __init__(
        self, *, rate: Callable[[], float], now: Callable[[], datetime], burst: float = 1.0
    ) -> None:
        self._rate = rate
        self._now = now
        self._burst = burst
        self._filled_at = now()
        self._tokens = self.capacity

    @property
    def rate(self) -> float:
        """Tokens gained in a second, now."""
        return self._rate()

    @property
    def capacity(self) -> float:
        """The most tokens there can be."""
        return max(_FEWEST, self.rate * self._burst)

    @property
    def tokens(self) -> float:
        """How many there are now; less than none after `spend`."""
        now = self._now()
        elapsed = max(0.0, (now - self._filled_at).total_seconds())
        self._filled_at = now
        self._tokens = min(self.capacity, self._tokens + elapsed * self.rate)
        return self._tokens

    def take(self, limit: int, *, leave: float = 0.0) -> int:
        """Take up to `limit` tokens, but none of the last `leave`; return how many."""
        taken = max(0, min(limit, int(self.tokens - leave)))
        self._tokens -= taken
        return taken

    def give_back(self, count: int) -> None:
        """Put back what was taken and not used."""
        self._tokens = min(self.capacity, self.tokens + count)

    def spend(self) -> None:
        """Take one whether or not it is there; later ones wait for it."""
        self._tokens = self.tokens - 1

    def ready_at(self, *, leave: float = 0.0) -> datetime:
        """Return the moment at which `take` gives one, if nobody else takes any until then."""
        lacking = max(0.0, 1 + leave - self.tokens)
        # a microsecond more: the clock counts whole ones, and a token must be whole then
        wait = timedelta(seconds=lacking / self.rate, microseconds=1) if lacking else timedelta()
        return self._now() + wait
