"""One run: the processes, the world around them, and the evidence at the end."""

from __future__ import annotations

import asyncio
import logging
import shutil
import sqlite3
import tempfile
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from itertools import count
from pathlib import Path
from random import Random
from typing import Any, TypeVar

from sqlalchemy import create_engine
from sqlalchemy.exc import DBAPIError

from kirin.budgets import Charge
from kirin.errors import StoreError
from kirin.model import Generation
from kirin.settings import Settings
from kirin.store import Database, GenerationStore, Work
from kirin.store.upgrades import upgrade
from trials import books, invariants, process
from trials.board import Basket, Board, Pen, PlannedBug
from trials.evidence import Entry, Evidence
from trials.life import Life, current, follow_tasks
from trials.loop import run as run_in_virtual_time
from trials.people import People
from trials.plan import Crash, Plan
from trials.process import Ground, PlannedDiskTrouble, Process, StoreType
from trials.sqlite import WriteTurn, open_engine
from trials.story import Story
from trials.upstream import Line, Upstream

Listed = Mapping[int, set[str]]
T = TypeVar("T")

START = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
PATIENCE = 4 * 3600.0
"""Virtual seconds after the last fault within which everything must have ended."""

_GLANCE = 5.0
_MOST_LIVES = 100
_MEMORY = Path("/dev/shm")  # noqa: S108 - a file system in memory, where the machine has one
_AT_WORK = """
SELECT external_task_id || ' is ' || status || CASE WHEN message_due_at IS NULL THEN ''
  ELSE ', its message due ' || message_due_at END
FROM generations
WHERE status IN ('queued', 'submitting', 'running') OR message_due_at IS NOT NULL
  OR message_lease_until > :now OR lease_until > :now
"""
_ALL = "SELECT external_task_id FROM generations ORDER BY created_at, external_task_id"
_ENTRIES = "SELECT external_task_id, state, pictures, micros FROM ledger ORDER BY rowid"
_HELD = "SELECT external_task_id FROM generations WHERE lease_until > ? OR message_lease_until > ?"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cast:
    """Who plays the parts that a defect can be planted in."""

    upstream: type[Upstream] = Upstream
    line: type[Line] = Line
    pen: type[Pen] = Pen
    store: StoreType = GenerationStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What came of one run."""

    seed: int
    engines: int
    violations: list[str]
    story: Story
    wishes: int
    creates: int
    seconds: float


class World:
    """Runs one plan in a folder that holds a migrated database."""

    def __init__(self, plan: Plan, folder: Path, cast: Cast) -> None:
        self._plan = plan
        self._cast = cast
        self.story = Story(self._seconds)
        self._rng = Random(f"world {plan.seed} {plan.engines}")
        self._upstream = cast.upstream(plan, story=self.story, now=self._seconds)
        self._board = Board(plan, story=self.story, now=self._seconds)
        self._people = People(plan, board=self._board, story=self.story, now=self._now)
        self._crashes: list[Crash] = list(plan.crashes)
        self._processes: dict[str, Process] = {}
        self._is_over = False
        self.mishaps: list[str] = []
        ids = count(1)
        secrets = {"DISCORD_TOKEN": "discord-token", "KIRIN_API_KEY": "kirin-key"}
        self._ground = Ground(
            folder=folder,
            turn=WriteTurn(),
            settings=Settings.load(secrets, plan.settings),
            now=self._now,
            new_id=lambda: f"w{next(ids)}",
            jitter=Random(f"jitter {plan.seed} {plan.engines}"),
            trouble=self._trouble,
            store_type=cast.store,
        )

    async def run(self) -> Evidence:
        """Live through the plan, come to rest, and gather the evidence."""
        loop = asyncio.get_running_loop()
        follow_tasks(loop)
        loop.set_exception_handler(self._on_loop_trouble)
        await self._inspect(lambda database: books.set_limits(database, self._now()))
        names = [f"engine-{number}" for number in range(1, self._plan.engines + 1)]
        keepers = [asyncio.create_task(self._keep(name)) for name in names]
        acts = [asyncio.create_task(self._person()) for _ in range(self._plan.wishes)]
        acts += [asyncio.create_task(self._kill(moment)) for moment in self._plan.kills]
        acts += [asyncio.create_task(self._stop(moment)) for moment in self._plan.stops]
        await asyncio.sleep(self._plan.quiet_at)
        self._crashes.clear()
        self.story.note("world", "nothing goes wrong from here on")
        await asyncio.gather(*acts)
        unrest = await self._rest()
        if not unrest:
            await self._ask_for_what_is_parked()
            unrest = await self._rest()
        self._is_over = True
        for each in self._processes.values():
            each.engine.stop()
        await asyncio.gather(*keepers)
        return await self._evidence(unrest)

    # processes

    async def _keep(self, name: str) -> None:
        """Start a process again and again, until the run is over."""
        for _ in range(_MOST_LIVES):
            if self._is_over:
                return
            life = Life(name, is_fatal=self._is_fatal, on_death=self._on_death)
            started = self._processes[name] = self._start(life)
            self.story.note(name, "starts")
            running = life.start(process.run(started), name=name)
            await _first_of(running, life.ended.wait())
            del self._processes[name]
            self._look_at_the_end(life, running)
            if not self._is_over:
                await asyncio.sleep(self._rng.choice((2.0, 10.0, 45.0)))
        raise RuntimeError(f"{name} does not stay alive: {self.mishaps[:1]}")

    def _start(self, life: Life) -> Process:
        return process.start(
            life,
            self._ground,
            provider=self._cast.line(self._upstream, life),
            messenger=self._cast.pen(self._board, life, self._now),
            downloader=Basket(self._board, life),
            on_work=lambda work: self._tell_others(life.name, work),
        )

    def _look_at_the_end(self, life: Life, running: asyncio.Task[None]) -> None:
        """See how a process has ended; one that cannot even start is started again later."""
        if life.is_dead or not running.done():
            return
        error = running.exception()
        if error is not None and (isinstance(error, BaseExceptionGroup) or not _is_planned(error)):
            self.mishaps.append(f"{life.name} ended by {error!r}")
        self.story.note(life.name, "ends: %s", error)
        life.end()

    def _tell_others(self, name: str, work: Work) -> None:
        """Ring the bells of the other processes, as a notification of the database would."""
        if not self._plan.tells_others:
            return
        for other, each in self._processes.items():
            if other != name:
                asyncio.get_running_loop().call_later(0.01, each.wakeups.ring, work)

    def _is_fatal(self, life: Life, where: str) -> bool:
        for crash in self._crashes:
            if crash.where == where and crash.count <= life.passed[where]:
                self._crashes.remove(crash)
                return True
        return False

    def _on_death(self, life: Life, where: str) -> None:
        self.story.crash(life.name, where)

    async def _kill(self, moment: float) -> None:
        """Kill a process at some moment, whatever it does."""
        await asyncio.sleep(moment)
        for each in list(self._processes.values())[:1]:
            each.life.die("some moment")

    async def _stop(self, moment: float) -> None:
        """Ask a process to end in good order."""
        await asyncio.sleep(moment)
        for each in list(self._processes.values())[-1:]:
            self.story.counts["stops"] += 1
            self.story.note(each.life.name, "is asked to stop")
            each.engine.stop()

    def _trouble(self) -> sqlite3.OperationalError | None:
        if self._upstream.is_calm() or self._rng.random() >= self._plan.trouble_rate:
            return None
        life = current()
        self.story.fault(life.name if life else "world", "a commit fails")
        return PlannedDiskTrouble("disk I/O error")

    # people

    async def _person(self) -> None:
        """Wish, and perhaps lose patience; everything at random moments."""
        rng, plan = self._people.rng, self._plan
        await asyncio.sleep(rng.uniform(0, min(plan.quiet_at / 2, 90)))
        wish = await self._serve(self._people.wish)
        if wish is None:
            return
        if rng.random() < 0.15:
            await asyncio.sleep(rng.uniform(0, plan.quiet_at / 2))
            await self._serve(lambda desk: self._people.cancel(desk, wish))
        if rng.random() < 0.1:
            await asyncio.sleep(rng.uniform(0, plan.quiet_at / 3))
            await self._serve(lambda desk: self._people.wish_again(desk, wish))
        if rng.random() < 0.15:
            await asyncio.sleep(rng.uniform(0, plan.quiet_at))
            await self._serve(lambda desk: self._people.show_here(desk, wish))
        if rng.random() < 0.05:
            self._people.delete_message(rng.randint(1, plan.wishes))

    async def _serve(self, act: process.Act) -> str | None:
        """Have some process do what a person asks for; it may die over it."""
        while not self._processes:
            await asyncio.sleep(1)
        each = self._rng.choice(list(self._processes.values()))
        task = each.life.start(act(each.desk), name="a person's act")
        await asyncio.wait({task})
        if task.cancelled():
            return None
        error = task.exception()
        if error is not None and not _is_planned(error) and not each.life.is_dead:
            self.mishaps.append(f"a person's act: {error!r}")
        return None if error else task.result()

    async def _ask_for_what_is_parked(self) -> None:
        """Everyone who has not got an outcome asks for it, in a new message."""
        with self._raw() as connection:
            parked = connection.execute(
                "SELECT external_task_id FROM generations WHERE delivered_at IS NULL"
            ).fetchall()
        for (name,) in parked:
            await self._serve(partial(self._people.show_elsewhere, external_task_id=name))

    # the end

    async def _rest(self) -> list[str]:
        """Wait until nothing is left to do; return what is, when patience ends."""
        while left := self._left():
            if self._seconds() > self._plan.quiet_at + PATIENCE:
                return left
            await asyncio.sleep(_GLANCE)
        return []

    def _left(self) -> list[str]:
        with self._raw() as connection:
            rows = connection.execute(_AT_WORK, {"now": _as_text(self._now())}).fetchall()
        return [row[0] for row in rows]

    async def _evidence(self, unrest: list[str]) -> Evidence:
        now = self._now()
        with self._raw() as connection:
            names = [row[0] for row in connection.execute(_ALL)]
            leased = [row[0] for row in connection.execute(_HELD, (_as_text(now),) * 2)]
            entries = [_entry(row) for row in connection.execute(_ENTRIES)]
        wishes, listed = await self._inspect(partial(self._look, names))
        caps, people = self._ground.settings.caps, sorted(listed)
        sums = await self._inspect(lambda base: books.sums(base, caps, people, now))
        counts = self.story.counts
        return Evidence(
            plan=self._plan,
            wishes=wishes,
            upstream=self._upstream,
            board=self._board,
            diary=self._people.diary,
            crashes=counts["crashes"],
            disruptions=counts["crashes"] + counts["stops"] + counts["faults"],
            leased=leased,
            listed=listed,
            entries=entries,
            sums=sums,
            mishaps=self.mishaps,
            unrest=unrest,
            now=now,
        )

    async def _inspect(self, look: Callable[[Database], Awaitable[T]]) -> T:
        """See to something in the database, as nobody's process."""
        life = Life("inspector", is_fatal=lambda *_: False, on_death=lambda *_: None)
        ground = self._ground

        async def act() -> T:
            connections = open_engine(
                ground.database, life=life, turn=ground.turn, trouble=lambda: None
            )
            found = await look(Database(connections))
            await connections.dispose()
            return found

        found: T = await life.start(act(), name="inspector")
        return found

    async def _look(
        self, names: Sequence[str], database: Database
    ) -> tuple[list[Generation], Listed]:
        """Read all wishes with the store's own eyes."""
        store = GenerationStore(database)
        found = [await store.get(name) for name in names]
        wishes = [wish for wish in found if wish is not None]
        users = sorted({wish.placement.user_id for wish in wishes})
        lists = {user: await store.ended_of(user, len(wishes)) for user in users}
        return wishes, {
            user: {wish.external_task_id for wish in wishes} for user, wishes in lists.items()
        }

    @contextmanager
    def _raw(self) -> Iterator[sqlite3.Connection]:
        connection = sqlite3.connect(self._ground.database)
        try:
            yield connection
        finally:
            connection.close()

    def _seconds(self) -> float:
        return asyncio.get_running_loop().time()

    def _now(self) -> datetime:
        return START + timedelta(seconds=self._seconds())

    def _on_loop_trouble(
        self, _loop: asyncio.AbstractEventLoop, context: dict[str, object]
    ) -> None:
        error = context.get("exception")
        if not isinstance(error, BaseException) or not _is_planned(error):
            self.mishaps.append(f"{context.get('message')}: {error!r}")


