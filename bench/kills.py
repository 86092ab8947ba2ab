"""kill -9 at random moments: is anything lost, or paid twice.

python -m bench.kills --kills 50             about twenty seconds
python -m bench.kills --kills 500 --seed 7

The real program in processes of its own, on SQLite; its Discord and its provider are the stand-ins
of the tests, on loopback. The last line is one JSON object. The exit code is 1 on a violation.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.running import until_told_to_stop
from tests.program import kills


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and return the exit code."""
    logging.basicConfig(level=logging.CRITICAL)  # a killed client breaks off its requests
    parser = argparse.ArgumentParser(prog="python -m bench.kills", description=__doc__)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0, help="draws the moments and the faults")
    options = parser.parse_args(arguments)
    with TemporaryDirectory(prefix="kirin-kills-") as folder:
        running = kills.run(Path(folder), kills=options.kills, seed=options.seed)
        try:
            toll = asyncio.run(until_told_to_stop(running))
        except asyncio.CancelledError:
            return 1
    for violation in toll.violations:
        print(f"WRONG: {violation}")
    print(json.dumps(asdict(toll)))
    return 1 if toll.violations else 0


if __name__ == "__main__":
    sys.exit(main())
