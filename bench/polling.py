"""Few polls, little delay: the bot's own policy beside others, and beside the best there can be.

python -m bench.polling           in virtual time, one to two minutes
python -m bench.polling --live    also beside the waiting of seaart-sdk, against one simulator

Tasks take seeded times of several kinds; all policies get the same. The bot's policy knows nothing
but what its own polls reveal; the optimum knows the true distribution. The cost of a policy is its
mean delay (from a task's end to the poll that finds it) + price x polls, for several prices of a
poll in seconds. The last line is one JSON object.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from functools import partial
from itertools import groupby, product
from random import Random
from statistics import fmean

from bench.burst import percentile
from bench.optimum import expected, find_optimum, fixed_interval
from bench.truths import AFTER, BEFORE, STATIONARY, Truth
from bench.waiting import compare_waiting
from kirin.pacing import nudge
from kirin.polling import MEMORY, Observation, Plan, learn

PRICES = (0.15, 0.3, 0.5, 1.0, 2.0)
USUAL_PRICE = 0.5
MEDIAN = 20.0
LEARNING = 200
"""So many generations of a kind are not counted: the bot is learning."""

_LEARN_EVERY = 10
_BEFORE_SHIFT, _AFTER_SHIFT, _LOOK_EVERY = 300, 150, 5
_GOOD_ENOUGH = 1.10
_CALLBACK_TAKES = 0.1  # seconds, assumed: until the read that follows is answered
_CALLBACKS_LOOKED_AT = 50

NextAfter = Callable[[float], float]
Look = tuple[float, float]
"""The last poll that found the task unfinished, and the one that found it finished."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What to measure."""

    generations: int
    seeds: int
    live: bool
    quick: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What one policy needed for tasks of one kind; delays in seconds."""

    truth: str
    policy: str
    price: float
    polls: float
    delay: float
    p99: float

    @property
    def cost(self) -> float:
        """Return what is to be small, in seconds."""
        return self.delay + self.price * self.polls


def doubling(elapsed: float) -> float:
    """Poll after 2 s, and wait twice as long each time, up to 10 s."""
    at, wait = 2.0, 4.0
    while at <= elapsed + 1e-9:
        at, wait = at + wait, min(2 * wait, 10.0)
    return at


def every(seconds: float, elapsed: float) -> float:
    """Poll at a fixed interval."""
    return elapsed + seconds


FIXED: dict[str, NextAfter] = {
    "every 3 s": partial(every, 3.0),
    "every 5 s": partial(every, 5.0),
    "2 s doubling to 10 s": doubling,
}


class Learner:
    """The bot's policy: plans from what its polls have revealed so far."""

    def __init__(self, price: float, seed: int) -> None:
        self._price = price
        self._jitter = Random(seed)
        self._seen: list[Observation] = []
        self.plan = Plan.best(learn([], median=MEDIAN), price)

    def next_after(self, elapsed: float) -> float:
        """Return when to poll next, with the bot's jitter."""
        wait = self.plan.next_after(elapsed) - elapsed
        return elapsed + nudge(wait, self._jitter.random())

    def note(self, after: float, until: float) -> None:
        """Remember one generation."""
        self._seen.insert(0, Observation(after=after, until=until))
        del self._seen[MEMORY:]

    def study(self, lost: float = 1.0) -> None:
        """Learn from what is remembered, and plan anew."""
        self.plan = Plan.best(learn(self._seen, median=MEDIAN), self._price, lost)


def look(time: float, next_after: NextAfter) -> tuple[int, Look]:
    """Poll a task that takes so long; return how many polls it took, and the last two."""
    polls, since, at = 1, 0.0, next_after(0.0)
    while at < time:
        polls, since, at = polls + 1, at, next_after(at)
    return polls, (since, at)


def run(truth: Truth, policy: str, price: float, seed: int, count: int) -> list[tuple[int, float]]:
    """Poll seeded tasks; return the polls and the delay of each, after the time of learning."""
    random, learner = Random(seed), Learner(price, seed + 1)
    next_after = _policy(truth, policy, price, learner)
    results = []
    for number in range(LEARNING + count):
        if policy == "ours" and number % _LEARN_EVERY == 0:
            learner.study()
        time = truth.draw(random)
        polls, (since, until) = look(time, next_after)
        learner.note(since, until)
        results.append((polls, until - time))
    return results[LEARNING:]


