"""A stand-in for Discord's REST API that takes uploads, counts them, and keeps none of their bytes.

python -m bench.sink --limit 10485760    prints its address, and serves until it is terminated

It knows what a bot needs to log in and to edit messages; `GET /counts` tells what has arrived.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import json
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import count
from typing import Any

from aiohttp import BodyPartReader, web

BOT_ID = "1000000000000000001"

_CHUNK = 256 * 1024
_MOST_IN_A_REQUEST = 100 * 1024 * 1024
_SNOWFLAKES = 2_000_000_000_000_000_000


class Sink:
    """Messages with their attachments' names and sizes; `limit` is in bytes for one file."""

    def __init__(self, *, limit: int) -> None:
        self._limit = limit
        self._ids = count(_SNOWFLAKES)
        self._attachments: dict[str, list[dict[str, Any]]] = {}
        self._seen: set[str] = set()
        self._bytes = 0
        self._requests = 0
        self._edits = 0
        self._largest = 0

    def routes(self) -> list[web.RouteDef]:
        """List what a bot calls."""
        return [
            web.get("/users/@me", _me),
            web.get("/oauth2/applications/@me", _application),
            web.put("/applications/{id}/commands", _commands),
            web.patch("/webhooks/{application}/{token}/messages/{message}", self.edit),
            web.patch("/channels/{channel}/messages/{message}", self.edit),
            web.get("/counts", self.counts),
        ]

    async def counts(self, _: web.Request) -> web.Response:
        """Tell what has arrived so far, and what the messages show."""
        shown = [len(attachments) for attachments in self._attachments.values()]
        return _json(
            {
                "messages": sum(number > 0 for number in shown),
                "pictures": sum(shown),
                "different": len(self._seen),
                "bytes": self._bytes,
                "requests": self._requests,
                "edits": self._edits,
                "largest": self._largest,
            }
        )

    async def edit(self, request: web.Request) -> web.Response:
        """Edit a message: read the files to their ends, and remember their names and sizes."""
        payload, files = await self._read(request)
        if any(file["size"] > self._limit for file in files.values()):
            return _json({"code": 40005, "message": "too large"}, status=413)
        # each wish has a token of its own; the message may be called @original
        key = request.match_info.get("token") or request.match_info["message"]
        known = {kept["id"]: kept for kept in self._attachments.get(key, [])}
        named = [str(attachment["id"]) for attachment in payload.get("attachments", [])]
        self._attachments[key] = [known.get(id_) or self._kept(files[id_]) for id_ in named]
        self._requests += bool(files)
        self._edits += 1
        self._largest = max(self._largest, sum(file["size"] for file in files.values()))
        return _json(_message(request, self._attachments[key]))

    def _kept(self, file: dict[str, Any]) -> dict[str, Any]:
        self._seen.add(file.pop("sha256"))
        self._bytes += file["size"]
        id_ = str(next(self._ids))
        url = f"https://cdn.invalid/{id_}/{file['filename']}"
        return {"id": id_, "url": url, "proxy_url": url, **file}

    async def _read(self, request: web.Request) -> tuple[dict[str, Any], dict[str, Any]]:
        if not request.content_type.startswith("multipart/"):
            return await request.json(), {}
        payload: dict[str, Any] = {}
        files: dict[str, Any] = {}
        async for part in await request.multipart():
            if not isinstance(part, BodyPartReader):
                continue
            if part.name == "payload_json":
                payload = json.loads(await part.text())
            else:
                index = (part.name or "").removeprefix("files[").removesuffix("]")
                files[index] = await _measured(part)
        return payload, files


async def _measured(part: BodyPartReader) -> dict[str, Any]:
    size, sum_ = 0, hashlib.sha256()
    while chunk := await part.read_chunk(_CHUNK):
        size += len(chunk)
        sum_.update(chunk)
    return {"filename": part.filename, "size": size, "sha256": sum_.hexdigest()}


async def _me(_: web.Request) -> web.Response:
    return _json(_user())


async def _application(_: web.Request) -> web.Response:
    return _json(
        {
            "id": BOT_ID,
            "name": "kirin",
            "icon": None,
            "description": "",
            "summary": "",
            "bot_public": True,
            "bot_require_code_grant": False,
            "verify_key": "",
            "flags": 0,
            "owner": _user(),
            "team": None,
        }
    )


async def _commands(request: web.Request) -> web.Response:
    commands = await request.json()
    return _json(
        [
            {
                "type": 1,
                "description": "",
                **command,
                "id": str(_SNOWFLAKES - number),
                "application_id": BOT_ID,
                "version": "1",
            }
            for number, command in enumerate(commands, start=1)
        ]
    )


def _json(value: object, *, status: int = 200) -> web.Response:
    """Answer with exactly the content type that discord.py looks for."""
    body = json.dumps(value).encode()
    headers = {"Content-Type": "application/json"}
    return web.Response(body=body, status=status, headers=headers)


def _user() -> dict[str, Any]:
    return {"id": BOT_ID, "username": "kirin", "discriminator": "0", "avatar": None, "bot": True}


def _message(request: web.Request, attachments: list[dict[str, Any]]) -> dict[str, Any]:
    name = request.match_info["message"]
    return {
        "id": name if name.isdigit() else str(_SNOWFLAKES),
        "channel_id": request.match_info.get("channel", "1"),
        "type": 0,
        "author": _user(),
        "content": "",
        "attachments": attachments,
        "embeds": [],
        "mentions": [],
        "mention_roles": [],
        "mention_everyone": False,
        "pinned": False,
        "tts": False,
        "timestamp": "2026-01-01T00:00:00+00:00",
        "edited_timestamp": None,
        "components": [],
        "flags": 0,
    }


@asynccontextmanager
async def serve(*, limit: int) -> AsyncIterator[str]:
    """Run it in this process; the value is its address."""
    app = web.Application(client_max_size=_MOST_IN_A_REQUEST)
    app.add_routes(Sink(limit=limit).routes())
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def _main(limit: int) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with serve(limit=limit) as address:
        print(f"Discord's stand-in at {address}", flush=True)
        await stop.wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m bench.sink")
    parser.add_argument("--limit", type=int, required=True, help="bytes in one file")
    asyncio.run(_main(parser.parse_args().limit))
