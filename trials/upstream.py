"""The provider, as it really is (`Upstream`), and as one process gets to see it (`Line`)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextvars import Context
from dataclasses import dataclass, field
from decimal import Decimal
from random import Random

from kirin.errors import (
    AuthenticationFailed,
    BalanceExhausted,
    DuplicateTask,
    NoAnswer,
    NotSent,
    PolicyRefused,
    ProviderError,
    ProviderTrouble,
    RateLimited,
    RequestRefused,
    TaskNotFound,
    UnreadableAnswer,
)
from kirin.model import GenerationRequest, ResultImage, TaskSnapshot, TaskState
from trials.life import Life
from trials.plan import Plan
from trials.story import Story

CREATE_TIMEOUT = 60.0
READ_TIMEOUT = 20.0
PRICE = Decimal("0.028")

_REFUSALS = (PolicyRefused, BalanceExhausted, AuthenticationFailed)


@dataclass(slots=True, kw_only=True)
class Task:
    """A task that exists and is paid; times in virtual seconds."""

    task_id: str
    external_task_id: str
    n: int
    ends_at: float
    visible_at: float
    outcome: str
    hidden_in_row: int = 0
    most_hidden: int = 0

    @property
    def cost(self) -> Decimal | None:
        """What it costs; a failed one costs nothing."""
        return PRICE * self.n if self.outcome == "completed" else None


@dataclass(slots=True, kw_only=True)
class Record:
    """What the provider knows about one of our ids: every create that arrived, and the reads.

    `unanswered` counts creates of which the sender never learned whether they were taken.
    """

    arrivals: int = 0
    duplicates: int = 0
    doubled: int = 0
    refusals: int = 0
    unanswered: int = 0
    reads: int = 0
    tasks: list[Task] = field(default_factory=list)


class Upstream:
    """The truth: an account with so many slots, and its tasks."""

    def __init__(self, plan: Plan, *, story: Story, now: Callable[[], float]) -> None:
        self.plan = plan
        self.story = story
        self.now = now
        self.rng = Random(f"upstream {plan.seed} {plan.engines}")
        self.records: dict[str, Record] = {}
        self._by_id: dict[str, Task] = {}

    def record(self, external_task_id: str) -> Record:
        """Return what is known about one of our ids."""
        return self.records.setdefault(external_task_id, Record())

    def is_calm(self) -> bool:
        """Say whether nothing goes wrong any more."""
        return self.now() >= self.plan.quiet_at

    def slots_taken(self) -> int:
        """Count the pictures that are being made."""
        return sum(task.n for task in self._by_id.values() if task.ends_at > self.now())

    def take(self, request: GenerationRequest, external_task_id: str) -> TaskSnapshot:
        """A create arrives: it makes a task, or is refused."""
        record = self.record(external_task_id)
        record.arrivals += 1
        if record.tasks:
            record.duplicates += 1
            self.story.note("provider", "%s arrives again and is refused", external_task_id)
            raise DuplicateTask("external_task_id is taken", http_status=400)
        if self.slots_taken() + request.n > max(self.plan.capacity, request.n):
            self.story.note("provider", "%s is too many", external_task_id)
            wait = self.rng.choice((None, 1.0, 5.0))
            raise RateLimited("too many running tasks", code="1303", retry_after=wait)
        task = self._make(request, external_task_id)
        record.tasks.append(task)
        self._by_id[task.task_id] = task
        self.story.note("provider", "%s is taken as %s", external_task_id, task.task_id)
        return self._snapshot(task)

    def read(self, task_id: str) -> TaskSnapshot:
        """Read a task by its id, or by ours where that works."""
        task = self._by_id.get(task_id)
        if task is None and self.plan.lookup_works:
            task = next(iter(self.record(task_id).tasks), None) if task_id in self.records else None
        if task is None or task.visible_at > self.now():
            raise TaskNotFound("no such task", http_status=404)
        self.record(task.external_task_id).reads += 1
        return self._snapshot(task)

    def of_task(self, task_id: str) -> Task | None:
        """Find a task by either id, for noting what was done to it."""
        record = self.records.get(task_id)
        return self._by_id.get(task_id) or (record.tasks[0] if record and record.tasks else None)

    def _make(self, request: GenerationRequest, external_task_id: str) -> Task:
        rng, now = self.rng, self.now()
        late = (5.0, 120.0) if self.plan.shows_late else (0.5, 4.0)
        is_never = rng.random() < 0.01 and self.plan.settings["GENERATION_DEADLINE_MINUTES"] == "3"
        lasts = self.plan.duration * rng.lognormvariate(0, 0.5)
        return Task(
            task_id=f"t{len(self._by_id) + 1}",
            external_task_id=external_task_id,
            n=request.n,
            ends_at=now + (1e9 if is_never else lasts),
            visible_at=now + (rng.uniform(*late) if rng.random() < 0.3 else 0),
            outcome=rng.choices(("completed", "failed", "empty"), (85, 12, 3))[0],
        )

    def _snapshot(self, task: Task) -> TaskSnapshot:
        if task.ends_at > self.now():
            return TaskSnapshot(task_id=task.task_id, state=TaskState.RUNNING)
        if task.outcome == "failed":
            return TaskSnapshot(
                task_id=task.task_id, state=TaskState.FAILED, error_code="006001095"
            )
        pictures = range(1, task.n + 1) if task.outcome == "completed" else ()
        return TaskSnapshot(
            task_id=task.task_id,
            state=TaskState.COMPLETED,
            images=tuple(ResultImage(url=f"https://p/{task.task_id}/{i}") for i in pictures),
            cost=task.cost,
        )


class Line:
    """One process's connection to the provider; what the plan draws happens to its calls."""

    def __init__(self, upstream: Upstream, life: Life) -> None:
        self._upstream = upstream
        self._life = life
        self._rng = upstream.rng

    async def create(
        self,
        request: GenerationRequest,
        *,
        external_task_id: str,
        image: bytes | None = None,
        callback_url: str | None = None,
    ) -> TaskSnapshot:
        """Send a wish; the answer may be lost after the provider has taken it."""
        record = self._upstream.record(external_task_id)
        record.unanswered += 1
        await self._life.boundary("before create")
        try:
            snapshot = await self._create(request, external_task_id)
        except (RateLimited, NotSent, RequestRefused, DuplicateTask):
            record.unanswered -= 1
            raise
        record.unanswered -= 1
        return snapshot

    async def _create(self, request: GenerationRequest, external_task_id: str) -> TaskSnapshot:
        kinds = ("slow", "not sent", "before", "after", "busy", "refused", "doubled", "garbled")
        fault = self._fault(kinds, "create", external_task_id)
        await self._trouble_on_the_way(fault)
        if fault == "refused":
            self._upstream.record(external_task_id).refusals += 1
            raise self._rng.choice(_REFUSALS)("refused", http_status=400)

        def act() -> TaskSnapshot:
            if fault == "doubled":  # on its way; the answer to the second is the one that returns
                self._upstream.record(external_task_id).doubled += 1
                self._quietly(lambda: self._upstream.take(request, external_task_id))
            return self._upstream.take(request, external_task_id)

        answer = self._serve(act, CREATE_TIMEOUT, fault)
        return await self._answer(answer, fault, "after create")

    async def read(self, task_id: str) -> TaskSnapshot:
        """Read a task."""
        return await self._read(task_id, "read")

    async def look_up(self, external_task_id: str) -> TaskSnapshot:
        """Read a task by our own id."""
        if not self._upstream.plan.lookup_works:
            await self._life.boundary("before lookup")
            await asyncio.sleep(0.1)
            await self._life.boundary("after lookup")
            raise TaskNotFound("no such task", http_status=404)
        return await self._read(external_task_id, "lookup")

    async def _read(self, task_id: str, call: str) -> TaskSnapshot:
        kinds = ("slow", "not sent", "before", "busy", "garbled", "locked out", "odd", "hidden")
        await self._life.boundary(f"before {call}")
        fault = self._fault(kinds, call, task_id)
        if fault == "hidden" and call == "lookup" and not self._upstream.plan.shows_late:
            fault = "odd"
        await self._trouble_on_the_way(fault)
        answer = self._serve(lambda: self._upstream.read(task_id), READ_TIMEOUT, fault)
        try:
            snapshot = await self._answer(answer, fault, f"after {call}")
            self._note_hidden(task_id, is_hidden=fault == "hidden")
        except TaskNotFound:
            self._note_hidden(task_id, is_hidden=True)
            raise
        if fault == "hidden":
            raise TaskNotFound("no such task", http_status=404)
        if fault == "odd":
            return TaskSnapshot(task_id=None, state=TaskState.RUNNING, unknown_status="pondering")
        return snapshot

    def _note_hidden(self, task_id: str, *, is_hidden: bool) -> None:
        task = self._upstream.of_task(task_id)
        if task is not None:
            task.hidden_in_row = task.hidden_in_row + 1 if is_hidden else 0
            task.most_hidden = max(task.most_hidden, task.hidden_in_row)

    def _fault(self, kinds: tuple[str, ...], call: str, what: str) -> str | None:
        if self._upstream.is_calm():
            return None
        fault: str | None = None
        if any(self._upstream.now() in outage for outage in self._upstream.plan.provider_outages):
            fault = "not sent" if self._rng.random() < 0.5 else "before"
        elif self._rng.random() < self._upstream.plan.fault_rate:
            fault = self._rng.choice(kinds)
        if fault:
            self._upstream.story.fault(self._life.name, "%s of %s: %s", call, what, fault)
        return fault

    async def _trouble_on_the_way(self, fault: str | None) -> None:
        """Raise what happens before the provider has seen anything."""
        if fault == "not sent":
            await asyncio.sleep(self._rng.uniform(0, 3))
            raise NotSent("no connection")
        if fault == "before":
            await asyncio.sleep(self._rng.uniform(0, READ_TIMEOUT))
            raise self._rng.choice(_LOST)("an answer without effect")
        if fault == "busy":
            raise RateLimited("too many requests", retry_after=self._rng.choice((None, 2.0, 30.0)))
        if fault == "locked out":
            raise AuthenticationFailed("who are you", http_status=401)

    def _serve(
        self, act: Callable[[], TaskSnapshot], timeout: float, fault: str | None
    ) -> asyncio.Task[TaskSnapshot | ProviderError]:
        """Let the provider act, whether or not the process that asked it lives to see it."""
        most = timeout - 1 if fault == "slow" else 0.4
        first, second = self._rng.uniform(0, most / 2), self._rng.uniform(0, most / 2)

        async def serve() -> TaskSnapshot | ProviderError:
            await asyncio.sleep(first)
            try:
                answer: TaskSnapshot | ProviderError = act()
            except ProviderError as error:
                answer = error
            await asyncio.sleep(second)
            return answer

        return asyncio.get_running_loop().create_task(serve(), context=Context())

    async def _answer(
        self,
        answer: asyncio.Task[TaskSnapshot | ProviderError],
        fault: str | None,
        boundary: str,
    ) -> TaskSnapshot:
        result = await asyncio.shield(answer)
        await self._life.boundary(boundary)
        if fault == "after":
            raise self._rng.choice(_LOST)("an answer that came to nothing")
        if fault == "garbled":
            raise UnreadableAnswer("<html>")
        if isinstance(result, ProviderError):
            raise result
        return result

    def _quietly(self, act: Callable[[], TaskSnapshot]) -> None:
        try:
            act()
        except ProviderError:
            return


_LOST = (NoAnswer, ProviderTrouble, UnreadableAnswer)
