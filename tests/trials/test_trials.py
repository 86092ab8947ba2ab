import os
import subprocess
import sys
from pathlib import Path

import pytest

from trials.world import live

ROOT = Path(__file__).parents[2]
CHUNKS = range(12)
OF_ONE = 14
OF_THREE = 5


@pytest.mark.parametrize("chunk", CHUNKS)
def test_one_engine_keeps_every_promise_among_faults_and_crashes(
    chunk: int, template: Path
) -> None:
    for seed in range(chunk * OF_ONE, (chunk + 1) * OF_ONE):
        assert (seed, live(seed, engines=1, template=template).violations) == (seed, [])


@pytest.mark.parametrize("chunk", CHUNKS)
def test_three_engines_on_one_database_keep_every_promise(chunk: int, template: Path) -> None:
    for seed in range(chunk * OF_THREE, (chunk + 1) * OF_THREE):
        assert (seed, live(seed, engines=3, template=template).violations) == (seed, [])


@pytest.mark.parametrize("engines", [1, 3])
def test_one_seed_is_one_story(engines: int, template: Path) -> None:
    first, second = (live(11, engines=engines, template=template) for _ in range(2))
    assert first.story.lines() == second.story.lines()
    assert len(first.story.lines()) > 10


def test_a_story_is_the_same_in_every_process() -> None:
    command = (sys.executable, "-m", "bench.faults", "--seed", "7", "--engines", "3", "--story")
    stories = [
        subprocess.run(  # noqa: S603 - our own program
            command,
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.splitlines()[:-1]
        for hash_seed in ("1", "2")
    ]
    assert stories[0] == stories[1]


def test_seeds_differ(template: Path) -> None:
    stories = [live(seed, engines=1, template=template).story.lines() for seed in (1, 2)]
    assert stories[0] != stories[1]
