"""When the engine polls: from what the store has learned, within what may be asked."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from kirin.model import Generation, Status
from kirin.polling import Plan, assumed
from kirin.stages.pollplan import PollOrder, PollPlanner
from kirin.store import Database, DuePolls, ForecastStore, GenerationStore, Work
from tests.kirin.kirin_factories import NOW, SECOND, a_generation, a_request

LEASE = timedelta(minutes=1)


def a_planner(database: Database, *, now: datetime = NOW, **changes: Any) -> PollPlanner:
    values: dict[str, Any] = {
        "forecasts": ForecastStore(database, now=lambda: now),
        "price": 0.5,
        "now": lambda: now,
        "jitter": lambda: 0.5,
    }
    return PollPlanner(**values | changes)


def an_order(database: Database) -> PollOrder:
    forecasts = ForecastStore(database, now=lambda: NOW)
    return PollOrder(due=DuePolls(database), forecasts=forecasts, now=lambda: NOW)


def a_running(name: str, age: float, *, seen: float | None = None, **changes: Any) -> Generation:
    """Make one that is due: begun `age` seconds ago, seen at work `seen` seconds after that."""
    begun = NOW - timedelta(seconds=age)
    values: dict[str, Any] = {
        "status": Status.RUNNING,
        "created_at": begun,
        "submitted_at": begun,
        "seen_running_at": None if seen is None else begun + timedelta(seconds=seen),
        "due_at": NOW - SECOND,
    }
    return a_generation(name, **values | changes)


def a_finished(name: str, seconds: float, **changes: Any) -> Generation:
    values: dict[str, Any] = {
        "status": Status.SUCCEEDED,
        "submitted_at": NOW - timedelta(seconds=seconds + 60),
        "finished_at": NOW - 60 * SECOND,
        "due_at": None,
    }
    return a_generation(name, **values | changes)


async def after(planner: PollPlanner, generation: Generation, **more: Any) -> float:
    """Return the age at which a generation is polled next."""
    due_at = await planner.next_poll(generation, **more)
    assert generation.submitted_at is not None
    return (due_at - generation.submitted_at).total_seconds()


async def test_first_poll_is_that_of_the_plan(database: Database) -> None:
    expected = Plan.best(assumed(20.0), 0.5).next_after(0)
    assert await after(a_planner(database), a_running("new", 0)) == pytest.approx(expected)


async def test_task_that_was_found_late_is_polled_by_its_age(database: Database) -> None:
    expected = Plan.best(assumed(20.0), 0.5).next_after(40)
    assert await after(a_planner(database), a_running("old", 40)) == pytest.approx(expected)


async def test_shape_that_takes_long_is_polled_late(
    database: Database, store: GenerationStore
) -> None:
    for number in range(30):
        await store.add(
            a_finished(
                f"slow-{number}",
                240,
                request=a_request(n=9),
                seen_running_at=NOW - timedelta(seconds=70),
            )
        )
    planner = a_planner(database)
    one = await after(planner, a_running("one", 0))
    assert await after(planner, a_running("nine", 0, request=a_request(n=9))) > 2 * one


async def test_jitter_moves_a_wait_a_little(database: Database) -> None:
    early = await after(a_planner(database, jitter=lambda: 0.0), a_running("new", 0))
    late = await after(a_planner(database, jitter=lambda: 1.0), a_running("new", 0))
    assert 0.9 * late < early < late


async def test_progress_that_promises_an_end_far_away_puts_the_poll_off(
    database: Database,
) -> None:
    planner, wish = a_planner(database), a_running("slow", 15, seen=10, progress=0.1)
    assert await after(planner, wish, progress=0.2) > await after(planner, wish) + 1


async def test_callbacks_that_always_come_put_the_first_poll_off(
    database: Database, store: GenerationStore
) -> None:
    for number in range(50):
        await store.add(a_finished(f"done-{number}", 20, hinted_at=NOW - 61 * SECOND))
    without = await after(a_planner(database), a_running("new", 0))
    assert await after(a_planner(database, callbacks=True), a_running("new", 0)) > without + 2


async def test_callbacks_that_never_came_change_nothing(
    database: Database, store: GenerationStore
) -> None:
    for number in range(50):
        await store.add(a_finished(f"done-{number}", 20))
    without = await after(a_planner(database), a_running("new", 0))
    assert await after(a_planner(database, callbacks=True), a_running("new", 0)) == without


async def test_small_budget_makes_polls_seldom_when_many_are_in_flight(
    database: Database, store: GenerationStore
) -> None:
    wish = a_running("new", 20, seen=18)
    rich = await after(a_planner(database, budget=lambda: 5.0), wish)
    for number in range(100):
        await store.add(a_running(f"wish-{number}", 5))
    assert await after(a_planner(database, budget=lambda: 5.0), wish) > rich + 2


async def test_where_all_can_be_polled_there_is_no_order(
    database: Database, store: GenerationStore
) -> None:
    await store.add(a_running("one", 20))
    await store.add(a_running("later", 20, due_at=NOW + SECOND))
    assert await an_order(database).first(1) is None


async def test_most_promising_are_claimed_first(database: Database, store: GenerationStore) -> None:
    await store.add(a_running("just-looked", 31, seen=30, due_at=NOW - 9 * SECOND))
    await store.add(a_running("ready", 25))
    await store.add(a_running("new", 2))
    order = an_order(database)
    chosen = await order.first(1)
    claims = await store.claim(Work.POLL, now=NOW, limit=1, lease_for=LEASE, among=chosen)
    assert [claim.generation.external_task_id for claim in claims] == ["ready"]
    assert await order.first(2) == ["just-looked", "new"]


async def test_task_that_was_called_back_about_comes_before_all(
    database: Database, store: GenerationStore
) -> None:
    await store.add(a_running("likely", 60, seen=5))
    await store.add(a_running("called", 3, hinted_at=NOW - SECOND))
    assert await an_order(database).first(1) == ["called"]


async def test_order_is_made_once_for_many_slots_that_come_free(
    database: Database, store: GenerationStore
) -> None:
    for number in range(5):
        await store.add(a_running(f"wish-{number}", 20 + number))
    order = an_order(database)
    first = await order.first(1)
    await store.add(a_running("newer", 90, seen=3))
    assert (first, await order.first(1)) == (["wish-4"], ["wish-3"])
