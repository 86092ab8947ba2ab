"""What every benchmark does around its measuring."""

import asyncio
import resource
import signal
import sys
import time
from collections.abc import Awaitable
from pathlib import Path
from typing import Self, TypeVar

_KIBIBYTE = 1024
_STEP = 0.01

Outcome = TypeVar("Outcome")


def peak_rss_mb() -> float:
    """Return the most memory that this process has taken so far, in MiB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / _KIBIBYTE**2 if sys.platform == "darwin" else peak / _KIBIBYTE


def resident_mb(name: str) -> float:
    """Return this program's own memory in MiB: `VmHWM` is the most so far, `VmRSS` that of now.

    Linux counts the peak of whoever has started a process as its own, but not in these. Elsewhere
    it is `peak_rss_mb`.
    """
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.exists() else []
    found = [int(line.split()[1]) / _KIBIBYTE for line in lines if line.startswith(f"{name}:")]
    return found[0] if found else peak_rss_mb()


def processor_seconds() -> float:
    """Return the processor time of this process so far, all of its threads."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


class Lag:
    """Measures while its block runs how late the event loop is: a sleep of 10 ms, over and over.

    `own` is how long this very thread computed during each sleep: what is late beyond that is the
    machine's doing, which had others to serve. All in milliseconds.
    """

    def __init__(self) -> None:
        self.milliseconds: list[float] = []
        self.own: list[float] = []

    async def __aenter__(self) -> Self:
        self._measuring = asyncio.create_task(self._measure())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._measuring.cancel()
        await asyncio.wait({self._measuring})

    async def _measure(self) -> None:
        while True:
            begun, computed = time.perf_counter(), time.thread_time()
            await asyncio.sleep(_STEP)
            self.own.append((time.thread_time() - computed) * 1000)
            self.milliseconds.append(max(0.0, time.perf_counter() - begun - _STEP) * 1000)


async def until_told_to_stop(measuring: Awaitable[Outcome]) -> Outcome:
    """Measure; SIGTERM cancels, so that what was started is ended too."""
    task = asyncio.current_task()
    if task is not None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    return await measuring
