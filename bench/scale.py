"""Ten thousand generations in flight in one process, and whole lives a second with several.

python -m bench.scale                                  10,000 in flight; about five minutes
python -m bench.scale --in-flight 500 --wishes 100     a smaller one

First part: the rows are made as running, each with a task at the provider's stand-in that outlasts
the measuring; the engine is the whole program but for the gateway, in a process of its own, on
SQLite; its polls go to the stand-in and its cards, by discord.py's HTTP, to a sink. It is measured
once it has settled, then killed and started again on the same database.

Second part: wishes are taken in, created, polled and delivered by the real store and stages, one
worker on SQLite, then one, two and four on PostgreSQL. There the provider is inside each worker
and takes a real one's time; no pictures are fetched and no messages sent.

All processes share this machine's processors. The last line is one JSON object. The exit code is 1
if a target is missed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from bench import inflight, lives
from bench.inflight import Flight, Plan
from bench.lives import Rate
from bench.running import until_told_to_stop
from bench.worker import CREATE_SECONDS, READ_SECONDS, TASK_SECONDS

MOST_LAG_MS = 50.0
MOST_MEMORY_MB = 250.0
MOST_RESUME_S = 5.0

_BUDGET_OF_LIVES = 10_000  # requests a second: none, in effect


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What to measure; durations in seconds."""

    in_flight: int
    wishes: int
    requests_per_second: float
    settle: float
    window: float
    seed: int
    workers: Sequence[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """Everything that was seen."""

    flight: Flight
    sqlite: Rate
    postgresql: Sequence[Rate]

    @property
    def lives_per_s(self) -> dict[str, float]:
        """Return the throughputs by their agreed names."""
        rates = {f"postgresql_{rate.workers}": rate.lives_per_s for rate in self.postgresql}
        return {"sqlite": self.sqlite.lives_per_s, **rates}


async def measure(options: Options) -> Outcome:
    """Measure both parts, one after the other."""
    plan = Plan(
        in_flight=options.in_flight,
        settle=options.settle,
        window=options.window,
        requests_per_second=options.requests_per_second,
        seed=options.seed,
    )
    with TemporaryDirectory(prefix="kirin-scale-") as name:
        folder = Path(name)
        flight = await inflight.measure(plan, folder)
        sqlite = await lives.on_sqlite(
            folder, wishes=options.wishes, requests_per_second=_BUDGET_OF_LIVES
        )
        postgresql = await lives.on_postgresql(
            folder,
            workers=options.workers,
            wishes=options.wishes,
            requests_per_second=_BUDGET_OF_LIVES,
        )
    return Outcome(flight=flight, sqlite=sqlite, postgresql=postgresql)


def find_problems(options: Options, outcome: Outcome) -> list[str]:
    """Say in words which target is missed."""
    flight, rates = outcome.flight, [outcome.sqlite, *outcome.postgresql]
    by_workers = [rate.lives_per_s for rate in outcome.postgresql]
    checks = [
        (
            flight.in_flight == options.in_flight,
            f"{flight.in_flight} of {options.in_flight} are still in flight",
        ),
        (
            flight.loop_lag_p99_ms < MOST_LAG_MS,
            f"the loop is {flight.loop_lag_p99_ms:g} ms late (p99); {MOST_LAG_MS:g} are allowed",
        ),
        (
            flight.peak_rss_mb < MOST_MEMORY_MB,
            f"the process took {flight.peak_rss_mb:.0f} MB; {MOST_MEMORY_MB:g} MB are allowed",
        ),
        (
            flight.resume_s < MOST_RESUME_S,
            f"it took {flight.resume_s:g} s to resume; {MOST_RESUME_S:g} s are allowed",
        ),
        (not flight.errors, f"the engine has logged {flight.errors} errors"),
        (
            len(by_workers) == 1 or max(by_workers) > by_workers[0],
            "more workers on PostgreSQL are no quicker than one",
        ),
        *(
            (
                rate.delivered == rate.wishes,
                f"{rate.delivered} of {rate.wishes} wishes were delivered",
            )
            for rate in rates
        ),
    ]
    return [words for holds, words in checks if not holds]


def report(options: Options, outcome: Outcome) -> list[str]:
    """Put the outcome into lines to read; the last one is for programs."""
    problems = [f"WRONG: {problem}" for problem in find_problems(options, outcome)]
    return [*_readable(options, outcome), *problems, json.dumps(summary(outcome))]


def summary(outcome: Outcome) -> dict[str, Any]:
    """Put the outcome into the agreed keys."""
    return {**asdict(outcome.flight), "lives_per_s": outcome.lives_per_s}


def _readable(options: Options, outcome: Outcome) -> Iterable[str]:
    flight = outcome.flight
    yield (
        f"{flight.in_flight} generations in flight in one process on SQLite, measured for "
        f"{options.window:g} s after {options.settle:g} s; {os.cpu_count()} processors for all"
    )
    yield (
        f"event loop late by p50 {flight.loop_lag_p50_ms:g} ms, p99 {flight.loop_lag_p99_ms:g} ms, "
        f"at worst {flight.loop_lag_worst_ms:g} ms (its own computing: p99 "
        f"{flight.loop_own_p99_ms:g} ms); {flight.cpu_percent:.0f} % of a processor; "
        f"peak memory {flight.peak_rss_mb:.0f} MB"
    )
    yield (
        f"{flight.polls_per_s:g} polls a second over HTTP (REQUESTS_PER_SECOND="
        f"{options.requests_per_second:g}), {flight.edits_per_s:g} cards edited a second with "
        "discord.py over HTTP; both ends are stand-ins on loopback"
    )
    yield (
        f"killed and started again: the first old row polled and saved {flight.resume_s:g} s after "
        f"the process began, {flight.resume_from_open_s:g} s after it had imported its modules"
    )
    yield (
        f"whole lives, {options.wishes} wishes: a create takes {CREATE_SECONDS[0]:g} to "
        f"{CREATE_SECONDS[1]:g} s, a read {READ_SECONDS:g} s, a task {TASK_SECONDS:g} s (simulated "
        "in the worker); no pictures, no messages"
    )
    yield f"SQLite, 1 worker: {outcome.sqlite.lives_per_s:g} lives a second"
    for rate in outcome.postgresql:
        yield f"PostgreSQL, {rate.workers} workers: {rate.lives_per_s:g} lives a second"


def parse(arguments: Sequence[str] | None) -> Options:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m bench.scale",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--in-flight", type=int, default=10_000)
    add("--wishes", type=int, default=1000, help="whole lives, for each of the four figures")
    add("--requests-per-second", type=float, default=100.0, help="the budget of polls")
    add("--settle", type=float, default=20.0, help="seconds before the measuring begins")
    add("--window", type=float, default=60.0, help="seconds of measuring")
    add("--workers", type=int, nargs="+", default=[1, 2, 4], help="on PostgreSQL, one by one")
    add("--seed", type=int, default=0, help="makes the tasks' times repeatable")
    return Options(**vars(parser.parse_args(arguments)))


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and return the exit code."""
    logging.basicConfig(level=logging.WARNING)
    options = parse(arguments)
    try:
        outcome = asyncio.run(until_told_to_stop(measure(options)))
    except asyncio.CancelledError:
        return 1
    print(*report(options, outcome), sep="\n")
    return 1 if find_problems(options, outcome) else 0


if __name__ == "__main__":
    sys.exit(main())
