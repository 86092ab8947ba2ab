"""`python -m demo`: try the bot in a browser, without any account."""

import argparse
import asyncio
import signal
import webbrowser
from collections.abc import Awaitable
from contextlib import suppress

from simcord import SetupError

from demo.app import open_demo

_INVITATION = """
This is a simulation: no Discord account, no provider, no cost. Everything runs on this machine.

    Open {url}
    in a browser, type /imagine, and watch the pictures arrive.

    What the bot counts and measures meanwhile:
    {watch_url}/metrics

Press Ctrl-C to stop.
"""


def main() -> None:
    """Run the demo until Ctrl-C, SIGTERM, or the page's own "End preview session"."""
    options = _options()
    try:
        asyncio.run(_show(options))
    except KeyboardInterrupt:
        pass
    except SetupError as problem:
        raise SystemExit(f"demo: {problem}") from None


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m demo", description="Try the bot in a browser, without any account."
    )
    parser.add_argument("--port", type=int, default=0, help="the page's port; 0 takes a free one")
    parser.add_argument(
        "--speed", type=float, default=4.0, help="how many times faster than the real provider"
    )
    parser.add_argument("--seed", type=int, default=0, help="the same seed draws the same pictures")
    parser.add_argument(
        "--slots", type=int, default=9, help="pictures that the account makes at once; 9 or more"
    )
    parser.add_argument("--watch-port", type=int, default=0, help="the port of /metrics")
    parser.add_argument("--open", action="store_true", help="open the page in the default browser")
    return parser.parse_args()


async def _show(options: argparse.Namespace) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        # Windows has no signal handlers in asyncio; Ctrl-C arrives there as KeyboardInterrupt.
        with suppress(NotImplementedError):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with open_demo(
        port=options.port,
        speed=options.speed,
        seed=options.seed,
        slots=options.slots,
        watch_port=options.watch_port,
    ) as demo:
        print(_INVITATION.format(url=demo.url, watch_url=demo.watch_url), flush=True)
        if options.open:
            webbrowser.open(demo.url)
        await _first(stop.wait(), demo.stage.wait_closed())
    print("The demo has ended; nothing of it is left.", flush=True)


async def _first(*waits: Awaitable[object]) -> None:
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


if __name__ == "__main__":
    main()
