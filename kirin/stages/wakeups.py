"""Bells: so that a quiet bot sleeps, and a new wish is seen to at once."""

from __future__ import annotations

import asyncio
from collections import defaultdict

from kirin.store import Work


class WakeUps:
    """One bell for each kind of work; ringing it wakes the stage that waits for it."""

    def __init__(self) -> None:
        self._bells: defaultdict[Work, asyncio.Event] = defaultdict(asyncio.Event)

    def ring(self, work: Work) -> None:
        """Say that there may be something to do."""
        self._bells[work].set()

    def bell(self, work: Work) -> asyncio.Event:
        """Return the bell that a stage listens to."""
        return self._bells[work]
