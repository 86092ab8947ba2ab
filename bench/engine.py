"""The bot's engine as a process of its own, on a database that somebody else has filled.

python -m bench.engine '{"settings": {...}, "sink": "http://...", "settle": 15, "window": 60}'

It is the program but for the gateway: `bot.open_app`, a login over REST, and the real stages, whose
messages go to the sink. It prints one JSON object a line, first when it is open and when the first
row has been polled and saved, with readings of the monotonic clock, which all processes share;
then what it has measured in the window; and works on until it is terminated.
"""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import signal
import sys
import time
from collections.abc import Mapping
from typing import Any

from discord.http import Route
from sqlalchemy import Connection, event
from sqlalchemy.engine import Engine

import bot
from bench.burst import percentile
from bench.running import Lag, processor_seconds, resident_mb
from kirin.settings import Settings


class FirstSave:
    """Tells when the first row that was polled has been saved, by listening to every database."""

    def __init__(self) -> None:
        self._is_saving = self._is_told = False
        event.listen(Engine, "before_cursor_execute", self._statement)
        event.listen(Engine, "commit", self._commit)

    def _statement(self, *arguments: Any) -> None:  # noqa: ANN401 - SQLAlchemy's own
        statement = arguments[2]
        self._is_saving |= statement.startswith("UPDATE generations SET") and "polls=" in statement

    def _commit(self, _connection: Connection) -> None:
        if self._is_saving and not self._is_told:
            self._is_told = True
            say("saved", at=time.monotonic())


class Errors(logging.Handler):
    """Counts what the engine has logged as an error."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.count = 0

    def emit(self, _record: logging.LogRecord) -> None:
        """Count one."""
        self.count += 1


async def live(plan: Mapping[str, Any]) -> None:
    """Run the engine; measure one window of it."""
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    Route.BASE = plan["sink"]
    settings = Settings.load(plan["settings"])
    FirstSave()
    errors = Errors()
    logging.getLogger().addHandler(errors)
    say("opening", at=time.monotonic())
    async with bot.open_app(settings) as app, app.bot:
        say("open", at=time.monotonic())
        await app.bot.login("loopback")
        engine = asyncio.create_task(app.engine.run(), name="engine")
        measuring = asyncio.create_task(_measure(plan["settle"], plan["window"], errors))
        stopping = asyncio.create_task(stop.wait())
        await asyncio.wait({engine, stopping}, return_when=asyncio.FIRST_COMPLETED)
        measuring.cancel()
        app.engine.stop()
        await engine


async def _measure(settle: float, window: float, errors: Errors) -> None:
    await asyncio.sleep(settle)
    say("measuring", at=time.monotonic())
    begun, worked = time.perf_counter(), processor_seconds()
    async with Lag() as lag:
        await asyncio.sleep(window)
    seconds = time.perf_counter() - begun
    say(
        "measured",
        at=time.monotonic(),
        seconds=seconds,
        errors=errors.count,
        cpu_percent=100 * (processor_seconds() - worked) / seconds,
        loop_lag_p50_ms=percentile(lag.milliseconds, 0.5),
        loop_lag_p99_ms=percentile(lag.milliseconds, 0.99),
        loop_lag_worst_ms=percentile(lag.milliseconds, 1.0),
        loop_own_p99_ms=percentile(lag.own, 0.99),
        peak_rss_mb=resident_mb("VmHWM"),
        rss_mb=resident_mb("VmRSS"),
    )


def say(what: str, **more: float | None) -> None:
    """Tell the process that has started this one."""
    print(json.dumps({"event": what, **more}), flush=True)


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING)
    for name in ("discord.state", "discord.client"):
        logging.getLogger(name).setLevel(logging.ERROR)  # the bot needs no intents and no voice
    gc.freeze()  # as the program does at its start
    asyncio.run(live(json.loads(sys.argv[1])))
