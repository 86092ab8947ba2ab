"""An event loop in which waiting takes no time, and what has no threads."""

from __future__ import annotations

import asyncio
import contextvars
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

_T = TypeVar("_T")


class Stalled(RuntimeError):
    """Everything waits, and nothing will ever happen again."""


class _Instant(selectors.SelectSelector):
    """Never waits: instead of sleeping it moves the clock."""

    def __init__(self, skip: Callable[[float], None]) -> None:
        super().__init__()
        self._skip = skip

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise Stalled
        if timeout > 0:
            self._skip(timeout)
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """A loop whose clock starts at 0 and moves only by the sleeps of its tasks, in seconds.

    Work for other threads is done at once, in this one, so that the order of events depends on
    nothing but the program.
    """

    def __init__(self) -> None:
        self._now = 0.0
        super().__init__(_Instant(self._skip))

    def time(self) -> float:
        """Return how many virtual seconds have passed."""
        return self._now

    def call_soon_threadsafe(
        self,
        callback: Callable[..., object],
        *args: object,
        context: contextvars.Context | None = None,
    ) -> asyncio.Handle:
        """There is one thread."""
        return self.call_soon(callback, *args, context=context)

    def run_in_executor(  # type: ignore[override]
        self,
        executor: object,
        func: Callable[..., _T],
        *args: Any,  # noqa: ANN401
    ) -> asyncio.Future[_T]:
        """Do it now, in this thread."""
        future: asyncio.Future[_T] = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:  # noqa: BLE001 - handed to whoever waits for it
            future.set_exception(error)
        return future

    def _skip(self, seconds: float) -> None:
        self._now += seconds


def run(main: Coroutine[Any, Any, _T]) -> _T:
    """Run a coroutine to its end in a loop of its own."""
    loop = VirtualLoop()
    try:
        return contextvars.Context().run(loop.run_until_complete, main)
    finally:
        loop.close()
