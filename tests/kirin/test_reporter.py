"""How often waiting messages are looked at, when there are many of them."""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert

from kirin.bucket import TokenBucket
from kirin.images import Picture
from kirin.model import Generation, Status
from kirin.stages import Notice, Oracle, Outlook, Reporter
from kirin.stages.door import PacedDoor
from kirin.stages.reporter import BURST_SECONDS, LOOKS_PER_SECOND, waiting_face
from kirin.store import Database, ForecastStore, GenerationStore, QueueStore, Work
from kirin.store.rows import to_row
from kirin.store.tables import generations
from tests.kirin.kirin_factories import MINUTE, NOW, SECOND, a_generation, a_placement


class Wall:
    """A messenger that notes what it was asked to show, and shows nothing."""

    def __init__(self) -> None:
        self.shown: list[tuple[str, str]] = []
        self.meanwhile: Callable[[], None] = lambda: None

    async def show_waiting(self, generation: Generation, outlook: Outlook) -> None:
        self.meanwhile()
        self.shown.append((generation.external_task_id, waiting_face(generation, outlook)))

    async def offer_result(self, generation: Generation) -> None:
        self.shown.append((generation.external_task_id, "offer"))

    async def show_outcome(self, generation: Generation, pictures: Sequence[Picture]) -> None:
        raise AssertionError("a reporter shows no outcomes")


class Street:
    """A reporter alone with its store, and a clock."""

    def __init__(self, database: Database, queue: QueueStore) -> None:
        self.moment = NOW
        self.wall = Wall()
        self.down_since: datetime | None = None
        self.store = GenerationStore(database)
        self.looks = 0
        pace = TokenBucket(rate=lambda: LOOKS_PER_SECOND, burst=BURST_SECONDS, now=self.now)
        self.reporter = Reporter(
            store=self.store,
            oracle=Oracle(
                forecasts=ForecastStore(database, now=self.now), queue=queue, now=self.now
            ),
            messenger=self.wall,
            now=self.now,
            width=16,
            door=PacedDoor(pace),
            down_since=lambda: self.down_since,
        )

    def now(self) -> datetime:
        return self.moment

    async def live(self, seconds: float) -> None:
        """Look whenever there is something to look at."""
        end = self.moment + timedelta(seconds=seconds)
        while True:
            while count := await self.reporter.run_once():
                self.looks += count
            due = await self.reporter.next_due()
            if due is None or due > end:
                break
            self.moment = max(due, self.moment + SECOND / 1000)
        self.moment = end


@pytest.fixture
def street(database: Database) -> Street:
    return Street(database, QueueStore(database))


async def fill(database: Database, count: int, **changes: Any) -> None:
    """Store many running wishes in one go."""
    rows = [
        to_row(
            a_generation(
                f"wish-{number}",
                **{"status": Status.RUNNING, "submitted_at": NOW, "task_id": "t"} | changes,
            )
        )
        for number in range(count)
    ]
    async with database.write() as connection:
        await connection.execute(insert(generations), rows)


async def test_thousands_of_messages_are_looked_at_no_more_often_than_is_planned(
    street: Street, database: Database
) -> None:
    await fill(database, 2000)
    await street.live(4)
    assert street.looks == pytest.approx(LOOKS_PER_SECOND * (BURST_SECONDS + 4), abs=2)


async def test_each_of_many_messages_is_left_alone_for_longer(
    street: Street, database: Database
) -> None:
    await fill(database, 1000)
    await street.reporter.run_once()
    async with database.read() as connection:
        looked_at = await connection.scalar(
            generations.select()
            .with_only_columns(generations.c.message_due_at)
            .where(generations.c.message_due_at > NOW)
            .limit(1)
        )
    assert looked_at is not None
    assert looked_at - NOW >= SECOND * 1000 / LOOKS_PER_SECOND


async def test_message_that_time_alone_does_not_change_is_looked_at_each_minute(
    street: Street, database: Database
) -> None:
    await fill(database, 1, submitted_at=NOW - 10 * MINUTE, created_at=NOW - 10 * MINUTE)
    await street.live(3)
    street.looks = 0
    await street.live(240)
    assert street.looks == 4
    assert len(street.wall.shown) == 1


async def test_button_for_later_is_put_up_in_the_moment_for_it(
    street: Street, database: Database
) -> None:
    placement = a_placement(ephemeral=True, token_expires_at=NOW + 5 * MINUTE)
    await fill(database, 1, placement=placement, submitted_at=NOW - 9 * MINUTE)
    closing_at = placement.closing_at
    assert closing_at is not None
    await street.live((closing_at - NOW).total_seconds() - 0.1)
    assert "offer" not in dict(street.wall.shown).values()
    await street.live(0.2)
    assert street.wall.shown[-1] == ("wish-0", "offer")


async def test_news_for_everybody_is_told_within_the_pace_and_once(
    street: Street, database: Database
) -> None:
    await fill(database, 60, submitted_at=NOW - 10 * MINUTE)
    await street.live(30)
    street.wall.shown.clear()
    street.down_since = street.moment
    await street.live(50)
    assert sorted(street.wall.shown) == sorted(
        (f"wish-{number}", Notice.PROVIDER_DOWN.value) for number in range(60)
    )


async def test_news_that_comes_during_an_edit_is_told_after_it(
    street: Street, database: Database
) -> None:
    await fill(database, 1, submitted_at=NOW - 10 * MINUTE)

    def bad_news() -> None:
        street.down_since = street.moment

    street.wall.meanwhile = bad_news
    assert await street.reporter.run_once() == 1
    assert await street.store.next_due(Work.REPORT) == street.moment
