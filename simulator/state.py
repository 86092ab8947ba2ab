"""The running simulator as its user sees it: what arrived, what is armed, and two levers."""

import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from simulator.account import Account, CreateRecord
from simulator.callbacks import Callbacks
from simulator.outage import Outage
from simulator.pending import DEFAULT_SECONDS, PendingFaults
from simulator.striking import Sleep
from simulator.tasks import Task


@dataclass(slots=True, kw_only=True)
class Reads:
    """How often something was fetched.

    `polls` counts every read of a task, `polls_of` the same by the id in the path; `lookups` are
    the polls answered by an `external_task_id`; `downloads` are fetches of pictures.
    """

    polls: int = 0
    lookups: int = 0
    downloads: int = 0
    polls_of: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How strict, quick and obliging the simulator is."""

    key: str
    speed: float
    seed: int
    slots: int | None
    lookup_by_external_id: bool
    prompt_faults: bool
    strict_images: bool
    coarse_grain: bool
    now: Callable[[], float]
    sleep: Sleep


class Simulator:
    """A running simulator.

    `base_url` and `key` are what a client needs. `creates` holds every create that arrived,
    `effects` counts by `external_task_id` the ones that made a task, `tasks` holds the tasks by the
    provider's id, and `reads` counts polls and downloads.
    """

    def __init__(self, options: Options) -> None:
        self.options = options
        self.base_url = ""
        self.reads = Reads()
        self.faults = PendingFaults()
        self.outage = Outage(options.now)
        self.account = Account(
            now=options.now,
            luck=random.Random(options.seed),  # noqa: S311 - repeatable, not secret
            speed=options.speed,
            slots=options.slots,
        )
        self.callbacks = Callbacks(now=options.now, sleep=options.sleep, faults=self.faults)

    @property
    def key(self) -> str:
        """The only key that is accepted."""
        return self.options.key

    @property
    def creates(self) -> Sequence[CreateRecord]:
        """Every create that arrived with the right key, in order, refused ones included."""
        return self.account.creates

    @property
    def effects(self) -> Mapping[str, int]:
        """How many creates took effect, by `external_task_id`; 0 for an unknown one."""
        return self.account.effects

    @property
    def tasks(self) -> Mapping[str, Task]:
        """The tasks, by the provider's id."""
        return self.account.tasks

    def task(self, either_id: str) -> Task:
        """Find a task by either id; raises `KeyError`."""
        return self.account.get(either_id)

    def inject(
        self,
        fault: str,
        *,
        count: int | None = 1,
        containing: str | None = None,
        seconds: float = DEFAULT_SECONDS,
    ) -> None:
        """Let a fault strike the next `count` matching calls (None: all of them).

        `containing` narrows it to calls whose prompt, `external_task_id` or task id contains that
        text. `seconds` is how long a slow call or task is held up, and what Retry-After says.
        Raises `ValueError` for an unknown name; `FAULTS` has them all.
        """
        self.faults.arm(fault, count=count, containing=containing, seconds=seconds)

    def clear_faults(self) -> None:
        """Disarm every fault that has not struck yet."""
        self.faults.clear()

    def go_down(self, seconds: float) -> None:
        """Answer 503 to every call for so many seconds (0: no more); tasks go on meanwhile."""
        self.outage.begin(seconds)

    def finish(self, either_id: str) -> Task:
        """End a task now, by either id, as it would have ended; raises `KeyError`."""
        before = self.account.get(either_id)
        task = self.account.finish(either_id)
        if task is not before:
            self.callbacks.watch(task)
        return task