def _policy(truth: Truth, name: str, price: float, learner: Learner) -> NextAfter:
    match name:
        case "ours":
            return learner.next_after
        case "optimum":
            return find_optimum(truth, price).next_after
        case _:
            return FIXED[name]


def measure(executor: Executor, options: Options) -> list[Result]:
    """Run every policy on every kind of task and for every price."""
    prices = (USUAL_PRICE,) if options.quick else PRICES
    cases = list(product(STATIONARY, ("optimum", "ours", *FIXED), prices, range(options.seeds)))
    truths, policies, asked, seeds = zip(*cases, strict=True)
    counts = [options.generations] * len(cases)
    runs = executor.map(run, truths, policies, asked, seeds, counts, chunksize=4)
    results = []
    for (truth, policy, price), group in groupby(
        zip(cases, runs, strict=True), key=lambda pair: pair[0][:3]
    ):
        seen = [each for _, outcome in group for each in outcome]
        delays = [delay for _, delay in seen]
        results.append(
            Result(
                truth=truth.name,
                policy=policy,
                price=price,
                polls=fmean(polls for polls, _ in seen),
                delay=fmean(delays),
                p99=percentile(delays, 0.99) or 0.0,
            )
        )
    return results


def shifted(before: Truth, after: Truth, price: float, seed: int) -> list[float]:
    """Let the tasks change all at once; return the exact ratio to the optimum, every few of them.

    The ratio is that of the expected costs of the plan in use at that moment.
    """
    random, learner = Random(seed), Learner(price, seed + 1)
    best = _expected_cost(after, find_optimum(after, price).next_after, price)
    ratios = []
    for number in range(_BEFORE_SHIFT + _AFTER_SHIFT):
        if number % _LOOK_EVERY == 0:
            learner.study()
            if number >= _BEFORE_SHIFT:
                ratios.append(_expected_cost(after, learner.plan.next_after, price) / best)
        _, (since, until) = look(
            (before if number < _BEFORE_SHIFT else after).draw(random), learner.next_after
        )
        learner.note(since, until)
    return ratios


def recovery(
    executor: Executor, before: Truth, after: Truth, seeds: int
) -> tuple[int, list[float]]:
    """Return after how many generations the mean ratio has come to stay within a tenth.

    Also that ratio, every few generations after the shift.
    """
    runs = executor.map(
        shifted, [before] * seeds, [after] * seeds, [USUAL_PRICE] * seeds, range(seeds)
    )
    means = [fmean(ratios) for ratios in zip(*runs, strict=True)]
    worst = [place for place, ratio in enumerate(means) if ratio > _GOOD_ENOUGH]
    return _LOOK_EVERY * (max(worst, default=-1) + 1), means


def called_back(truth: Truth, lost: float, seed: int, count: int) -> tuple[float, float]:
    """Poll beside callbacks of which a part is lost; return reads and delay for one generation."""
    random, learner = Random(seed), Learner(USUAL_PRICE, seed + 1)
    came: list[bool] = []
    reads, delays = [], []
    for number in range(LEARNING + count):
        if number % _LEARN_EVERY == 0:
            latest = came[-_CALLBACKS_LOOKED_AT:]
            learner.study((latest.count(False) + 1) / (len(latest) + 1))
        time, is_called = truth.draw(random), random.random() >= lost
        polls, (since, until) = look(time, learner.next_after)
        is_called = is_called and until > time + _CALLBACK_TAKES
        if is_called:
            since, until = max(since, time + _CALLBACK_TAKES - 1), time + _CALLBACK_TAKES
        came.append(is_called)
        learner.note(since, until)
        reads.append(polls)  # the read after a callback stands in for the poll it makes needless
        delays.append(until - time)
    return fmean(reads[LEARNING:]), fmean(delays[LEARNING:])


def _expected_cost(truth: Truth, next_after: NextAfter, price: float) -> float:
    polls, delay = expected(truth, next_after)
    return delay + price * polls


def ratios(results: Sequence[Result], policy: str) -> dict[str, dict[float, float]]:
    """Return the ratio to the cost of the optimum, for each kind of task and each price."""
    best = {(each.truth, each.price): each.cost for each in results if each.policy == "optimum"}
    found: dict[str, dict[float, float]] = {truth.name: {} for truth in STATIONARY}
    for each in results:
        if each.policy == policy:
            found[each.truth][each.price] = round(each.cost / best[each.truth, each.price], 3)
    return found


