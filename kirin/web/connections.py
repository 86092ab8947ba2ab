"""Connections of strangers: few at once, and none for long."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from aiohttp import web

MOST_CONNECTIONS = 256
"""Further connections are closed at once: every one costs a file and some memory."""

SECONDS_FOR_A_HEAD = 5.0
"""How long a request line with its headers may take to arrive."""

SECONDS_FOR_A_BODY = 1.0
"""How long a body is read, and thrown away, after the answer."""

Handler = Callable[[web.BaseRequest], Awaitable[web.StreamResponse]]

# aiohttp logs a traceback for each malformed request; strangers must not fill the log
_silent = logging.getLogger(f"{__name__}.malformed")
_silent.setLevel(logging.CRITICAL + 1)


class FewConnections(web.Server):
    """Serves one request for each connection; never reads a body before it answers."""

    def __init__(self, handler: Handler) -> None:
        super().__init__(
            handler,
            access_log=None,
            logger=_silent,
            keepalive_timeout=SECONDS_FOR_A_HEAD,
            lingering_time=SECONDS_FOR_A_BODY,
            auto_decompress=False,
        )

    def connection_made(self, handler: web.RequestHandler, transport: asyncio.Transport) -> None:
        """Take a connection, or close it where there are too many."""
        super().connection_made(handler, transport)
        if len(self.connections) > MOST_CONNECTIONS:
            transport.abort()
