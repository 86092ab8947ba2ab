"""The list of the living: who is on it, and what each makes of it."""

import asyncio
import logging
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from kirin.settings import Role
from kirin.stages import Presence
from kirin.store import Database, Worker, WorkerStore
from tests.kirin.kirin_factories import MINUTE, NOW, SECOND

HOUR = timedelta(hours=1)


class Days:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.time = NOW

    def __call__(self) -> datetime:
        return self.time


@pytest.fixture
def workers(database: Database) -> WorkerStore:
    return WorkerStore(database)


@pytest.fixture
def clock() -> Days:
    return Days()


def a_worker(name: str = "one", role: Role = Role.WORKER) -> Worker:
    return Worker(name=name, role=role, started_at=NOW)


def presence(workers: WorkerStore, clock: Days, name: str, role: Role = Role.WORKER) -> Presence:
    return Presence(workers=workers, name=name, role=role, now=clock)


async def test_a_process_is_alive_for_45_seconds_after_it_was_heard_of(
    workers: WorkerStore,
) -> None:
    await workers.beat(a_worker(), NOW)
    assert await workers.alive(NOW + 44 * SECOND) == [a_worker()]
    assert await workers.alive(NOW + 45 * SECOND) == []


async def test_a_beat_keeps_a_process_alive_and_lists_it_once(workers: WorkerStore) -> None:
    await workers.beat(a_worker(), NOW)
    await workers.beat(a_worker(), NOW + 40 * SECOND)
    assert await workers.alive(NOW + MINUTE) == [a_worker()]


async def test_a_process_that_is_gone_is_on_the_list_no_more(workers: WorkerStore) -> None:
    await workers.beat(a_worker("one"), NOW)
    await workers.beat(a_worker("two"), NOW)
    await workers.gone("one")
    assert await workers.alive(NOW) == [a_worker("two")]


async def test_a_process_that_died_long_ago_is_forgotten(workers: WorkerStore) -> None:
    await workers.beat(a_worker("dead"), NOW)
    await workers.beat(a_worker("quiet"), NOW + 2 * MINUTE)
    await workers.beat(a_worker("living"), NOW + HOUR + MINUTE)
    assert [worker.name for worker in await workers.alive(NOW)] == ["living", "quiet"]


async def test_a_process_alone_has_all_and_nobody_goes_on_in_its_place(
    workers: WorkerStore, clock: Days
) -> None:
    alone = presence(workers, clock, "alone", Role.ALL)
    assert alone.share() == 1
    await alone.beat()
    assert alone.share() == 1
    assert not alone.others_alive()


async def test_workers_share_equally_and_a_gateway_takes_no_part(
    workers: WorkerStore, clock: Days
) -> None:
    one, two = presence(workers, clock, "one"), presence(workers, clock, "two")
    gateway = presence(workers, clock, "gateway", Role.GATEWAY)
    for each in (gateway, one, two, one):
        await each.beat()
    assert one.share() == two.share() == 1 / 2
    assert one.others_alive()
    clock.time += MINUTE
    await one.beat()
    assert one.share() == 1
    assert not one.others_alive()


async def test_of_those_that_end_together_the_last_knows_that_nobody_goes_on(
    workers: WorkerStore, clock: Days
) -> None:
    one, two = presence(workers, clock, "one"), presence(workers, clock, "two")
    for each in (one, two, one):
        await each.beat()
    await one.leave()
    assert one.others_alive()
    await two.leave()
    assert not two.others_alive()


async def test_a_presence_beats_until_it_is_told_to_stop_and_leaves_then(
    workers: WorkerStore, clock: Days
) -> None:
    stopping = asyncio.Event()
    me = presence(workers, clock, "me")
    task = asyncio.create_task(me.run(stopping))
    async with asyncio.timeout(10):
        while not await workers.alive(NOW):
            await asyncio.sleep(0)
    stopping.set()
    await task
    assert await workers.alive(NOW) == []


async def test_a_presence_survives_a_database_that_is_out_of_reach(
    tmp_path: Path, clock: Days, caplog: pytest.LogCaptureFixture
) -> None:
    stopping = asyncio.Event()
    stopping.set()
    async with Database.open(f"sqlite+aiosqlite:///{tmp_path}/kirin.sqlite3") as database:
        async with database.write() as connection:
            await connection.exec_driver_sql("DROP TABLE workers")
        with caplog.at_level(logging.CRITICAL, "kirin"):
            await presence(WorkerStore(database), clock, "me").run(stopping)
        assert presence(WorkerStore(database), clock, "me").share() == 1
