"""Many wishes in one moment: do all end in their messages, and how long do people wait.

python -m bench.burst                        200 wishes, tasks twenty times as fast as real ones
python -m bench.burst --wishes 20 --speed 1  20 wishes at the provider's own pace

The provider's stand-in is a process of its own; bot, engine and simulated Discord share this one.
The last line is one JSON object. The exit code is 1 if anything is missing.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import math
import sys
import time
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import simcord
from sqlalchemy import select

import bot
from bench.crowd import Crowd
from bench.provider import Account, Provider, run_provider
from bench.running import peak_rss_mb, until_told_to_stop
from kirin.settings import Settings
from kirin.store import Database
from kirin.store.tables import generations

PEOPLE = 20
DEFER_LIMIT_MS = 3000

_SETTLE = 10.0
_GLANCE = 0.2  # seconds between two looks at the store
_MEGABYTE = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What to measure; `limit` is in seconds."""

    wishes: int
    speed: float
    seed: int
    limit: float
    default_pacing: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What the store knows of one wish."""

    external_task_id: str
    interaction_id: int
    status: str
    finished_at: datetime | None
    delivered_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Everything that was seen; durations in milliseconds, `problems` in words."""

    account: Account
    rows: Sequence[Row]
    with_picture: int
    seconds: float
    defer_ms: Sequence[float]
    done_to_seen_ms: Sequence[float]
    done_to_edit_ms: Sequence[float]
    rss_before_mb: float
    peak_rss_mb: float
    kept_mb: float
    problems: Sequence[str]

    @property
    def delivered(self) -> int:
        """Count the wishes that store and messages agree on."""
        return min(self.with_picture, sum(row.delivered_at is not None for row in self.rows))


async def measure(options: Options) -> Outcome:
    """Run the burst and look at everything it has left."""
    with TemporaryDirectory(prefix="kirin-burst-") as folder:
        async with run_provider(speed=options.speed, seed=options.seed) as provider:
            settings = build_settings(provider, Path(folder), options)
            async with (
                bot.open_app(settings) as app,
                Database.open(settings.database_url) as database,
                simcord.run(app.bot, check_errors=False, settle_timeout=_SETTLE) as env,
            ):
                crowd = Crowd(env, people=PEOPLE)
                return await _burst(app, env, crowd, provider, database, options)


def build_settings(provider: Provider, folder: Path, options: Options) -> Settings:
    """Point the bot at the stand-ins; it looks as much oftener as the tasks are faster."""
    pace = 1.0 if options.default_pacing else options.speed
    fields = Settings.model_fields
    return Settings.load(
        {
            "DISCORD_TOKEN": "simulated",
            "KIRIN_API_KEY": provider.key,
            "KIRIN_BASE_URL": provider.base_url,
            "DATABASE_URL": f"sqlite+aiosqlite:///{folder / 'burst.sqlite3'}",
            "EXPECTED_SECONDS": str(fields["expected_seconds"].default / pace),
            "POLL_PRICE_SECONDS": str(fields["poll_price_seconds"].default / pace),
            "REQUESTS_PER_SECOND": str(fields["requests_per_second"].default * pace),
        }
    )


async def _burst(
    app: bot.App,
    env: simcord.Env,
    crowd: Crowd,
    provider: Provider,
    database: Database,
    options: Options,
) -> Outcome:
    before, begun = peak_rss_mb(), time.perf_counter()
    async with _running(app) as engine:
        ids = crowd.wish(options.wishes)
        await _until_delivered(database, engine, options)
        seconds = time.perf_counter() - begun
    rows, account = await read_rows(database), await provider.account()
    with_picture = sum(crowd.has_picture(number, id_) for number, id_ in enumerate(ids))
    defer_ms = _apart(crowd.answers.sent, crowd.answers.deferred)
    seen = {row.interaction_id: row.finished_at.timestamp() for row in rows if row.finished_at}
    done = {row.interaction_id: account.ends.get(row.external_task_id) for row in rows}
    return Outcome(
        account=account,
        rows=rows,
        with_picture=with_picture,
        seconds=seconds,
        defer_ms=defer_ms,
        done_to_seen_ms=_apart(done, seen),
        done_to_edit_ms=_apart(done, crowd.answers.illustrated),
        rss_before_mb=before,
        peak_rss_mb=peak_rss_mb(),
        kept_mb=crowd.kept_bytes() / _MEGABYTE,
        problems=[
            *find_problems(options.wishes, rows, account, with_picture, defer_ms),
            *(f"the bot raised {error!r}" for error in env.errors),
        ],
    )


@asynccontextmanager
async def _running(app: bot.App) -> AsyncIterator[asyncio.Task[None]]:
    """Run the engine beside the bot: work that simcord does not wait for."""
    engine = asyncio.create_task(app.engine.run(), name="engine")
    try:
        yield engine
        app.engine.stop()
        await asyncio.wait({engine}, timeout=_SETTLE)
    finally:
        engine.cancel()
        await asyncio.wait({engine})


async def _until_delivered(
    database: Database, engine: asyncio.Task[None], options: Options
) -> None:
    """Return once every wish is delivered, the time is up, or the engine has stopped."""
    ends_at = time.perf_counter() + options.limit
    while time.perf_counter() < ends_at and not engine.done():
        rows = await read_rows(database)
        if sum(row.delivered_at is not None for row in rows) >= options.wishes:
            return
        await asyncio.sleep(_GLANCE)


async def read_rows(database: Database) -> list[Row]:
    """Read what the store knows."""
    columns = [generations.c[name] for name in Row.__slots__]
    async with database.read() as connection:
        found = (await connection.execute(select(*columns))).mappings().all()
    return [Row(**row) for row in found]


