"""What the store tells about recent durations and about the queue."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import event

from kirin.forecast import Forecast, Shape
from kirin.images import ReferenceImage
from kirin.model import (
    FailureReason,
    Generation,
    LinkedImage,
    Resolution,
    Status,
    UploadedImage,
)
from kirin.store import Database, ForecastStore, GenerationStore, Work
from kirin.store.forecasts import OBSERVATIONS
from tests.kirin.kirin_factories import NOW, SECOND, a_generation, a_request


class Clock:
    """Tells the time that a test has set."""

    def __init__(self) -> None:
        self.time = NOW

    def __call__(self) -> datetime:
        return self.time


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def forecasts(database: Database, clock: Clock) -> ForecastStore:
    return ForecastStore(database, now=clock)


def a_finished(name: str, seconds: float, **changes: Any) -> Generation:
    values: dict[str, Any] = {
        "status": Status.SUCCEEDED,
        "submitted_at": NOW,
        "finished_at": NOW + seconds * SECOND,
        "due_at": None,
    }
    return a_generation(name, **values | changes)


@contextmanager
def counting_queries(database: Database) -> Iterator[Callable[[], int]]:
    asked: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        asked.append(statement)

    engine = database._engine.sync_engine
    event.listen(engine, "before_cursor_execute", note)
    yield lambda: sum(statement.startswith("SELECT") for statement in asked)
    event.remove(engine, "before_cursor_execute", note)


PLAIN = Shape.of(a_request())


async def test_durations_run_from_the_create_to_the_end(
    store: GenerationStore, forecasts: ForecastStore
) -> None:
    await store.add(a_finished("one", 12.5, created_at=NOW - timedelta(hours=1)))
    assert await forecasts.recent_durations(PLAIN) == [12.5]


@pytest.mark.parametrize(
    "other",
    [
        a_request(n=2),
        a_request(resolution=Resolution.TWO_K),
        a_request(reference=LinkedImage(url="https://example.com/a.png")),
        a_request(reference=UploadedImage(sha256="5" * 64)),
    ],
)
async def test_shapes_teach_nothing_about_each_other(
    store: GenerationStore, forecasts: ForecastStore, other: Any
) -> None:
    picture = ReferenceImage(sha256="5" * 64, data=b"x", width=640, height=480)
    await store.add(a_finished("other", 50, request=other), picture)
    await store.add(a_finished("plain", 10))
    assert await forecasts.recent_durations(PLAIN) == [10]
    assert await forecasts.recent_durations(Shape.of(other)) == [50]


async def test_only_pictures_teach(store: GenerationStore, forecasts: ForecastStore) -> None:
    ends = {"failure": FailureReason.UNEXPECTED}
    await store.add(a_finished("failed", 1, status=Status.FAILED, **ends))
    await store.add(a_finished("expired", 1800, status=Status.EXPIRED, **ends))
    await store.add(a_finished("cancelled", 2, status=Status.CANCELLED))
    await store.add(a_generation("running", status=Status.RUNNING, submitted_at=NOW))
    assert await forecasts.recent_durations(PLAIN) == []


async def test_latest_come_first_and_the_oldest_are_forgotten(
    store: GenerationStore, forecasts: ForecastStore
) -> None:
    for number in range(OBSERVATIONS + 5):
        await store.add(a_finished(f"wish-{number}", number + 1))
    durations = await forecasts.recent_durations(PLAIN)
    assert durations == [float(number) for number in range(OBSERVATIONS + 5, 5, -1)]


async def test_forecast_follows_experience_after_a_little_while(
    store: GenerationStore, forecasts: ForecastStore, clock: Clock
) -> None:
    assert await forecasts.forecast(PLAIN) == Forecast.learned([])
    for number in range(20):
        await store.add(a_finished(f"wish-{number}", 90))
    assert await forecasts.forecast(PLAIN) == Forecast.learned([])
    clock.time += timedelta(minutes=1)
    assert await forecasts.forecast(PLAIN) == Forecast.learned([90.0] * 20)


async def test_position_is_the_order_in_which_wishes_are_given_out(
    store: GenerationStore, forecasts: ForecastStore
) -> None:
    await store.add(a_generation("third", due_at=NOW, created_at=NOW))
    await store.add(a_generation("first", due_at=NOW - 9 * SECOND, created_at=NOW - 4 * SECOND))
    await store.add(a_generation("fourth", due_at=NOW + 30 * SECOND, created_at=NOW - 60 * SECOND))
    await store.add(a_generation("second", due_at=NOW, created_at=NOW - 5 * SECOND))
    await store.add(a_generation("running", status=Status.RUNNING, due_at=NOW - 90 * SECOND))
    queue = await forecasts.queue()
    later = NOW + timedelta(hours=1)
    claims = await store.claim(Work.SUBMIT, now=later, limit=10, lease_for=SECOND)
    given_out = [claim.generation for claim in claims]
    assert [wish.external_task_id for wish in given_out] == ["first", "second", "third", "fourth"]
    assert [queue.position(wish) for wish in given_out] == [1, 2, 3, 4]
    assert len(queue.ids) == 4


async def test_wish_that_is_newer_than_the_answer_is_fitted_in(
    store: GenerationStore, forecasts: ForecastStore
) -> None:
    await store.add(a_generation("first"))
    await store.add(a_generation("backing-off", due_at=NOW + 30 * SECOND))
    queue = await forecasts.queue()
    new = a_generation("new", due_at=NOW + SECOND, created_at=NOW + SECOND)
    await store.add(new)
    assert queue.position(new) == 2
    assert queue.total(new) == 3


async def test_wish_put_off_a_moment_ago_is_not_counted_before_itself(
    store: GenerationStore, forecasts: ForecastStore
) -> None:
    wish = a_generation("only")
    await store.add(wish)
    queue = await forecasts.queue()
    assert queue.position(wish.requeued(now=NOW, due_at=NOW + 9 * SECOND)) == 1


async def test_queue_is_read_anew_after_a_few_seconds(
    store: GenerationStore, forecasts: ForecastStore, clock: Clock
) -> None:
    assert len((await forecasts.queue()).ids) == 0
    await store.add(a_generation("one"))
    assert len((await forecasts.queue()).ids) == 0
    clock.time += 5 * SECOND
    assert len((await forecasts.queue()).ids) == 1


async def test_thousand_waiting_wishes_ask_the_database_once(
    database: Database, forecasts: ForecastStore
) -> None:
    with counting_queries(database) as asked:
        await asyncio.gather(*(forecasts.queue() for _ in range(1000)))
        assert asked() == 1
        await asyncio.gather(*(forecasts.forecast(PLAIN) for _ in range(1000)))
        assert asked() == 2


async def test_trouble_with_the_database_is_not_kept(
    database: Database, forecasts: ForecastStore
) -> None:
    async with database.write() as connection:
        await connection.exec_driver_sql("ALTER TABLE generations RENAME TO elsewhere")
    with pytest.raises(Exception, match="no such table"):
        await forecasts.queue()
    async with database.write() as connection:
        await connection.exec_driver_sql("ALTER TABLE elsewhere RENAME TO generations")
    assert len((await forecasts.queue()).ids) == 0
