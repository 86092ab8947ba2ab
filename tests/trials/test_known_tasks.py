"""What the provider has told once is not thrown away, whatever else goes wrong meanwhile."""

import asyncio
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError

from kirin.errors import (
    DuplicateTask,
    NoAnswer,
    ProviderError,
    ProviderTrouble,
    RequestRefused,
    TaskNotFound,
)
from kirin.model import FailureReason, Generation, Status, TaskSnapshot
from kirin.stages.outcome import taken
from kirin.stages.pollplan import PollPlanner
from kirin.store import AccountStore, Claim, Database, GenerationStore, Work
from tests.trials.scene import (
    Provider,
    a_scene,
    a_wish,
    finished,
    now,
    run_for,
    running,
    seconds,
    wish_of,
)
from trials.loop import run
from trials.process import Process

MINUTE = 60.0
LEASE = timedelta(seconds=65)


class Strangers(Provider):
    """Does not find tasks by our own id."""

    async def on_look_up(self, name: str) -> TaskSnapshot:
        raise TaskNotFound("no such route", http_status=404)


class SavesFail(GenerationStore):
    """Cannot record a task's id for half a minute."""

    async def save(self, claim: Claim, new: Generation, **options: Any) -> Claim | None:
        if new.task_id and seconds() < 30:
            raise OperationalError("UPDATE", {}, Exception("database is locked"))
        return await super().save(claim, new, **options)


async def one_wish(bot: Process) -> None:
    await bot.desk.store.add(a_wish())


@pytest.mark.parametrize("lookup", ["auto", "no"])
def test_task_is_kept_through_half_a_minute_in_which_nothing_can_be_saved(
    lookup: str, template: Path, tmp_path: Path
) -> None:
    scene = a_scene(template, tmp_path, Strangers())

    async def act(bot: Process) -> None:
        await one_wish(bot)
        await run_for(bot, 2 * MINUTE)
        wish = await wish_of(bot)
        assert (wish.status, wish.task_id) == (Status.RUNNING, "t-wish-1")

    scene.play(act, store=SavesFail, KIRIN_LOOKUP=lookup)
    assert len(scene.provider.moments("create")) == 1


def test_refusal_is_kept_through_trouble_of_the_database_too(
    template: Path, tmp_path: Path
) -> None:
    class Refusing(Strangers):
        async def on_create(self, name: str) -> TaskSnapshot:
            raise RequestRefused("bad reference", http_status=400)

    class FailsOnce(GenerationStore):
        has_failed = False

        async def save(self, claim: Claim, new: Generation, **options: Any) -> Claim | None:
            if new.status is Status.FAILED and not self.has_failed:
                self.has_failed = True
                raise OperationalError("UPDATE", {}, Exception("disk I/O error"))
            return await super().save(claim, new, **options)

    async def act(bot: Process) -> None:
        await one_wish(bot)
        await run_for(bot, MINUTE)
        assert (await wish_of(bot)).failure not in {None, FailureReason.UNKNOWN_OUTCOME}

    a_scene(template, tmp_path, Refusing()).play(act, store=FailsOnce)


def test_answer_that_comes_after_the_lease_was_lost_is_still_recorded(
    template: Path, tmp_path: Path
) -> None:
    class Slow(Strangers):
        async def on_create(self, name: str) -> TaskSnapshot:
            await asyncio.sleep(66)
            return await super().on_create(name)

    async def act(bot: Process) -> None:
        store = bot.desk.store
        await one_wish(bot)
        sending = asyncio.create_task(bot.engine.stage(Work.SUBMIT).run_once())
        await asyncio.sleep(65.5)
        (other,) = await store.claim(Work.RESOLVE, now=now(), limit=1, lease_for=LEASE)
        await sending
        wish = await wish_of(bot)
        assert (wish.status, wish.task_id) == (Status.RUNNING, "t-wish-1")
        unknown = other.generation.failed(FailureReason.UNKNOWN_OUTCOME, now=now())
        assert await store.save(other, unknown) is None

    a_scene(template, tmp_path, Slow()).play(act)


def test_task_is_kept_where_the_account_cannot_be_told_of_it(
    template: Path, tmp_path: Path
) -> None:
    async def act(bot: Process) -> None:
        database = Database(bot.connections)
        await AccountStore(database).refused(a_wish(), now=now(), wait=lambda _: 0.0)
        await one_wish(bot)
        submitter = bot.engine.stage(Work.SUBMIT)
        claims = await submitter.claim(1)
        async with database.write() as connection:
            await connection.exec_driver_sql("DROP TABLE facts")
        await submitter.handle(claims[0])
        assert (await wish_of(bot)).task_id == "t-wish-1"

    a_scene(template, tmp_path, Strangers()).play(act)


def test_task_whose_first_poll_cannot_be_planned_is_polled_after_a_moment() -> None:
    class NoPlans(PollPlanner):
        def __init__(self) -> None:
            pass

        async def next_poll(
            self, generation: Generation, *, progress: float | None = None
        ) -> datetime:
            raise ZeroDivisionError

    async def act() -> None:
        wish = await taken(a_wish(), running("t-1"), planner=NoPlans(), now=now)
        assert (wish.status, wish.task_id) == (Status.RUNNING, "t-1")
        assert wish.due_at == now() + timedelta(seconds=5)

    run(act())


