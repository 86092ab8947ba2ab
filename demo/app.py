"""The whole demo: provider stand-in, the real bot with its engine, and the page."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from types import MappingProxyType

import simcord

import bot
import simulator
from demo.stage import Stage, open_stage
from kirin.settings import Settings

_KEY = "demo-key"


@dataclass(frozen=True, slots=True, kw_only=True)
class Demo:
    """A running demo and its parts."""

    stage: Stage
    app: bot.App
    sim: simulator.Simulator

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
    settings: Mapping[str, str] = MappingProxyType({}),
) -> AsyncIterator[Demo]:
    """Open everything on loopback; `port` 0 takes a free one, `speed` 10 is ten times as fast.

    `settings` are variables of the bot that are to differ from the demo's own.
    """
    with TemporaryDirectory(prefix="kirin-demo-") as folder:
        async with (
            simulator.serve(port=0, key=_KEY, speed=speed, seed=seed, prompt_faults=True) as sim,
            bot.open_app(_settings(sim, Path(folder), speed, settings)) as app,
            open_stage(app.bot, beside=(app.engine.run,), port=port) as stage,
        ):
            yield Demo(stage=stage, app=app, sim=sim)


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
            "LOG_LEVEL": "WARNING",
        },
        changed,
    )
