"""Whatever arrives: the parsers give a value that can be stored, or the one documented error."""

import itertools
import json
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from sqlalchemy.dialects import postgresql

from kirin.errors import ProviderError, UnreadableAnswer
from kirin.model import FailureReason, Generation, TaskSnapshot
from kirin.store import GenerationStore
from kirin.store.rows import to_row
from kirin.store.tables import generations
from kirin.wire import error_from, parse_created, parse_snapshot, reason_for
from kirin.wire.refusal import parse_retry_after
from tests.kirin.kirin_factories import NOW, a_generation, thoroughly

POSTGRESQL: Any = postgresql.dialect()  # type: ignore[no-untyped-call]

names = map("wish-{}".format, itertools.count())
texts = st.text(st.characters(exclude_categories=())) | st.sampled_from(
    ["https://example.com/1.png", "image", "completed", "failed", "in_progress", "0.028", "1e-99"]
)
leaves = (
    st.none() | st.booleans() | st.integers() | st.integers(min_value=10**30) | st.floats() | texts
)
anything: SearchStrategy[Any] = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4)
)


def shaped(**parts: SearchStrategy[Any]) -> SearchStrategy[dict[str, Any]]:
    """Make objects with some of these keys, mostly as they should be."""
    return st.fixed_dictionaries({}, optional={k: v | anything for k, v in parts.items()})


contents = shaped(type=st.just("image"), url=texts, jobId=texts, watermark_url=texts)
answers = shaped(
    id=texts | st.integers(),
    status=texts,
    progress=st.floats(),
    error=shaped(code=texts | st.integers(), message=texts, error_message=texts) | texts,
    output=st.lists(shaped(content=st.lists(contents, max_size=3)), max_size=3),
    usage=shaped(cost=st.decimals() | st.floats() | texts, discount=st.floats()),
    metadata=st.dictionaries(texts, anything, max_size=3),
)
bodies = answers.map(lambda answer: json.dumps(answer, default=str).encode())


def parsed(body: bytes) -> TaskSnapshot | None:
    try:
        return parse_snapshot(body)
    except UnreadableAnswer:
        return None


def outcome(snapshot: TaskSnapshot, external_task_id: str = "wish-1") -> Generation:
    failed = a_generation(external_task_id).failed(
        FailureReason.UNEXPECTED, now=NOW, snapshot=snapshot
    )
    return replace(failed, progress=snapshot.progress)


@thoroughly
@given(bodies | anything.map(json.dumps).map(str.encode) | st.binary())
def test_any_answer_to_a_poll_is_a_snapshot_or_unreadable(body: bytes) -> None:
    assert isinstance(parsed(body), TaskSnapshot | None)


@thoroughly
@given(bodies | st.binary())
def test_any_answer_to_a_create_is_a_snapshot_or_a_provider_error(body: bytes) -> None:
    try:
        snapshot = parse_created(body)
    except ProviderError:
        return
    assert snapshot.task_id or snapshot.state != "running"


@thoroughly
@given(
    st.integers(100, 599),
    bodies | st.binary(),
    st.dictionaries(st.just("Retry-After"), texts),
)
def test_any_refusal_is_a_provider_error_with_a_reason(
    status: int, body: bytes, headers: dict[str, str]
) -> None:
    error = error_from(status, headers, body, now=lambda: NOW)
    assert reason_for(error) in FailureReason
    assert (str(error) + repr(error)).encode()


@thoroughly
@given(texts | st.integers().map(str) | st.datetimes().map("{:%a, %d %b %Y %H:%M:%S GMT}".format))
def test_any_retry_after_is_a_wait_or_nothing(value: str) -> None:
    wait = parse_retry_after(value, datetime(2026, 1, 1, tzinfo=UTC))
    assert wait is None or 0 <= wait < float("inf")


@thoroughly
@given(bodies)
async def test_whatever_was_read_can_be_stored_and_read_back(
    store: GenerationStore, body: bytes
) -> None:
    snapshot = parsed(body)
    if snapshot is None:
        return
    ended = outcome(snapshot, next(names))
    await store.add(ended)
    assert await store.get(ended.external_task_id) == ended


@thoroughly
@given(bodies)
def test_whatever_was_read_fits_the_columns_of_a_strict_database(body: bytes) -> None:
    snapshot = parsed(body)
    if snapshot is None:
        return
    row = to_row(outcome(snapshot))
    for column in generations.c:
        bind: Callable[[Any], Any] | None = column.type.bind_processor(POSTGRESQL)
        value = bind(row.get(column.name)) if bind else row.get(column.name)
        if isinstance(value, str):
            assert "\x00" not in value
            assert len(value) <= (getattr(column.type, "length", None) or sys.maxsize)
