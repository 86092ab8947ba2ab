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
    """One gateway; `connected` is set while a bot listens."""

    def __init__(self) -> None:
        self.connected = asyncio.Event()
        self.address = ""
        self._socket: web.WebSocketResponse | None = None
        self._sequence = 0

    async def send(self, event: str, data: dict[str, Any]) -> None:
        """Tell the bot of an event."""
        assert self._socket is not None
        self._sequence += 1
        await self._socket.send_json({"op": _DISPATCH, "t": event, "s": self._sequence, "d": data})

    async def listen(self, request: web.Request) -> web.WebSocketResponse:
        """Serve one connection."""
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self._socket = socket
        await socket.send_json({"op": _HELLO, "d": {"heartbeat_interval": 45_000}})
        async for message in socket:
            if message.type is aiohttp.WSMsgType.TEXT:
                await self._answer(socket, message.json()["op"])
        self.connected.clear()
        return socket

    async def _answer(self, socket: web.WebSocketResponse, op: int) -> None:
        if op == _HEARTBEAT:
            await socket.send_json({"op": _HEARTBEAT_ACK})
        elif op == _IDENTIFY:
            ready = {
                "v": 10,
                "user": BOT_USER,
                "guilds": [],
                "session_id": "one",
                "resume_gateway_url": self.address,
                "application": {"id": str(APPLICATION), "flags": 0},
            }
            await self.send("READY", ready)
            self.connected.set()


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
