"""What people see while they wait: their place, a bar that moves, a time, and honest words."""

import re
from datetime import timedelta
from typing import Any

import pytest
from simcord.results import InteractionResult

from kirin.model import Resolution, Status
from kirin.store import Work
from tests.databases import on_both_engines
from tests.kirin.kirin_factories import a_generation, a_request
from tests.scenarios.world import World, card, gallery


@pytest.fixture
def changes() -> dict[str, str]:
    return {
        "POLL_PRICE_SECONDS": "0.15",
    }


def blocks(sent: InteractionResult) -> int:
    """Count the full blocks of the bar in a card."""
    return card(sent).count("█")


def ready_in(world: World, sent: InteractionResult) -> int | None:
    """Return after how many seconds the card says that the picture is ready, if it says so."""
    found = re.search(r"ready <t:(\d+):R>", card(sent))
    return int(found[1]) - int(world.clock()) if found else None


async def imagine_without_progress(world: World, **options: Any) -> InteractionResult:
    """Send a wish that never ends by itself, to a provider that reports no progress."""
    world.sim.inject("poll-no-progress", count=None)
    world.sim.inject("task-never-ends")
    sent = await world.imagine(**options)
    await world.work()
    return sent


async def remember(world: World, count: int, seconds: float, **options: Any) -> None:
    """Put generations into the past that took so long each."""
    for number in range(count):
        finished_at = world.now() - timedelta(minutes=1 + number)
        started_at = finished_at - timedelta(seconds=seconds)
        await world.app.store.add(
            a_generation(
                f"past-{seconds}-{number}",
                request=a_request(**options),
                status=Status.SUCCEEDED,
                created_at=started_at,
                submitted_at=started_at,
                seen_running_at=finished_at - timedelta(seconds=seconds / 50),
                finished_at=finished_at,
                delivered_at=finished_at,
                due_at=None,
                message_due_at=None,
            )
        )


async def test_queued_wishes_tell_their_place_and_how_many_there_are(world: World) -> None:
    sent = []
    for number in range(3):
        sent.append(await world.imagine(f"wish {number}"))
        world.clock.advance(0.5)
    world.clock.advance(1)
    await world.app.engine.stage(Work.REPORT).run_once()
    assert ["number 1 of 3" in card(sent[0]), "number 2 of 3" in card(sent[1])] == [True, True]
    assert "**Queued**, number 3 of 3" in card(sent[2])


@on_both_engines
async def test_wishes_that_wait_for_a_busy_provider_tell_their_place(world: World) -> None:
    world.sim.inject("create-429-1303", count=None)
    sent = []
    for number in range(3):
        sent.append(await world.imagine(f"wish {number}"))
        world.clock.advance(0.5)
    await world.work()
    await world.pass_time(5)
    assert all("The provider is busy" in card(wish) for wish in sent)
    assert [f"Number {place} of 3 in the queue" in card(sent[place - 1]) for place in (1, 2, 3)]
    places = [re.search(r"Number (\d) of 3 in the queue", card(wish)) for wish in sent]
    assert [place and place[1] for place in places] == ["1", "2", "3"]


async def test_lonely_wish_is_told_no_number(world: World) -> None:
    sent = await world.imagine()
    world.clock.advance(1)
    await world.app.engine.stage(Work.REPORT).run_once()
    assert "**Queued.**" in card(sent)
    assert "number" not in card(sent)


async def test_bar_advances_with_time_where_the_provider_reports_nothing(world: World) -> None:
    sent = await imagine_without_progress(world)
    seen = [blocks(sent)]
    for _ in range(4):
        await world.pass_time(5)
        seen.append(blocks(sent))
    assert seen == sorted(set(seen))
    assert seen[0] == 0
    assert "%" not in card(sent)


async def test_bar_follows_the_provider_where_it_reports_progress(world: World) -> None:
    world.sim.inject("task-slow", seconds=200)
    sent = await world.imagine()
    await world.work()
    await world.pass_time(120)
    generation = await world.generation()
    assert generation.progress is not None
    shown = re.search(r"(\d+)%", card(sent))
    assert shown
    assert int(shown[1]) / 100 == pytest.approx(generation.progress, abs=0.06)
    assert blocks(sent) == pytest.approx(20 * generation.progress, abs=1.5)


async def test_time_that_the_card_promises_is_never_in_the_past(world: World) -> None:
    sent = await imagine_without_progress(world)
    promises = []
    for _ in range(60):
        promises.append(ready_in(world, sent))
        await world.pass_time(1)
    assert all(promise > 0 for promise in promises if promise is not None)
    assert promises[0] is not None
    assert promises[-1] is None