class _Listener(logging.Handler):
    """Hears of exceptions that the engine has survived."""

    def __init__(self, world: World) -> None:
        super().__init__(logging.ERROR)
        self._world = world

    def emit(self, record: logging.LogRecord) -> None:
        """Note an exception that nobody planned, unless it is a dead process that speaks."""
        life = current()
        error = record.exc_info[1] if record.exc_info else None
        if error is None or (life and life.is_dead) or _is_planned(error):
            return
        self._world.mishaps.append(f"{record.getMessage()}: {error!r}")


def live(seed: int, *, engines: int, template: Path, cast: Cast | None = None) -> Verdict:
    """Run one seed; the story in the verdict tells what happened."""
    plan = Plan.drawn(seed, engines=engines)
    with tempfile.TemporaryDirectory(dir=template.parent) as name, _quiet_logs() as logger:
        shutil.copy(template, Path(name) / "kirin.sqlite3")
        world = World(plan, Path(name), cast or Cast())
        listener = _Listener(world)
        logger.addHandler(listener)
        try:
            evidence = run_in_virtual_time(world.run())
        finally:
            logger.removeHandler(listener)
    return Verdict(
        seed=seed,
        engines=engines,
        violations=invariants.check(evidence),
        story=world.story,
        wishes=len(evidence.wishes),
        creates=sum(record.arrivals for record in evidence.upstream.records.values()),
        seconds=(evidence.now - START).total_seconds(),
    )


