"""Answers that are kept for a little while: thousands of waiting wishes ask at once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Generic, TypeVar

_T = TypeVar("_T")


class Kept(Generic[_T]):
    """One answer that is used again until it is too old; whoever asks meanwhile waits for it."""

    def __init__(self, *, lifetime: timedelta, now: Callable[[], datetime]) -> None:
        self._lifetime = lifetime
        self._now = now
        self._turn = asyncio.Lock()
        self._answer: tuple[datetime, _T] | None = None

    async def get(
        self, ask: Callable[[], Awaitable[_T]], *, lifetime: timedelta | None = None
    ) -> _T:
        """Return the answer, after asking for a new one where it is needed.

        `lifetime` is for who needs a newer one than others do.
        """
        most = self._lifetime if lifetime is None else lifetime
        async with self._turn:
            now = self._now()
            if self._answer is None or now - self._answer[0] >= most:
                self._answer = now, await ask()
            return self._answer[1]
