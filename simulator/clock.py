"""A clock that moves only when told to, so a test can live minutes without waiting."""

import asyncio
import heapq
import itertools


class ManualClock:
    """Call it to read the time; `advance` moves it and wakes whoever sleeps on it.

    Pass it as `serve(now=clock, sleep=clock.sleep)`.
    """

    def __init__(self, start: float = 1_760_000_000.0) -> None:
        self._time = start
        self._order = itertools.count()
        self._someone_sleeps = asyncio.Event()
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []

    def __call__(self) -> float:
        """Read the time, in seconds."""
        return self._time

    def advance(self, seconds: float) -> None:
        """Move the time forward, waking every sleeper that becomes due."""
        self._time += seconds
        while self._sleepers and self._sleepers[0][0] <= self._time:
            _, _, waking = heapq.heappop(self._sleepers)
            if not waking.done():
                waking.set_result(None)
        if not self._sleepers:
            self._someone_sleeps.clear()

    async def until_someone_sleeps(self) -> None:
        """Return once anyone waits for the clock, so that advancing it is of use."""
        await self._someone_sleeps.wait()

    async def sleep(self, seconds: float) -> None:
        """Return once the clock has been advanced by that much."""
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        waking: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._time + seconds, next(self._order), waking))
        self._someone_sleeps.set()
        await waking