@contextmanager
def template_database() -> Iterator[Path]:
    """Make a migrated database to copy for every run, in memory where the machine allows it."""
    with tempfile.TemporaryDirectory(dir=_MEMORY if _MEMORY.is_dir() else None) as name:
        path = Path(name) / "template.sqlite3"
        engine = create_engine(f"sqlite:///{path}")
        with engine.begin() as connection:
            upgrade(connection)
        engine.dispose()
        with sqlite3.connect(path) as raw:
            raw.execute("PRAGMA journal_mode=WAL")
        raw.close()
        yield path


@contextmanager
def _quiet_logs() -> Iterator[logging.Logger]:
    logger = logging.getLogger("kirin")
    level, propagates = logger.level, logger.propagate
    logger.setLevel(logging.ERROR)
    logger.propagate = False
    try:
        yield logger
    finally:
        logger.setLevel(level)
        logger.propagate = propagates


def _is_planned(error: BaseException) -> bool:
    if isinstance(error, BaseExceptionGroup):
        return all(_is_planned(each) for each in error.exceptions)
    if isinstance(error, DBAPIError):
        return isinstance(error.orig, PlannedDiskTrouble)
    if isinstance(error, StoreError):
        return error.__cause__ is not None and _is_planned(error.__cause__)
    return isinstance(error, PlannedBug | PlannedDiskTrouble)


async def _first_of(task: asyncio.Task[None], other: Coroutine[Any, Any, object]) -> None:
    """Wait until a task has ended or something else has happened."""
    event = asyncio.create_task(other)
    await asyncio.wait({task, event}, return_when=asyncio.FIRST_COMPLETED)
    event.cancel()


def _entry(row: tuple[str, str, int, int]) -> Entry:
    name, state, pictures, micros = row
    charge = Charge(pictures=pictures, usd=Decimal(micros) / 1_000_000)
    return Entry(external_task_id=name, state=state, charge=charge)


def _as_text(moment: datetime) -> str:
    """Write a moment as SQLite keeps it."""
    return moment.strftime("%Y-%m-%d %H:%M:%S.%f")