def test_duplicate_is_looked_up_where_that_is_known_to_work(template: Path, tmp_path: Path) -> None:
    class Duplicate(Provider):
        async def on_create(self, name: str) -> TaskSnapshot:
            raise DuplicateTask("external_task_id exists", http_status=409)

        async def on_read(self, task_id: str) -> TaskSnapshot:
            if not task_id.startswith("t-"):
                raise TaskNotFound("not by that id here", http_status=404)
            return finished(task_id)

    async def act(bot: Process) -> None:
        await one_wish(bot)
        await run_for(bot, 5 * MINUTE)
        wish = await wish_of(bot)
        assert (wish.status, wish.task_id) == (Status.SUCCEEDED, "t-wish-1")

    scene = a_scene(template, tmp_path, Duplicate())
    scene.play(act, KIRIN_LOOKUP="yes")
    assert len(scene.provider.moments("create")) == 1


@pytest.mark.parametrize("lookup", ["auto", "no", "yes"])
def test_duplicate_that_cannot_be_looked_up_is_read_by_our_id_and_never_sent_again(
    lookup: str, template: Path, tmp_path: Path
) -> None:
    class Duplicate(Strangers):
        async def on_create(self, name: str) -> TaskSnapshot:
            raise DuplicateTask("external_task_id exists", http_status=409)

        async def on_read(self, task_id: str) -> TaskSnapshot:
            return finished(task_id)

    async def act(bot: Process) -> None:
        await one_wish(bot)
        await run_for(bot, 5 * MINUTE)
        assert (await wish_of(bot)).status is Status.SUCCEEDED

    scene = a_scene(template, tmp_path, Duplicate())
    scene.play(act, KIRIN_LOOKUP=lookup)
    assert len(scene.provider.moments("create")) == 1


def test_outage_past_the_deadline_loses_no_finished_picture(template: Path, tmp_path: Path) -> None:
    class Away(Provider):
        async def on_read(self, task_id: str) -> TaskSnapshot:
            if 10 < seconds() < 188 * MINUTE:
                raise NoAnswer("TimeoutError")
            return await super().on_read(task_id) if seconds() <= 15 else finished(task_id)

    async def act(bot: Process) -> None:
        names = [f"wish-{number}" for number in range(10)]
        for user, name in enumerate(names):
            await bot.desk.store.add(a_wish(name, user=user))
        await run_for(bot, 195 * MINUTE)
        assert {(await wish_of(bot, name)).status for name in names} == {Status.SUCCEEDED}

    a_scene(template, tmp_path, Away()).play(act, KIRIN_LOOKUP="yes")


@pytest.mark.parametrize(("hours", "status"), [(26, Status.RUNNING), (28, Status.EXPIRED)])
def test_task_that_can_never_be_read_is_given_up_a_day_after_its_deadline(
    hours: int, status: Status, template: Path, tmp_path: Path
) -> None:
    class Away(Provider):
        async def on_read(self, task_id: str) -> TaskSnapshot:
            raise NoAnswer("TimeoutError")

    async def act(bot: Process) -> None:
        sent_at = now() - timedelta(hours=hours)
        wish = a_wish(created_at=sent_at, attempts=1).sending(sent_at)
        await bot.desk.store.add(wish.taken("t-wish-1", now=sent_at, poll_at=now()))
        await bot.engine.stage(Work.POLL).run_once()
        assert (await wish_of(bot)).status is status

    a_scene(template, tmp_path, Away()).play(act)


@pytest.mark.parametrize(
    "error", [RequestRefused("bad id", http_status=400), ProviderTrouble("x", http_status=500)]
)
def test_lookup_that_cannot_be_tried_is_tried_ever_more_seldom(
    error: ProviderError, template: Path, tmp_path: Path
) -> None:
    class Odd(Provider):
        async def on_look_up(self, name: str) -> TaskSnapshot:
            raise error

    async def act(bot: Process) -> None:
        for number in range(3):
            await bot.desk.store.add(a_wish(f"wish-{number}"))
        await run_for(bot, 32 * MINUTE)

    scene = a_scene(template, tmp_path, Odd())
    scene.play(act)
    tries = scene.provider.moments("look_up")
    assert 3 <= len(tries) <= 6
    assert all(later - sooner >= MINUTE for sooner, later in pairwise(tries))


def test_finished_task_is_recorded_before_a_slow_lookup_is_tried(
    template: Path, tmp_path: Path
) -> None:
    class SlowToLookUp(Provider):
        async def on_read(self, task_id: str) -> TaskSnapshot:
            return finished(task_id)

        async def on_look_up(self, name: str) -> TaskSnapshot:
            await asyncio.sleep(20)
            raise NoAnswer("TimeoutError")

    async def act(bot: Process) -> None:
        wish = a_wish().sending(now()).taken("t-wish-1", now=now(), poll_at=now())
        await bot.desk.store.add(wish)
        polling = asyncio.create_task(bot.engine.stage(Work.POLL).run_once())
        await asyncio.sleep(1)
        assert (await wish_of(bot)).status is Status.SUCCEEDED
        await polling

    a_scene(template, tmp_path, SlowToLookUp()).play(act)


@pytest.mark.parametrize("first", [None, ProviderTrouble("x", http_status=503)])
def test_create_of_a_dead_process_has_its_grace_whatever_comes_of_the_first_lookup(
    first: ProviderError | None, template: Path, tmp_path: Path
) -> None:
    class NotThere(Strangers):
        async def on_look_up(self, name: str) -> TaskSnapshot:
            if first and len(self.moments("look_up")) == 1:
                raise first
            return await super().on_look_up(name)

    async def act(bot: Process) -> None:
        left = a_wish().sending(now() - timedelta(minutes=5))
        await bot.desk.store.add(left)
        await run_for(bot, MINUTE)

    scene = a_scene(template, tmp_path, NotThere())
    scene.play(act, KIRIN_LOOKUP="yes")
    (sent_again,) = scene.provider.moments("create")
    assert 30 <= sent_again <= 40
