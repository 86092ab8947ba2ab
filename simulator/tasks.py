"""The life of a task, as a pure function of the time it is looked at."""

import math
import random
from dataclasses import dataclass
from typing import Literal

from simulator.contract import Wish
from simulator.reference import Reference

TYPICAL_SECONDS = 20.0
SPREAD = 0.45
LEAST_SECONDS = 3.0
ID_LETTERS = "0123456789abcdefghijklmnopqrstuv"
ID_LENGTH = 20

Status = Literal["in_progress", "completed", "failed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Success:
    """The task will end with this many pictures."""

    pictures: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """The task will fail, with this as its `error`: an object, or in the wild a plain string."""

    error: dict[str, object] | str


Outcome = Success | Failure


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One accepted create; how it ends is settled at its start and seen from `ends_at` on."""

    id: str
    wish: Wish
    reference: Reference | None
    created_at: float
    ends_at: float
    outcome: Outcome

    @property
    def texts(self) -> tuple[str, ...]:
        """What a fault can be narrowed by."""
        return (self.id, self.wish.external_task_id or "", self.wish.prompt)

    def has_ended(self, now: float) -> bool:
        """Tell whether the outcome may be seen."""
        return now >= self.ends_at

    def status(self, now: float) -> Status:
        """Say what a poll at that time says."""
        if not self.has_ended(now):
            return "in_progress"
        return "completed" if isinstance(self.outcome, Success) else "failed"

    def progress(self, now: float) -> float:
        """Estimate the part done, from 0 to 0.99: quick at first, then slower, as providers do."""
        if math.isinf(self.ends_at):
            return 0.5
        part = (now - self.created_at) / max(self.ends_at - self.created_at, 1e-9)
        eased = 1 - math.pow(1 - min(max(part, 0.0), 1.0), 1.6)
        return min(round(eased, 2), 0.99)

    def picture_count(self, now: float) -> int:
        """Count the pictures that can be downloaded at that time."""
        if isinstance(self.outcome, Success) and self.has_ended(now):
            return self.outcome.pictures
        return 0


def outcome_of(wish: Wish, reference: Reference | None) -> Outcome:
    """Settle how a task ends when nothing is made to go wrong."""
    if reference is not None and reference.problem is not None:
        return failure("006001099", reference.problem)
    return Success(pictures=wish.n)


def failure(code: str, message: str) -> Failure:
    """Build a failure in the documented shape."""
    return Failure(error={"code": code, "error_message": message})


def draw_seconds(luck: random.Random) -> float:
    """Draw how long a task takes: log-normal around 20 s, with a long tail."""
    return max(LEAST_SECONDS, luck.lognormvariate(math.log(TYPICAL_SECONDS), SPREAD))


def draw_id(luck: random.Random) -> str:
    """Draw an id that looks like the provider's."""
    return "".join(luck.choices(ID_LETTERS, k=ID_LENGTH))
