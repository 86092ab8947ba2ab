"""One process of the bot without its Discord side, put together as the program does it."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from random import Random
from typing import Any

from sqlalchemy.ext.asyncio import AsyncEngine

from kirin.settings import Settings
from kirin.stages import Engine, Intake, WakeUps, build_engine, build_house
from kirin.stages.deliverer import Downloader
from kirin.stages.messenger import Messenger
from kirin.stages.provider import Provider
from kirin.store import Database, FactStore, GenerationStore, Work
from trials.life import Life
from trials.people import Desk
from trials.sqlite import Trouble, WriteTurn, open_engine

StoreType = type[GenerationStore]
Act = Callable[[Desk], Coroutine[Any, Any, str | None]]


class PlannedDiskTrouble(sqlite3.OperationalError):
    """A commit that the plan lets fail."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What all processes of one world stand on."""

    folder: Path
    turn: WriteTurn
    settings: Settings
    now: Callable[[], datetime]
    new_id: Callable[[], str]
    jitter: Random
    trouble: Trouble
    store_type: StoreType

    @property
    def database(self) -> Path:
        """The database file."""
        return self.folder / "kirin.sqlite3"


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """A running process: its life, its loop over the stages, and what people reach of it."""

    life: Life
    engine: Engine
    wakeups: WakeUps
    desk: Desk
    connections: AsyncEngine = field(repr=False)

    async def close(self) -> None:
        """Leave in good order."""
        await self.connections.dispose()
        self.life.end()


def start(
    life: Life,
    ground: Ground,
    *,
    provider: Provider,
    messenger: Messenger,
    downloader: Downloader,
    on_work: Callable[[Work], None],
) -> Process:
    """Put a process together; nothing runs yet."""
    connections = open_engine(ground.database, life=life, turn=ground.turn, trouble=ground.trouble)
    database = Database(connections)
    wakeups = WakeUps()

    def announce(work: Work) -> None:
        wakeups.ring(work)
        on_work(work)

    store = ground.store_type(database, owner=life.name, on_work=announce)
    engine = build_engine(
        ground.settings,
        database=database,
        store=store,
        facts=FactStore(database),
        wakeups=wakeups,
        provider=provider,
        downloader=downloader,
        messenger=messenger,
        spool=_empty(ground.folder / f"pictures-{life.name}"),
        now=ground.now,
        jitter=ground.jitter.random,
    )
    return Process(
        life=life,
        engine=engine,
        wakeups=wakeups,
        desk=Desk(
            intake=Intake(
                store=store,
                now=ground.now,
                new_id=ground.new_id,
                house=build_house(ground.settings, database),
            ),
            store=store,
        ),
        connections=connections,
    )


async def run(process: Process) -> None:
    """Run until the process is stopped, then leave in good order."""
    await process.engine.run()
    await process.close()


def _empty(folder: Path) -> Path:
    with suppress(FileNotFoundError):
        shutil.rmtree(folder)
    folder.mkdir()
    return folder
