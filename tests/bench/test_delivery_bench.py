import asyncio
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from bench.delivery import Counts, find_problems
from bench.sink import serve

ROOT = Path(__file__).parents[2]


async def measured(*arguments: str) -> tuple[int | None, list[str]]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.delivery", "--speed", "200", "--no-grain", *arguments),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await process.communicate()
    return process.returncode, output.decode().splitlines()


async def test_last_line_of_a_delivery_is_one_json_object_with_the_agreed_keys() -> None:
    code, lines = await measured("--generations", "1", "--limit", "60")
    summary = json.loads(lines[-1])
    assert code == 0
    assert list(summary) == ["generations", "pictures", "bytes", "seconds", "peak_rss_mb"]
    assert (summary["generations"], summary["pictures"]) == (1, 9)
    assert summary["bytes"] > 9 * 1_000_000


async def test_deliveries_that_are_not_there_in_time_end_in_words_and_exit_code_one() -> None:
    code, lines = await measured("--generations", "1", "--limit", "0.001")
    assert code == 1
    assert "WRONG: 0 of 9 pictures are shown" in lines


def test_everything_that_is_missing_is_told_in_words() -> None:
    counts = Counts(messages=1, pictures=9, different=8, bytes=1, requests=1, largest=1)
    assert find_problems(2, counts, 3, 300.0) == [
        "3 creates were sent for 2 wishes",
        "1 of 2 messages have pictures",
        "9 of 18 pictures are shown",
        "8 of 18 pictures are different",
        "the bot took 300 MB of memory; 300 MB are allowed",
    ]


@pytest.fixture
async def sink() -> AsyncIterator[aiohttp.ClientSession]:
    async with serve(limit=10) as address, aiohttp.ClientSession(address) as session:
        yield session


async def upload(
    sink: aiohttp.ClientSession, data: bytes, kept: list[dict[str, Any]]
) -> aiohttp.ClientResponse:
    form = aiohttp.FormData(quote_fields=False)
    attachments = [*kept, {"id": 0, "filename": "a.png"}]
    form.add_field("payload_json", json.dumps({"attachments": attachments}))
    form.add_field("files[0]", data, filename="a.png")
    return await sink.patch("/webhooks/1/token/messages/@original", data=form)


async def test_the_stand_in_counts_what_a_message_shows(sink: aiohttp.ClientSession) -> None:
    first = await (await upload(sink, b"one", [])).json()
    await upload(sink, b"three", first["attachments"])
    counts = await (await sink.get("/counts")).json()
    assert (counts["messages"], counts["pictures"], counts["different"]) == (1, 2, 2)
    assert (counts["bytes"], counts["requests"], counts["largest"]) == (8, 2, 5)


async def test_the_stand_in_refuses_a_file_above_its_limit(sink: aiohttp.ClientSession) -> None:
    answer = await upload(sink, b"eleven bytes", [])
    assert answer.status == 413
    counts = await (await sink.get("/counts")).json()
    assert counts["pictures"] == 0
