"""What has to be done from time to time, whatever wishes there are."""

from __future__ import annotations

from datetime import timedelta

from kirin.stages.base import Clock
from kirin.store import GenerationStore


class Housekeeper:
    """Forgets interaction tokens that have expired."""

    every = timedelta(minutes=1)

    def __init__(self, *, store: GenerationStore, now: Clock) -> None:
        self._store = store
        self._now = now

    async def run_once(self) -> int:
        """Do it now; return how many tokens were wiped."""
        return await self._store.wipe_tokens(self._now())
