"""Run the simulator: `python -m simulator --port 8900`."""

import argparse
import asyncio
import logging
import signal
from collections.abc import Sequence

from simulator.catalogue import FAULTS
from simulator.server import serve


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve until interrupted or terminated."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    asyncio.run(_run(_parser().parse_args(arguments)))


async def _run(options: argparse.Namespace) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    async with serve(
        host=options.host,
        port=options.port,
        key=options.key,
        speed=options.speed,
        seed=options.seed,
        slots=options.slots,
        lookup_by_external_id=options.lookup,
        prompt_faults=options.prompt_faults,
        strict_images=options.strict_images,
        coarse_grain=options.grain,
    ) as sim:
        for name, count in options.fault:
            sim.inject(name, count=count)
        print(f"Kirin simulator at {sim.base_url} with the key {sim.key}", flush=True)
        await stop.wait()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m simulator",
        description="A strict stand-in for the Kirin V3 Image API.",
        epilog=_fault_list(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--host", default="127.0.0.1", help="address to listen on (default %(default)s)")
    add("--port", type=int, default=8900, help="0 picks a free one (default %(default)s)")
    add("--key", default="demo-key", help="the key to accept (default %(default)s)")
    add("--speed", type=_positive, default=1.0, help="divides the time a task takes")
    add("--seed", type=int, default=0, help="makes ids and times repeatable")
    add("--slots", type=_count, help="most pictures in progress at once (default: no limit)")
    add("--fault", type=_fault, action="append", default=[], metavar="NAME[:COUNT|:always]")
    add("--prompt-faults", action="store_true", help="obey #fault:NAME and #outage in a prompt")
    add("--strict-images", action="store_true", help="refuse bad reference images at once")
    add("--grain", action="store_true", help="grain as in photos: files about 4 times as large")
    add("--no-lookup", dest="lookup", action="store_false", help="no lookup by external_task_id")
    return parser


def _fault_list() -> str:
    lines = (f"  {fault.name:24}{fault.about}" for fault in FAULTS.values())
    return "\n".join(("faults:", *lines))


def _positive(text: str) -> float:
    value = float(text)
    if not value > 0:
        raise argparse.ArgumentTypeError("must be more than 0")
    return value


def _count(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return value


def _fault(text: str) -> tuple[str, int | None]:
    name, _, count = text.partition(":")
    if name not in FAULTS:
        raise argparse.ArgumentTypeError(f"unknown fault {name!r}; --help lists them")
    return name, None if count == "always" else _count(count or "1")


if __name__ == "__main__":
    main()
