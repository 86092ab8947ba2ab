import json
from decimal import Decimal
from typing import Any

import pytest

from kirin.errors import (
    BalanceExhausted,
    PolicyRefused,
    ProviderError,
    ProviderTrouble,
    RateLimited,
    RequestRefused,
    UnreadableAnswer,
)
from kirin.model import ResultImage, TaskSnapshot, TaskState
from kirin.wire import parse_created, parse_snapshot

ONE = {"type": "image", "url": "https://example.com/1.png", "jobId": "job-1"}
TWO = {"type": "image", "url": "https://example.com/2.png", "jobId": "job-2"}
VIDEO = {"type": "video", "url": "https://example.com/3.mp4", "jobId": "job-3"}


def answer(**changes: Any) -> bytes:
    return json.dumps({"id": "task-1", "status": "in_progress"} | changes).encode()


def completed(**changes: Any) -> TaskSnapshot:
    return parse_snapshot(answer(status="completed", **{"output": [{"content": [ONE]}]} | changes))


def failed(error: object, **changes: Any) -> tuple[str | None, str | None]:
    snapshot = parse_snapshot(answer(status="failed", error=error, **changes))
    return snapshot.error_code, snapshot.error_text


def urls(snapshot: TaskSnapshot) -> list[str]:
    return [image.url for image in snapshot.images]


def test_the_documented_success_is_read_whole() -> None:
    assert parse_snapshot(
        b"""{"id": "d758n65e878c73cmdg20", "created_at": 1760000000, "model": "kirin_v3_image",
        "status": "completed", "output": [{"content": [{"type": "image",
        "url": "https://example.com/1.png", "jobId": "job-1"}]}],
        "usage": {"cost": "0.028", "discount": 1}, "metadata": {}}"""
    ) == TaskSnapshot(
        task_id="d758n65e878c73cmdg20",
        state=TaskState.COMPLETED,
        images=(ResultImage(url="https://example.com/1.png", job_id="job-1"),),
        cost=Decimal("0.028"),
        discount=Decimal(1),
    )


def test_the_documented_failure_is_read_whole() -> None:
    assert parse_snapshot(
        b"""{"id": "task-1", "status": "failed",
        "error": {"code": "006001095", "error_message": "task response error"}}"""
    ) == TaskSnapshot(
        task_id="task-1",
        state=TaskState.FAILED,
        error_code="006001095",
        error_text="task response error",
    )


@pytest.mark.parametrize(
    ("word", "state"),
    [
        ("in_progress", TaskState.RUNNING),
        ("pending", TaskState.RUNNING),
        ("queued", TaskState.RUNNING),
        ("submitted", TaskState.RUNNING),
        ("processing", TaskState.RUNNING),
        ("running", TaskState.RUNNING),
        ("completed", TaskState.COMPLETED),
        ("succeeded", TaskState.COMPLETED),
        ("succeed", TaskState.COMPLETED),
        ("failed", TaskState.FAILED),
        ("COMPLETED", TaskState.COMPLETED),
        (" failed ", TaskState.FAILED),
    ],
)
def test_every_status_word_seen_in_the_wild_is_known(word: str, state: TaskState) -> None:
    snapshot = parse_snapshot(answer(status=word))
    assert (snapshot.state, snapshot.unknown_status) == (state, None)


def test_an_unknown_status_means_not_finished_and_is_named() -> None:
    snapshot = parse_snapshot(answer(status="polishing"))
    assert (snapshot.state, snapshot.unknown_status) == (TaskState.RUNNING, "polishing")


@pytest.mark.parametrize("status", [None, 7, {}, [], "", True])
def test_an_id_without_a_status_means_not_finished(status: object) -> None:
    snapshot = parse_snapshot(answer(status=status))
    assert (snapshot.task_id, snapshot.state) == ("task-1", TaskState.RUNNING)


@pytest.mark.parametrize("progress", [0, 0.0, 0.35, 1, 1.0])
def test_progress_is_read_from_0_to_1(progress: float) -> None:
    assert parse_snapshot(answer(progress=progress)).progress == progress


@pytest.mark.parametrize("progress", [-0.1, 1.1, 35, "0.5", None, True, [], float("nan")])
def test_progress_that_is_no_fraction_is_none(progress: object) -> None:
    assert parse_snapshot(answer(progress=progress)).progress is None


