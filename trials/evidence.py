"""What is left when a run has come to rest: the records, and the truth on both sides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from kirin.budgets import Budget, Charge
from kirin.model import Generation
from trials.board import Board, Message
from trials.people import Diary
from trials.plan import Plan
from trials.upstream import Record, Upstream


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One entry of the books."""

    external_task_id: str
    state: str
    charge: Charge


@dataclass(frozen=True, slots=True, kw_only=True)
class Sum:
    """What the books say has been used of a limit, for somebody in a server."""

    budget: Budget
    guild_id: int | None
    user_id: int
    used: Charge


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Everything that the invariants judge by.

    `leased` names the wishes that somebody still holds, `listed` those that their owners find in
    their results, `mishaps` are exceptions that nobody planned, `unrest` says what still moved.
    `entries` are in the order of their reservation.
    """

    plan: Plan
    wishes: Sequence[Generation]
    upstream: Upstream
    board: Board
    diary: Diary
    crashes: int
    disruptions: int
    leased: Sequence[str]
    listed: Mapping[int, set[str]]
    entries: Sequence[Entry]
    sums: Sequence[Sum]
    mishaps: Sequence[str]
    unrest: Sequence[str]
    now: datetime

    def record(self, wish: Generation) -> Record:
        """Return what the provider knows of a wish."""
        return self.upstream.record(wish.external_task_id)

    def message(self, wish: Generation) -> Message:
        """Return the message that a wish belongs to."""
        return self.board.message(wish.placement.message_id)
