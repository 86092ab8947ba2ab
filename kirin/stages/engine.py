"""The loop that runs the stages: it only loops, and outlives whatever happens to a row."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress

from kirin.stages.base import Clock, Stage
from kirin.stages.housekeeper import Housekeeper
from kirin.stages.wakeups import WakeUps
from kirin.store import Claim, GenerationStore, Work

log = logging.getLogger(__name__)

_SHORTEST_SLEEP = 0.01
_LONGEST_SLEEP = 60.0
_AFTER_TROUBLE = 2.0
_PATIENCE_AT_THE_END = 30.0


class Engine:
    """Runs every stage side by side; `run` goes on until `stop`, `run_once` is one round."""

    def __init__(
        self,
        *,
        store: GenerationStore,
        stages: Sequence[Stage],
        housekeeper: Housekeeper,
        wakeups: WakeUps,
        now: Clock,
    ) -> None:
        self._store = store
        self._stages = {stage.work: stage for stage in stages}
        self._housekeeper = housekeeper
        self._wakeups = wakeups
        self._now = now
        self._stopping = asyncio.Event()

    async def take_over(self) -> None:
        """Take up what an earlier life of this process had in hand when it died."""
        released = await self._store.release_own()
        if released:
            log.info("took over %d rows that an earlier run had in hand", released)

    async def run(self) -> None:
        """Take up what an earlier life has left, and go on until `stop` is called."""
        await self.take_over()
        async with asyncio.TaskGroup() as group:
            for stage in self._stages.values():
                group.create_task(self._run_stage(stage), name=f"stage {stage.work}")
            group.create_task(self._keep_house(), name="housekeeper")

    def stop(self) -> None:
        """Take on nothing new; `run` returns when what is under way has ended (or 30 s later)."""
        self._stopping.set()
        for stage in self._stages.values():
            self._wakeups.ring(stage.work)

    def stage(self, work: Work) -> Stage:
        """Return the stage that does this kind of work."""
        return self._stages[work]

    async def run_once(self) -> int:
        """Let every stage do what is due now, in the order of a wish's life; return how much."""
        return sum([await stage.run_once() for stage in self._stages.values()])

    async def run_until_idle(self) -> int:
        """Repeat `run_once` until nothing is due at this moment; return how much was done."""
        done = 0
        while more := await self.run_once():
            done += more
        return done

    async def _run_stage(self, stage: Stage) -> None:
        bell = self._wakeups.bell(stage.work)
        under_way: set[asyncio.Task[None]] = set()

        def ended(task: asyncio.Task[None]) -> None:
            under_way.discard(task)
            bell.set()
            if not task.cancelled() and (error := task.exception()):
                log.error("a row of %s was left to its lease", stage.work, exc_info=error)

        try:
            while not self._stopping.is_set():
                bell.clear()
                for claim in await self._claim(stage, stage.width - len(under_way)):
                    task = asyncio.create_task(stage.handle(claim))
                    under_way.add(task)
                    task.add_done_callback(ended)
                await self._rest(stage, bell, is_full=len(under_way) >= stage.width)
            await _finish(under_way)
        finally:
            for task in under_way:
                task.cancel()

    async def _claim(self, stage: Stage, limit: int) -> list[Claim]:
        try:
            return await stage.claim(limit)
        except Exception:
            log.exception("could not take on work for %s", stage.work)
            await asyncio.sleep(_AFTER_TROUBLE)
            return []

    async def _rest(self, stage: Stage, bell: asyncio.Event, *, is_full: bool) -> None:
        """Sleep until the bell rings or the next row is due."""
        wait = _LONGEST_SLEEP
        if not is_full:
            with suppress(Exception):
                due = await self._store.next_due(stage.work)
                if due is not None:
                    wait = min(wait, max(_SHORTEST_SLEEP, (due - self._now()).total_seconds()))
        with suppress(TimeoutError):
            await asyncio.wait_for(bell.wait(), wait)

    async def _keep_house(self) -> None:
        while not self._stopping.is_set():
            try:
                await self._housekeeper.run_once()
            except Exception:
                log.exception("housekeeping failed")
            with suppress(TimeoutError):
                await asyncio.wait_for(
                    self._stopping.wait(), self._housekeeper.every.total_seconds()
                )


async def _finish(under_way: set[asyncio.Task[None]]) -> None:
    if under_way:
        _, late = await asyncio.wait(under_way, timeout=_PATIENCE_AT_THE_END)
        if late:
            log.warning("%d rows are left for the next start", len(late))
