"""The life of one process: it may die at every boundary, and then nothing of it acts any more."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine
from contextvars import Context, ContextVar
from typing import Any, Protocol

_PRUNE_AT = 256

_life: ContextVar[Life | None] = ContextVar("life", default=None)


class Handle(Protocol):
    """Something outside that a process holds; at its death the system takes it back."""

    def drop(self) -> None:
        """Let go without clean-up, as the operating system does."""


class Life:
    """One process from its start to its end.

    `is_fatal` is asked at every boundary whether the process dies there. A death is `kill -9`:
    open transactions are rolled back, the tasks never go on, and what they still do while they
    are cleared away has no effect on anything outside.
    """

    def __init__(
        self,
        name: str,
        *,
        is_fatal: Callable[[Life, str], bool],
        on_death: Callable[[Life, str], None],
    ) -> None:
        self.name = name
        self.is_dead = False
        self.passed: Counter[str] = Counter()
        self.ended = asyncio.Event()
        self._is_fatal = is_fatal
        self._on_death = on_death
        self._handles: dict[int, Handle] = {}
        self._tasks: list[asyncio.Task[Any]] = []

    def start(self, coroutine: Coroutine[Any, Any, Any], name: str) -> asyncio.Task[Any]:
        """Start a task of this process; all that it starts belongs to the process too."""
        context = Context()
        context.run(_life.set, self)
        return asyncio.get_running_loop().create_task(coroutine, name=name, context=context)

    def adopt(self, task: asyncio.Task[Any]) -> None:
        """Know a task that has been started in this process."""
        self._tasks.append(task)
        if len(self._tasks) > _PRUNE_AT:
            self._tasks = [task for task in self._tasks if not task.done()]

    def hold(self, handle: Handle) -> None:
        """Hold something outside."""
        self._handles[id(handle)] = handle

    def release(self, handle: Handle) -> None:
        """Hold it no more."""
        self._handles.pop(id(handle), None)

    async def boundary(self, where: str) -> None:
        """Go past a point between two effects on the world, or die there."""
        if not self.is_dead:
            self.passed[where] += 1
            if self._is_fatal(self, where):
                self.die(where)
        await self.stay()

    async def stay(self) -> None:
        """Return if the process lives; one that is dead comes never back."""
        if self.is_dead:
            await asyncio.get_running_loop().create_future()

    def die(self, where: str) -> None:
        """End this very moment, without clean-up."""
        self.is_dead = True
        for handle in list(self._handles.values()):
            handle.drop()
        self._handles.clear()
        self._on_death(self, where)
        asyncio.get_running_loop().call_soon(self._bury)

    def end(self) -> None:
        """End in good order: everything has been finished."""
        self.is_dead = True
        self._bury()

    def _bury(self) -> None:
        """Clear away the tasks, until none is left."""
        left = [task for task in self._tasks if not task.done()]
        for task in left:
            task.cancel()
        if left:
            asyncio.get_running_loop().call_soon(self._bury)
            return
        for task in self._tasks:
            if not task.cancelled():
                task.exception()  # nobody else will ask
        self._tasks.clear()
        self.ended.set()


def current() -> Life | None:
    """Return the process that this code runs in."""
    return _life.get()


def follow_tasks(loop: asyncio.AbstractEventLoop) -> None:
    """Let every process know the tasks that are started in it."""

    def make(
        loop: asyncio.AbstractEventLoop,
        coroutine: Coroutine[Any, Any, Any],
        context: Context | None = None,
    ) -> asyncio.Task[Any]:
        task = asyncio.Task(coroutine, loop=loop, context=context)
        life = context.get(_life) if context else _life.get()
        if life is not None:
            life.adopt(task)
        return task

    loop.set_task_factory(make)  # type: ignore[arg-type]
