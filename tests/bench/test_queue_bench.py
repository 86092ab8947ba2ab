from dataclasses import asdict
from pathlib import Path

from bench.queue import measure


async def test_queue_is_measured_and_everything_in_it_works(tmp_path: Path) -> None:
    outcome = asdict(await measure(2000, tmp_path))
    assert {"claim_ms", "survey_ms", "longest_block_ms"} <= outcome.keys()
    assert all(value > 0 for value in outcome.values())
