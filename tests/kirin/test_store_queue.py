"""Who goes out of the stored queue: never more than the slots, and nobody twice."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import update

from kirin.model import Generation, Status
from kirin.slots import (
    LEARNED_FOR,
    Hold,
    assumed_slots,
    held_back,
    slots_after_refusal,
)
from kirin.store import AccountStore, Claim, Database, GenerationStore, QueueStore, Work
from kirin.store.tables import facts
from tests.databases import on_postgres, run_sql
from tests.kirin.kirin_factories import (
    MINUTE,
    NOW,
    SECOND,
    a_generation,
    a_placement,
    a_request,
)


def queued(name: str, *, user: int = 1, n: int = 1, **changes: Any) -> Generation:
    return a_generation(
        name, request=a_request(n=n), placement=a_placement(user_id=user), **changes
    )


def running(name: str, *, n: int = 1, **changes: Any) -> Generation:
    values: dict[str, Any] = {
        "user": 99,
        "status": Status.RUNNING,
        "submitted_at": NOW - MINUTE,
        "task_id": name,
    }
    return queued(name, n=n, **values | changes)


async def take(
    store: GenerationStore, queue: QueueStore, *, limit: int = 16, after: timedelta = 0 * SECOND
) -> list[Claim]:
    now = NOW + after
    line = await queue.look(now, limit)
    if line is None:
        return []
    choose = partial(queue.choose, line=line, now=now, limit=limit)
    return await store.claim_chosen(Work.SUBMIT, choose, now=now, lease_for=10 * MINUTE)


def names(claims: Sequence[Claim]) -> list[str]:
    return [claim.generation.external_task_id for claim in claims]


def a_queue(database: Database, slots: int = 0) -> QueueStore:
    return QueueStore(database, account=AccountStore(database, slots=slots))


async def test_slots_in_use_are_those_of_tasks_and_of_what_is_about_to_be_sent(
    database: Database, store: GenerationStore
) -> None:
    await store.add(running("running", n=3))
    await store.add(queued("first", n=2))
    await store.add(queued("second", user=2))
    await store.add(queued("third", user=3))
    queue = a_queue(database, slots=7)
    assert names(await take(store, queue, limit=1)) == ["first"]
    async with database.read() as connection:
        account = await queue.account.read(connection, NOW)
    assert (account.used, account.sending, account.free) == (5, 1, 2)


async def test_cancelled_task_holds_its_slots_for_a_while_longer(
    database: Database, store: GenerationStore
) -> None:
    gone: dict[str, Any] = {"status": Status.CANCELLED, "finished_at": NOW, "due_at": None}
    await store.add(running("gone", n=2, submitted_at=NOW - 5 * SECOND, **gone))
    await store.add(queued("waits"))
    queue = a_queue(database, slots=2)
    assert await take(store, queue) == []
    assert names(await take(store, queue, after=2 * MINUTE)) == ["waits"]


async def test_workers_at_once_never_take_more_than_the_slots(
    database: Database, store: GenerationStore
) -> None:
    for number in range(30):
        await store.add(queued(f"wish-{number:02}", user=number))
    queues = [a_queue(database, slots=7) for _ in range(5)]
    taken = await asyncio.gather(*(take(store, queue, limit=4) for queue in queues))
    everything = [name for claims in taken for name in names(claims)]
    assert len(everything) == len(set(everything)) <= 7
    later = [names(await take(store, queue)) for queue in queues]
    assert sum(map(len, later)) + len(everything) == 7


async def test_people_take_turns_and_their_past_is_in_the_rows(
    database: Database, store: GenerationStore
) -> None:
    ended: dict[str, Any] = {"status": Status.SUCCEEDED, "finished_at": NOW, "due_at": None}
    await store.add(running("past", user=1, submitted_at=NOW - 5 * SECOND, **ended))
    for number in range(3):
        await store.add(queued(f"many-{number}", created_at=NOW - (9 - number) * SECOND))
    await store.add(queued("one", user=2))
    queue = a_queue(database, slots=1)
    assert names(await take(store, queue)) == ["one"]


async def test_passed_batch_is_remembered_and_gets_its_slots(
    database: Database, store: GenerationStore
) -> None:
    await store.add(running("running", n=4))
    await store.add(queued("batch", n=9, created_at=NOW - MINUTE))
    await store.add(queued("single", user=2))
    queue = a_queue(database, slots=10)
    assert names(await take(store, queue)) == ["single"]
    await store.add(queued("late-1", user=3))
    await store.add(queued("late-2", user=4))
    assert names(await take(store, queue, after=61 * SECOND)) == ["late-1"]


async def test_wish_that_waited_for_too_long_is_given_out_without_slots(
    database: Database, store: GenerationStore
) -> None:
    await store.add(running("running"))
    await store.add(queued("old", created_at=NOW - timedelta(hours=2)))
    await store.add(queued("new"))
    assert names(await take(store, a_queue(database, slots=1))) == ["old"]


async def test_full_account_has_no_chance_but_the_end_of_the_oldest(
    database: Database, store: GenerationStore
) -> None:
    await store.add(running("running"))
    await store.add(queued("waits"))
    chance = await a_queue(database, slots=1).next_chance(NOW)
    assert chance == NOW + timedelta(hours=1)


async def test_full_account_has_a_chance_when_the_minute_of_a_cancelled_task_is_over(
    database: Database, store: GenerationStore
) -> None:
    task = running("cancelled", submitted_at=NOW - 20 * SECOND)
    await store.add(task.cancelled(NOW))
    await store.add(running("cancelled long ago", submitted_at=NOW - 2 * MINUTE).cancelled(NOW))
    await store.add(queued("waits"))
    queue = a_queue(database, slots=1)
    assert await queue.next_chance(NOW) == NOW + 40 * SECOND
    assert await take(store, queue, after=39 * SECOND) == []
    assert names(await take(store, queue, after=41 * SECOND)) == ["waits"]


async def test_create_whose_process_died_holds_others_back_until_its_lease_ends(
    database: Database, store: GenerationStore
) -> None:
    queue = a_queue(database)
    await store.add(queued("first"))
    await queue.account.refused(queued("x").sending(NOW), now=NOW, wait=lambda _strikes: 1.0)
    (first,) = await take(store, queue, after=2 * SECOND)
    await store.save(first, first.generation.sending(NOW + 2 * SECOND), keep=True)
    await store.add(queued("waits"))
    assert await queue.next_chance(NOW + 3 * SECOND) == NOW + 2 * SECOND + 10 * MINUTE


async def test_refusal_holds_everybody_back_until_one_has_gone_well(
    database: Database, store: GenerationStore
) -> None:
    for number in range(3):
        await store.add(queued(f"wish-{number}", user=number))
    queue = a_queue(database)
    sending = queued("refused").sending(NOW)
    await queue.account.refused(sending, now=NOW, wait=lambda _strikes: 10.0)
    assert await take(store, queue) == []
    assert await queue.next_chance(NOW) == NOW + 10 * SECOND
    assert len(await take(store, queue, after=11 * SECOND)) == 1
    assert await take(store, queue, after=12 * SECOND) == []
    await queue.account.accepted(NOW + 11 * SECOND)
    assert len(await take(store, queue, after=13 * SECOND)) == 2


async def test_success_of_a_create_from_before_the_refusal_proves_nothing(
    database: Database, store: GenerationStore
) -> None:
    await store.add(queued("wish"))
    queue = a_queue(database)
    await queue.account.refused(queued("refused").sending(NOW), now=NOW, wait=lambda _strikes: 10.0)
    await queue.account.accepted(NOW)
    assert await take(store, queue) == []


@on_postgres
async def test_success_does_not_end_a_refusal_that_another_process_learns_of_meanwhile(
    database: Database,
) -> None:
    account = AccountStore(database)
    await account.refused(queued("first").sending(NOW), now=NOW, wait=lambda _strikes: 2.0)
    newer = Hold(strikes=2, since=NOW + MINUTE, until=NOW + 6 * MINUTE)
    async with database.write() as other:
        await other.execute(update(facts).values(value=str(newer), learned_at=newer.since))
        accepting = asyncio.create_task(account.accepted(NOW + 9 * SECOND))
        while not await run_sql(
            database.url.render_as_string(hide_password=False),
            "SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock'",
        ):
            assert not accepting.done()
    await accepting
    async with database.read() as connection:
        assert (await account.read(connection, NOW)).hold == newer


async def test_account_learns_its_slots_from_a_refusal(
    database: Database, store: GenerationStore
) -> None:
    await store.add(running("running", n=4))
    account = AccountStore(database)
    await account.was_full(1, NOW)
    async with database.read() as connection:
        assert (await account.read(connection, NOW)).slots == 4
        assert (await account.read(connection, NOW + LEARNED_FOR)).slots == 5


async def test_slots_that_are_set_too_high_are_corrected_for_a_while(
    database: Database, store: GenerationStore
) -> None:
    await store.add(running("running", n=4))
    account = AccountStore(database, slots=6)
    await account.was_full(1, NOW)
    async with database.read() as connection:
        slots = [(await account.read(connection, NOW + n * LEARNED_FOR)).slots for n in range(4)]
    assert slots == [4, 5, 6, 6]


async def test_passed_wish_of_a_long_line_is_noted_once(
    database: Database, store: GenerationStore
) -> None:
    await store.add(running("running", n=4))
    await store.add(queued("batch", user=1000, n=9, created_at=NOW - MINUTE))
    await asyncio.gather(
        *(store.add(queued(f"wish-{number:03}", user=number)) for number in range(510))
    )
    queue = a_queue(database, slots=10)
    assert len(await take(store, queue, limit=1)) == 1
    assert len(await take(store, queue, limit=1, after=SECOND / 2)) == 1
    batch = (await queue.survey(NOW)).order[0]
    assert (batch.id, batch.passed_at) == ("batch", NOW.timestamp())


async def test_line_that_others_have_emptied_is_open_for_another_try(
    database: Database, store: GenerationStore
) -> None:
    await asyncio.gather(
        *(store.add(queued(f"wish-{number:03}", user=number)) for number in range(510))
    )
    one, other = a_queue(database), a_queue(database)
    line = await other.look(NOW, 16)
    assert line is not None
    assert len(await take(store, one)) == 16
    choose = partial(other.choose, line=line, now=NOW, limit=16)
    assert await store.claim_chosen(Work.SUBMIT, choose, now=NOW, lease_for=MINUTE) == []
    assert other.is_open
    assert len(await take(store, other)) == 16


async def test_long_line_is_used_for_a_while_and_nobody_is_given_out_twice(
    database: Database, store: GenerationStore
) -> None:
    await asyncio.gather(
        *(store.add(queued(f"wish-{number:03}", user=number % 50)) for number in range(510))
    )
    queue = a_queue(database)
    first = await take(store, queue)
    await store.add(queued("new", user=999, created_at=NOW - MINUTE))
    second = await take(store, queue)
    third = await take(store, queue, after=2 * SECOND)
    assert len({*names(first), *names(second), *names(third)}) == 48
    assert "new" not in names(second)
    assert "new" in names(third)


async def test_survey_sees_all_who_wait_and_what_runs(
    database: Database, store: GenerationStore
) -> None:
    await store.add(running("running", n=2))
    await store.add(queued("due", n=3))
    await store.add(queued("backing-off", due_at=NOW + MINUTE, created_at=NOW + SECOND))
    survey = await a_queue(database, slots=4).survey(NOW)
    assert [wish.id for wish in survey.order] == ["due", "backing-off"]
    assert survey.shapes["due"].n == 3
    assert [task.shape.n for task in survey.running] == [2]


# Pure rules


def test_refusals_of_creates_that_were_under_way_together_count_as_one() -> None:
    first = held_back(None, sent_at=NOW, now=NOW, wait=lambda strikes: 2.0**strikes)
    again = held_back(first, sent_at=NOW, now=NOW + SECOND, wait=lambda strikes: 2.0**strikes)
    assert (first.strikes, again.strikes) == (1, 1)
    probe = first.until + SECOND
    assert held_back(again, sent_at=probe, now=probe, wait=lambda _strikes: 9.0) == Hold(
        strikes=2, since=probe, until=probe + 9 * SECOND
    )


def test_hold_survives_being_written_down() -> None:
    hold = Hold(strikes=3, since=NOW, until=NOW + 90 * SECOND)
    assert Hold.read(str(hold), NOW) == hold


@pytest.mark.parametrize(
    ("assumed", "held", "n", "found"),
    [
        (float("inf"), 4, 1, 4),
        (5, 4, 1, 4),
        (4, 4, 1, None),
        (10, 4, 9, None),
        (float("inf"), 0, 1, None),
        (float("inf"), 0, 9, None),
        (float("inf"), 2, 3, 4),
    ],
)
def test_what_a_refusal_tells_of_the_slots(
    assumed: float, held: int, n: int, found: int | None
) -> None:
    assert slots_after_refusal(assumed, held=held, n=n) == found


def test_a_little_more_is_tried_with_time() -> None:
    assert [assumed_slots(4, times * LEARNED_FOR) for times in range(3)] == [4, 5, 6]
    assert assumed_slots(100, LEARNED_FOR) == 110
