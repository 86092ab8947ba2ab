"""What a snapshot means for a generation."""

from __future__ import annotations

from datetime import datetime
from typing import assert_never

from kirin import wire
from kirin.model import FailureReason, Generation, TaskSnapshot, TaskState


def conclude(generation: Generation, snapshot: TaskSnapshot, now: datetime) -> Generation | None:
    """Return the ended generation, or `None` while the provider is still at it."""
    match snapshot.state:
        case TaskState.RUNNING:
            return None
        case TaskState.COMPLETED if snapshot.images:
            return generation.succeeded(snapshot, now)
        case TaskState.COMPLETED:
            return generation.failed(FailureReason.NO_PICTURES, now=now, snapshot=snapshot)
        case TaskState.FAILED:
            reason = wire.classify_failure(snapshot.error_code, snapshot.error_text)
            return generation.failed(reason, now=now, snapshot=snapshot)
        case _:
            assert_never(snapshot.state)
