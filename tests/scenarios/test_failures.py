"""Wishes that fail at the provider: explained, with what it cost and what to do."""

import io
import logging

import pytest
from PIL import Image

from cogs.ui.texts import EXPLANATIONS
from kirin.model import FailureReason, Status
from tests.databases import on_both_engines
from tests.scenarios.world import World, card, gallery, links, message_of


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("task-006001094", FailureReason.NO_CAPACITY),
        ("task-006001095", FailureReason.NO_USABLE_RESULT),
        ("task-006001099", FailureReason.NOT_ACCEPTED),
        ("task-error-integer", FailureReason.NO_CAPACITY),
        ("task-error-message", FailureReason.NO_USABLE_RESULT),
        ("task-error-text", FailureReason.UNEXPECTED),
        ("task-failed-at-once", FailureReason.NO_CAPACITY),
        ("task-risk-control", FailureReason.CONTENT_POLICY),
        ("task-image-pixel", FailureReason.IMAGE_PIXELS),
        ("task-image-ratio", FailureReason.IMAGE_RATIO),
        ("task-image-base64", FailureReason.IMAGE_ENCODING),
        ("task-no-pictures", FailureReason.NO_PICTURES),
        ("create-401", FailureReason.AUTHENTICATION),
        ("create-402", FailureReason.BALANCE),
        ("create-403", FailureReason.ACCESS_DENIED),
        ("create-429-1101", FailureReason.BALANCE),
        ("create-429-1304", FailureReason.ACCESS_DENIED),
        ("create-400-1301", FailureReason.CONTENT_POLICY),
        ("create-no-id", FailureReason.INVALID_REQUEST),
    ],
)
async def test_failure_is_explained_in_its_own_message(
    world: World, fault: str, reason: FailureReason
) -> None:
    world.sim.inject(fault)
    sent = await world.imagine("a red fox")
    await world.finish()
    explanation = EXPLANATIONS[reason]
    shown = card(sent)
    assert explanation.title in shown
    assert explanation.todo in shown
    assert "**Charged:**" in shown
    assert "a red fox" in shown
    assert len(world.sim.creates) == 1


