"""Many wishes of nine large pictures at once: do all arrive, and how much memory does that take.

python -m bench.delivery                              50 wishes of nine 2k pictures
python -m bench.delivery --upload-limit 1048576       all of them have to be made smaller

The provider's stand-in and the stand-in for Discord's REST API are processes of their own: the
peak memory is that of this process, which is the bot's. Wishes are put into its intake directly;
the bot logs in and uploads with discord.py over loopback, without a gateway. The last line is one
JSON object. The exit code is 1 if anything is missing.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import re
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import aiohttp
from discord.http import Route

import bot
from bench.processes import run_module
from bench.provider import Provider, run_provider
from bench.running import peak_rss_mb, until_told_to_stop
from kirin.model import AspectRatio, GenerationRequest, Placement, Resolution
from kirin.model.placement import TOKEN_LIFETIME
from kirin.settings import Settings
from kirin.store import Work

PICTURES = 9
MOST_MEMORY_MB = 300

_BOT_ID = 1_000_000_000_000_000_001
_GREETING = re.compile(r"stand-in at (?P<url>http://\S+)")
_GLANCE = 0.5  # seconds between two looks at what has arrived
_PATIENCE = 10.0
_DRAIN = 0.1  # what has not arrived within the limit does not count
_MEGABYTE = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What to measure; `limit` is in seconds, `upload_limit` in bytes for one file."""

    generations: int
    speed: float
    seed: int
    limit: float
    upload_limit: int
    grain: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """What Discord's stand-in has seen: `bytes` of pictures, `largest` in one request."""

    messages: int
    pictures: int
    different: int
    bytes: int
    requests: int
    largest: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Everything that was seen; `problems` in words."""

    counts: Counts
    seconds: float
    rss_before_mb: float
    peak_rss_mb: float
    problems: Sequence[str]


async def measure(options: Options) -> Outcome:
    """Deliver all the wishes and look at what has arrived."""
    limit = ("--limit", str(options.upload_limit))
    with TemporaryDirectory(prefix="kirin-delivery-") as folder:
        async with (
            run_module("bench.sink", *limit, greeting=_GREETING) as sink,
            run_provider(speed=options.speed, seed=options.seed, grain=options.grain) as provider,
        ):
            Route.BASE = sink["url"]
            settings = _settings(provider, Path(folder), options)
            async with bot.open_app(settings) as app, app.bot:
                await app.bot.login("loopback")
                return await _deliver(app, provider, sink["url"], options)


def _settings(provider: Provider, folder: Path, options: Options) -> Settings:
    fields = Settings.model_fields
    return Settings.load(
        {
            "DISCORD_TOKEN": "loopback",
            "KIRIN_API_KEY": provider.key,
            "KIRIN_BASE_URL": provider.base_url,
            "DATABASE_URL": f"sqlite+aiosqlite:///{folder / 'delivery.sqlite3'}",
            "EXPECTED_SECONDS": str(fields["expected_seconds"].default / options.speed),
            "POLL_PRICE_SECONDS": str(fields["poll_price_seconds"].default / options.speed),
            "REQUESTS_PER_SECOND": str(fields["requests_per_second"].default * options.speed),
            "DRAIN_SECONDS": str(_DRAIN),
        }
    )


async def _deliver(app: bot.App, provider: Provider, sink: str, options: Options) -> Outcome:
    before, begun = peak_rss_mb(), time.perf_counter()
    for number in range(options.generations):
        await app.bot.intake.accept(_request(number), _placement(number, options))
    engine = asyncio.create_task(app.engine.run(), name="engine")
    try:
        await _until_delivered(app, engine, options)
        seconds = time.perf_counter() - begun
        app.engine.stop()
        await asyncio.wait({engine}, timeout=_PATIENCE)
    finally:
        engine.cancel()
        await asyncio.wait({engine})
    counts, peak = await _counts(sink), peak_rss_mb()
    creates = (await provider.account()).creates
    return Outcome(
        counts=counts,
        seconds=seconds,
        rss_before_mb=before,
        peak_rss_mb=peak,
        problems=find_problems(options.generations, counts, creates, peak),
    )


def _request(number: int) -> GenerationRequest:
    return GenerationRequest(
        prompt=f"a lighthouse in a storm, number {number:03}",
        n=PICTURES,
        aspect_ratio=AspectRatio.SQUARE,  # the one with the most pixels
        resolution=Resolution.TWO_K,
    )


def _placement(number: int, options: Options) -> Placement:
    """Return what an interaction in a server would give."""
    return Placement(
        application_id=_BOT_ID,
        interaction_id=_BOT_ID + 10_000 + number,
        token=f"token{number}",
        token_expires_at=datetime.now(UTC) + TOKEN_LIFETIME,
        channel_id=_BOT_ID + 1,
        message_id=_BOT_ID + 20_000 + number,
        guild_id=_BOT_ID + 2,
        user_id=_BOT_ID + 3,
        ephemeral=False,
        spoiler=False,
        locale="en-US",
        guild_locale="en-US",
        upload_limit=options.upload_limit,
        bot_is_member=True,
    )


async def _until_delivered(app: bot.App, engine: asyncio.Task[None], options: Options) -> None:
    """Return once nothing is left to do, the time is up, or the engine has stopped."""
    ends_at = time.perf_counter() + options.limit
    while (left := ends_at - time.perf_counter()) > 0 and not engine.done():
        if not any([await app.store.next_due(work) for work in Work]):
            return
        await asyncio.sleep(min(_GLANCE, left))


async def _counts(sink: str) -> Counts:
    async with (
        aiohttp.ClientSession(raise_for_status=True) as session,
        session.get(f"{sink}/counts") as answer,
    ):
        seen = await answer.json()
    return Counts(**{name: seen[name] for name in Counts.__slots__})


def find_problems(generations: int, counts: Counts, creates: int, peak_rss_mb: float) -> list[str]:
    """Say in words what is not as it should be."""
    wanted = generations * PICTURES
    checks = [
        (creates == generations, f"{creates} creates were sent for {generations} wishes"),
        (
            counts.messages == generations,
            f"{counts.messages} of {generations} messages have pictures",
        ),
        (counts.pictures == wanted, f"{counts.pictures} of {wanted} pictures are shown"),
        (counts.different >= wanted, f"{counts.different} of {wanted} pictures are different"),
        (
            peak_rss_mb < MOST_MEMORY_MB,
            f"the bot took {peak_rss_mb:.0f} MB of memory; {MOST_MEMORY_MB} MB are allowed",
        ),
    ]
    return [words for holds, words in checks if not holds]


def report(options: Options, outcome: Outcome) -> list[str]:
    """Put the outcome into lines to read; the last one is for programs."""
    problems = [f"WRONG: {problem}" for problem in outcome.problems]
    return [*_readable(options, outcome), *problems, json.dumps(summary(options, outcome))]


def summary(options: Options, outcome: Outcome) -> dict[str, float]:
    """Put the outcome into the agreed keys; `bytes` are those of the uploaded pictures."""
    return {
        "generations": options.generations,
        "pictures": outcome.counts.pictures,
        "bytes": outcome.counts.bytes,
        "seconds": round(outcome.seconds, 1),
        "peak_rss_mb": round(outcome.peak_rss_mb, 1),
    }


def _readable(options: Options, outcome: Outcome) -> Iterable[str]:
    counts = outcome.counts
    each = counts.bytes / max(counts.pictures, 1) / _MEGABYTE
    yield (
        f"{options.generations} wishes of {PICTURES} square 2k pictures "
        f"({'with' if options.grain else 'without'} the grain of photos), tasks "
        f"{options.speed:g} times as fast as real ones, seed {options.seed}"
    )
    yield f"upload limit {options.upload_limit / _MEGABYTE:g} MiB for one file"
    yield (
        f"{counts.pictures} pictures, {each:.2f} MiB each as uploaded, in {counts.messages} "
        f"messages within {outcome.seconds:.1f} s (most of it the provider's stand-in painting "
        "them, on the same processors)"
    )
    yield (
        f"{counts.requests} requests with files, the largest with "
        f"{counts.largest / _MEGABYTE:.1f} MiB of them"
    )
    yield (
        f"peak memory {outcome.peak_rss_mb:.0f} MB ({outcome.rss_before_mb:.0f} MB before the "
        "first wish): the bot's process alone"
    )


def parse(arguments: Sequence[str] | None) -> Options:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.delivery", description=__doc__)
    add = parser.add_argument
    add("--generations", type=int, default=50)
    add("--speed", type=float, default=20.0, help="divides the time a task takes")
    add("--seed", type=int, default=0, help="makes the tasks' times repeatable")
    add("--limit", type=float, default=1200.0, help="seconds after which to give up")
    add("--upload-limit", type=int, default=10 * _MEGABYTE, help="bytes in one file")
    add("--no-grain", dest="grain", action="store_false", help="pictures of a third of the size")
    return Options(**vars(parser.parse_args(arguments)))


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and return the exit code."""
    logging.basicConfig(level=logging.WARNING)
    for name in ("discord.state", "discord.client"):
        logging.getLogger(name).setLevel(logging.ERROR)  # the bot needs no intents and no voice
    options = parse(arguments)
    try:
        outcome = asyncio.run(until_told_to_stop(measure(options)))
    except asyncio.CancelledError:
        return 1
    print(*report(options, outcome), sep="\n")
    return 1 if outcome.problems else 0


if __name__ == "__main__":
    sys.exit(main())
