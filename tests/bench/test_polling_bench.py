import asyncio
import json
import sys
from pathlib import Path

import pytest

from bench.optimum import expected, find_optimum
from bench.polling import doubling, look, shares_of_fixed
from bench.truths import BEFORE, STATIONARY, Truth

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("truth", "share"), [*zip(STATIONARY, (0.70, 0.49, 0.57, 0.66), strict=True)]
)
def test_optimum_needs_a_known_part_of_the_polls_of_a_fixed_interval(
    truth: Truth, share: float
) -> None:
    assert shares_of_fixed(truth)[0] == pytest.approx(share, abs=0.02)


def test_optimum_is_no_worse_when_its_polls_are_moved() -> None:
    best = find_optimum(BEFORE, 0.5)

    def cost(factor: float) -> float:
        polls, delay = expected(
            BEFORE, lambda elapsed: elapsed + factor * (best.next_after(elapsed) - elapsed)
        )
        return delay + 0.5 * polls

    assert cost(1.0) == min(cost(factor) for factor in (0.7, 0.85, 1.0, 1.15, 1.3))


def test_doubling_waits_are_2_4_8_and_then_10_seconds() -> None:
    times, at = [], 0.0
    for _ in range(5):
        at = doubling(at)
        times.append(at)
    assert times == [2, 6, 14, 24, 34]
    assert look(15.0, doubling) == (4, (14.0, 24.0))


async def test_last_line_says_how_near_to_the_optimum_the_bot_comes() -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bench.polling", "--quick"),
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
    )
    output, _ = await process.communicate()
    summary = json.loads(output.decode().splitlines()[-1])
    assert process.returncode == 0
    assert 0.9 < summary["worst_ratio_to_optimum"] < 1.2
    assert summary["recovery_generations"] <= 50
    assert summary["callbacks"]["0"]["reads"] <= 2
    assert summary["callbacks"]["0"]["mean_delay_s"] <= 0.2
