"""Callbacks: a best-effort word to `callback_url` when a task has ended, or as a fault will it.

The provider's payload is not documented; this one names the task and how it ended.
"""

import asyncio
import ipaddress
import logging
from collections.abc import Callable
from urllib.parse import urlsplit

import aiohttp

from simulator.faults import Moment, Notice
from simulator.pending import PendingFault, PendingFaults
from simulator.striking import Sleep
from simulator.tasks import Task

TIMEOUT = aiohttp.ClientTimeout(total=5)
A_DAY = 86_400.0

log = logging.getLogger(__name__)


class Callbacks:
    """Waits for the end of every task that wants a callback, and makes it; loopback only."""

    def __init__(self, *, now: Callable[[], float], sleep: Sleep, faults: PendingFaults) -> None:
        self._now = now
        self._sleep = sleep
        self._faults = faults
        self._waiting: dict[str, asyncio.Task[None]] = {}
        self._struck_by: dict[str, PendingFault | None] = {}
        self._one_made = asyncio.Condition()
        self.answers: list[int] = []

    async def until_made(self, count: int) -> None:
        """Return once so many callbacks have been made and answered; `answers` holds how."""
        async with self._one_made:
            await self._one_made.wait_for(lambda: len(self.answers) >= count)

    def watch(self, task: Task) -> None:
        """Call back when this task ends, if it asked for that; call again if its end moves."""
        url = task.wish.callback_url
        if url is None:
            return
        if not _is_loopback(url):
            log.warning("no callback to %s: the simulator calls loopback addresses only", url)
            return
        is_new = task.id not in self._struck_by
        if is_new:
            self._struck_by[task.id] = self._faults.take(Moment.CALLBACK, task.texts)
        if earlier := self._waiting.pop(task.id, None):
            earlier.cancel()
        self._waiting[task.id] = asyncio.create_task(self._follow(url, task, is_new=is_new))

    async def close(self) -> None:
        """Give up on every callback that has not been made."""
        for waiting in self._waiting.values():
            waiting.cancel()
        await asyncio.gather(*self._waiting.values(), return_exceptions=True)

    async def _follow(self, url: str, task: Task, *, is_new: bool) -> None:
        struck_by = self._struck_by[task.id]
        notice, seconds = Notice(), 0.0
        if struck_by is not None and isinstance(struck_by.fault.effect, Notice):
            notice, seconds = struck_by.fault.effect, struck_by.seconds
        address = _with_another_end(url) if notice.forged else url
        if notice.at_start and is_new:
            await self._call(address, task)
        while (left := task.ends_at - self._now()) > 0:
            await self._sleep(min(left, A_DAY))
        if notice.late:
            await self._sleep(seconds)
        for _ in range(notice.at_end):
            await self._call(address, task)

    async def _call(self, url: str, task: Task) -> None:
        payload = {"id": task.id, "status": task.status(self._now())}
        try:
            async with (
                aiohttp.ClientSession(timeout=TIMEOUT) as session,
                session.post(url, json=payload) as response,
            ):
                log.info("callback to %s: %s", url, response.status)
                await self._note(response.status)
        except (aiohttp.ClientError, TimeoutError) as error:
            log.warning("callback to %s failed: %s", url, error)

    async def _note(self, status: int) -> None:
        async with self._one_made:
            self.answers.append(status)
            self._one_made.notify_all()


def _with_another_end(url: str) -> str:
    return url[:-1] + ("0" if url[-1] != "0" else "1")


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
