"""Whether the other side can be reached: a circuit that opens after failures in a row.

A value and its successors; time and jitter are handed in, so an hour of outage is a few lines.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Self

from kirin.pacing import spread

TRIPS_AFTER = 4
"""Failures in a row, of whatever calls, after which nothing more is tried for a while."""

WINDOW = timedelta(minutes=5)
"""Failures further apart than this are not in a row: a quiet bot makes few calls."""

FIRST_WAIT = 5.0
LONGEST_WAIT = 60.0
"""Seconds before a probe, doubling: sixty calls an hour do not hurt anybody who is down."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Circuit:
    """Closed while `since` is None; otherwise open since then, and probed at `probe_at`.

    `epoch` counts the changes. A call that began in an earlier epoch and fails says nothing new;
    one that is answered, whenever it began, closes the circuit.
    """

    failures: tuple[datetime, ...] = ()
    since: datetime | None = None
    probe_at: datetime | None = None
    probes_failed: int = 0
    is_probing: bool = False
    epoch: int = 0

    @property
    def is_open(self) -> bool:
        """Say whether calls are held back."""
        return self.since is not None

    @property
    def down_since(self) -> datetime | None:
        """Since when the other side is known to be away: a probe has confirmed it."""
        return self.since if self.probes_failed else None

    def may_probe(self, now: datetime) -> bool:
        """Say whether one call may find out."""
        return self.probe_at is not None and not self.is_probing and now >= self.probe_at

    def failed(self, now: datetime, *, epoch: int, jitter: float) -> Self:
        """Note that a call, begun in `epoch`, brought no answer."""
        if epoch != self.epoch:
            return self
        if not self.is_open:
            failures = (*(moment for moment in self.failures if now - moment <= WINDOW), now)
            if len(failures) < TRIPS_AFTER:
                return replace(self, failures=failures)
            return self._waiting(now, since=failures[0], probes_failed=0, jitter=jitter)
        if not self.is_probing:
            return self
        return self._waiting(
            now, since=self.since, probes_failed=self.probes_failed + 1, jitter=jitter
        )

    def answered(self) -> Self:
        """Note that a call brought an answer, whatever it said."""
        if self.is_open:
            return type(self)(epoch=self.epoch + 1)
        return replace(self, failures=()) if self.failures else self

    def probing(self) -> Self:
        """Let one call out."""
        return replace(self, is_probing=True, epoch=self.epoch + 1)

    def unprobed(self) -> Self:
        """Take it back: no call was made after all, and another may be."""
        return replace(self, is_probing=False) if self.is_probing else self

    def _waiting(
        self, now: datetime, *, since: datetime | None, probes_failed: int, jitter: float
    ) -> Self:
        wait = spread(min(FIRST_WAIT * 2 ** min(probes_failed, 10), LONGEST_WAIT), jitter)
        return type(self)(
            since=since,
            probe_at=now + timedelta(seconds=wait),
            probes_failed=probes_failed,
            epoch=self.epoch + 1,
        )
