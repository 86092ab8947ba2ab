from dataclasses import FrozenInstanceError
from decimal import Decimal
from typing import Any

import pytest

from kirin.errors import RequestRefused
from kirin.model import (
    Charge,
    FailureReason,
    Generation,
    ResultImage,
    Status,
    TaskSnapshot,
    TaskState,
)
from tests.kirin.kirin_factories import MINUTE, NOW, TOKEN, a_generation, a_placement

LATER = NOW + MINUTE
OPEN = (Status.QUEUED, Status.SUBMITTING, Status.RUNNING)
PICTURES = TaskSnapshot(
    task_id="task-1",
    state=TaskState.COMPLETED,
    images=(ResultImage(url="https://example.com/1.png"),),
    cost=Decimal("0.028"),
    discount=Decimal("0.5"),
    metadata={"seed": 7},
)


def running(**changes: Any) -> Generation:
    return a_generation(status=Status.RUNNING, task_id="task-1", setbacks=2, **changes)


@pytest.mark.parametrize("status", Status)
def test_only_queued_submitting_and_running_go_on(status: Status) -> None:
    assert status.is_terminal == (status not in OPEN)


def test_a_create_is_counted_before_it_leaves() -> None:
    sending = a_generation(attempts=1).sending(LATER)
    assert (sending.status, sending.attempts) == (Status.SUBMITTING, 2)
    assert sending.submitted_at == sending.due_at == LATER


def test_a_taken_wish_is_polled_and_shown_and_its_setbacks_are_forgotten() -> None:
    taken = a_generation(setbacks=3).taken("task-1", now=NOW, poll_at=LATER)
    assert (taken.status, taken.task_id, taken.setbacks) == (Status.RUNNING, "task-1", 0)
    assert (taken.due_at, taken.message_due_at) == (LATER, NOW)


def test_a_wish_that_was_not_taken_waits_in_the_queue_again() -> None:
    back = a_generation(attempts=1).sending(NOW).requeued(now=NOW, due_at=LATER)
    assert (back.status, back.attempts, back.setbacks) == (Status.QUEUED, 2, 1)
    assert back.due_at == LATER


def test_a_create_of_unknown_outcome_stays_one_until_it_is_known() -> None:
    unresolved = a_generation().sending(NOW).unresolved(LATER)
    assert (unresolved.status, unresolved.setbacks) == (Status.SUBMITTING, 1)
    assert unresolved.due_at == LATER


def test_a_poll_without_progress_keeps_the_progress_known() -> None:
    polled = running(progress=0.5).polled(progress=None, now=NOW, due_at=LATER)
    assert (polled.progress, polled.polls, polled.setbacks) == (0.5, 1, 0)
    assert polled.polled(progress=0.75, now=NOW, due_at=LATER).progress == 0.75


def test_a_troubled_poll_counts_as_poll_and_as_setback() -> None:
    troubled = running().poll_troubled(LATER)
    assert (troubled.status, troubled.polls, troubled.setbacks) == (Status.RUNNING, 1, 3)


def test_a_success_keeps_everything_that_the_provider_told() -> None:
    done = running(progress=0.9).succeeded(PICTURES, LATER)
    assert (done.status, done.output, done.metadata) == (
        Status.SUCCEEDED,
        PICTURES.images,
        {"seed": 7},
    )
    assert (done.cost, done.discount) == (Decimal("0.028"), Decimal("0.5"))
    assert (done.progress, done.due_at) == (None, None)
    assert done.finished_at == done.message_due_at == LATER


def test_a_success_at_once_brings_its_task_id_along() -> None:
    assert a_generation().sending(NOW).succeeded(PICTURES, NOW).task_id == "task-1"


def test_the_task_id_that_was_polled_is_kept_whatever_the_answer_calls_itself() -> None:
    assert running().succeeded(PICTURES, NOW).task_id == "task-1"
    renamed = a_generation(task_id="other").succeeded(PICTURES, NOW)
    assert renamed.task_id == "other"


