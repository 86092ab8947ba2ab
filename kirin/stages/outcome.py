"""What a snapshot means for a generation."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import assert_never

from kirin import wire
from kirin.errors import (
    AccessDenied,
    AuthenticationFailed,
    BalanceExhausted,
    ProviderError,
    RequestRefused,
    UnreadableAnswer,
)
from kirin.model import FailureReason, Generation, TaskSnapshot, TaskState
from kirin.stages.base import Clock
from kirin.stages.pollplan import PollPlanner

log = logging.getLogger(__name__)

LAST_PATIENCE = timedelta(days=1)
"""So long after its deadline a task is still asked for, while no answer tells how it stands."""

_POLL_WITHOUT_A_PLAN = timedelta(seconds=5)


def may_pass(error: ProviderError) -> bool:
    """Say whether an error tells of the provider or the account, and nothing of the task itself."""
    if isinstance(error, RequestRefused):
        return isinstance(error, AuthenticationFailed | BalanceExhausted | AccessDenied)
    return not isinstance(error, UnreadableAnswer)


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


async def taken(
    generation: Generation, snapshot: TaskSnapshot, *, planner: PollPlanner, now: Clock
) -> Generation:
    """Return the generation whose task the provider has just told of: running, or ended already.

    Its id must not be lost because no plan can be made for its first poll.
    """
    try:
        poll_at = await planner.next_poll(generation)
    except Exception:
        log.exception("%s is polled without a plan", generation.external_task_id)
        poll_at = now() + _POLL_WITHOUT_A_PLAN
    task_id = snapshot.task_id or generation.external_task_id
    running = generation.taken(task_id, now=now(), poll_at=poll_at)
    return conclude(running, snapshot, now()) or running
