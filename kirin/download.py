"""Fetching finished pictures: streamed, size-capped, and only from where they may come."""

from __future__ import annotations

import asyncio
import io
import ipaddress
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from pathlib import Path
from typing import BinaryIO, Final
from urllib.parse import urljoin, urlsplit

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver
from yarl import URL

from kirin.errors import DownloadFailed
from kirin.images import Picture, picture_extension
from kirin.links import is_public_name

MOST_PICTURE_BYTES: Final = 48 * 1024 * 1024
"""A larger file is not taken for a picture of this provider (2k as PNG is about 8 MiB)."""

_SECONDS = 60.0
_REDIRECTS = 3
_ATTEMPTS = 3
_PAUSE = 0.5
_CHUNK = 256 * 1024
_REDIRECTING = frozenset({301, 302, 303, 307, 308})
_GONE = frozenset({400, 401, 403, 404, 410, 451})


class GuardedResolver(AbstractResolver):
    """Resolves names to public addresses only, so that no link can reach into the own network.

    `trusted` is the one host for which this does not hold: that of the configured base URL.
    """

    def __init__(self, *, trusted: str) -> None:
        self._trusted = trusted
        self._resolver = ThreadedResolver()

    async def resolve(self, host: str, port: int = 0, family: int = 0) -> list[ResolveResult]:
        """Resolve a name, without the addresses that are not public."""
        results = await self._resolver.resolve(host, port, family)  # type: ignore[arg-type]
        if host == self._trusted:
            return results
        public = [found for found in results if ipaddress.ip_address(found["host"]).is_global]
        if not public:
            raise OSError(f"{host} has no public address")
        return public

    async def close(self) -> None:
        """Close the resolver behind."""
        await self._resolver.close()


class PictureDownloader:
    """Fetches pictures by their links; `session` must resolve names through `GuardedResolver`."""

    def __init__(
        self,
        *,
        session: aiohttp.ClientSession,
        trusted_url: str,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._session = session
        self._sleep = sleep
        trusted = urlsplit(trusted_url)
        self._trusted = (trusted.scheme, trusted.netloc)

    async def fetch(self, url: str) -> bytes:
        """Fetch one picture into memory, or raise `DownloadFailed`."""
        file = io.BytesIO()
        await self._fetch(url, file)
        return file.getvalue()

    async def save(self, url: str, path: Path, *, number: int) -> Picture:
        """Fetch a wish's picture of that number into a new file, or raise `DownloadFailed`."""
        with await asyncio.to_thread(path.open, "xb+") as file:
            extension = await self._fetch(url, file)
        size = (await asyncio.to_thread(path.stat)).st_size
        return Picture(number=number, path=path, size=size, extension=extension)

    async def _fetch(self, url: str, file: BinaryIO) -> str:
        """Fill an empty file; return the extension that its content calls for."""
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                return await self._fetch_once(url, file)
            except DownloadFailed as error:
                if error.is_final or attempt == _ATTEMPTS:
                    raise
                await self._sleep(_PAUSE * attempt)
        raise AssertionError("unreachable: the last attempt returns or raises")

    async def _fetch_once(self, url: str, file: BinaryIO) -> str:
        file.seek(0)
        file.truncate()
        try:
            async with asyncio.timeout(_SECONDS):
                await self._follow(url, file)
            extension = await asyncio.to_thread(picture_extension, file)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise DownloadFailed(type(error).__name__) from error
        if extension is None:
            raise DownloadFailed("the file is no picture")
        return extension

    async def _follow(self, url: str, file: BinaryIO) -> None:
        for _ in range(_REDIRECTS + 1):
            self._check(url)
            async with self._session.get(URL(url, encoded=True), allow_redirects=False) as response:
                if response.status == HTTPStatus.OK:
                    await _save(response, file)
                    return
                location = response.headers.get("Location")
                if response.status not in _REDIRECTING or not location:
                    raise DownloadFailed(
                        f"HTTP {response.status}", is_final=response.status in _GONE
                    )
                url = urljoin(url, location)
        raise DownloadFailed("too many redirects", is_final=True)

    def _check(self, url: str) -> None:
        parts = urlsplit(url)
        if (parts.scheme, parts.netloc) == self._trusted:
            return
        if parts.scheme != "https" or not is_public_name(parts.hostname or ""):
            raise DownloadFailed("a link that may not be followed", is_final=True)


async def _save(response: aiohttp.ClientResponse, file: BinaryIO) -> None:
    """Stream a body into a file; only one chunk of it is in memory."""
    if (response.content_length or 0) > MOST_PICTURE_BYTES:
        raise DownloadFailed("too large", is_final=True)
    size = 0
    async for chunk in response.content.iter_chunked(_CHUNK):
        size += len(chunk)
        if size > MOST_PICTURE_BYTES:
            raise DownloadFailed("too large", is_final=True)
        await asyncio.to_thread(file.write, chunk)