def test_a_failed_task_keeps_the_providers_code_text_and_cost() -> None:
    snapshot = TaskSnapshot(
        task_id="task-1",
        state=TaskState.FAILED,
        error_code="006001094",
        error_text="task resource insufficient",
        cost=Decimal(0),
    )
    failed = running().failed(FailureReason.NO_CAPACITY, now=LATER, snapshot=snapshot)
    assert (failed.status, failed.failure) == (Status.FAILED, FailureReason.NO_CAPACITY)
    assert (failed.error_code, failed.error_text) == ("006001094", "task resource insufficient")
    assert failed.cost == 0
    assert failed.finished_at == failed.message_due_at == LATER


def test_a_refused_create_keeps_the_refusals_code_and_text() -> None:
    refusal = RequestRefused("no such option", http_status=400, code="1201")
    failed = a_generation().failed(FailureReason.INVALID_REQUEST, now=NOW, error=refusal)
    assert (failed.error_code, failed.error_text) == ("1201", "no such option")


def test_a_wish_that_took_too_long_is_expired_for_a_reason() -> None:
    expired = running().expired(FailureReason.DEADLINE, LATER)
    assert (expired.status, expired.failure) == (Status.EXPIRED, FailureReason.DEADLINE)
    assert (expired.due_at, expired.message_due_at) == (None, LATER)


def test_a_cancelled_wish_is_asked_about_no_more_and_its_message_is_due() -> None:
    cancelled = running(progress=0.5).cancelled(LATER)
    assert (cancelled.status, cancelled.due_at) == (Status.CANCELLED, None)
    assert cancelled.finished_at == cancelled.message_due_at == LATER
    assert cancelled.progress is None


def test_a_delayed_delivery_is_due_again_and_keeps_its_token() -> None:
    delayed = running().succeeded(PICTURES, NOW).delivery_delayed(LATER)
    assert (delayed.delivery_attempts, delayed.message_due_at) == (1, LATER)
    assert (delayed.delivered_at, delayed.placement.token) == (None, TOKEN)


def test_a_delivered_wish_is_done_with_and_its_token_forgotten() -> None:
    delivered = running().succeeded(PICTURES, NOW).delivered(LATER)
    assert (delivered.delivered_at, delivered.message_due_at) == (LATER, None)
    assert delivered.placement.token is None


def test_an_undeliverable_wish_keeps_its_outcome_and_is_not_tried_again() -> None:
    stranded = running().succeeded(PICTURES, NOW).undeliverable()
    assert (stranded.message_due_at, stranded.delivered_at) == (None, None)
    assert stranded.output == PICTURES.images
    assert stranded.placement.token is None


def test_a_token_lives_until_the_moment_of_its_expiry() -> None:
    placement = a_placement(token_expires_at=LATER)
    assert placement.live_token(NOW) == TOKEN
    assert placement.live_token(LATER) is None


def test_a_token_is_never_printed() -> None:
    assert TOKEN not in f"{a_generation()!r}{a_generation()}{a_placement()!r}"


def test_a_generation_cannot_be_changed_in_place() -> None:
    with pytest.raises(FrozenInstanceError):
        a_generation().status = Status.FAILED  # type: ignore[misc]


@pytest.mark.parametrize(
    "reason",
    [
        FailureReason.UNKNOWN_OUTCOME,
        FailureReason.LOST,
        FailureReason.DEADLINE,
        FailureReason.NO_PICTURES,
        FailureReason.PICTURES_UNAVAILABLE,
        FailureReason.UNEXPECTED,
    ],
)
def test_money_may_be_gone_where_the_provider_may_have_worked(reason: FailureReason) -> None:
    assert reason.charge is Charge.POSSIBLE


@pytest.mark.parametrize(
    "reason",
    [
        FailureReason.BUSY,
        FailureReason.INVALID_REQUEST,
        FailureReason.AUTHENTICATION,
        FailureReason.BALANCE,
        FailureReason.ACCESS_DENIED,
        FailureReason.REFERENCE_MISSING,
    ],
)
def test_nothing_is_charged_for_what_was_never_taken(reason: FailureReason) -> None:
    assert reason.charge is Charge.NOTHING
