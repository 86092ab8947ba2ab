"""How late the event loop comes to things: the first sign of a process that has too much to do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from kirin.metrics import Metrics

_EVERY_SECONDS = 0.25


@asynccontextmanager
async def lag_watched(metrics: Metrics) -> AsyncIterator[None]:
    """Measure it four times a second until the block ends."""
    watch = asyncio.create_task(_watch(metrics), name="lag")
    try:
        yield
    finally:
        watch.cancel()
        await asyncio.wait({watch})


async def _watch(metrics: Metrics) -> None:
    loop = asyncio.get_running_loop()
    while True:
        wanted = loop.time() + _EVERY_SECONDS
        await asyncio.sleep(_EVERY_SECONDS)
        metrics.lagged(max(loop.time() - wanted, 0.0))
