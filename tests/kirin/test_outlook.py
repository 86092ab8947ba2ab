"""What is foretold for a waiting wish."""

from datetime import timedelta
from typing import Any

import pytest

from kirin.forecast import Forecast
from kirin.model import Generation, Status
from kirin.polling import assumed
from kirin.stages import Oracle, Outlook
from kirin.stages.reporter import waiting_face
from kirin.store import Database, ForecastStore, GenerationStore, QueueStore
from tests.kirin.kirin_factories import NOW, SECOND, a_generation

USUAL = Forecast.of(assumed(20.0))
SOON = NOW + 5 * SECOND


@pytest.fixture
def oracle(database: Database) -> Oracle:
    return Oracle(
        forecasts=ForecastStore(database, now=lambda: NOW),
        queue=QueueStore(database),
        now=lambda: NOW,
    )


def a_running(seconds: float, **changes: Any) -> Generation:
    started_at = NOW - timedelta(seconds=seconds)
    return a_generation(status=Status.RUNNING, submitted_at=started_at, **changes)


async def test_wish_at_work_gets_a_time_and_a_part(oracle: Oracle) -> None:
    outlook = await oracle.outlook(a_running(5), until=SOON)
    assert outlook == Outlook(
        eta=NOW + timedelta(seconds=USUAL.expected - 5), fraction=USUAL.fraction(5)
    )


async def test_time_that_passes_before_the_next_look_is_left_out(oracle: Oracle) -> None:
    wish = a_running(USUAL.expected - 4)
    assert (await oracle.outlook(wish, until=NOW + 3 * SECOND)).eta is not None
    assert (await oracle.outlook(wish, until=SOON)).eta is None


async def test_late_wish_has_neither_time_nor_part(oracle: Oracle) -> None:
    outlook = await oracle.outlook(a_running(USUAL.late_after + 1), until=SOON)
    assert outlook == Outlook(is_late=True)


@pytest.mark.parametrize(
    ("progress", "fraction"),
    [(None, USUAL.fraction(5)), (0.0, USUAL.fraction(5)), (0.4, 0.4), (1.0, 0.99)],
)
async def test_reported_progress_goes_first_but_is_never_the_end(
    oracle: Oracle, progress: float | None, fraction: float
) -> None:
    outlook = await oracle.outlook(a_running(5, progress=progress), until=SOON)
    assert outlook.fraction == fraction


async def test_late_wish_keeps_what_the_provider_reports(oracle: Oracle) -> None:
    outlook = await oracle.outlook(a_running(900, progress=0.5), until=SOON)
    assert outlook == Outlook(fraction=0.5, is_late=True)


async def test_queued_wish_gets_its_place(oracle: Oracle, store: GenerationStore) -> None:
    for number in range(3):
        await store.add(a_generation(f"wish-{number}", created_at=NOW + number * SECOND))
    second = await store.get("wish-1")
    assert second is not None
    assert await oracle.outlook(second, until=SOON) == Outlook(position=2, total=3)


async def test_wish_that_is_being_sent_gets_no_promise(oracle: Oracle) -> None:
    sending = a_generation(status=Status.SUBMITTING, submitted_at=NOW)
    assert await oracle.outlook(sending, until=SOON) == Outlook()


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        (Outlook(position=3, total=9), Outlook(position=2, total=9), False),
        (Outlook(position=3, total=9), Outlook(position=3, total=8), False),
        (Outlook(position=33, total=90), Outlook(position=38, total=99), True),
        (Outlook(position=33, total=90), Outlook(position=29, total=90), False),
    ],
)
def test_message_is_edited_for_places_that_matter(
    one: Outlook, other: Outlook, alike: bool
) -> None:
    wish = a_generation()
    assert (waiting_face(wish, one) == waiting_face(wish, other)) is alike


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        (Outlook(fraction=0.41, eta=SOON), Outlook(fraction=0.44, eta=SOON), True),
        (Outlook(fraction=0.41, eta=SOON), Outlook(fraction=0.46, eta=SOON), False),
        (Outlook(fraction=0.41, eta=SOON), Outlook(fraction=0.41), False),
        (Outlook(fraction=0.41), Outlook(fraction=0.41, is_late=True), False),
    ],
)
def test_message_is_edited_when_the_bar_or_the_words_change(
    one: Outlook, other: Outlook, alike: bool
) -> None:
    wish = a_running(5)
    assert (waiting_face(wish, one) == waiting_face(wish, other)) is alike
