"""The loop that runs the stages: it only loops, and outlives whatever happens to a row."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta

from kirin.stages.base import Clock, Stage
from kirin.stages.gate import Gate
from kirin.stages.housekeeper import Housekeeper
from kirin.stages.wakeups import WakeUps
from kirin.store import Claim, GenerationStore, Work

log = logging.getLogger(__name__)

_SHORTEST_SLEEP = 0.01
_LONGEST_SLEEP = 60.0
_AFTER_TROUBLE = timedelta(seconds=2)
_RENEWED_EVERY = 20.0

DRAIN = timedelta(seconds=20)
"""How long what is under way may still take when the program ends."""


class Engine:
    """Runs every stage side by side; `run` goes on until `stop`, `run_once` is one round."""

    def __init__(
        self,
        *,
        store: GenerationStore,
        gate: Gate,
        stages: Sequence[Stage],
        housekeeper: Housekeeper,
        wakeups: WakeUps,
        now: Clock,
        drain: timedelta = DRAIN,
    ) -> None:
        self.gate = gate
        self._store = store
        self._stages = {stage.work: stage for stage in stages}
        self._housekeeper = housekeeper
        self._wakeups = wakeups
        self._now = now
        self._drain = drain
        self._stopping = asyncio.Event()
        self._stopped_at: datetime | None = None
        self._looked_at = dict.fromkeys(self._stages, now())

    async def take_over(self) -> None:
        """Take up what an earlier life of this process had in hand when it died."""
        released = await self._store.release_own()
        if released:
            log.info("took over %d rows that an earlier run had in hand", released)

    async def run(self) -> None:
        """Take up what an earlier life has left, and go on until `stop` is called."""
        await self.take_over()
        async with asyncio.TaskGroup() as helpers:
            keeping = [
                helpers.create_task(self._keep_house(), name="housekeeper"),
                helpers.create_task(self._keep_leases(), name="leases"),
            ]
            async with asyncio.TaskGroup() as group:
                for stage in self._stages.values():
                    group.create_task(self._run_stage(stage), name=f"stage {stage.work}")
            for task in keeping:
                task.cancel()

    def stop(self) -> None:
        """Take on nothing new; `run` returns when what is under way has ended, or `drain` later.

        A stage with more `patience` than that is waited for. Meanwhile the cards of those who wait
        say so.
        """
        self._stopped_at = self._now()
        self._stopping.set()
        for stage in self._stages.values():
            stage.is_stopping = True
            self._wakeups.ring(stage.work)

    async def take_leave(self) -> int:
        """Tell those who wait, and have not been told yet, that the program ends; how many.

        A wish may come in after `run` has told everybody, while Discord is still listened to.
        """
        most = max(self._drain, *(stage.patience for stage in self._stages.values()))
        until = (self._stopped_at or self._now()) + most
        return sum([await self._leave(stage, until) for stage in self._stages.values()])

    async def renew_leases(self) -> int:
        """Hold on to the rows in hand; return how many there are."""
        in_hand = [claim for stage in self._stages.values() for claim in stage.in_hand]
        for lease_for in {stage.lease_for for stage in self._stages.values()}:
            renewed = [
                claim for claim in in_hand if self._stages[claim.work].lease_for == lease_for
            ]
            await self._store.renew(renewed, until=self._now() + lease_for)
        return len(in_hand)

    def silent_since(self, moment: datetime) -> list[Work]:
        """Name the stages that have not looked for work since, with nothing under way."""
        return [
            work
            for work, looked_at in self._looked_at.items()
            if looked_at < moment and not self._stages[work].in_hand
        ]

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
            if len(under_way) >= stage.width:
                bell.set()  # there is room; what the row itself waits for now, its save announces
            under_way.discard(task)
            if not task.cancelled() and (error := task.exception()):
                bell.set()
                log.error("a row of %s was left to its lease", stage.work, exc_info=error)

        try:
            while not self._stopping.is_set():
                bell.clear()
                claims = await self._claim(stage, stage.width - len(under_way))
                if claims is None:
                    continue
                for claim in claims:
                    task = asyncio.create_task(stage.handle(claim))
                    under_way.add(task)
                    task.add_done_callback(ended)
                if len(under_way) >= stage.width:
                    await self._rest(bell)
                else:
                    await self._rest(bell, await self._next_due(stage, look=bool(claims)))
            await self._finish(stage, under_way)
        finally:
            for task in under_way:
                task.cancel()

    async def _claim(self, stage: Stage, limit: int) -> list[Claim] | None:
        """Take on rows; `None` after trouble, a moment later."""
        try:
            claims = await stage.claim(limit)
        except Exception:
            log.exception("could not take on work for %s", stage.work)
            await asyncio.sleep(_AFTER_TROUBLE.total_seconds())
            return None
        self._looked_at[stage.work] = self._now()
        return claims

    async def _next_due(self, stage: Stage, *, look: bool) -> datetime | None:
        """Say when to take on the next row; nothing new was due a moment ago unless we `look`."""
        try:
            return await stage.next_due(look=look)
        except Exception:
            log.exception("could not see when there is work for %s", stage.work)
            return self._now() + _AFTER_TROUBLE

    async def _rest(self, bell: asyncio.Event, due: datetime | None = None) -> None:
        """Sleep until the bell rings or the next row is due."""
        wait = _LONGEST_SLEEP
        if due is not None:
            wait = min(wait, max(_SHORTEST_SLEEP, (due - self._now()).total_seconds()))
        with suppress(TimeoutError):
            await asyncio.wait_for(bell.wait(), wait)

    async def keep_house(self) -> int:
        """Do now what is done every minute; return how much there was."""
        return await self._housekeeper.run_once()

    async def _keep_house(self) -> None:
        while not self._stopping.is_set():
            try:
                await self.keep_house()
            except Exception:
                log.exception("housekeeping failed")
            with suppress(TimeoutError):
                await asyncio.wait_for(
                    self._stopping.wait(), self._housekeeper.every.total_seconds()
                )

    async def _keep_leases(self) -> None:
        """Hold on to what is in hand: a row whose lease runs out belongs to somebody else."""
        while True:
            await asyncio.sleep(_RENEWED_EVERY)
            try:
                await self.renew_leases()
            except Exception:
                log.exception("could not renew the leases of what is under way")

    async def _finish(self, stage: Stage, under_way: set[asyncio.Task[None]]) -> None:
        stopped_at = self._stopped_at or self._now()
        if under_way:
            until = stopped_at + max(self._drain, stage.patience)
            wait = max(0.0, (until - self._now()).total_seconds())
            _, late = await asyncio.wait(under_way, timeout=wait)
            if late:
                log.warning("%d rows of %s are left for the next start", len(late), stage.work)
        await self._leave(stage, stopped_at + self._drain)

    async def _leave(self, stage: Stage, until: datetime) -> int:
        try:
            return await stage.take_leave(until=until)
        except Exception:
            log.exception("could not take leave of those who wait for %s", stage.work)
            return 0
