"""The record of one wish, and the only ways in which its life can go on.

Every method returns a new record; the store writes what differs. The two lanes of work have a due
time each: `due_at` for calls to the provider, `message_due_at` for edits of the message.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum, auto
from typing import Any

from kirin.errors import ProviderError
from kirin.model.failure import FailureReason
from kirin.model.placement import Placement
from kirin.model.request import GenerationRequest
from kirin.model.snapshot import ResultImage, TaskSnapshot


class Status(StrEnum):
    """Where a wish is in its life."""

    QUEUED = auto()
    SUBMITTING = auto()
    RUNNING = auto()
    SUCCEEDED = auto()
    FAILED = auto()
    CANCELLED = auto()
    EXPIRED = auto()

    @property
    def is_terminal(self) -> bool:
        """Say whether nothing more will be asked of the provider."""
        return self not in {Status.QUEUED, Status.SUBMITTING, Status.RUNNING}


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation:
    """One wish, from intake to delivery; `external_task_id` is its key here and at the provider.

    `attempts` counts creates sent, `polls` reads of the task, `setbacks` the troubled calls in a
    row (they set the back-off), `misses` the reads since the last good one that did not find the
    task. `seen_running_at` is the latest poll that found the task not yet finished: it ended
    between that moment and `finished_at`. `hinted_at` is the latest callback of the provider.
    `parent_id` is the wish that this one was made from, and `parent_url` the address of its
    message. `shown` names what the message displays at the moment. `cost` is in USD as the
    provider reported it.
    """

    external_task_id: str
    request: GenerationRequest
    placement: Placement
    created_at: datetime
    parent_id: str | None = None
    parent_url: str | None = None
    status: Status = Status.QUEUED
    due_at: datetime | None
    message_due_at: datetime | None
    task_id: str | None = None
    attempts: int = 0
    polls: int = 0
    setbacks: int = 0
    misses: int = 0
    submitted_at: datetime | None = None
    seen_running_at: datetime | None = None
    hinted_at: datetime | None = None
    finished_at: datetime | None = None
    progress: float | None = None
    output: tuple[ResultImage, ...] = ()
    cost: Decimal | None = None
    discount: Decimal | None = None
    error_code: str | None = None
    error_text: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    failure: FailureReason | None = None
    shown: str | None = None
    delivery_attempts: int = 0
    delivered_at: datetime | None = None

    def sending(self, now: datetime) -> Generation:
        """A create is about to leave; from here on its outcome may be unknown."""
        return replace(
            self,
            status=Status.SUBMITTING,
            attempts=self.attempts + 1,
            submitted_at=now,
            due_at=now,
        )

    def taken(self, task_id: str, *, now: datetime, poll_at: datetime) -> Generation:
        """The provider has the task."""
        return replace(
            self,
            status=Status.RUNNING,
            task_id=task_id,
            setbacks=0,
            due_at=poll_at,
            message_due_at=now,
        )

    def requeued(self, *, now: datetime, due_at: datetime) -> Generation:
        """The provider certainly did not take the task; send it (again) at `due_at`."""
        return replace(
            self,
            status=Status.QUEUED,
            submitted_at=None,
            setbacks=self.setbacks + 1,
            due_at=due_at,
            message_due_at=now,
        )

    def unanswered(self, *, now: datetime, due_at: datetime) -> Generation:
        """The create has ended, and whether the provider took the task is unknown."""
        return replace(self, submitted_at=now, setbacks=0, due_at=due_at)

    def duplicate(self, *, now: datetime, due_at: datetime) -> Generation:
        """The provider has the task, under an id that is still to be looked up; ours stands in."""
        return replace(self.unanswered(now=now, due_at=due_at), task_id=self.external_task_id)

    def unresolved(self, due_at: datetime) -> Generation:
        """Whether the provider took the task is still unknown; look again at `due_at`."""
        return replace(self, setbacks=self.setbacks + 1, due_at=due_at)

    def read(self) -> Generation:
        """The task was read, whatever came of it."""
        return replace(self, polls=self.polls + 1, setbacks=0, misses=0)

    def polled(self, *, progress: float | None, now: datetime, due_at: datetime) -> Generation:
        """The task was read and is not finished."""
        return replace(
            self.read(),
            seen_running_at=now,
            progress=self.progress if progress is None else progress,
            due_at=due_at,
        )

    def poll_troubled(self, due_at: datetime) -> Generation:
        """The task could not be read this time."""
        return replace(self, polls=self.polls + 1, setbacks=self.setbacks + 1, due_at=due_at)

    def missed(self) -> Generation:
        """The trouble was that the provider did not know the task."""
        return replace(self, misses=self.misses + 1)

    def succeeded(self, snapshot: TaskSnapshot, now: datetime) -> Generation:
        """The provider finished the task with pictures."""
        return replace(
            self._with_outcome(snapshot),
            status=Status.SUCCEEDED,
            progress=None,
            finished_at=now,
            due_at=None,
            message_due_at=now,
            setbacks=0,
        )

    def failed(
        self,
        reason: FailureReason,
        *,
        now: datetime,
        snapshot: TaskSnapshot | None = None,
        error: ProviderError | None = None,
    ) -> Generation:
        """The wish ends without pictures; the snapshot or the error that ended it is kept."""
        base = self if snapshot is None else self._with_outcome(snapshot)
        if error is not None:
            base = replace(base, error_code=error.code, error_text=error.text)
        return replace(
            base,
            status=Status.FAILED,
            failure=reason,
            progress=None,
            finished_at=now,
            due_at=None,
            message_due_at=now,
            setbacks=0,
        )

    def expired(self, reason: FailureReason, now: datetime) -> Generation:
        """The wish ends because it took too long."""
        return replace(self.failed(reason, now=now), status=Status.EXPIRED)

    def cancelled(self, now: datetime) -> Generation:
        """Its owner wants it no more; what the provider has taken may still be paid."""
        return replace(
            self,
            status=Status.CANCELLED,
            progress=None,
            finished_at=now,
            due_at=None,
            message_due_at=now,
            setbacks=0,
        )

    def showing(self, shown: str, *, next_at: datetime | None) -> Generation:
        """The message displays `shown`; look at it again at `next_at`."""
        return replace(self, shown=shown, message_due_at=next_at)

    def delivery_delayed(self, retry_at: datetime) -> Generation:
        """The outcome did not reach its message this time."""
        return replace(self, delivery_attempts=self.delivery_attempts + 1, message_due_at=retry_at)

    def undeliverable(self) -> Generation:
        """No route to the message is left; the outcome stays in the store."""
        return replace(
            self, delivery_attempts=self.delivery_attempts + 1, message_due_at=None
        ).without_token()

    def delivered(self, now: datetime) -> Generation:
        """Discord accepted the outcome."""
        return replace(
            self,
            delivery_attempts=self.delivery_attempts + 1,
            delivered_at=now,
            message_due_at=None,
        ).without_token()

    def placed(self, placement: Placement, now: datetime) -> Generation:
        """A fresh interaction has opened a way to a message: whatever there is goes there now."""
        return replace(
            self,
            placement=placement,
            shown=None,
            message_due_at=now,
            delivery_attempts=0,
            delivered_at=None,
        )

    @property
    def is_stranded(self) -> bool:
        """Say whether it has ended and nobody is bringing the outcome to its message."""
        return self.status.is_terminal and not self.delivered_at and not self.message_due_at

    def kept_until(self, lifetime: timedelta) -> datetime | None:
        """Say when the provider, which keeps pictures for `lifetime`, may forget these."""
        return self.finished_at + lifetime if self.finished_at else None

    def without_token(self) -> Generation:
        """The interaction token is of no more use."""
        return replace(self, placement=replace(self.placement, token=None))

    def _with_outcome(self, snapshot: TaskSnapshot) -> Generation:
        return replace(
            self,
            task_id=self.task_id or snapshot.task_id,
            output=snapshot.images,
            cost=snapshot.cost,
            discount=snapshot.discount,
            error_code=snapshot.error_code,
            error_text=snapshot.error_text,
            metadata=snapshot.metadata,
        )