def find_problems(
    wishes: int,
    rows: Sequence[Row],
    account: Account,
    with_picture: int,
    defer_ms: Sequence[float],
) -> list[str]:
    """Say in words what is not as it should be."""
    delivered = sum(row.delivered_at is not None for row in rows)
    succeeded = sum(row.status == "succeeded" for row in rows)
    known = {row.external_task_id for row in rows}
    checks = [
        (len(defer_ms) == wishes, f"{len(defer_ms)} of {wishes} commands were acknowledged"),
        (
            max(defer_ms, default=0.0) < DEFER_LIMIT_MS,
            f"a defer took {max(defer_ms, default=0.0):.0f} ms; Discord waits {DEFER_LIMIT_MS} ms",
        ),
        (len(rows) == wishes, f"{len(rows)} of {wishes} wishes are in the store"),
        (succeeded == wishes, f"{succeeded} of {wishes} wishes succeeded"),
        (delivered == wishes, f"{delivered} of {wishes} wishes are delivered in the store"),
        (with_picture == wishes, f"{with_picture} of {wishes} messages carry their picture"),
        (account.creates == wishes, f"{account.creates} creates were sent for {wishes} wishes"),
        (
            account.tasks == len(account.ends) and set(account.ends) == known,
            f"the provider's {account.tasks} tasks are not one for each wish in the store",
        ),
    ]
    return [words for holds, words in checks if not holds]


def percentile(values: Iterable[float], share: float) -> float | None:
    """Return the smallest value that is not exceeded by so large a share of them (0 to 1)."""
    ordered = sorted(values)
    if not ordered:
        return None
    return round(ordered[max(0, math.ceil(share * len(ordered)) - 1)], 1)


def report(options: Options, outcome: Outcome) -> list[str]:
    """Put the outcome into lines to read; the last one is for programs."""
    problems = [f"WRONG: {problem}" for problem in outcome.problems]
    return [*_readable(options, outcome), *problems, json.dumps(summary(options, outcome))]


def summary(options: Options, outcome: Outcome) -> dict[str, float | None]:
    """Put the outcome into the agreed keys; a figure that nothing was measured for is null."""
    return {
        "wishes": options.wishes,
        "creates": outcome.account.creates,
        "polls": outcome.account.polls,
        "delivered": outcome.delivered,
        "defer_p50_ms": percentile(outcome.defer_ms, 0.5),
        "defer_p99_ms": percentile(outcome.defer_ms, 0.99),
        "done_to_edit_p50_ms": percentile(outcome.done_to_edit_ms, 0.5),
        "done_to_edit_p99_ms": percentile(outcome.done_to_edit_ms, 0.99),
        "peak_rss_mb": round(outcome.peak_rss_mb, 1),
    }


def _readable(options: Options, outcome: Outcome) -> Iterable[str]:
    pace = 1.0 if options.default_pacing else options.speed
    yield (
        f"{options.wishes} wishes of {min(PEOPLE, options.wishes)} people at once (n = 1); "
        f"tasks {options.speed:g} times as fast as real ones, seed {options.seed}"
    )
    yield f"polls: the bot's defaults, expected time and price of a poll divided by {pace:g}"
    yield (
        f"{outcome.delivered} delivered within {outcome.seconds:.1f} s, by "
        f"{outcome.account.creates} creates and {outcome.account.polls} polls"
    )
    yield f"command to defer: {_spread(outcome.defer_ms)} (Discord waits {DEFER_LIMIT_MS} ms)"
    yield f"task done to seen by a poll: {_spread(outcome.done_to_seen_ms)}"
    yield (
        f"task done to pictures in the message: {_spread(outcome.done_to_edit_ms)} "
        "(this has the time in which the provider's stand-in paints them, on the same processors)"
    )
    yield (
        f"peak memory {outcome.peak_rss_mb:.0f} MB ({outcome.rss_before_mb:.0f} MB before the "
        f"burst), including the simulated Discord, which keeps all {outcome.kept_mb:.0f} MB of "
        "pictures"
    )


def _spread(values: Sequence[float]) -> str:
    if not values:
        return "never"
    shares = {"p50": 0.5, "p99": 0.99, "slowest": 1.0}
    return ", ".join(f"{name} {percentile(values, share)} ms" for name, share in shares.items())


def _apart(begun: Mapping[int, float | None], ended: Mapping[int, float]) -> list[float]:
    """Return the milliseconds between two moments of each wish that has both."""
    return [
        1000 * (ended[key] - start)
        for key, start in begun.items()
        if start is not None and key in ended
    ]


def parse(arguments: Sequence[str] | None) -> Options:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.burst", description=__doc__)
    add = parser.add_argument
    add("--wishes", type=int, default=200)
    add("--speed", type=float, default=20.0, help="divides the time a task takes")
    add("--seed", type=int, default=0, help="makes the tasks' times repeatable")
    add("--limit", type=float, default=180.0, help="seconds after which to give up")
    add("--default-pacing", action="store_true", help="poll no oftener than with real tasks")
    return Options(**vars(parser.parse_args(arguments)))


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and return the exit code."""
    logging.basicConfig(level=logging.WARNING)
    logging.getLogger("discord.state").setLevel(logging.ERROR)  # the bot needs no intents
    options = parse(arguments)
    try:
        outcome = asyncio.run(until_told_to_stop(measure(options)))
    except asyncio.CancelledError:
        return 1
    print(*report(options, outcome), sep="\n")
    return 1 if outcome.problems else 0


if __name__ == "__main__":
    sys.exit(main())
