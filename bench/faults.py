"""Whole engines in virtual time, among seeded faults and crashes: does everything stay true.

python -m bench.faults --seeds 10000               one engine, 10,000 worlds
python -m bench.faults --seeds 10000 --engines 3   three engines on one database
python -m bench.faults --seed 17 --story           one world again, with all that happened in it

Every seed is a world of its own (`trials/`), and replays exactly. A seed that breaks an invariant
prints what it broke; its story says how. The last line is one JSON object. The exit code is 1 if
anything was broken.
"""

from __future__ import annotations

import argparse
import gc
import json
import multiprocessing
import os
import sys
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from trials.world import Verdict, live, template_database

_AT_ONCE = 10
_STORIES = 3
_COLLECTED_AFTER = 20_000, 20, 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What is told of one seed; its story only where it broke something, or was asked for."""

    seed: int
    violations: Sequence[str]
    counts: Counter[str]
    boundaries: Counter[str]
    story: Sequence[str]


@dataclass(slots=True, kw_only=True)
class Tally:
    """What has been seen so far."""

    seeds: int = 0
    violations: int = 0
    stories: int = 0
    counts: Counter[str] = field(default_factory=Counter)
    boundaries: Counter[str] = field(default_factory=Counter)

    def add(self, report: Report) -> None:
        """Count one seed."""
        self.seeds += 1
        self.violations += len(report.violations)
        self.counts += report.counts
        self.boundaries += report.boundaries


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the seeds, print what broke, and return the exit code."""
    options = _options(arguments)
    seeds = [options.seed] if options.seed is not None else _range(options.first, options.seeds)
    started, tally = time.monotonic(), Tally()
    with ExitStack() as stack:
        template = stack.enter_context(template_database())
        run = partial(report, engines=options.engines, template=template, with_story=options.story)
        for each in _reports(run, seeds, options.processes, stack):
            tally.add(each)
            _tell(each, tally, engines=options.engines, with_story=options.story)
            _progress(tally, len(seeds), started)
    print(file=sys.stderr)
    seconds = time.monotonic() - started
    print(json.dumps(_summary(tally, engines=options.engines, seconds=seconds)))
    return 1 if tally.violations else 0


def report(seed: int, *, engines: int, template: Path, with_story: bool) -> Report:
    """Run one seed."""
    verdict: Verdict = live(seed, engines=engines, template=template)
    counts = verdict.story.counts + Counter(wishes=verdict.wishes, creates=verdict.creates)
    return Report(
        seed=seed,
        violations=verdict.violations,
        counts=counts,
        boundaries=verdict.story.boundaries,
        story=verdict.story.lines() if verdict.violations or with_story else (),
    )


def _reports(
    run: partial[Report], seeds: Sequence[int], processes: int, stack: ExitStack
) -> Iterable[Report]:
    if processes == 1 or len(seeds) == 1:
        _collect_seldom()
        return map(run, seeds)
    context = multiprocessing.get_context("spawn")
    pool = stack.enter_context(context.Pool(processes, initializer=_collect_seldom))
    return pool.imap_unordered(run, seeds, chunksize=_AT_ONCE)


def _collect_seldom() -> None:
    """Spare what is imported the search for garbage: a quarter of the time went there."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_COLLECTED_AFTER)


def _tell(each: Report, tally: Tally, *, engines: int, with_story: bool) -> None:
    if with_story:
        print(*each.story, sep="\n")
    if not each.violations:
        return
    print(f"\nseed {each.seed}:", *each.violations, sep="\n  ")
    print(f"  replay: python -m bench.faults --engines {engines} --seed {each.seed} --story")
    tally.stories += 1
    if tally.stories <= _STORIES and not with_story:
        print(*each.story, sep="\n")


def _progress(tally: Tally, total: int, started: float) -> None:
    if tally.seeds % _AT_ONCE and tally.seeds != total:
        return
    pace = tally.seeds / max(time.monotonic() - started, 0.001)
    print(
        f"\r{tally.seeds} of {total} seeds, {pace:.1f} a second, "
        f"{tally.counts['crashes']} crashes, {tally.violations} violations ",
        end="",
        file=sys.stderr,
        flush=True,
    )


def _summary(tally: Tally, *, engines: int, seconds: float) -> dict[str, object]:
    counts = tally.counts
    return {
        "engines": engines,
        "seeds": tally.seeds,
        "wishes": counts["wishes"],
        "creates": counts["creates"],
        "faults": counts["faults"],
        "crashes": counts["crashes"],
        "crashes_at": dict(sorted(tally.boundaries.items())),
        "stops": counts["stops"],
        "violations": tally.violations,
        "seconds": round(seconds, 1),
    }


def _range(first: int, count: int) -> Sequence[int]:
    return range(first, first + count)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--seeds", type=int, default=1000, help="how many worlds")
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--seed", type=int, help="this seed alone")
    parser.add_argument("--engines", type=int, choices=(1, 3), default=1)
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--story", action="store_true", help="tell everything that happened")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
