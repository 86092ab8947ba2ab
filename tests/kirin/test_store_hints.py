"""What a callback changes in the database, and what it must not."""

from datetime import datetime

import pytest

from kirin.model import Generation, Status, TaskSnapshot, TaskState
from kirin.store import Database, GenerationStore, Work
from kirin.store.hints import SHORTEST_GAP
from tests.kirin.kirin_factories import MINUTE, NOW, SECOND, a_generation

LATER = NOW + MINUTE
LEASE = 10 * MINUTE


def running() -> Generation:
    return a_generation().sending(NOW).taken("task-1", now=NOW, poll_at=LATER)


async def due(store: GenerationStore) -> datetime | None:
    generation = await store.get("wish-1")
    assert generation is not None
    return generation.due_at


async def test_hint_makes_a_running_wish_due_and_rings_for_it(database: Database) -> None:
    rung: list[Work] = []
    store = GenerationStore(database, on_work=rung.append)
    await store.add(running())
    rung.clear()
    assert await store.hint({"wish-1", "unknown"}, NOW + SECOND) == {"wish-1"}
    assert rung == [Work.POLL]
    generation = await store.get("wish-1")
    assert generation is not None
    assert (generation.due_at, generation.hinted_at) == (NOW + SECOND, NOW + SECOND)
    assert generation.status is Status.RUNNING


async def test_hint_does_not_put_off_what_is_due_already(store: GenerationStore) -> None:
    await store.add(running())
    await store.hint({"wish-1"}, LATER + SECOND)
    assert await due(store) == LATER


@pytest.mark.parametrize(
    "generation",
    [
        a_generation(),
        running().cancelled(NOW),
        running().succeeded(TaskSnapshot(task_id="task-1", state=TaskState.COMPLETED), NOW),
    ],
)
async def test_hint_about_what_is_not_with_the_provider_changes_nothing(
    store: GenerationStore, generation: Generation
) -> None:
    await store.add(generation)
    assert await store.hint({"wish-1"}, NOW + SECOND) == set()
    assert await store.get("wish-1") == generation


async def test_hints_make_a_row_due_once_a_second_at_most(store: GenerationStore) -> None:
    await store.add(running())
    for step in range(20):  # each hint is followed by a poll that finds the task at work
        now = NOW + step * SECOND / 10
        await store.hint({"wish-1"}, now)
        for claim in await store.claim(Work.POLL, now=now, limit=1, lease_for=LEASE):
            polled = claim.generation.polled(progress=None, now=now, due_at=LATER)
            await store.save(claim, polled)
    generation = await store.get("wish-1")
    assert generation is not None
    assert generation.polls == 2


async def test_hint_soon_after_another_is_heard_when_the_second_is_over(
    store: GenerationStore,
) -> None:
    await store.add(running())
    await store.hint({"wish-1"}, NOW)
    (claim,) = await store.claim(Work.POLL, now=NOW, limit=1, lease_for=LEASE)
    await store.save(claim, claim.generation.polled(progress=None, now=NOW, due_at=LATER))
    soon = NOW + SECOND / 10
    assert await store.hint({"wish-1"}, soon) == {"wish-1"}
    assert await due(store) == soon + SHORTEST_GAP
    assert await store.hint({"wish-1"}, soon + SECOND / 10) == set()


async def test_hint_during_a_poll_survives_what_the_poll_records(store: GenerationStore) -> None:
    await store.add(running())
    (claim,) = await store.claim(Work.POLL, now=LATER, limit=1, lease_for=LEASE)
    await store.hint({"wish-1"}, LATER + SECOND)
    polled = claim.generation.polled(progress=0.5, now=LATER + 2 * SECOND, due_at=LATER + MINUTE)
    assert await store.save(claim, polled) is not None
    generation = await store.get("wish-1")
    assert generation is not None
    assert generation.progress == 0.5
    assert generation.due_at is not None
    assert generation.due_at <= LATER + SECOND


async def test_hints_during_every_poll_make_one_poll_a_second(store: GenerationStore) -> None:
    await store.add(running())
    await store.hint({"wish-1"}, NOW)
    (claim,) = await store.claim(Work.POLL, now=NOW, limit=1, lease_for=LEASE)
    await store.hint({"wish-1"}, NOW + SECOND / 10)
    await store.save(claim, claim.generation.polled(progress=None, now=NOW, due_at=LATER))
    assert await due(store) == NOW + SHORTEST_GAP


async def test_hint_during_a_poll_does_not_revive_what_the_poll_has_ended(
    store: GenerationStore,
) -> None:
    await store.add(running())
    (claim,) = await store.claim(Work.POLL, now=LATER, limit=1, lease_for=LEASE)
    await store.hint({"wish-1"}, LATER + SECOND)
    done = TaskSnapshot(task_id="task-1", state=TaskState.COMPLETED)
    assert await store.save(claim, claim.generation.succeeded(done, LATER + 2 * SECOND))
    assert await due(store) is None


async def test_hint_during_a_create_brings_the_first_poll_at_once(store: GenerationStore) -> None:
    await store.add(a_generation())
    (claim,) = await store.claim(Work.SUBMIT, now=NOW, limit=1, lease_for=LEASE)
    sending = await store.save(claim, claim.generation.sending(NOW), keep=True)
    assert sending is not None
    await store.hint({"wish-1"}, NOW + SECOND)
    await store.save(sending, sending.generation.taken("task-1", now=NOW, poll_at=LATER))
    assert await due(store) == NOW


async def test_hint_during_a_create_that_the_provider_refused_does_not_hurry_the_queue(
    store: GenerationStore,
) -> None:
    await store.add(a_generation())
    (claim,) = await store.claim(Work.SUBMIT, now=NOW, limit=1, lease_for=LEASE)
    sending = await store.save(claim, claim.generation.sending(NOW), keep=True)
    assert sending is not None
    await store.hint({"wish-1"}, NOW + SECOND)
    await store.save(sending, sending.generation.requeued(now=NOW, due_at=LATER))
    assert await due(store) == LATER


async def test_hint_has_an_unanswered_create_looked_up_at_once(database: Database) -> None:
    rung: list[Work] = []
    store = GenerationStore(database, on_work=rung.append)
    await store.add(a_generation().sending(NOW).unanswered(now=NOW, due_at=LATER))
    rung.clear()
    assert await store.hint({"wish-1"}, NOW + SECOND) == {"wish-1"}
    assert rung == [Work.RESOLVE]
    assert await due(store) == NOW + SECOND


async def test_hint_leaves_the_message_lane_alone(store: GenerationStore) -> None:
    await store.add(running())
    before = await store.get("wish-1")
    (claim,) = await store.claim(Work.REPORT, now=LATER, limit=1, lease_for=LEASE)
    await store.hint({"wish-1"}, NOW + SECOND)
    shown = claim.generation.showing("running", next_at=LATER)
    assert await store.save(claim, shown) is not None
    after = await store.get("wish-1")
    assert before is not None
    assert after is not None
    assert (after.due_at, after.shown) == (NOW + SECOND, "running")
