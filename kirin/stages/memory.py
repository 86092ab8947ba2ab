"""A bound on the bytes that are in memory at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class MemoryRoom:
    """Lets in so many bytes at once, in the order of asking; one that is larger goes in alone."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._free = most
        self._turn = asyncio.Lock()
        self._freed = asyncio.Event()

    @asynccontextmanager
    async def holding(self, size: int) -> AsyncIterator[None]:
        """Wait until there is room for so many bytes, and hold it during the block."""
        held = min(size, self._most)
        if held:
            await self._enter(held)
        try:
            yield
        finally:
            self._free += held
            self._freed.set()

    async def _enter(self, size: int) -> None:
        async with self._turn:
            while self._free < size:
                self._freed.clear()
                await self._freed.wait()
            self._free -= size
