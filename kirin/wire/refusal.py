"""What an error of the provider means: for the call (an exception), for the wish (a reason).

The gateway's error bodies come in several shapes: `{"error": {"code", "error_message"}}` (or
`message`), `{"error": "text"}`, `{"message": "text"}`, `{"code", "message", "request_id"}`,
`{"status": {"code", "message", "error_code"}}`, HTML, or nothing at all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from kirin.errors import (
    AccessDenied,
    AuthenticationFailed,
    BalanceExhausted,
    DuplicateTask,
    PolicyRefused,
    ProviderError,
    ProviderTrouble,
    RateLimited,
    RequestRefused,
    TaskNotFound,
    UnreadableAnswer,
)
from kirin.model import FailureReason
from kirin.wire.values import as_code, as_text, load_object

NO_EXPLANATION = "no explanation given"
"""The text of an error whose answer held none that could be read."""

_REDIRECT = 300
_BAD_REQUEST = 400
_REQUEST_TIMEOUT = 408
_SERVER_ERROR = 500

_TASK_CODES = {
    "006001094": FailureReason.NO_CAPACITY,
    "006001095": FailureReason.NO_USABLE_RESULT,
    "006001099": FailureReason.NOT_ACCEPTED,
}
_TELLING_TEXTS = {
    "risk control": FailureReason.CONTENT_POLICY,
    "image pixel is invalid": FailureReason.IMAGE_PIXELS,
    "aspect ratio of the input image is invalid": FailureReason.IMAGE_RATIO,
    "not in a valid base64 format": FailureReason.IMAGE_ENCODING,
}
_TAKEN = ("exist", "duplic", "unique", "already", "repeat")
_POLICY_CODES = frozenset({"1300", "1301"})

_BY_CODE: dict[str, type[ProviderError]] = {
    **dict.fromkeys(("1000", "1001", "1002", "1003", "1004"), AuthenticationFailed),
    **dict.fromkeys(("1101", "1102"), BalanceExhausted),
    **dict.fromkeys((str(code) for code in range(40200, 40209)), BalanceExhausted),
    **dict.fromkeys(("1100", "1103", "1304"), AccessDenied),
    **dict.fromkeys(_POLICY_CODES, PolicyRefused),
    **dict.fromkeys(("1302", "1303"), RateLimited),
    **dict.fromkeys(("5000", "5001", "5002"), ProviderTrouble),
}
_BY_STATUS: dict[int, type[ProviderError]] = {
    401: AuthenticationFailed,
    402: BalanceExhausted,
    403: AccessDenied,
    404: TaskNotFound,
    _REQUEST_TIMEOUT: ProviderTrouble,
    409: DuplicateTask,
    429: RateLimited,
}

_REASONS: dict[type[ProviderError], FailureReason] = {
    AuthenticationFailed: FailureReason.AUTHENTICATION,
    BalanceExhausted: FailureReason.BALANCE,
    AccessDenied: FailureReason.ACCESS_DENIED,
    PolicyRefused: FailureReason.CONTENT_POLICY,
}


def read_error(data: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """Find the code and the text in any of the shapes an error comes in."""
    for holder in (data.get("error"), data.get("status"), data):
        if isinstance(holder, dict):
            code = as_code(holder.get("error_code")) or as_code(holder.get("code"))
            text = as_text(holder.get("error_message")) or as_text(holder.get("message"))
            if code or text:
                return code, text
        elif holder is data.get("error") and as_text(holder):
            return None, as_text(holder)
    return None, None


def error_from(
    status: int,
    headers: Mapping[str, str],
    body: bytes,
    *,
    now: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> ProviderError:
    """Turn an HTTP answer that is an error into the exception that says what it means."""
    try:
        code, text = read_error(load_object(body))
    except UnreadableAnswer:
        code, text = None, None
    kind = _kind(status, code, (text or "").lower())
    text = text or NO_EXPLANATION
    if issubclass(kind, RateLimited):
        wait = parse_retry_after(headers.get("Retry-After"), now())
        return kind(text, http_status=status, code=code, retry_after=wait)
    return kind(text, http_status=status, code=code)


def _kind(status: int, code: str | None, text: str) -> type[ProviderError]:
    if status >= _SERVER_ERROR:  # whatever it says, a create may have happened
        return ProviderTrouble
    if "risk control" in text:
        return PolicyRefused
    if code in _BY_CODE:
        return _BY_CODE[code]
    if "external_task_id" in text and any(word in text for word in _TAKEN):
        return DuplicateTask
    if status in _BY_STATUS:
        return _BY_STATUS[status]
    is_redirect = _REDIRECT <= status < _BAD_REQUEST
    return UnreadableAnswer if is_redirect else RequestRefused


def reason_for(error: ProviderError) -> FailureReason:
    """Say why a wish failed that ended with this refusal."""
    if isinstance(error, UnreadableAnswer):
        return FailureReason.UNREADABLE_ANSWER
    known = _REASONS.get(type(error))
    if known is not None:
        return known
    reason = classify_failure(error.code, error.text)
    return FailureReason.INVALID_REQUEST if reason is FailureReason.UNEXPECTED else reason


def classify_failure(code: str | None, text: str | None) -> FailureReason:
    """Say why a task failed; its text is more telling than its code."""
    lowered = (text or "").lower()
    for part, reason in _TELLING_TEXTS.items():
        if part in lowered:
            return reason
    if code in _POLICY_CODES:
        return FailureReason.CONTENT_POLICY
    return _TASK_CODES.get(code or "", FailureReason.UNEXPECTED)


def parse_retry_after(value: str | None, now: datetime) -> float | None:
    """Read a `Retry-After` header, in seconds or as a date, into seconds from now."""
    text = (value or "").strip()
    if text.isascii() and text.isdigit():
        return float(text[:12])
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):  # so many ways to be no date
        return None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return max(0.0, (moment - now).total_seconds())