@on_both_engines
async def test_failed_task_says_nothing_of_the_raw_error(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    world.sim.inject("task-006001094")
    sent = await world.imagine()
    await world.finish()
    generation = await world.generation()
    assert generation.error_text == "task resource insufficient"
    assert "insufficient" not in card(sent)
    assert "006001094" not in card(sent)
    assert generation.external_task_id in card(sent)
    assert f"{generation.external_task_id} failed" in caplog.text
    assert "code=006001094" in caplog.text


@on_both_engines
@pytest.mark.parametrize("fault", ["create-429-1302", "create-429-1303"])
async def test_busy_provider_keeps_the_wish_queued(world: World, fault: str) -> None:
    world.sim.inject(fault, count=2)
    sent = await world.imagine()
    await world.work()
    assert "The provider is busy" in card(sent)
    await world.finish()
    assert len(gallery(sent)) == 1
    assert [create.took_effect for create in world.sim.creates] == [False, False, True]


async def test_provider_busy_for_an_hour_ends_the_wish_unpaid(world: World) -> None:
    world.sim.inject("create-429-1303", count=None)
    sent = await world.imagine()
    await world.work()
    await world.pass_time(2 * 3600)
    assert EXPLANATIONS[FailureReason.BUSY].title in card(sent)
    assert "**Charged:** nothing." in card(sent)
    assert (await world.generation()).status is Status.EXPIRED
    assert sum(world.sim.effects.values()) == 0


@on_both_engines
@pytest.mark.parametrize("changes", [{"GENERATION_DEADLINE_MINUTES": "30"}])
async def test_task_that_never_ends_is_given_up_at_its_deadline(world: World) -> None:
    world.sim.inject("task-never-ends")
    sent = await world.imagine()
    await world.work()
    await world.pass_time(1700)
    assert (await world.generation()).status is Status.RUNNING
    await world.pass_time(200)
    assert EXPLANATIONS[FailureReason.DEADLINE].title in card(sent)
    assert "**Charged:** perhaps" in card(sent)


@pytest.mark.parametrize(
    "fault",
    [
        *("poll-404", "poll-429-1302", "poll-500", "poll-502", "poll-503", "poll-504"),
        *("poll-drop", "poll-truncated", "poll-garbage", "poll-unknown-status", "poll-401"),
        *("answer-succeeded", "answer-outputs-apart", "answer-watermark-url", "answer-cost-number"),
        *("answer-other-content", "answer-cost-empty", "answer-cost-null", "answer-cost-absent"),
        *("answer-usage-null", "answer-extra-keys", "poll-no-progress", "task-completed-at-once"),
    ],
)
async def test_odd_answer_to_a_poll_does_not_hide_the_picture(world: World, fault: str) -> None:
    world.sim.inject(fault, count=4 if fault.startswith("poll") else 1)
    sent = await world.imagine()
    await world.finish()
    assert len(gallery(sent)) == 1
    assert len(world.sim.creates) == 1


@on_both_engines
async def test_task_unknown_for_minutes_is_lost(world: World) -> None:
    world.sim.inject("poll-404", count=None)
    sent = await world.imagine()
    await world.finish()
    assert EXPLANATIONS[FailureReason.LOST].title in card(sent)


async def test_one_unknown_task_after_minutes_of_trouble_means_nothing(world: World) -> None:
    world.sim.inject("poll-502", count=21)
    world.sim.inject("poll-404", count=1)
    sent = await world.imagine()
    await world.finish()
    assert len(gallery(sent)) == 1


@on_both_engines
async def test_fewer_pictures_than_asked_for_are_shown_with_the_count(world: World) -> None:
    world.sim.inject("task-one-short")
    sent = await world.imagine(n=4)
    await world.finish()
    assert len(gallery(sent)) == 3
    assert "3 of 4 pictures" in card(sent)


@pytest.mark.parametrize("fault", ["download-404", "download-403", "download-huge"])
async def test_picture_that_cannot_be_fetched_does_not_hide_the_others(
    world: World, fault: str
) -> None:
    world.sim.inject(fault)
    sent = await world.imagine(n=4)
    await world.finish()
    assert len(gallery(sent)) == 3
    assert "3 of 4 pictures" in card(sent)
    assert "1 of the 4 pictures made could not be fetched." in card(sent)


@pytest.mark.parametrize(
    "fault",
    [
        *("download-500", "download-drop", "download-cut-off"),
        *("download-half-file", "download-wrong-type"),
    ],
)
async def test_download_that_fails_once_is_tried_again(world: World, fault: str) -> None:
    world.sim.inject(fault, count=2)
    sent = await world.imagine(n=2)
    await world.finish()
    assert len(gallery(sent)) == 2
    for attachment in message_of(sent).attachments:
        Image.open(io.BytesIO(await attachment.read())).load()


@on_both_engines
async def test_pictures_that_cannot_be_fetched_at_all_are_linked(world: World) -> None:
    world.sim.inject("download-404", count=None)
    sent = await world.imagine(n=2)
    await world.finish()
    assert EXPLANATIONS[FailureReason.PICTURES_UNAVAILABLE].title in card(sent)
    assert "$0.056" in card(sent)
    assert links(sent) == [image.url for image in (await world.generation()).output]
    assert len(world.sim.creates) == 1


async def test_pictures_arrive_after_an_outage_of_their_store(world: World) -> None:
    world.sim.inject("download-500", count=None)
    sent = await world.imagine(n=2)
    await world.finish()
    assert EXPLANATIONS[FailureReason.PICTURES_UNAVAILABLE].title in card(sent)
    edits = world.edits()
    await world.pass_time(600)
    assert world.edits() == edits
    world.sim.clear_faults()
    await world.pass_time(300)
    assert len(gallery(sent)) == 2
    assert len(world.sim.creates) == 1


@on_both_engines
async def test_task_that_is_unknown_for_a_moment_in_its_life_is_not_lost(world: World) -> None:
    world.sim.inject("task-slow", seconds=300)
    sent = await world.imagine()
    await world.work()
    await world.pass_time(200)
    world.sim.inject("poll-404")
    await world.finish()
    assert len(gallery(sent)) == 1


async def test_failed_card_has_no_attachment(world: World) -> None:
    world.sim.inject("task-006001095")
    sent = await world.imagine()
    await world.finish()
    assert message_of(sent).attachments == []