def test_progress_counts_only_while_the_task_runs() -> None:
    assert completed(progress=0.5).progress is None


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        ({"code": "006001094", "error_message": "no room"}, ("006001094", "no room")),
        ({"code": "006001094", "message": "no room"}, ("006001094", "no room")),
        ({"code": 6001094, "error_message": "no room"}, ("006001094", "no room")),
        ({"code": "6001094", "message": "no room"}, ("006001094", "no room")),
        ({"code": 1301, "message": "risk control"}, ("1301", "risk control")),
        ({"code": "006001094"}, ("006001094", None)),
        ({"message": "no room"}, (None, "no room")),
        ("no room", (None, "no room")),
        ({}, (None, None)),
        ("", (None, None)),
        (None, (None, None)),
        ([{"code": "006001094"}], (None, None)),
        ({"code": ["1"], "error_message": {"en": "no"}}, (None, None)),
    ],
)
def test_an_error_is_read_in_every_shape_it_comes_in(
    error: object, expected: tuple[str | None, str | None]
) -> None:
    assert failed(error) == expected


def test_an_error_may_stand_beside_the_status() -> None:
    assert failed(None, code=6001094, message="no room") == ("006001094", "no room")


def test_an_error_of_a_task_that_did_not_fail_is_not_one() -> None:
    assert completed(error={"code": "1"}).error_code is None


@pytest.mark.parametrize(
    "output",
    [
        [{"content": [ONE, TWO]}],
        [{"content": [ONE]}, {"content": [TWO]}],
        [{"content": ONE}, {"content": TWO}],
        {"content": [ONE, TWO]},
        [{"content": [VIDEO, ONE]}, None, {"content": None}, "x", {"content": [TWO, VIDEO]}],
        [{"content": [ONE, {"type": "image"}, {"type": "image", "url": ""}, 7, TWO]}],
        [{"content": [ONE, {"type": "image", "url": "javascript:alert(1)"}, TWO]}],
        [{"content": [ONE | {"extra": 1}, {"url": TWO["url"]}]}],
    ],
)
def test_pictures_are_found_in_order_however_they_are_grouped(output: object) -> None:
    assert urls(completed(output=output)) == [ONE["url"], TWO["url"]]


@pytest.mark.parametrize("output", [None, [], {}, "", 0, [None], [{"content": []}], [[ONE]]])
def test_a_completed_task_may_have_no_pictures(output: object) -> None:
    snapshot = completed(output=output)
    assert (snapshot.state, snapshot.images) == (TaskState.COMPLETED, ())


def test_a_watermarked_picture_is_kept_beside_the_clean_one() -> None:
    marked = ONE | {"watermark_url": "https://example.com/1.marked.png"}
    (image,) = completed(output=[{"content": [marked]}]).images
    assert image == ResultImage(
        url="https://example.com/1.png",
        job_id="job-1",
        watermark_url="https://example.com/1.marked.png",
    )


@pytest.mark.parametrize("url", [None, "", 7, "data:image/png;base64,", "https://e/" + "x" * 5000])
def test_a_watermark_link_that_is_none_leaves_the_picture_alone(url: object) -> None:
    (image,) = completed(output=[{"content": [ONE | {"watermark_url": url}]}]).images
    assert (image.url, image.watermark_url) == (ONE["url"], None)


def test_a_link_is_never_cut() -> None:
    url = "https://example.com/" + "x" * 3000
    assert urls(completed(output=[{"content": [{"type": "image", "url": url}]}])) == [url]


@pytest.mark.parametrize(
    ("cost", "amount"),
    [
        ("0.028", "0.028"),
        (0.028, "0.028"),
        (" 0.028 ", "0.028"),
        (0, "0"),
        (1, "1"),
        ("1e-5", "0.00001"),
    ],
)
def test_a_cost_is_read_exactly(cost: object, amount: str) -> None:
    assert completed(usage={"cost": cost}).cost == Decimal(amount)


@pytest.mark.parametrize(
    "cost",
    [
        *("", " ", None, "free", "-1", -1, True, [], {}),
        *("NaN", "Infinity", float("nan"), float("inf"), "1e9"),
        *("1e-999999", "0e-999999999", 1e-300, "0." + "0" * 5000 + "1"),
    ],
)
def test_a_cost_that_is_no_amount_of_money_is_none(cost: object) -> None:
    assert completed(usage={"cost": cost}).cost is None


@pytest.mark.parametrize("usage", [None, [], "0.028", 7, {}])
def test_usage_may_be_missing(usage: object) -> None:
    snapshot = completed(usage=usage)
    assert (snapshot.cost, snapshot.discount) == (None, None)


def test_cost_and_discount_are_kept_apart() -> None:
    snapshot = completed(usage={"cost": "0.028", "discount": "0.5"})
    assert (snapshot.cost, snapshot.discount) == (Decimal("0.028"), Decimal("0.5"))


