"""The real program, killed again and again at random moments, between stand-ins on loopback.

Each life is a process that runs `bot.main()`: discord.py over HTTP and a gateway, aiohttp to the
provider's simulator, SQLite in a file. People send commands while it is connected, creates hang,
answer late or lose their answers, and `SIGKILL` comes at a moment drawn from a seed: while the
program starts, too. Afterwards it lives once more, undisturbed, and everything is counted.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import sqlite3
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, closing, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import select

import simulator
from kirin.store import Database
from kirin.store.tables import generations
from simulator import Simulator
from tests.discord_rest.model import SERVER, Token
from tests.discord_rest.stand_in import StandIn, serve
from tests.discord_rest.town import ALICE, imagine_command, interaction
from tests.program.gateway import Gateway, serve_gateway

ROOT = Path(__file__).parents[2]

Row = dict[str, Any]

_LATE = 0.3
_HANGS = 60.0
_CREATE_TIMEOUT = 2.0
_GRACE = 1.5  # of a lookup; as in life, no create takes effect later than that
_DIES_EARLY = 0.3
_LONGEST_START = 0.2
_LONGEST_LIFE = 0.4
_PATIENCE = 30.0
_GLANCE = 0.1
_FAULTY = 0.7
_DATABASE = "kirin.sqlite3"
_REPEATED = "already used"
_CREATE_FAULTS = (
    ("create-slow-answer", _HANGS),
    ("create-slow-answer", _LATE),
    ("create-slow", _LATE),
    ("create-drop-before", 0.0),
    ("create-drop-after", 0.0),
    ("create-504-after", 0.0),
    ("create-garbage", 0.0),
    ("create-429-1302", _LATE),
)
_OTHER_FAULTS = ("poll-drop", "poll-garbage", "download-drop", "download-cut-off")


@dataclass(frozen=True, slots=True, kw_only=True)
class Toll:
    """What was seen: `wishes` are those in the database, `repeats` creates of what was taken.

    `unwritten` commands were acknowledged, and their process died before it could write them down:
    nothing was sent for them. `caught` counts, over all deaths, the rows that a death found in each
    state, and the leases that it left.
    """

    kills: int
    died_starting: int
    commands: int
    unwritten: int
    wishes: int
    creates: int
    effects: int
    repeats: int
    undelivered: int
    caught: Mapping[str, int]
    seconds: float
    violations: Sequence[str]


@dataclass(kw_only=True)
class Nursery:
    """The process that forks the lives; only what it has forked is killed."""

    process: asyncio.subprocess.Process
    living: int | None = None

    async def begin(self) -> None:
        """Start a life."""
        assert self.process.stdin is not None
        self.process.stdin.write(b"\n")
        self.living = int(await self._line())

    async def end(self, number: signal.Signals) -> int:
        """End the life, and return its exit code (negative: the signal that ended it)."""
        assert self.living is not None
        with suppress(ProcessLookupError):
            os.kill(self.living, number)
        code = int(await self._line())
        self.living = None
        return code

    async def _line(self) -> str:
        assert self.process.stdout is not None
        async with asyncio.timeout(_PATIENCE):
            return (await self.process.stdout.readline()).decode().strip()


@dataclass(kw_only=True)
class Hazards:
    """One program, the stand-ins around it, and what has been asked of it."""

    folder: Path
    luck: random.Random
    discord: StandIn
    gateway: Gateway
    sim: Simulator
    nursery: Nursery
    tokens: list[Token] = field(default_factory=list)
    died_starting: int = 0
    caught: Counter[str] = field(default_factory=Counter)

    async def be_killed(self) -> None:
        """Live for a moment, and die."""
        await self.nursery.begin()
        if self.luck.random() < _DIES_EARLY:
            await asyncio.sleep(self.luck.uniform(0, _LONGEST_START))
        else:
            await self._connected()
            await self._command()
            await asyncio.sleep(self.luck.uniform(0, _LONGEST_LIFE))
        self.died_starting += not self.gateway.connected.is_set()
        await self.nursery.end(signal.SIGKILL)
        self.gateway.connected.clear()
        self.caught += await asyncio.to_thread(_caught, self.folder / _DATABASE)

    async def live_on(self, database: Database) -> int:
        """Live until everything has ended in its message; return the exit code."""
        self.sim.clear_faults()
        await self.nursery.begin()
        await self._connected()
        with suppress(TimeoutError):
            async with asyncio.timeout(_PATIENCE):
                while any(row["delivered_at"] is None for row in await _rows(database)):
                    await asyncio.sleep(_GLANCE)
        return await self.nursery.end(signal.SIGTERM)

    def count(self, rows: Sequence[Row]) -> dict[str, int]:
        """Say what database, provider and messages tell."""
        written = {row["message_id"] for row in rows}
        messages = [token.message for token in self.tokens if token.message]
        return {
            "died_starting": self.died_starting,
            "commands": len(self.tokens),
            "unwritten": sum(message.id not in written for message in messages),
            "wishes": len(rows),
            "creates": len(self.sim.creates),
            "effects": sum(self.sim.effects.values()),
            "repeats": len(self._repeated()),
            "undelivered": sum(not self._is_shown(row) for row in rows),
        }

    def violations(self, rows: Sequence[Row]) -> list[str]:
        """Say in words what is not as it has to be."""
        known = {row["external_task_id"] for row in rows}
        return [
            *(words for row in rows for words in self._wrong_with(row)),
            *(f"{name}: no wish is known" for name in self.sim.effects if name not in known),
            *(f"{name}: sent again although taken" for name in self._repeated()),
        ]

    def _wrong_with(self, row: Row) -> list[str]:
        name = row["external_task_id"]
        effects = self.sim.effects[name]
        checks = [
            (effects == 1, f"{effects} creates took effect"),
            (row["status"] == "succeeded", f"it ended as {row['status']} ({row['failure']})"),
            (self._is_shown(row), "its message does not show its picture"),
            (row["delivered_at"] is not None, "it is not delivered"),
            (row["lease"] is None and row["message_lease"] is None, "a lease is left"),
            (row["due_at"] is None and row["message_due_at"] is None, "it is still due"),
            (row["token"] is None, "its token is left"),
        ]
        return [f"{name}: {words}" for holds, words in checks if not holds]

    def _repeated(self) -> list[str | None]:
        """Name the creates that arrived although their wish had been taken already."""
        return [
            create.external_task_id
            for create in self.sim.creates
            if _REPEATED in (create.refusal or "")
        ]

    def _is_shown(self, row: Row) -> bool:
        message = self.discord.messages[row["message_id"]]
        return len(message.pictures) == row["n"] and not message.is_thinking

    async def _connected(self) -> None:
        async with asyncio.timeout(_PATIENCE):
            await self.gateway.connected.wait()

    async def _command(self) -> None:
        """Let Alice ask for one or two pictures; something may go wrong with them."""
        for _ in range(self.luck.randint(1, 2)):
            prompt = f"fox number {len(self.tokens)}."
            if self.luck.random() < _FAULTY:
                fault, seconds = self.luck.choice(_CREATE_FAULTS)
                self.sim.inject(fault, containing=prompt, seconds=seconds)
            if self.luck.random() < _FAULTY / 2:
                self.sim.inject(self.luck.choice(_OTHER_FAULTS))
            token = self.discord.new_token(SERVER)
            self.tokens.append(token)
            await self.gateway.send("INTERACTION_CREATE", self._asked(token, prompt))

    def _asked(self, token: Token, prompt: str) -> dict[str, Any]:
        return interaction(
            self.discord.new_id(),
            token,
            ALICE,
            upload_limit=10_000_000,
            type=2,
            data=imagine_command(prompt),
        )


async def run(folder: Path, *, kills: int, seed: int) -> Toll:
    """Kill the program so often, let it end its work, and say what was seen."""
    begun = time.monotonic()
    async with open_hazards(folder, seed=seed) as hazards:
        for _ in range(kills):
            await hazards.be_killed()
        async with Database.open(_database_url(folder)) as database:
            code = await hazards.live_on(database)
            rows = await _rows(database)
        ended_badly = [f"the last life ended with {code}"] if code else []
        return Toll(
            kills=kills,
            caught=dict(sorted(hazards.caught.items())),
            seconds=round(time.monotonic() - begun, 1),
            violations=[*hazards.violations(rows), *ended_badly],
            **hazards.count(rows),
        )


@asynccontextmanager
async def open_hazards(folder: Path, *, seed: int) -> AsyncIterator[Hazards]:
    """Open the stand-ins, and the nursery; nothing of it is left running."""
    async with AsyncExitStack() as stack:
        sim = await stack.enter_async_context(simulator.serve(speed=100, seed=seed))
        discord, rest = await stack.enter_async_context(serve(time.time))
        gateway = await stack.enter_async_context(serve_gateway())
        environment = {
            "PYTHONPATH": str(ROOT),
            "STAND_IN_REST": rest,
            "STAND_IN_GATEWAY": gateway.address,
            "DISCORD_TOKEN": "simulated-discord-token",
            "KIRIN_API_KEY": sim.key,
            "KIRIN_BASE_URL": sim.base_url,
            "KIRIN_LOOKUP": "yes",
            "DATABASE_URL": _database_url(folder),
            "LOOKUP_GRACE_SECONDS": str(_GRACE),
            "CREATE_TIMEOUT_SECONDS": str(_CREATE_TIMEOUT),
            "EXPECTED_SECONDS": "0.2",
            "POLL_PRICE_SECONDS": "0.05",
            "REQUESTS_PER_SECOND": "1000",
        }
        nursery = await stack.enter_async_context(_nursery(folder, environment))
        yield Hazards(
            folder=folder,
            luck=random.Random(seed),
            discord=discord,
            gateway=gateway,
            sim=sim,
            nursery=nursery,
        )


@asynccontextmanager
async def _nursery(folder: Path, environment: dict[str, str]) -> AsyncIterator[Nursery]:
    with (folder / "log.txt").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.program.nursery"),
            cwd=ROOT,
            env={**os.environ, **environment},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=log,
        )
    nursery = Nursery(process=process)
    try:
        await nursery._line()
        yield nursery
    finally:
        if nursery.living is not None:
            with suppress(ProcessLookupError):
                os.kill(nursery.living, signal.SIGKILL)
        process.kill()
        await process.communicate()


def _database_url(folder: Path) -> str:
    return f"sqlite+aiosqlite:///{folder / _DATABASE}"


async def _rows(database: Database) -> list[Row]:
    async with database.read() as connection:
        return [dict(row) for row in (await connection.execute(select(generations))).mappings()]


def _caught(path: Path) -> Counter[str]:
    """Look at what a death has left."""
    found: Counter[str] = Counter()
    with closing(sqlite3.connect(path)) as connection, suppress(sqlite3.OperationalError):
        rows = connection.execute(
            "SELECT status, lease, message_lease FROM generations WHERE delivered_at IS NULL"
        )
        for status, lease, message_lease in rows:
            found[status] += 1
            found["leases"] += bool(lease) + bool(message_lease)
    return found
