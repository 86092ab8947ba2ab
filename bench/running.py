"""What every benchmark does around its measuring."""

import asyncio
import resource
import signal
import sys
from collections.abc import Awaitable
from typing import TypeVar

_KIBIBYTE = 1024

Outcome = TypeVar("Outcome")


def peak_rss_mb() -> float:
    """Return the most memory that this process has taken so far, in MiB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / _KIBIBYTE**2 if sys.platform == "darwin" else peak / _KIBIBYTE


async def until_told_to_stop(measuring: Awaitable[Outcome]) -> Outcome:
    """Measure; SIGTERM cancels, so that what was started is ended too."""
    task = asyncio.current_task()
    if task is not None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await measuring
