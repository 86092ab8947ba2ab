"""Pictures on demand: drawn in a thread when first fetched, a few of them kept."""

import asyncio
from functools import lru_cache

from simulator.pictures import Subject, draw

KEPT_PICTURES = 48


@lru_cache(maxsize=KEPT_PICTURES)
def _drawn(subject: Subject) -> bytes:
    return draw(subject)


async def fetch(subject: Subject) -> bytes:
    """Return the PNG of a picture without holding up the event loop."""
    return await asyncio.to_thread(_drawn, subject)