@pytest.mark.parametrize("metadata", [{}, {"seed": 7, "tags": ["fox", "🦊"], "deep": {"a": None}}])
def test_metadata_is_kept_as_it_is(metadata: dict[str, Any]) -> None:
    assert completed(metadata=metadata).metadata == metadata


@pytest.mark.parametrize(
    "metadata",
    [
        None,
        [],
        "x",
        {"large": "x" * 20_000},
        {"nan": float("nan")},
        {"nul": "\x00"},
        {"half a pair": "\ud83e"},
        {"deep": json.loads("[" * 400 + "]" * 400)},
    ],
)
def test_metadata_that_not_every_database_can_store_is_dropped(metadata: object) -> None:
    assert completed(metadata=metadata).metadata == {}


def test_unknown_keys_are_ignored() -> None:
    assert parse_snapshot(answer(trace={"a": 1}, data=None)) == parse_snapshot(answer())


@pytest.mark.parametrize(
    ("id_", "task_id"),
    [("task-1", "task-1"), (886000000000000001, "886000000000000001"), ("a\x00b\ud800", "ab?")],
)
def test_an_id_is_a_text_that_any_database_can_store(id_: object, task_id: str) -> None:
    assert parse_snapshot(answer(id=id_)).task_id == task_id


UNREADABLE = [
    b"",
    b"null",
    b"[]",
    b"7",
    b'"completed"',
    b"{}",
    b"{",
    b'{"id": "task-1"',
    b"<html></html>",
    b"\xff\xfe\x00",
    b"\x80",
    b'{"id": null, "status": null}',
    b'{"id": 1.5}',
    b'{"id": true}',
    b'{"id": {}}',
    b'{"error": null, "data": {"id": "task-1"}}',
    b'{"error": "", "data": {"id": "task-1"}}',
    b"[" * 100_000,
    b'{"id": ' + b"9" * 5000 + b"}",
]


@pytest.mark.parametrize("body", UNREADABLE, ids=lambda body: repr(body[:24]))
def test_what_says_nothing_of_a_task_is_unreadable(body: bytes) -> None:
    with pytest.raises(UnreadableAnswer):
        parse_snapshot(body)


@pytest.mark.parametrize("body", UNREADABLE, ids=lambda body: repr(body[:24]))
def test_a_create_whose_answer_says_nothing_is_not_taken_for_refused(body: bytes) -> None:
    with pytest.raises(UnreadableAnswer):
        parse_created(body)


def test_a_create_is_answered_by_an_id_and_a_first_status() -> None:
    snapshot = parse_created(answer(created_at=1760000000, model="kirin_v3_image"))
    assert snapshot == TaskSnapshot(task_id="task-1", state=TaskState.RUNNING)


@pytest.mark.parametrize("status", ["completed", "failed"])
def test_a_create_may_answer_with_a_task_that_has_ended(status: str) -> None:
    body = answer(status=status, output=[{"content": [ONE]}], error={"code": "006001094"})
    assert parse_created(body) == parse_snapshot(body)
    assert parse_created(body).state == status


def test_a_create_may_answer_with_a_failure_that_has_no_id() -> None:
    snapshot = parse_created(b'{"status": "failed", "error": {"code": "006001094"}}')
    assert (snapshot.task_id, snapshot.error_code) == (None, "006001094")


@pytest.mark.parametrize("nothing", [{}, {"id": None}, {"id": "", "status": ""}])
@pytest.mark.parametrize(
    ("error", "expected"),
    [
        ({"code": "1201", "message": "task creation error"}, RequestRefused),
        ({"code": 40201, "error_message": "no balance"}, BalanceExhausted),
        ({"code": 1303, "message": "too many tasks"}, RateLimited),
        ({"code": "5000", "message": "internal error"}, ProviderTrouble),
        ("risk control", PolicyRefused),
    ],
)
def test_a_create_that_brings_an_error_and_no_task_says_what_the_error_means(
    nothing: dict[str, object], error: object, expected: type[ProviderError]
) -> None:
    with pytest.raises(ProviderError) as caught:
        parse_created(json.dumps({**nothing, "error": error}).encode())
    assert type(caught.value) is expected


def test_a_status_without_an_id_is_refused_only_if_there_is_an_error() -> None:
    with pytest.raises(UnreadableAnswer):
        parse_created(b'{"status": "in_progress"}')
    with pytest.raises(RequestRefused):
        parse_created(b'{"status": "in_progress", "error": {"code": "1201"}}')
