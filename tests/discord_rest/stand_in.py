"""A small stand-in for Discord's REST on loopback: strict where the bot relies on it.

It knows interaction webhooks whose tokens end, channel messages of which the bot may edit its own
where it is a member, and attachments that an edit keeps by their id or loses.
"""

from __future__ import annotations

import asyncio
import itertools
import json
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from aiohttp import BodyPartReader, web
from aiohttp.typedefs import Handler

from tests.discord_rest.model import (
    APPLICATION,
    COMPONENTS_V2,
    EPHEMERAL,
    TOKEN_SECONDS,
    Edit,
    Fault,
    Message,
    Place,
    Token,
)

_MOST_BYTES = 25 * 1024 * 1024
BOT_USER = {"id": str(APPLICATION), "username": "kirin", "discriminator": "0", "avatar": None}


class Refusal(Exception):
    """An error as Discord words it."""

    def __init__(self, status: int, code: int, **more: Any) -> None:
        super().__init__(f"{status}/{code}")
        self.status = status
        self.body = {"code": code, "message": f"simulated {code}", **more}


class StandIn:
    """One Discord; `clock` gives the time in seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._ids = itertools.count(10_000)
        self._under_way: Counter[str] = Counter()
        self.tokens: dict[str, Token] = {}
        self.messages: dict[int, Message] = {}
        self.faults: defaultdict[str, list[Fault]] = defaultdict(list)
        self.edits: list[Edit] = []
        self.overlaps = 0
        self.without_mentions: list[str] = []
        self.answered = asyncio.Event()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Return once something has come true; looked at after every answer."""
        while not condition():
            await self.answered.wait()
            self.answered.clear()

    def new_id(self) -> int:
        return next(self._ids)

    def new_token(self, place: Place, message: Message | None = None) -> Token:
        """Issue a token, as every interaction does; a click's is good for its message."""
        text = f"token-{self.new_id()}"
        expires_at = self._clock() + TOKEN_SECONDS
        token = Token(text=text, place=place, expires_at=expires_at, message=message)
        self.tokens[text] = token
        return token

    def fail(self, route: str, **fault: Any) -> None:
        """Answer edits by a route ("token" or "bot") wrongly from now on."""
        self.faults[route].append(Fault(**fault))

    def app(self) -> web.Application:
        """Return the routes."""
        application = web.Application(
            client_max_size=64 * 1024 * 1024, middlewares=[self._note_answer]
        )
        application.add_routes(
            [
                web.get("/users/@me", self._me),
                web.get("/oauth2/applications/@me", self._application),
                web.put("/applications/{app}/commands", self._commands),
                web.post("/interactions/{id}/{token}/callback", self._callback),
                web.post("/webhooks/{app}/{token}", self._follow_up),
                web.patch("/webhooks/{app}/{token}/messages/{message}", self._edit_by_token),
                web.patch("/channels/{channel}/messages/{message}", self._edit_as_bot),
            ]
        )
        return application

    @web.middleware
    async def _note_answer(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            return await handler(request)
        finally:
            self.answered.set()

    async def _me(self, _request: web.Request) -> web.Response:
        return _json({**BOT_USER, "bot": True})

    async def _application(self, _request: web.Request) -> web.Response:
        return _json(
            {
                "id": str(APPLICATION),
                "name": "kirin",
                "icon": None,
                "description": "",
                "bot_public": True,
                "bot_require_code_grant": False,
                "owner": BOT_USER,
                "verify_key": "",
                "flags": 1,
            }
        )

    async def _commands(self, request: web.Request) -> web.Response:
        commands = await request.json()
        named = {"application_id": str(APPLICATION), "version": "1"}
        return _json(
            [{"description": "", **each, **named, "id": str(self.new_id())} for each in commands]
        )

    async def _callback(self, request: web.Request) -> web.Response:
        token = self.tokens[request.match_info["token"]]
        answer = await request.json()
        if answer["type"] == 5:
            flags = (answer.get("data") or {}).get("flags", 0)
            token.message = self._new_message(token.place, ephemeral=bool(flags & EPHEMERAL))
        assert token.message is not None
        return _json(
            {
                "interaction": {
                    "id": request.match_info["id"],
                    "type": 2,
                    "response_message_id": str(token.message.id),
                    "response_message_loading": token.message.is_thinking,
                    "response_message_ephemeral": token.message.ephemeral,
                },
                "resource": {"type": answer["type"], "message": self.payload(token.message)},
            }
        )

    async def _follow_up(self, request: web.Request) -> web.Response:
        token = self.tokens[request.match_info["token"]]
        assert token.message is not None
        payload, _ = await _read(request)
        ephemeral = bool(payload.get("flags", 0) & EPHEMERAL)
        message = self._new_message(token.message.place, ephemeral=ephemeral)
        message.components = payload["components"]
        return _json(self.payload(message))

    async def _edit_by_token(self, request: web.Request) -> web.StreamResponse:
        text = request.match_info["token"]

        def find() -> Message:
            token = self.tokens[text]
            if self._clock() >= token.expires_at:
                raise Refusal(401, 50027)
            if token.message is None:
                raise Refusal(404, 10015)
            if request.match_info["message"] not in {"@original", str(token.message.id)}:
                raise Refusal(404, 10008)
            return token.message

        self._under_way[text] += 1
        self.overlaps += self._under_way[text] > 1
        try:
            return await self._edit(request, "token", text, find)
        finally:
            self._under_way[text] -= 1

    async def _edit_as_bot(self, request: web.Request) -> web.StreamResponse:
        def find() -> Message:
            message = self.messages.get(int(request.match_info["message"]))
            if message is not None and not message.place.bot_is_member:
                raise Refusal(403, 50001)
            if message is None or message.ephemeral:
                raise Refusal(404, 10008)
            return message

        return await self._edit(request, "bot", None, find)

    async def _edit(
        self, request: web.Request, route: str, token: str | None, find: Callable[[], Message]
    ) -> web.StreamResponse:
        payload, files = await _read(request)
        if payload.get("allowed_mentions") != {"parse": []}:
            self.without_mentions.append(request.path)

        def note(status: int) -> None:
            sizes = tuple(files.values())
            self.edits.append(
                Edit(route=route, token=token, status=status, payload=payload, sizes=sizes)
            )

        fault = self._fault(route)
        if fault and fault.drop:
            note(0)
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        if fault:
            note(fault.status)
            body = {"code": fault.code, "message": "simulated", **fault.body}
            return _json(body, status=fault.status, headers=fault.headers)
        try:
            message = find()
            self._apply(message, payload, files)
        except Refusal as refusal:
            note(refusal.status)
            return _json(refusal.body, status=refusal.status)
        note(200)
        return _json(self.payload(message))

    def _apply(self, message: Message, payload: dict[str, Any], files: dict[str, int]) -> None:
        if message.is_deleted:
            raise Refusal(404, 10008)
        if sum(files.values()) > _MOST_BYTES:
            raise Refusal(413, 40005)
        uploads: dict[int, tuple[str, int]] = {}
        for attachment in payload["attachments"]:
            number = int(attachment["id"])
            if number in message.uploads:
                uploads[number] = message.uploads[number]
            else:
                name = attachment["filename"]
                uploads[self.new_id()] = (name, files[f"files[{number}]"])
        after = Message(
            id=message.id, place=message.place, ephemeral=False, components=payload["components"]
        )
        names = [name for name, _ in uploads.values()]
        if sorted(after.pictures) != sorted(names):
            raise Refusal(400, 50035, errors={"components": {"_errors": [{"code": "X"}]}})
        message.components = payload["components"]
        message.uploads = uploads
        message.is_thinking = False

    def _fault(self, route: str) -> Fault | None:
        for fault in self.faults[route]:
            if fault.after > 0:
                fault.after -= 1
                continue
            if fault.times is None:
                return fault
            if fault.times > 0:
                fault.times -= 1
                return fault
        return None

    def _new_message(self, place: Place, *, ephemeral: bool) -> Message:
        message = Message(id=self.new_id(), place=place, ephemeral=ephemeral)
        self.messages[message.id] = message
        return message

    def payload(self, message: Message) -> dict[str, Any]:
        """Return a message as Discord describes it."""
        return {
            "id": str(message.id),
            "channel_id": str(message.place.channel_id),
            "author": {**BOT_USER, "bot": True},
            "application_id": str(APPLICATION),
            "webhook_id": str(APPLICATION),
            "content": "",
            "timestamp": "2026-01-01T00:00:00+00:00",
            "edited_timestamp": None,
            "tts": False,
            "mention_everyone": False,
            "mentions": [],
            "mention_roles": [],
            "embeds": [],
            "pinned": False,
            "type": 20,
            "flags": (EPHEMERAL if message.ephemeral else 0)
            | (0 if message.is_thinking else COMPONENTS_V2),
            "components": message.components,
            "attachments": [
                {
                    "id": str(number),
                    "filename": name,
                    "size": size,
                    "url": f"https://cdn.example/{number}/{name}",
                    "proxy_url": f"https://media.example/{number}/{name}",
                }
                for number, (name, size) in message.uploads.items()
            ],
        }


async def _read(request: web.Request) -> tuple[dict[str, Any], dict[str, int]]:
    """Return what was asked, and the sizes of the files by their field."""
    if not request.content_type.startswith("multipart/"):
        return await request.json(), {}
    payload: dict[str, Any] = {}
    sizes: dict[str, int] = {}
    async for part in await request.multipart():
        assert isinstance(part, BodyPartReader)
        data = await part.read()
        if part.name == "payload_json":
            payload = json.loads(data)
        else:
            sizes[part.name or ""] = len(data)
    return payload, sizes


def _json(body: Any, *, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    """Answer with exactly the content type that discord.py looks for."""
    return web.Response(
        body=json.dumps(body).encode(),
        status=status,
        headers={"Content-Type": "application/json", **(headers or {})},
    )


@asynccontextmanager
async def serve(clock: Callable[[], float]) -> AsyncIterator[tuple[StandIn, str]]:
    """Run a stand-in; give it and its address."""
    stand_in = StandIn(clock)
    runner = web.AppRunner(stand_in.app())
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield stand_in, f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
