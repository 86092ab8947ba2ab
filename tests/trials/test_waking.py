"""No stage oversleeps what it waits for, and none spins; the end of the program is not too soon."""

import asyncio
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from kirin.errors import NoAnswer, RateLimited, StoreError, TaskNotFound
from kirin.model import Status, TaskSnapshot
from kirin.store import Database, GenerationStore, Work
from tests.trials.scene import Provider, a_scene, a_wish, now, run_for, running, seconds, wish_of
from trials.process import Process

OLD = timedelta(minutes=16)
"""The age of wishes whose token has expired: no card, and so no bell but those of the queue."""


class Refusing(Provider):
    """Asks for haste to stop in the first second."""

    async def on_create(self, name: str) -> TaskSnapshot:
        await asyncio.sleep(0.2)
        if seconds() < 1:
            raise RateLimited("too many requests", code="1302", http_status=429)
        return running(f"t-{name}")


class RefusingAndDeaf(Refusing):
    """Does not answer the first create that it would take, and knows nothing of it."""

    def __init__(self) -> None:
        super().__init__()
        self.has_failed = False

    async def on_create(self, name: str) -> TaskSnapshot:
        answer = await super().on_create(name)
        if not self.has_failed:
            self.has_failed = True
            raise NoAnswer("TimeoutError")
        return answer

    async def on_look_up(self, name: str) -> TaskSnapshot:
        raise TaskNotFound("unknown", http_status=404)


@pytest.mark.parametrize("provider", [Refusing, RefusingAndDeaf])
def test_all_go_out_within_seconds_once_a_refusal_is_over(
    provider: type[Provider], template: Path, tmp_path: Path
) -> None:
    async def act(bot: Process) -> None:
        for number in range(4):
            await bot.desk.store.add(a_wish(f"wish-{number}", created_at=now() - OLD))
        await run_for(bot, 30)

    scene = a_scene(template, tmp_path, provider())
    scene.play(act, LOOKUP_GRACE_SECONDS="600")
    gone = {name for call, name, moment in scene.provider.calls if call == "create" and moment > 1}
    assert len(gone) == 4


def test_slots_of_a_cancelled_task_are_used_when_its_minute_is_over(
    template: Path, tmp_path: Path
) -> None:
    async def act(bot: Process) -> None:
        store = bot.desk.store
        await store.add(a_wish("first"))
        engine = asyncio.create_task(run_for(bot, 100))
        await asyncio.sleep(1)
        await store.add(a_wish("second"))
        await asyncio.sleep(29)
        first = await wish_of(bot, "first")
        assert await store.change(first, first.cancelled(now()))
        await engine

    scene = a_scene(template, tmp_path, Provider())
    scene.play(act, ACCOUNT_SLOTS="1")
    sent_at, next_at = scene.provider.moments("create")
    assert 60 <= next_at - sent_at <= 61


def test_stage_looks_again_two_seconds_after_trouble_with_the_database(
    template: Path, tmp_path: Path
) -> None:
    looks: list[float] = []

    class Away(GenerationStore):
        async def next_due(self, work: Work) -> datetime | None:
            if work is Work.POLL:
                looks.append(seconds())
                if seconds() < 4:
                    raise StoreError("the database does not answer")
            return await super().next_due(work)

    async def act(bot: Process) -> None:
        await run_for(bot, 10)

    a_scene(template, tmp_path, Provider()).play(act, store=Away)
    assert looks[:3] == [0.0, 2.0, 4.0]


def test_stage_that_cannot_see_what_comes_next_looks_again_after_two_seconds(
    template: Path, tmp_path: Path
) -> None:
    looks: list[float] = []

    class Slow(Provider):
        async def on_read(self, task_id: str) -> TaskSnapshot:
            await asyncio.sleep(15)
            return running(task_id)

    class AwayOnce(GenerationStore):
        async def next_due(self, work: Work) -> datetime | None:
            if work is Work.POLL:
                looks.append(seconds())
                if len(looks) == 2:
                    raise StoreError("the database does not answer")
            return await super().next_due(work)

    async def act(bot: Process) -> None:
        wish = a_wish().sending(now()).taken("t-1", now=now(), poll_at=now())
        await bot.desk.store.add(wish)
        await run_for(bot, 10)

    a_scene(template, tmp_path, Slow()).play(act, store=AwayOnce)
    assert looks[:3] == [0.0, 0.0, 2.0]


def test_farewell_whose_process_was_killed_lets_the_others_sleep(
    template: Path, tmp_path: Path
) -> None:
    looks: list[float] = []

    class Counted(GenerationStore):
        async def next_due(self, work: Work) -> datetime | None:
            if work is Work.REPORT:
                looks.append(seconds())
            return await super().next_due(work)

    async def act(bot: Process) -> None:
        soon = now() + timedelta(seconds=30)
        wish = a_wish().sending(now()).taken("t-1", now=now(), poll_at=now() + timedelta(hours=1))
        await bot.desk.store.add(wish)
        shown = (await wish_of(bot)).showing("running", next_at=soon)
        dead = GenerationStore(Database(bot.connections), owner="dead")
        (claim,) = await dead.claim_untold((), now=now(), limit=1, lease_for=timedelta(seconds=2))
        await dead.save(claim, shown, keep=True)
        assert await bot.desk.store.next_due(Work.REPORT) == soon
        await run_for(bot, 20)

    a_scene(template, tmp_path, Provider()).play(act, store=Counted)
    assert len(looks) < 10


@pytest.mark.parametrize(
    ("seconds_it_takes", "status"), [(50.0, Status.RUNNING), (500.0, Status.SUBMITTING)]
)
def test_create_under_way_at_the_end_is_waited_for_as_long_as_one_may_take(
    seconds_it_takes: float, status: Status, template: Path, tmp_path: Path
) -> None:
    class Slow(Provider):
        async def on_create(self, name: str) -> TaskSnapshot:
            await asyncio.sleep(seconds_it_takes)
            return running(f"t-{name}")

    async def act(bot: Process) -> None:
        await bot.desk.store.add(a_wish())
        await run_for(bot, 1)
        assert seconds() < 1 + min(seconds_it_takes, 65) + 1
        assert (await wish_of(bot)).status is status

    a_scene(template, tmp_path, Slow()).play(act, DRAIN_SECONDS="1", CREATE_TIMEOUT_SECONDS="60")
