"""Waiting in real time: seaart-sdk's own way and ours, side by side at one simulator.

Each way is a process of its own, so that processor time and memory are those of the waiting alone;
`python -m bench.waiting WAY BASE_URL KEY` is one of them.
"""

from __future__ import annotations

import asyncio
import json
import re
import resource
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import seaart_sdk

from bench.provider import run_provider
from bench.running import peak_rss_mb
from kirin.client import KirinClient
from kirin.model import GenerationRequest, TaskState
from kirin.polling import Observation, Plan, learn
from kirin.settings import Settings

WAYS = ("seaart-sdk", "ours")
TASKS = 200
SPEED = 4.0
"""Tasks are so much faster than real ones; the waits of both ways are shortened as much."""

_AT_ONCE = 50
_SDK_INTERVAL = 3.0  # its default, in seconds
_EXPECTED, _PRICE = 20.0, 0.5
_ROOT = Path(__file__).parents[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """What one way of waiting needed for all tasks; delays are in seconds of real tasks.

    `grown_mb` is the memory beyond what the imports take, which are the same for both.
    """

    name: str
    tasks: int
    polls_per_task: float
    mean_delay_s: float
    p99_delay_s: float
    cpu_s: float
    grown_mb: float


async def compare_waiting() -> list[Waiting]:
    """Let each way wait for the same tasks, one way after the other."""
    return [await _measure(way) for way in WAYS]


async def _measure(way: str) -> Waiting:
    async with run_provider(speed=SPEED, seed=0) as provider:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "bench.waiting", way, provider.base_url, provider.key),
            cwd=_ROOT,
            stdout=asyncio.subprocess.PIPE,
        )
        output, _ = await process.communicate()
        account = await provider.account()
    told = json.loads(output)
    delays = sorted(
        SPEED * (seen - ended)
        for name, seen in told["seen"].items()
        if (ended := account.ends[name]) is not None
    )
    return Waiting(
        name=way,
        tasks=account.tasks,
        polls_per_task=round(account.polls / account.tasks, 2),
        mean_delay_s=round(sum(delays) / len(delays), 2),
        p99_delay_s=round(delays[int(0.99 * (len(delays) - 1))], 2),
        cpu_s=round(told["cpu_s"], 2),
        grown_mb=round(told["grown_mb"], 1),
    )


def wait_with_sdk(base_url: str, key: str) -> dict[str, float]:
    """Wait as seaart-sdk does, one thread for each task; return when each was seen to end."""
    client = seaart_sdk.Client(seaart_sdk.ClientConfig(api_key=key, base_url=base_url, timeout=30))

    def one(name: str) -> tuple[str, float]:
        body = {"prompt": "a red fox", "external_task_id": name}
        task = client.modal.create({"model": "kirin_v3_image", "input": [{"params": body}]})
        task.wait(
            seaart_sdk.with_poll_interval(_SDK_INTERVAL / SPEED),
            seaart_sdk.with_poll_timeout(600),
        )
        return name, time.time()

    with ThreadPoolExecutor(_AT_ONCE) as threads:
        return dict(threads.map(one, _names()))


def wait_our_way(base_url: str, key: str) -> dict[str, float]:
    """Wait by plans that are learned on the way, all tasks in one thread."""
    return asyncio.run(_wait_our_way(base_url, key))


async def _wait_our_way(base_url: str, key: str) -> dict[str, float]:
    seen: list[Observation] = []
    plans = [Plan.best(learn([], median=_EXPECTED / SPEED), _PRICE / SPEED)]
    places = asyncio.Semaphore(_AT_ONCE)
    settings = Settings.load(
        {"DISCORD_TOKEN": "none", "KIRIN_API_KEY": key, "KIRIN_BASE_URL": base_url}
    )
    async with aiohttp.ClientSession() as session:
        client = KirinClient(session=session, settings=settings)

        async def one(name: str) -> tuple[str, float]:
            async with places:
                begun = time.monotonic()
                request = GenerationRequest(prompt="a red fox")
                task_id = (await client.create(request, external_task_id=name)).task_id or name
                state, since, now = TaskState.RUNNING, 0.0, 0.0
                while state is TaskState.RUNNING:
                    since = now
                    await asyncio.sleep(plans[-1].next_after(since) - since)
                    state = (await client.read(task_id)).state
                    now = time.monotonic() - begun
                seen.insert(0, Observation(after=since, until=now))
                if len(seen) % 10 == 0:
                    plans.append(Plan.best(learn(seen, median=_EXPECTED / SPEED), _PRICE / SPEED))
                return name, time.time()

        return dict(await asyncio.gather(*map(one, _names())))


def _names() -> list[str]:
    return [f"wish-{number}" for number in range(TASKS)]


def _peak_mb() -> float:
    """Return the most memory taken so far; what `getrusage` says may be the parent's."""
    status = Path("/proc/self/status")
    if not status.exists():
        return peak_rss_mb()
    found = re.search(r"VmHWM:\s+(\d+) kB", status.read_text())
    return int(found[1]) / 1024 if found else peak_rss_mb()


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main(arguments: Sequence[str]) -> None:
    """Wait in one way, and tell what came of it."""
    way, base_url, key = arguments
    wait: Callable[[str, str], dict[str, float]] = wait_our_way if way == "ours" else wait_with_sdk
    before, memory_before = _cpu_seconds(), _peak_mb()
    seen = wait(base_url, key)
    told: dict[str, Any] = {
        "seen": seen,
        "cpu_s": _cpu_seconds() - before,
        "grown_mb": _peak_mb() - memory_before,
    }
    print(json.dumps(told))


if __name__ == "__main__":
    main(sys.argv[1:])
