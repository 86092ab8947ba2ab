"""A simulator in virtual time, and a small client of it, for the tests beside this file."""

import base64
import io
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, TypedDict, Unpack

import aiohttp
from PIL import Image

import simulator
from simulator import ManualClock, Simulator

LONG_ENOUGH = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes
    json: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    sim: Simulator
    clock: ManualClock
    http: aiohttp.ClientSession

    async def create(self, **params: object) -> Answer:
        return await self.post(create_body(**params))

    async def post(self, body: object) -> Answer:
        # A stream, because aiohttp's client warns of large bodies that are not.
        stream = io.BytesIO(json.dumps(body).encode())
        return await self.call("POST", "/model/v1/generation", data=stream)

    async def poll(self, either_id: str) -> Answer:
        return await self.call("GET", f"/model/v1/generation/task/{either_id}")

    async def call(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        json: object = None,
        data: bytes | io.BytesIO | None = None,
    ) -> Answer:
        if headers is None:
            headers = {"Authorization": f"Bearer {self.sim.key}"}
        call = self.http.request(method, url, headers=headers, json=json, data=data)
        async with call as response:
            body = await response.read()
            is_json = response.content_type == "application/json"
            return Answer(
                status=response.status,
                headers=dict(response.headers),
                body=body,
                json=_parsed(body) if is_json else None,
            )

    async def complete(self, **params: object) -> Answer:
        """Create a task, let its time pass, and read it."""
        created = await self.create(**params)
        self.clock.advance(LONG_ENOUGH)
        return await self.poll(created.json["id"])


class Options(TypedDict, total=False):
    speed: float
    seed: int
    slots: int
    lookup_by_external_id: bool
    prompt_faults: bool
    strict_images: bool


@asynccontextmanager
async def provider(**options: Unpack[Options]) -> AsyncIterator[Provider]:
    clock = ManualClock()
    async with (
        simulator.serve(now=clock, sleep=clock.sleep, **options) as sim,
        aiohttp.ClientSession(base_url=sim.base_url) as http,
    ):
        yield Provider(sim=sim, clock=clock, http=http)


def create_body(**params: object) -> dict[str, Any]:
    return {"model": "kirin_v3_image", "input": [{"params": {"prompt": "a fox"} | params}]}


def picture(width: int, height: int, format_: str = "PNG") -> str:
    """Make a picture as the API takes it: raw Base64."""
    file = io.BytesIO()
    Image.new("RGB", (width, height), "teal").save(file, format_)
    return base64.b64encode(file.getvalue()).decode()


def urls(answer: Answer) -> list[str]:
    return [item["url"] for output in answer.json["output"] for item in output["content"]]


def _parsed(body: bytes) -> object:
    try:
        parsed: object = json.loads(body)
    except ValueError:
        return None
    return parsed
