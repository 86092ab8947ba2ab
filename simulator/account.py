"""The provider's side of one account: its tasks, its limits, and every create tried on it."""

import random
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from simulator.contract import RefusedError, Wish
from simulator.reference import Reference
from simulator.tasks import Task, draw_id, draw_seconds, outcome_of


@dataclass(slots=True, kw_only=True)
class CreateRecord:
    """One create that arrived: what it carried, and what became of it.

    `task_id` is there if it took effect; `refusal` is the reason it was refused for; `fault` names
    what was made to go wrong with it.
    """

    external_task_id: str | None
    params: Mapping[str, Any]
    task_id: str | None = None
    refusal: str | None = None
    fault: str | None = None

    @property
    def took_effect(self) -> bool:
        """Tell whether a task exists, and money was spent, because of this call."""
        return self.task_id is not None

    @property
    def texts(self) -> tuple[str, ...]:
        """What a fault can be narrowed by before there is a task."""
        prompt = self.params.get("prompt")
        return tuple(text for text in (prompt, self.external_task_id) if isinstance(text, str))


class Account:
    """Holds the tasks, found by either id, and judges whether one more may be made."""

    def __init__(
        self,
        *,
        now: Callable[[], float],
        luck: random.Random,
        speed: float,
        slots: int | None,
    ) -> None:
        self._now = now
        self._luck = luck
        self._speed = speed
        self._slots = slots
        self._by_external_id: dict[str, str] = {}
        self._unfinished: set[str] = set()
        self.tasks: dict[str, Task] = {}
        self.creates: list[CreateRecord] = []
        self.effects: Counter[str] = Counter()

    def check(self, wish: Wish) -> None:
        """Raise `RefusedError` if the account may not start this now."""
        if wish.external_task_id in self._by_external_id:
            raise RefusedError(f"external_task_id {wish.external_task_id!r} is already used")
        if self._slots is not None and self.slots_in_use() + wish.n > self._slots:
            raise RefusedError("too many running tasks", status=429, code="1303")

    def start(
        self,
        wish: Wish,
        reference: Reference | None,
        fate: Callable[[Task], Task] = lambda task: task,
    ) -> Task:
        """Make the task, and let `fate` change what will become of it."""
        self.check(wish)
        now = self._now()
        task = fate(
            Task(
                id=draw_id(self._luck),
                wish=wish,
                reference=reference,
                created_at=now,
                ends_at=now + draw_seconds(self._luck) / self._speed,
                outcome=outcome_of(wish, reference),
            )
        )
        self._unfinished.add(task.id)
        self.tasks[task.id] = task
        if wish.external_task_id is not None:
            self._by_external_id[wish.external_task_id] = task.id
            self.effects[wish.external_task_id] += 1
        return task

    def note(self, params: Mapping[str, Any]) -> CreateRecord:
        """Begin the record of a create that has arrived."""
        own_id = params.get("external_task_id")
        record = CreateRecord(
            external_task_id=own_id if isinstance(own_id, str) else None, params=params
        )
        self.creates.append(record)
        return record

    def find(self, either_id: str) -> Task | None:
        """Find a task by the provider's id or by the client's own."""
        return self.tasks.get(either_id) or self.tasks.get(self._by_external_id.get(either_id, ""))

    def get(self, either_id: str) -> Task:
        """Find a task by either id; raises `KeyError` if there is none."""
        task = self.find(either_id)
        if task is None:
            raise KeyError(either_id)
        return task

    def finish(self, either_id: str) -> Task:
        """End a task now, as its outcome says; raises `KeyError` for an unknown id."""
        task = self.get(either_id)
        if not task.has_ended(self._now()):
            task = replace(task, ends_at=self._now())
            self.tasks[task.id] = task
        return task

    def slots_in_use(self) -> int:
        """Count the slots of running tasks: one for each picture asked for."""
        now = self._now()
        self._unfinished = {id_ for id_ in self._unfinished if not self.tasks[id_].has_ended(now)}
        return sum(self.tasks[id_].wish.n for id_ in self._unfinished)
