"""Whether the provider finds tasks by our own id: documented, but without its route."""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime, timedelta
from typing import Literal

from kirin.errors import ProviderError, TaskNotFound
from kirin.model import Generation
from kirin.stages.base import Clock
from kirin.stages.provider import Provider
from kirin.store import FactStore

log = logging.getLogger(__name__)

FACT = "lookup_by_external_task_id"
ASK_AGAIN_AFTER = timedelta(days=7)
"""How long the finding that it does not work is believed."""

_AFTER_TROUBLE = timedelta(minutes=1)
_MOST_DOUBLINGS = 10  # seventeen hours


class Lookup:
    """Finds out once, by a task that is known to be there, and remembers it with the date."""

    def __init__(
        self,
        *,
        facts: FactStore,
        provider: Provider,
        mode: Literal["auto", "yes", "no"],
        now: Clock,
    ) -> None:
        self._facts = facts
        self._provider = provider
        self._mode = mode
        self._now = now
        self._turn = asyncio.Lock()
        self._ask_at: datetime | None = None
        self._troubles = 0

    @property
    def is_forbidden(self) -> bool:
        """Say whether the operator has switched the lookup off."""
        return self._mode == "no"

    async def works(self) -> bool:
        """Say whether "not found" can be believed."""
        if self._mode != "auto":
            return self._mode == "yes"
        fact = await self._facts.get(FACT)
        return fact is not None and fact.value == "yes"

    async def proved(self) -> None:
        """Note that a task was found by our own id."""
        if not await self.works() and not self.is_forbidden:
            await self._learn("yes")

    async def try_out(self, generation: Generation) -> None:
        """Find it out with a task that the provider has just shown, unless it is known.

        Where it cannot be found out, it is tried ever more seldom: after a minute, two, four, …
        """
        if self._mode != "auto" or self._turn.locked() or not self._is_time_to_ask():
            return
        async with self._turn:
            if await self._is_known():
                return
            try:
                await self._provider.look_up(generation.external_task_id)
            except TaskNotFound:
                await self._learn("no")
            except ProviderError as error:
                log.info("could not try the lookup by our own id: %s", error)
                self._ask_at = self._now() + _AFTER_TROUBLE * 2 ** min(
                    self._troubles, _MOST_DOUBLINGS
                )
                self._troubles += 1
            else:
                await self._learn("yes")

    def _is_time_to_ask(self) -> bool:
        return self._ask_at is None or self._now() >= self._ask_at

    async def _is_known(self) -> bool:
        fact = await self._facts.get(FACT)
        if fact is None:
            return False
        since = self._now() if fact.value == "yes" else fact.learned_at
        self._ask_at = since + ASK_AGAIN_AFTER
        return not self._is_time_to_ask()

    async def _learn(self, value: str) -> None:
        self._ask_at = self._now() + ASK_AGAIN_AFTER
        await self._facts.learn(FACT, value, self._now())
        log.info("the provider finds tasks by our own id: %s", value)
