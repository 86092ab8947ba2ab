"""Whether this process does what it is for, part by part."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from kirin.stages import Engine
from kirin.store import CensusStore

log = logging.getLogger(__name__)

SILENCE = timedelta(minutes=2)
"""A stage looks at the store at least each minute; one that has not for so long is stuck."""

_DATABASE_SECONDS = 5.0


class Health:
    """Asks the parts of this process; those it does not have are `None`."""

    def __init__(
        self,
        *,
        database: CensusStore,
        engine: Engine | None,
        gateway_is_ready: Callable[[], bool] | None,
        now: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._engine = engine
        self._gateway_is_ready = gateway_is_ready
        self._now = now

    async def problems(self) -> Sequence[str]:
        """Say in words what is wrong; nothing, where all is well."""
        problems = [] if await self._database_answers() else ["the database does not answer"]
        if self._engine is not None:
            silent = self._engine.silent_since(self._now() - SILENCE)
            problems += [f"the stage {work} does not look for work" for work in silent]
        if self._gateway_is_ready is not None and not self._gateway_is_ready():
            problems.append("the gateway is not connected to Discord")
        return problems

    async def _database_answers(self) -> bool:
        try:
            async with asyncio.timeout(_DATABASE_SECONDS):
                return await self._database.is_reachable()
        except Exception as error:  # noqa: BLE001 - whatever it is, it does not answer
            log.warning("the database does not answer: %s", type(error).__name__)
            return False
