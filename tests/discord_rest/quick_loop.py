"""An event loop in which the short sleeps of a library take no time.

discord.py sleeps for seconds between its own tries. When nothing happens for a moment and the next
timer is due soon, this loop's clock jumps to it. Longer timers, such as time-outs, never jump.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable

_MOMENT = 0.02
_SOON = 12.0


class _JumpingSelector(selectors.DefaultSelector):
    def __init__(self, jump: Callable[[float], None]) -> None:
        super().__init__()
        self._jump = jump

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None or not _MOMENT < timeout <= _SOON:
            return super().select(timeout)
        if ready := super().select(_MOMENT):
            return ready
        self._jump(timeout)
        return super().select(0)


class QuickLoop(asyncio.SelectorEventLoop):
    """A loop that is ahead of the machine's clock by all the sleeps that it has skipped."""

    def __init__(self) -> None:
        self._ahead = 0.0
        super().__init__(_JumpingSelector(self._skip))

    def time(self) -> float:
        return super().time() + self._ahead

    def _skip(self, seconds: float) -> None:
        self._ahead += seconds
