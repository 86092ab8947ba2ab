"""So many a second, and no more: a bucket of tokens that the handed-in clock fills.

Nothing here sleeps: whoever finds too few tokens is told when there will be one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

_FEWEST = 2.0
_ROUNDING = 1e-9
_KEPT = 0.5  # of its share, for one who does not come for it


class TokenBucket:
    """Holds the tokens of `burst` seconds (`fewest` at least) and gains `rate()` of them a second.

    In any time of t seconds at most rate * (t + burst) are given out. The rate may change.
    """

    def __init__(
        self,
        *,
        rate: Callable[[], float],
        now: Callable[[], datetime],
        burst: float = 1.0,
        fewest: float = _FEWEST,
    ) -> None:
        self._rate = rate
        self._now = now
        self._burst = burst
        self._fewest = fewest
        self._filled_at = now()
        self._tokens = self.capacity

    @property
    def rate(self) -> float:
        """Tokens gained in a second, now."""
        return self._rate()

    @property
    def capacity(self) -> float:
        """The most tokens there can be."""
        return max(self._fewest, self.rate * self._burst)

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
        taken = max(0, min(limit, int(self.tokens - leave + _ROUNDING)))
        self._tokens -= taken
        return taken

    def give_back(self, count: int) -> None:
        """Put back what was taken and not used."""
        self._tokens = min(self.capacity, self.tokens + count)

    def spend(self) -> None:
        """Take one whether or not it is there; later ones wait for it."""
        self._tokens = self.tokens - 1

    def ready_at(self) -> datetime:
        """Return the moment at which `take` gives one, if nobody else takes any until then."""
        lacking = max(0.0, 1 - self.tokens)
        # a microsecond more: the clock counts whole ones, and a token must be whole then
        wait = timedelta(seconds=lacking / self.rate, microseconds=1) if lacking else timedelta()
        return self._now() + wait


class SharedBucket:
    """A bucket for several kinds of takers, none of which can starve another.

    Of what comes in, each kind's share is kept for it until it takes it: one token at least, and
    of a full bucket half of its share, for bursts of the others. All else is for whoever comes
    first, so nothing is wasted on those who want nothing. The shares add up to less than one, and
    the bucket has room for a token of each kind.
    """

    def __init__(
        self, *, rate: Callable[[], float], shares: Mapping[str, float], now: Callable[[], datetime]
    ) -> None:
        self._bucket = TokenBucket(rate=rate, now=now, fewest=len(shares))
        self._shares = shares
        self._now = now
        self._filled_at = now()
        self._kept = {kind: self._most_kept(kind) for kind in shares}

    @property
    def tokens(self) -> float:
        """How many there are now for all together; less than none after `spend`."""
        return self._bucket.tokens

    def take(self, limit: int, kind: str) -> int:
        """Take up to `limit` tokens, but none that is kept for others; return how many."""
        kept = self._fill()
        taken = self._bucket.take(limit, leave=self._kept_from(kind))
        kept[kind] = max(0.0, kept[kind] - taken)
        return taken

    def take_any(self) -> int:
        """Take one, for whomever it was kept; return how many there was."""
        return self._bucket.take(1)

    def give_back(self, count: int, kind: str) -> None:
        """Put back what was taken and not used."""
        self._fill()[kind] += count
        self._bucket.give_back(count)

    def spend(self) -> None:
        """Take one whether or not it is there; later ones wait for it."""
        self._bucket.spend()

    def any_ready_at(self) -> datetime:
        """Return the moment at which `take_any` gives one, if nobody takes any until then."""
        return self._bucket.ready_at()

    def ready_at(self, kind: str) -> datetime:
        """Return the moment at which `take` gives one, if nobody takes any until then."""
        self._fill()
        lacking = 1 + self._kept_from(kind) - self.tokens
        if lacking <= 0:
            return self._now()
        return self._now() + timedelta(seconds=self._wait(lacking, kind), microseconds=2)

    def _kept_from(self, kind: str) -> float:
        return sum(kept for other, kept in self._kept.items() if other != kind)

    def _wait(self, lacking: float, kind: str) -> float:
        """Return the seconds until so many more have come in than are kept for the others."""
        others = [(self._full_in(other), share) for other, share in self._shares.items()]
        del others[[*self._shares].index(kind)]
        waited, speed = 0.0, 1 - sum(share for _, share in others)
        for full_in, share in sorted(others):
            more = speed * self._bucket.rate * (full_in - waited)
            if more >= lacking:
                break
            lacking, waited, speed = lacking - more, full_in, speed + share
        return waited + lacking / (speed * self._bucket.rate)

    def _full_in(self, kind: str) -> float:
        missing = self._most_kept(kind) - self._kept[kind]
        return missing / (self._shares[kind] * self._bucket.rate)

    def _fill(self) -> dict[str, float]:
        now = self._now()
        gained = max(0.0, (now - self._filled_at).total_seconds()) * self._bucket.rate
        self._filled_at = now
        for kind, share in self._shares.items():
            kept = self._kept[kind] + gained * share
            self._kept[kind] = min(self._most_kept(kind), kept)
        return self._kept

    def _most_kept(self, kind: str) -> float:
        return 1 + self._shares[kind] * _KEPT * (self._bucket.capacity - len(self._shares))
