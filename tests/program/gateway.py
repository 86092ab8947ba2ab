"""The little of Discord's gateway that slash commands need: hello, ready, interactions."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from aiohttp import web

from tests.discord_rest.model import APPLICATION
from tests.discord_rest.stand_in import BOT_USER

_DISPATCH, _HEARTBEAT, _IDENTIFY, _HELLO, _HEARTBEAT_ACK = 0, 1, 2, 10, 11


class Gateway:
    """One gateway; `connected` is set while a bot listens.

    `shards` are those that listen now, each as it named itself: its number, and of how many.
    """

    def __init__(self) -> None:
        self.connected = asyncio.Event()
        self.address = ""
        self.shards: set[tuple[int, int]] = set()
        self._sockets: dict[int, web.WebSocketResponse] = {}
        self._sequence = 0

    async def send(self, event: str, data: dict[str, Any], *, shard: int = 0) -> None:
        """Tell the bot of an event, as the shard to which it belongs."""
        await self._tell(self._sockets[shard], event, data)

    async def listen(self, request: web.Request) -> web.WebSocketResponse:
        """Serve one connection."""
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_json({"op": _HELLO, "d": {"heartbeat_interval": 45_000}})
        shard = None
        async for message in socket:
            if message.type is aiohttp.WSMsgType.TEXT:
                asked = message.json()
                if asked["op"] == _HEARTBEAT:
                    await socket.send_json({"op": _HEARTBEAT_ACK})
                elif asked["op"] == _IDENTIFY:
                    shard = await self._welcome(socket, asked["d"]["shard"])
        if shard and self._sockets.get(shard[0]) is socket:
            self._forget(shard)
        return socket

    async def _welcome(self, socket: web.WebSocketResponse, named: list[int]) -> tuple[int, int]:
        shard = (named[0], named[1])
        self._sockets[shard[0]] = socket
        ready = {
            "v": 10,
            "user": BOT_USER,
            "guilds": [],
            "session_id": "one",
            "resume_gateway_url": self.address,
            "shard": named,
            "application": {"id": str(APPLICATION), "flags": 0},
        }
        await self._tell(socket, "READY", ready)
        self.shards.add(shard)
        self.connected.set()
        return shard

    def _forget(self, shard: tuple[int, int]) -> None:
        del self._sockets[shard[0]]
        self.shards.discard(shard)
        if not self._sockets:
            self.connected.clear()

    async def _tell(self, socket: web.WebSocketResponse, event: str, data: dict[str, Any]) -> None:
        self._sequence += 1
        await socket.send_json({"op": _DISPATCH, "t": event, "s": self._sequence, "d": data})


@asynccontextmanager
async def serve_gateway() -> AsyncIterator[Gateway]:
    """Run a gateway on loopback."""
    gateway = Gateway()
    application = web.Application()
    application.add_routes([web.get("/", gateway.listen)])
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    gateway.address = f"ws://127.0.0.1:{runner.addresses[0][1]}/"
    try:
        yield gateway
    finally:
        await runner.cleanup()
