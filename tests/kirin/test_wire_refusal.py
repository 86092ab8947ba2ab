import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, timezone

import pytest

from kirin.errors import (
    AccessDenied,
    AuthenticationFailed,
    BalanceExhausted,
    DuplicateTask,
    NoAnswer,
    NotSent,
    PolicyRefused,
    ProviderError,
    ProviderTrouble,
    RateLimited,
    RequestRefused,
    TaskNotFound,
    UnreadableAnswer,
)
from kirin.model import FailureReason
from kirin.wire import classify_failure, error_from, reason_for
from kirin.wire.refusal import parse_retry_after

NOW = datetime(2026, 1, 2, 12, 0, 0, tzinfo=UTC)
Kind = type[ProviderError]

SHAPES_WITH_CODE: dict[str, Callable[[int], object]] = {
    "nested": lambda code: {"error": {"code": str(code), "error_message": "no"}},
    "nested message": lambda code: {"error": {"code": code, "message": "no"}},
    "flat": lambda code: {"code": code, "message": "no", "request_id": "r"},
    "flat text": lambda code: {"code": str(code), "message": "no"},
    "status": lambda code: {"status": {"code": code // 100, "message": "no", "error_code": code}},
}
BODIES_WITHOUT_CODE = {
    "error text": b'{"error": "no"}',
    "message": b'{"message": "no"}',
    "html": b"<html><body>nginx</body></html>",
    "nothing": b"",
    "null": b"null",
    "list": b"[1303]",
    "not text": b"\xff\xfe\x80",
}

BY_CODE: list[tuple[int, range | tuple[int, ...], Kind]] = [
    (401, range(1000, 1005), AuthenticationFailed),
    (402, range(40200, 40209), BalanceExhausted),
    (403, (1101, 1102), BalanceExhausted),
    (403, (1103,), AccessDenied),
    (400, (1300, 1301), PolicyRefused),
    (400, (1302, 1303), RateLimited),
    (429, (1302, 1303), RateLimited),
    (429, (1101, 1102), BalanceExhausted),
    (429, (1100, 1304), AccessDenied),
    (400, (1200, 1201, 1203), RequestRefused),
    (500, (5000, 5001, 5002, 1303, 1301, 1000), ProviderTrouble),
]
BY_STATUS: list[tuple[int, Kind]] = [
    (400, RequestRefused),
    (401, AuthenticationFailed),
    (402, BalanceExhausted),
    (403, AccessDenied),
    (404, TaskNotFound),
    (405, RequestRefused),
    (408, ProviderTrouble),
    (409, DuplicateTask),
    (413, RequestRefused),
    (422, RequestRefused),
    (429, RateLimited),
    (500, ProviderTrouble),
    (502, ProviderTrouble),
    (503, ProviderTrouble),
    (504, ProviderTrouble),
    (524, ProviderTrouble),
    (301, UnreadableAnswer),
    (307, UnreadableAnswer),
]

REASONS: dict[Kind, FailureReason | None] = {
    ProviderError: None,
    NoAnswer: None,
    NotSent: None,
    ProviderTrouble: None,
    RateLimited: None,
    TaskNotFound: None,
    DuplicateTask: None,
    UnreadableAnswer: FailureReason.UNREADABLE_ANSWER,
    RequestRefused: FailureReason.INVALID_REQUEST,
    AuthenticationFailed: FailureReason.AUTHENTICATION,
    BalanceExhausted: FailureReason.BALANCE,
    AccessDenied: FailureReason.ACCESS_DENIED,
    PolicyRefused: FailureReason.CONTENT_POLICY,
}
"""Why a wish ends with each error; `None` where the error alone ends none."""


def refusal(status: int, payload: object, **headers: str) -> ProviderError:
    body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
    return error_from(status, headers, body, now=lambda: NOW)


def subclasses(kind: Kind) -> Iterator[Kind]:
    yield kind
    for heir in kind.__subclasses__():
        yield from subclasses(heir)


@pytest.mark.parametrize("shape", SHAPES_WITH_CODE.values(), ids=SHAPES_WITH_CODE)
@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [(status, code, kind) for status, codes, kind in BY_CODE for code in codes],
)
def test_a_code_means_the_same_in_every_shape(
    status: int, code: int, kind: Kind, shape: Callable[[int], object]
) -> None:
    error = refusal(status, shape(code))
    assert type(error) is kind
    assert (error.http_status, error.code, error.text) == (status, str(code), "no")


@pytest.mark.parametrize("body", BODIES_WITHOUT_CODE.values(), ids=BODIES_WITHOUT_CODE)
@pytest.mark.parametrize(("status", "kind"), BY_STATUS)
def test_without_a_code_the_status_says_what_it_means(status: int, kind: Kind, body: bytes) -> None:
    error = refusal(status, body)
    assert type(error) is kind
    assert (error.http_status, error.code) == (status, None)


@pytest.mark.parametrize(
    "payload",
    [{"error": "Risk Control"}, {"error": {"code": 9, "message": "hit by risk control"}}],
)
@pytest.mark.parametrize("status", [200, 400, 403])
def test_risk_control_means_the_content_policy_whatever_the_status(
    status: int, payload: object
) -> None:
    assert type(refusal(status, payload)) is PolicyRefused


def test_a_5xx_leaves_open_whether_a_create_happened_whatever_it_says() -> None:
    assert type(refusal(500, {"error": "risk control"})) is ProviderTrouble
    assert type(refusal(503, {"code": 1303, "message": "too many"})) is ProviderTrouble


@pytest.mark.parametrize(
    "text",
    [
        "external_task_id already exists",
        "duplicate external_task_id",
        "external_task_id must be unique",
        "external_task_id 'wish-1' is already used",
    ],
)
def test_a_taken_external_task_id_means_that_the_task_is_there(text: str) -> None:
    assert type(refusal(400, {"code": 1201, "message": text})) is DuplicateTask


def test_another_complaint_about_the_external_task_id_is_a_refusal() -> None:
    text = "external_task_id must be a string"
    assert type(refusal(400, {"code": 1201, "message": text})) is RequestRefused


def test_an_error_prints_its_status_code_and_text() -> None:
    error = refusal(400, {"code": 1201, "message": "no such option"})
    assert str(error) == "HTTP 400 code 1201: no such option"


def test_retry_after_is_read_for_what_may_be_retried() -> None:
    error = refusal(429, {"code": 1303, "message": "too many"}, **{"Retry-After": "17"})
    assert isinstance(error, RateLimited)
    assert error.retry_after == 17


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (None, None),
        ("", None),
        ("0", 0),
        ("17", 17),
        (" 17 ", 17),
        (" " * 20 + "17", 17),
        ("Fri, 02 Jan 2026 12:00:30 GMT", 30),
        ("Fri, 02 Jan 2026 13:00:30 +0100", 30),
        ("Fri, 02 Jan 2026 12:00:30 -0000", 30),
        ("Fri, 02 Jan 2026 11:59:00 GMT", 0),
        ("-17", None),
        ("1.5", None),
        ("soon", None),
        ("²", None),
        ("Fri, 02 Jan 99999999999999999999 12:00:00 GMT", None),
        ("Fri, 02 Jan 2026 12:00:00 +99999999999999999999", None),
    ],
)
def test_retry_after_is_seconds_or_a_date(value: str | None, seconds: float | None) -> None:
    assert parse_retry_after(value, NOW) == seconds


