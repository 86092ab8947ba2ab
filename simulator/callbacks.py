"""Callbacks: a best-effort word to `callback_url` when a task has ended.

The provider's payload is not documented; this one names the task and how it ended.
"""

import asyncio
import ipaddress
import logging
from collections.abc import Callable
from urllib.parse import urlsplit

import aiohttp

from simulator.striking import Sleep
from simulator.tasks import Task

TIMEOUT = aiohttp.ClientTimeout(total=5)
A_DAY = 86_400.0

log = logging.getLogger(__name__)


class Callbacks:
    """Waits for the end of every task that wants a callback, and makes it; loopback only."""

    def __init__(self, *, now: Callable[[], float], sleep: Sleep) -> None:
        self._now = now
        self._sleep = sleep
        self._waiting: dict[str, asyncio.Task[None]] = {}

    def watch(self, task: Task) -> None:
        """Call back when this task ends, if it asked for that; call again if its end moves."""
        url = task.wish.callback_url
        if url is None:
            return
        if not _is_loopback(url):
            log.warning("no callback to %s: the simulator calls loopback addresses only", url)
            return
        if earlier := self._waiting.pop(task.id, None):
            earlier.cancel()
        self._waiting[task.id] = asyncio.create_task(self._call(url, task))

    async def close(self) -> None:
        """Give up on every callback that has not been made."""
        for waiting in self._waiting.values():
            waiting.cancel()
        await asyncio.gather(*self._waiting.values(), return_exceptions=True)

    async def _call(self, url: str, task: Task) -> None:
        while (left := task.ends_at - self._now()) > 0:
            await self._sleep(min(left, A_DAY))
        payload = {"id": task.id, "status": task.status(self._now())}
        try:
            async with (
                aiohttp.ClientSession(timeout=TIMEOUT) as session,
                session.post(url, json=payload) as response,
            ):
                log.info("callback to %s: %s", url, response.status)
        except (aiohttp.ClientError, TimeoutError) as error:
            log.warning("callback to %s failed: %s", url, error)


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
