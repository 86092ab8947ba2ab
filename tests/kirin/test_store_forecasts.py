"""What the store tells about recent durations."""

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
from kirin.polling import MEMORY, Observation, assumed, learn
from kirin.store import Database, DraftStore, DuePolls, ForecastStore, GenerationStore
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


async def test_unpolled_task_ended_between_its_create_and_its_end(
    store: GenerationStore, forecasts: ForecastStore
) -> None:
    await store.add(a_finished("one", 12.5, created_at=NOW - timedelta(hours=1)))
    assert await forecasts.observations(PLAIN) == [Observation(after=0, until=12.5)]


async def test_task_ended_after_the_poll_that_found_it_at_work(
    store: GenerationStore, forecasts: ForecastStore
) -> None:
    await store.add(a_finished("one", 12.5, seen_running_at=NOW + 10 * SECOND))
    assert await forecasts.observations(PLAIN) == [Observation(after=10, until=12.5)]


async def test_task_whose_polls_were_not_noted_teaches_nothing(
    store: GenerationStore, forecasts: ForecastStore
) -> None:
    await store.add(a_finished("from before they were", 12.5, polls=4))
    await store.add(a_finished("found by the first", 11.0, polls=1))
    assert await forecasts.observations(PLAIN) == [Observation(after=0, until=11.0)]


async def test_callback_tells_the_end_within_a_second(
    store: GenerationStore, forecasts: ForecastStore
) -> None:
    await store.add(a_finished("one", 12.5, hinted_at=NOW + 12 * SECOND))
    assert await forecasts.observations(PLAIN) == [Observation(after=11, until=12.5)]


async def test_callback_before_a_poll_that_found_it_at_work_tells_nothing(
    store: GenerationStore, forecasts: ForecastStore
) -> None:
    moments = {"hinted_at": NOW + 2 * SECOND, "seen_running_at": NOW + 3 * SECOND}
    await store.add(a_finished("one", 12.5, **moments))
    assert await forecasts.observations(PLAIN) == [Observation(after=3, until=12.5)]
    assert await forecasts.lost_callbacks() == 1


async def test_callbacks_are_trusted_as_far_as_they_came(
    database: Database, store: GenerationStore, clock: Clock
) -> None:
    forecasts = ForecastStore(database, now=clock)
    assert await forecasts.lost_callbacks() == 1
    for number in range(19):
        called = NOW + 10 * SECOND if number else None
        await store.add(a_finished(f"wish-{number}", 10.2, hinted_at=called))
    clock.time += timedelta(minutes=1)
    assert await forecasts.lost_callbacks() == 0.1


async def test_tasks_at_work_are_counted_by_shape(
    store: GenerationStore, forecasts: ForecastStore
) -> None:
    for number in range(3):
        await store.add(a_generation(f"one-{number}", status=Status.RUNNING))
    await store.add(a_generation("nine", status=Status.RUNNING, request=a_request(n=9)))
    await store.add(a_generation("waits"))
    nine = Shape.of(a_request(n=9))
    assert await forecasts.in_flight() == {PLAIN: 3, nine: 1}


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
    assert [each.until for each in await forecasts.observations(PLAIN)] == [10]
    assert [each.until for each in await forecasts.observations(Shape.of(other))] == [50]


async def test_only_pictures_teach(store: GenerationStore, forecasts: ForecastStore) -> None:
    ends = {"failure": FailureReason.UNEXPECTED}
    await store.add(a_finished("failed", 1, status=Status.FAILED, **ends))
    await store.add(a_finished("expired", 1800, status=Status.EXPIRED, **ends))
    await store.add(a_finished("cancelled", 2, status=Status.CANCELLED))
    await store.add(a_generation("running", status=Status.RUNNING, submitted_at=NOW))
    assert await forecasts.observations(PLAIN) == []


async def test_latest_come_first_and_the_oldest_are_forgotten(
    store: GenerationStore, forecasts: ForecastStore
) -> None:
    for number in range(MEMORY + 5):
        await store.add(a_finished(f"wish-{number}", number + 1))
    ends = [each.until for each in await forecasts.observations(PLAIN)]
    assert ends == [float(number) for number in range(MEMORY + 5, 5, -1)]


async def test_forecast_follows_experience_after_a_little_while(
    store: GenerationStore, forecasts: ForecastStore, clock: Clock
) -> None:
    assert await forecasts.forecast(PLAIN) == Forecast.of(assumed(20.0))
    for number in range(20):
        await store.add(a_finished(f"wish-{number}", 90))
    assert await forecasts.forecast(PLAIN) == Forecast.of(assumed(20.0))
    clock.time += timedelta(minutes=1)
    assert await forecasts.forecast(PLAIN) == Forecast.of(
        learn([Observation(after=0, until=90)] * 20, median=20.0)
    )


async def test_thousand_waiting_wishes_ask_the_database_once(
    database: Database, forecasts: ForecastStore
) -> None:
    with counting_queries(database) as asked:
        await asyncio.gather(*(forecasts.forecast(PLAIN) for _ in range(1000)))
        assert asked() == 1


async def test_trouble_with_the_database_is_not_kept(
    database: Database, forecasts: ForecastStore
) -> None:
    async with database.write() as connection:
        await connection.exec_driver_sql("ALTER TABLE generations RENAME TO elsewhere")
    with pytest.raises(Exception, match=r"no such table|does not exist"):
        await forecasts.forecast(PLAIN)
    async with database.write() as connection:
        await connection.exec_driver_sql("ALTER TABLE elsewhere RENAME TO generations")
    assert await forecasts.forecast(PLAIN) == Forecast.of(assumed(20.0))


@pytest.mark.parametrize("bad", ["\x00", "\ud83d"])
async def test_text_that_no_database_can_store_blinds_nobody(
    database: Database, store: GenerationStore, forecasts: ForecastStore, bad: str
) -> None:
    """PostgreSQL would refuse to look into any row's JSON because of one of them."""
    running = {"status": Status.RUNNING, "submitted_at": NOW, "task_id": "task"}
    link = LinkedImage(url=f"https://example.com/{bad}.png")
    typed = a_generation("typed", request=a_request(prompt=f"a fox{bad}"), **running)
    linked = a_generation("linked", request=a_request(reference=link), **running)
    await store.add(typed)
    await store.add(linked)
    assert sum((await forecasts.in_flight()).values()) == 2
    assert len(await DuePolls(database).read(NOW, limit=9)) == 2
    assert await store.get("typed") == typed


async def test_documents_keep_all_but_what_cannot_be_stored(database: Database) -> None:
    drafts = DraftStore(database)
    typed = {"a\x00": ["b\ud800", {"c": "🦊\x00", "d": None, "e": 1.5}], "\\u0000": "\\ud800"}
    kept = {"a": ["b", {"c": "🦊", "d": None, "e": 1.5}], "\\u0000": "\\ud800"}
    assert await drafts.get(await drafts.keep(typed, NOW)) == kept