async def test_card_admits_that_it_takes_longer_than_usual(world: World) -> None:
    sent = await imagine_without_progress(world)
    await world.pass_time(30)
    assert "any moment now" in card(sent)
    await world.pass_time(30)
    assert "longer than usual" in card(sent)
    assert "any moment" not in card(sent)
    assert blocks(sent) == 0


@on_both_engines
async def test_card_learns_from_recent_wishes_of_the_same_shape(world: World) -> None:
    await remember(world, 20, 240, resolution=Resolution.TWO_K, n=4)
    sent = await imagine_without_progress(world, resolution="2k", n=4)
    assert ready_in(world, sent) == pytest.approx(240, rel=0.1)
    await world.pass_time(120)
    assert 7 <= blocks(sent) <= 9
    assert "longer than usual" not in card(sent)


@pytest.mark.parametrize("options", [{}, {"n": 3}, {"resolution": "2k"}])
async def test_card_learns_nothing_from_wishes_of_another_shape(
    world: World, options: dict[str, object]
) -> None:
    await remember(world, 20, 240, resolution=Resolution.TWO_K, n=4)
    sent = await imagine_without_progress(world, **options)
    promise = ready_in(world, sent)
    assert promise is not None
    assert 20 <= promise <= 30


async def test_wish_of_twenty_seconds_costs_few_edits(world: World) -> None:
    sent = await imagine_without_progress(world)
    await world.pass_time(19)
    assert 3 <= world.edits() <= 5
    (create,) = world.sim.creates
    world.sim.finish(create.external_task_id or "")
    await world.pass_time(5)
    assert len(gallery(sent)) == 1
    assert world.edits() <= 6


async def test_wish_that_takes_long_is_left_alone_once_all_is_said(world: World) -> None:
    await imagine_without_progress(world)
    await world.pass_time(90)
    edits = world.edits()
    assert edits <= 9
    await world.pass_time(600)
    assert world.edits() == edits


async def test_queue_in_which_nothing_changes_costs_no_edits(world: World) -> None:
    world.sim.inject("create-429-1303", count=None)
    await world.imagine()
    await world.work()
    await world.pass_time(30)
    edits = world.edits()
    await world.pass_time(120)
    assert world.edits() == edits


async def test_outcome_waits_for_no_report_that_is_only_planned(world: World) -> None:
    sent = await imagine_without_progress(world)
    await world.pass_time(11)
    (create,) = world.sim.creates
    world.sim.finish(create.external_task_id or "")
    world.clock.advance(3)
    await world.app.engine.stage(Work.POLL).run_once()
    assert (await world.generation()).status is Status.SUCCEEDED
    assert await world.app.engine.stage(Work.REPORT).run_once() == 0
    assert await world.app.engine.stage(Work.DELIVER).run_once() == 1
    assert len(gallery(sent)) == 1


@on_both_engines
async def test_outcome_follows_a_report_that_is_under_way_and_is_not_painted_over(
    world: World,
) -> None:
    sent = await imagine_without_progress(world)
    world.clock.advance(13)
    reporter = world.app.engine.stage(Work.REPORT)
    (claim,) = await reporter.claim(1)
    (create,) = world.sim.creates
    world.sim.finish(create.external_task_id or "")
    await world.app.engine.stage(Work.POLL).run_once()
    assert await world.app.engine.stage(Work.DELIVER).run_once() == 0
    await reporter.handle(claim)
    assert await world.app.engine.stage(Work.DELIVER).run_once() == 1
    await world.finish()
    assert len(gallery(sent)) == 1
    assert "Working" not in card(sent)


@on_both_engines
async def test_many_waiting_wishes_get_one_edit_each_at_a_time(world: World) -> None:
    sent = [await imagine_without_progress(world, prompt=f"wish {number}") for number in range(5)]
    edits = world.edits()
    await world.pass_time(5)
    assert world.edits() - edits == len(sent)


async def test_no_report_is_sent_once_the_token_has_expired(world: World) -> None:
    await imagine_without_progress(world)
    await world.pass_time(14 * 60)
    world.clock.advance(31)
    edits = world.edits()
    world.sim.clear_faults()  # from now on there is progress to report
    await world.pass_time(10 * 60)
    assert (await world.generation()).status is Status.RUNNING
    assert (await world.generation()).progress is not None
    assert world.edits() == edits