def test_a_retry_after_date_is_held_against_any_clock() -> None:
    elsewhere = NOW.astimezone(timezone(timedelta(hours=9)))
    assert parse_retry_after("Fri, 02 Jan 2026 12:00:30 GMT", elsewhere) == 30


@pytest.mark.parametrize(
    ("code", "text", "reason"),
    [
        ("006001094", "task resource insufficient", FailureReason.NO_CAPACITY),
        ("006001095", "task response error", FailureReason.NO_USABLE_RESULT),
        ("006001099", "task creation error", FailureReason.NOT_ACCEPTED),
        ("006001094", None, FailureReason.NO_CAPACITY),
        ("1300", None, FailureReason.CONTENT_POLICY),
        ("1301", "no", FailureReason.CONTENT_POLICY),
        ("006001095", "Failed: Risk Control.", FailureReason.CONTENT_POLICY),
        ("006001099", "Image pixel is invalid", FailureReason.IMAGE_PIXELS),
        (None, "the aspect ratio of the input image is invalid", FailureReason.IMAGE_RATIO),
        (None, "File is not in a valid base64 format", FailureReason.IMAGE_ENCODING),
        ("42", "anything else", FailureReason.UNEXPECTED),
        (None, None, FailureReason.UNEXPECTED),
    ],
)
def test_a_failed_task_has_a_reason(
    code: str | None, text: str | None, reason: FailureReason
) -> None:
    assert classify_failure(code, text) is reason


def test_every_error_of_the_provider_is_known_to_this_table() -> None:
    assert set(REASONS) == set(subclasses(ProviderError))


def test_every_refusal_ends_a_wish_for_a_reason_of_its_own() -> None:
    reasons = [REASONS[kind] for kind in subclasses(RequestRefused)]
    assert None not in reasons
    assert len(set(reasons)) == len(reasons)


@pytest.mark.parametrize(("kind", "reason"), [(k, r) for k, r in REASONS.items() if r])
def test_an_error_that_ends_a_wish_is_its_reason(kind: Kind, reason: FailureReason) -> None:
    assert reason_for(kind("no")) is reason


def test_a_refused_reference_image_is_named_as_the_reason() -> None:
    error = RequestRefused("Image pixel is invalid", http_status=400, code="1201")
    assert reason_for(error) is FailureReason.IMAGE_PIXELS
