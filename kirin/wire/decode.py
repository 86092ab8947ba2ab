"""The provider's answers, read into a `TaskSnapshot`.

Documented are the statuses "completed" and "failed", `output[].content[]` with `type`, `url` and
`jobId`, `usage.cost` in USD and `error.code` with `error.error_message`. Everything else that is
accepted here has been seen in answers of the same gateway.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kirin.errors import UnreadableAnswer
from kirin.model import ResultImage, TaskSnapshot, TaskState
from kirin.wire.refusal import error_from, read_error
from kirin.wire.values import as_decimal, as_fraction, as_metadata, as_text, as_url, load_object

_HTTP_OK = 200
_STATES = {
    **dict.fromkeys(("completed", "succeeded", "succeed"), TaskState.COMPLETED),
    "failed": TaskState.FAILED,
    **dict.fromkeys(
        ("in_progress", "pending", "queued", "submitted", "processing", "running"),
        TaskState.RUNNING,
    ),
}


def parse_snapshot(body: bytes) -> TaskSnapshot:
    """Read the answer to a poll, or raise `UnreadableAnswer` and nothing else."""
    return _snapshot(load_object(body))


def parse_created(body: bytes) -> TaskSnapshot:
    """Read the answer to a create that came with HTTP 200.

    Raises `UnreadableAnswer` where it does not say what became of the wish, and the fitting
    `ProviderError` where it holds an error and no task.
    """
    data = load_object(body)
    if not as_text(data.get("id")) and _status_word(data) is None and data.get("error"):
        raise error_from(_HTTP_OK, {}, body)
    snapshot = _snapshot(data)
    if snapshot.task_id is None and snapshot.state is TaskState.RUNNING:
        if data.get("error"):
            raise error_from(_HTTP_OK, {}, body)
        raise UnreadableAnswer("a task without an id")
    return snapshot


def _snapshot(data: dict[str, Any]) -> TaskSnapshot:
    task_id, word = as_text(data.get("id")), _status_word(data)
    if task_id is None and word is None:
        raise UnreadableAnswer("neither an id nor a status")
    state = _STATES.get(word or "", TaskState.RUNNING)
    code, text = read_error(data) if state is TaskState.FAILED else (None, None)
    usage = data.get("usage")
    usage = usage if isinstance(usage, dict) else {}
    return TaskSnapshot(
        task_id=task_id,
        state=state,
        unknown_status=word if word not in _STATES else None,
        progress=as_fraction(data.get("progress")) if state is TaskState.RUNNING else None,
        images=tuple(_images(data.get("output"))) if state is TaskState.COMPLETED else (),
        cost=as_decimal(usage.get("cost")),
        discount=as_decimal(usage.get("discount")),
        error_code=code,
        error_text=text,
        metadata=as_metadata(data.get("metadata")),
    )


def _status_word(data: dict[str, Any]) -> str | None:
    word = data.get("status")
    return (as_text(word) or "").strip().lower() or None if isinstance(word, str) else None


def _images(output: object) -> Iterator[ResultImage]:
    for part in _dicts(output):
        for content in _dicts(part.get("content")):
            url = as_url(content.get("url"))
            if url and content.get("type", "image") == "image":
                yield ResultImage(
                    url=url,
                    job_id=as_text(content.get("jobId")),
                    watermark_url=as_url(content.get("watermark_url")),
                )


def _dicts(value: object) -> Iterator[dict[str, Any]]:
    for item in value if isinstance(value, list) else [value]:
        if isinstance(item, dict):
            yield item
