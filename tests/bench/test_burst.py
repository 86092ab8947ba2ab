import asyncio
import json
import sys
from pathlib import Path

from bench.burst import find_problems, percentile
from bench.provider import Account

ROOT = Path(__file__).parents[2]


async def test_last_line_of_a_burst_is_one_json_object_with_the_agreed_keys() -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.burst", "--wishes", "5", "--speed", "200", "--limit", "30"),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await process.communicate()
    summary = json.loads(output.decode().splitlines()[-1])
    assert process.returncode == 0
    assert list(summary) == [
        "wishes",
        "creates",
        "polls",
        "delivered",
        "defer_p50_ms",
        "defer_p99_ms",
        "done_to_edit_p50_ms",
        "done_to_edit_p99_ms",
        "peak_rss_mb",
    ]
    assert (summary["wishes"], summary["creates"], summary["delivered"]) == (5, 5, 5)
    assert all(value is not None for value in summary.values())


def test_everything_that_is_missing_is_told_in_words() -> None:
    account = Account(creates=3, tasks=1, polls=0, ends={"unknown": None})
    assert find_problems(2, [], account, 1, [2900.0, 3000.0]) == [
        "a defer took 3000 ms; Discord waits 3000 ms",
        "0 of 2 wishes are in the store",
        "0 of 2 wishes succeeded",
        "0 of 2 wishes are delivered in the store",
        "1 of 2 messages carry their picture",
        "3 creates were sent for 2 wishes",
        "the provider's 1 tasks are not one for each wish in the store",
    ]


def test_percentile_is_a_value_that_was_measured() -> None:
    hundred = [float(value) for value in range(100, 0, -1)]
    assert (percentile(hundred, 0.5), percentile(hundred, 0.99)) == (50.0, 99.0)
    assert percentile([], 0.5) is None
