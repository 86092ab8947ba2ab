"""Very many generations in flight at once in one process: what its event loop feels of it.

The rows are put into the database as running, each with a task that really is at the provider's
stand-in; then the engine (`bench.engine`, a process of its own) is started on them, measured,
killed, and started again.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import aiohttp
from sqlalchemy import func, insert, select

from bench.processes import run_module, run_telling
from bench.provider import Provider, run_provider
from kirin.model import Generation, GenerationRequest, Placement
from kirin.model.placement import TOKEN_LIFETIME
from kirin.store import Database
from kirin.store.rows import to_row
from kirin.store.tables import generations

PEOPLE, SERVERS = 500, 20

_SINK = re.compile(r"stand-in at (?P<url>http://\S+)")
_UPLOAD_LIMIT = 10 * 1024 * 1024
_SLOW = 0.01  # tasks take a hundred times as long as real ones: none ends while it is measured
_CREATES_AT_ONCE = 32
_ROWS_AT_ONCE = 500
_CARDS_WITHIN = 60.0
_PATIENCE = 60.0
_MODEL = "kirin_v3_image"


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How many, and for how long; `settle` and `window` in seconds."""

    in_flight: int
    settle: float
    window: float
    requests_per_second: float
    seed: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Flight:
    """What was seen; rates are those of the window, `resume_s` counts from the process's start.

    `loop_own_p99_ms` is the part of the lag for which this process's own computing accounts.
    """

    in_flight: int
    loop_lag_p50_ms: float
    loop_lag_p99_ms: float
    loop_lag_worst_ms: float
    loop_own_p99_ms: float
    cpu_percent: float
    peak_rss_mb: float
    polls_per_s: float
    edits_per_s: float
    errors: int
    resume_s: float
    resume_open_s: float
    resume_from_open_s: float


async def measure(plan: Plan, folder: Path) -> Flight:
    """Fill the database, run the engine on it, kill it, and run it again."""
    url = f"sqlite+aiosqlite:///{folder / 'scale.sqlite3'}"
    async with (
        run_provider(speed=_SLOW, seed=plan.seed) as provider,
        run_module("bench.sink", "--limit", str(_UPLOAD_LIMIT), greeting=_SINK) as sink,
    ):
        await fill(url, provider, plan.in_flight)
        engine_plan = {
            "settings": _settings(url, provider, plan),
            "sink": sink["url"],
            "settle": plan.settle,
            "window": plan.window,
        }
        async with run_telling("bench.engine", json.dumps(engine_plan)) as first:
            await first.until("measuring")
            before = await _counts(provider, sink["url"])
            measured = await first.until("measured", patience=plan.window + _PATIENCE)
            after = await _counts(provider, sink["url"])
        begun = time.monotonic()
        async with run_telling("bench.engine", json.dumps(engine_plan)) as second:
            opening = await second.until("opening")
            opened = await second.until("open")
            saved = await second.until("saved")
        in_flight = await _running(url)
    polls, edits = (
        (late - early) / measured["seconds"] for early, late in zip(before, after, strict=True)
    )
    return Flight(
        in_flight=in_flight,
        loop_lag_p50_ms=measured["loop_lag_p50_ms"],
        loop_lag_p99_ms=measured["loop_lag_p99_ms"],
        loop_lag_worst_ms=measured["loop_lag_worst_ms"],
        loop_own_p99_ms=measured["loop_own_p99_ms"],
        cpu_percent=round(measured["cpu_percent"], 1),
        peak_rss_mb=round(measured["peak_rss_mb"], 1),
        polls_per_s=round(polls, 1),
        edits_per_s=round(edits, 1),
        errors=measured["errors"],
        resume_s=round(saved["at"] - begun, 2),
        resume_open_s=round(opened["at"] - opening["at"], 2),
        resume_from_open_s=round(saved["at"] - opening["at"], 2),
    )


async def fill(url: str, provider: Provider, count: int) -> None:
    """Make the tasks at the provider, and the rows that know of them."""
    turns = asyncio.Semaphore(_CREATES_AT_ONCE)
    async with aiohttp.ClientSession(raise_for_status=True) as session, Database.open(url) as base:

        async def create(name: str) -> str:
            async with (
                turns,
                session.post(
                    f"{provider.base_url}/model/v1/generation",
                    json=_create_body(name),
                    headers={"Authorization": f"Bearer {provider.key}"},
                ) as answer,
            ):
                task_id: str = (await answer.json())["id"]
                return task_id

        names = [f"{number:032x}" for number in range(count)]
        for some in _portions(names, _ROWS_AT_ONCE):
            ids = await asyncio.gather(*(create(name) for name in some))
            rows = [to_row(a_running(name, id_)) for name, id_ in zip(some, ids, strict=True)]
            async with base.write() as connection:
                await connection.execute(insert(generations), rows)


def a_running(name: str, task_id: str) -> Generation:
    """Return a wish whose task is at the provider; its first poll is due."""
    number, now = int(name, 16), datetime.now(UTC)
    wish = a_wish(name, number, now).sending(now).taken(task_id, now=now, poll_at=now)
    spread = timedelta(seconds=number * 7919 % 1000 / 1000 * _CARDS_WITHIN)
    return wish.showing("submitting", next_at=now + spread)


def a_wish(name: str, number: int, now: datetime) -> Generation:
    """Return a queued wish of one of many people in one of some servers."""
    return Generation(
        external_task_id=name,
        request=GenerationRequest(prompt=f"a lighthouse in a storm, number {number:05}"),
        placement=a_placement(number, now),
        created_at=now,
        due_at=now,
        message_due_at=now,
    )


def a_placement(number: int, now: datetime) -> Placement:
    """Return what an interaction in a server would give."""
    return Placement(
        application_id=10**18 + 1,
        interaction_id=2 * 10**18 + number,
        token=f"token{number}" + "x" * 200,
        token_expires_at=now + TOKEN_LIFETIME,
        channel_id=10**18 + 2,
        message_id=3 * 10**18 + number,
        guild_id=10**18 + number % SERVERS,
        user_id=10**18 + number % PEOPLE,
        ephemeral=False,
        spoiler=False,
        locale="en-US",
        guild_locale="en-US",
        upload_limit=_UPLOAD_LIMIT,
        bot_is_member=True,
    )


def _create_body(name: str) -> dict[str, Any]:
    params = {"prompt": f"a lighthouse, {name}", "external_task_id": name}
    return {"model": _MODEL, "input": [{"params": params}]}


def _settings(url: str, provider: Provider, plan: Plan) -> dict[str, str]:
    return {
        "DISCORD_TOKEN": "loopback",
        "KIRIN_API_KEY": provider.key,
        "KIRIN_BASE_URL": provider.base_url,
        "DATABASE_URL": url,
        "REQUESTS_PER_SECOND": str(plan.requests_per_second),
        "LOG_LEVEL": "WARNING",
    }


async def _counts(provider: Provider, sink: str) -> tuple[int, int]:
    async with (
        aiohttp.ClientSession(raise_for_status=True) as session,
        session.get(f"{sink}/counts") as answer,
    ):
        edits: int = (await answer.json())["edits"]
    return (await provider.account()).polls, edits


async def _running(url: str) -> int:
    query = select(func.count()).where(generations.c.status == "running")
    async with Database.open(url) as database, database.read() as connection:
        return int(await connection.scalar(query) or 0)


def _portions(names: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    return (names[start : start + size] for start in range(0, len(names), size))