def shares_of_fixed(truth: Truth) -> tuple[float, float]:
    """Return what the optimum needs of the polls of a fixed interval of equal mean delay.

    The second number is that interval, in seconds.
    """
    polls, delay = expected(truth, find_optimum(truth, USUAL_PRICE).next_after)
    interval, polls_then = fixed_interval(truth, delay)
    return round(polls / polls_then, 3), round(interval, 2)


def saved(results: Sequence[Result]) -> dict[str, float]:
    """Return the share of polls that our policy saves beside an interval of equal mean delay."""
    truths = {truth.name: truth for truth in STATIONARY}
    return {
        each.truth: round(1 - each.polls / fixed_interval(truths[each.truth], each.delay)[1], 3)
        for each in results
        if each.policy == "ours" and each.price == USUAL_PRICE
    }


def readable(results: Sequence[Result]) -> Iterator[str]:
    """Put the results into a table."""
    best = {(each.truth, each.price): each.cost for each in results if each.policy == "optimum"}
    truth = ""
    for each in results:
        if each.truth != truth:
            truth = each.truth
            yield f"\n{truth}\n  {'policy':22}price   polls  delay s  p99 s  cost/optimum"
        yield (
            f"  {each.policy:22}{each.price:5g} {each.polls:7.2f} {each.delay:8.2f} "
            f"{each.p99:6.1f} {each.cost / best[each.truth, each.price]:8.3f}"
        )


def report(executor: Executor, options: Options) -> Iterator[str]:
    """Measure and put it into lines; the last one is for programs."""
    results = measure(executor, options)
    ours = ratios(results, "ours")
    worst = max(ratio for by_price in ours.values() for ratio in by_price.values())
    yield from readable(results)
    yield f"\nworst ratio of ours to the optimum: {worst}"
    seeds = 3 if options.quick else max(8, 4 * options.seeds)
    slower, course = recovery(executor, BEFORE, AFTER, seeds)
    faster, _ = recovery(executor, AFTER, BEFORE, seeds)
    yield f"tasks suddenly take 60 s instead of 20 s: within a tenth again after {slower}"
    yield f"  ratio every {_LOOK_EVERY} generations: {[round(ratio, 2) for ratio in course[:12]]}"
    yield f"tasks suddenly take 20 s instead of 60 s: within a tenth again after {faster}"
    shares = {truth.name: shares_of_fixed(truth)[0] for truth in STATIONARY}
    yield f"the optimum's share of the polls of a fixed interval with its mean delay: {shares}"
    calls = {}
    for lost in (0.0, 0.02, 0.2):
        reads, delay = called_back(STATIONARY[0], lost, 0, options.generations)
        calls[f"{lost:g}"] = {"reads": round(reads, 3), "mean_delay_s": round(delay, 3)}
        yield (
            f"callbacks ({lost:.0%} of them lost, {_CALLBACK_TAKES} s each): {reads:.2f} reads a "
            f"generation, {delay:.2f} s mean delay"
        )
    summary = {
        "worst_ratio_to_optimum": worst,
        "ratios": ours,
        "recovery_generations": slower,
        "recovery_generations_when_faster": faster,
        "optimum_share_of_fixed_interval": shares,
        "polls_saved_of_fixed_interval": saved(results),
        "callbacks": calls,
    }
    if options.live:
        waiting = asyncio.run(compare_waiting())
        yield from (f"live, {each.name}: {each}" for each in waiting)
        summary["live"] = {each.name: asdict(each) for each in waiting}
    yield json.dumps(summary)


def parse(arguments: Sequence[str] | None) -> Options:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.polling", description=__doc__)
    add = parser.add_argument
    add("--generations", type=int, default=1000, help="of each kind, price and seed")
    add("--seeds", type=int, default=3)
    add("--quick", action="store_true", help="a few seconds, for one price: a look, no measure")
    add("--live", action="store_true", help="also measure beside seaart-sdk, in real time")
    options = Options(**vars(parser.parse_args(arguments)))
    return replace(options, generations=150, seeds=1) if options.quick else options


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and return the exit code."""
    options = parse(arguments)
    with ProcessPoolExecutor(os.cpu_count()) as executor:
        for line in report(executor, options):
            print(line, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
