"""Valid things to begin with; a test states only what it is about."""

import asyncio
import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import hypothesis
from PIL import Image

from kirin.model import Generation, GenerationRequest, Placement
from kirin.settings import Settings

NOW = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)
TOKEN = "aW50ZXJhY3Rpb24tdG9rZW4-of-the-interaction"
KEY = "kirin-key-that-nobody-may-see"

thoroughly = hypothesis.settings(
    deadline=None,
    derandomize=True,
    max_examples=200,
    suppress_health_check=[
        hypothesis.HealthCheck.function_scoped_fixture,
        hypothesis.HealthCheck.too_slow,
    ],
)
"""How properties are tested: the same examples on every machine, however slow it is."""


def a_request(**changes: Any) -> GenerationRequest:
    return GenerationRequest(**{"prompt": "a red fox"} | changes)


def a_placement(**changes: Any) -> Placement:
    values: dict[str, Any] = {
        "application_id": 100,
        "interaction_id": 200,
        "token": TOKEN,
        "token_expires_at": NOW + 14 * MINUTE,
        "channel_id": 300,
        "message_id": 400,
        "guild_id": 500,
        "user_id": 600,
        "ephemeral": False,
        "spoiler": False,
        "locale": "en-US",
        "guild_locale": "de",
        "upload_limit": 10_000_000,
        "bot_is_member": True,
    }
    return Placement(**values | changes)


def a_generation(external_task_id: str = "wish-1", **changes: Any) -> Generation:
    values: dict[str, Any] = {
        "request": a_request(),
        "placement": a_placement(),
        "created_at": NOW,
        "due_at": NOW,
        "message_due_at": NOW,
    }
    return Generation(external_task_id=external_task_id, **values | changes)


def some_settings(**changes: str) -> Settings:
    return Settings.load({"DISCORD_TOKEN": "discord-token", "KIRIN_API_KEY": KEY}, changes)


def picture(width: int, height: int, format_: str = "PNG", **options: Any) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (width, height), "teal").save(file, format_, **options)
    return file.getvalue()


class Naps(list[float]):
    """Sleeps that are noted and not slept."""

    async def sleep(self, seconds: float) -> None:
        self.append(seconds)


@dataclass(kw_only=True)
class RawServer:
    """Gives these answers in order, the last one again and again; `heads` holds what was asked."""

    answers: tuple[bytes, ...]
    port: int = 0
    heads: list[str] = field(default_factory=list)

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def targets(self) -> list[str]:
        return [head.split(" ")[1] for head in self.heads]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.heads.append((await reader.readuntil(b"\r\n\r\n")).decode())
        try:
            writer.write(self.answers[min(len(self.heads), len(self.answers)) - 1])
            await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()


@asynccontextmanager
async def raw_server(*answers: bytes) -> AsyncIterator[RawServer]:
    raw = RawServer(answers=answers)
    server = await asyncio.start_server(raw._serve, "127.0.0.1", 0)
    async with server:
        raw.port = server.sockets[0].getsockname()[1]
        yield raw


def http_answer(status: str, body: bytes = b"", **headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body
