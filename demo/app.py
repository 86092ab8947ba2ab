"""The whole demo: provider stand-in, the real bot with its engine, and the page."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType

import simcord

import bot
import simulator
from demo.stage import Stage, open_stage
from kirin.settings import Settings

_KEY = "demo-key"
_HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Demo:
    """A running demo and its parts; `/metrics` and `/healthz` are under `watch_url`."""

    stage: Stage
    app: bot.App
    sim: simulator.Simulator
    watch_url: str

    @property
    def url(self) -> str:
        """The page's address; whoever has it can use the page."""
        return self.stage.url

    @property
    def env(self) -> simcord.Env:
        """The simulated Discord."""
        return self.stage.env


@asynccontextmanager
async def open_demo(
    *,
    port: int = 0,
    speed: float = 1.0,
    seed: int = 0,
    slots: int | None = None,
    watch_port: int = 0,
    now: Callable[[], datetime] = bot.utc_now,
    settings: Mapping[str, str] = MappingProxyType({}),
) -> AsyncIterator[Demo]:
    """Open everything on loopback; a port of 0 takes a free one, `speed` 10 is ten times as fast.

    `slots` is how many pictures the account may have in progress, and the bot is told so.
    `settings` are variables of the bot that are to differ from the demo's own.
    """
    watched = {"LISTEN_PORT": str(watch_port or _free_port()), "ACCOUNT_SLOTS": str(slots or 0)}
    with TemporaryDirectory(prefix="kirin-demo-") as folder:
        async with (
            simulator.serve(
                port=0, key=_KEY, speed=speed, seed=seed, slots=slots, prompt_faults=True
            ) as sim,
            bot.open_app(
                _settings(sim, Path(folder), speed, {**watched, **settings}),
                now=now,
                sleep=lambda seconds: asyncio.sleep(seconds / speed),
            ) as app,
            app.site.listening(),
            open_stage(app.bot, beside=(app.engine.run,), port=port) as stage,
        ):
            watch_url = f"http://{_HOST}:{app.settings.listen_port}"
            yield Demo(stage=stage, app=app, sim=sim, watch_url=watch_url)


def _settings(
    sim: simulator.Simulator, folder: Path, speed: float, changed: Mapping[str, str]
) -> Settings:
    """Point the bot at the stand-ins, and let it look as much oftener as the tasks are faster."""
    pace = Settings.model_fields
    return Settings.load(
        {
            "DISCORD_TOKEN": "simulated",
            "KIRIN_API_KEY": sim.key,
            "KIRIN_BASE_URL": sim.base_url,
            "DATABASE_URL": f"sqlite+aiosqlite:///{folder / 'demo.sqlite3'}",
            "EXPECTED_SECONDS": str(pace["expected_seconds"].default / speed),
            "POLL_PRICE_SECONDS": str(pace["poll_price_seconds"].default / speed),
            "REQUESTS_PER_SECOND": str(pace["requests_per_second"].default * speed),
            "LISTEN_HOST": _HOST,
            "LOG_LEVEL": "WARNING",
        },
        changed,
    )


def _free_port() -> int:
    """Find a port that nobody listens on; the bot's own setting has no word for "any"."""
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        return int(probe.getsockname()[1])
