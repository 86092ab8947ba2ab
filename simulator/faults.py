"""What a fault is: the moment at which it strikes, and what it does to the call or the task."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from simulator.replies import Reply
from simulator.tasks import Task


class Moment(StrEnum):
    """When a fault strikes: at a call, a task's birth, a poll of a completed task, a callback."""

    CREATE = "create"
    TASK = "task"
    POLL = "poll"
    ANSWER = "answer"
    DOWNLOAD = "download"
    CALLBACK = "callback"


@dataclass(frozen=True, slots=True, kw_only=True)
class Instead:
    """Another answer than the true one; the call takes no effect, or does so unseen.

    `reply` is given the seconds that were asked for with the fault.
    """

    reply: Callable[[float], Reply]
    takes_effect: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Drop:
    """The connection closes without any answer."""

    takes_effect: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """The true answer, late; the call takes effect before the wait or after it."""

    takes_effect_first: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """The true answer, altered on its way out."""

    alter: Callable[[Reply], Reply]


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakOff:
    """More bytes promised than are sent: part of the true answer, then the connection closes."""

    promised_bytes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fate:
    """The task is accepted, and then goes another way; `decide` is given the asked seconds too."""

    decide: Callable[[Task, float], Task]


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """The callbacks of a task go another way than one, at its end, to the right address."""

    at_start: bool = False
    at_end: int = 1
    late: bool = False
    forged: bool = False


Effect = Instead | Drop | Wait | Change | BreakOff | Fate | Notice


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One thing that can be made to go wrong."""

    name: str
    moment: Moment
    about: str
    effect: Effect
