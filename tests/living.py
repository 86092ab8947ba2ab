"""Virtual time: an engine that is at rest is led from one due time to the next."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from sqlalchemy import literal, select, union_all

import bot
from kirin.store import Work
from kirin.store.generations import _SOONEST
from simulator import ManualClock

DueTimes = Mapping[Work, datetime]

_TICK = 0.1
_DUE_TIMES = union_all(*(select(literal(work.value), _SOONEST[work].subquery()) for work in Work))


async def live(app: bot.App, clock: ManualClock, seconds: float) -> None:
    """Go from one due time to the next, and do what is due then.

    All stages are asked in one query when they are due, and those that are not are not run: half
    of the time of the tests went into that.
    """
    end = clock() + seconds
    due = await _due_times(app)
    while clock() < end:
        clock.advance(max(_TICK, min(await _next_due(app, due, clock()), end) - clock()))
        due = await _work_on(app, due, clock())


async def _due_times(app: bot.App) -> DueTimes:
    """Return when each stage has something to do, as far as the rows say."""
    async with app.store._database.read() as connection:
        rows = (await connection.execute(_DUE_TIMES)).all()
    found = {Work(row[0]): min(filter(None, row[1:]), default=None) for row in rows}
    return {work: moment for work, moment in found.items() if moment}


async def _next_due(app: bot.App, due: DueTimes, now: float) -> float:
    """Return when there is something to do; what is due already may be held back."""
    moments = [
        await app.engine.stage(work).next_due() if moment <= _at(now) else moment
        for work, moment in due.items()
    ]
    return min((moment.timestamp() for moment in moments if moment), default=float("inf"))


async def _work_on(app: bot.App, due: DueTimes, now: float) -> DueTimes:
    """Do all that is due at this moment; return what is due next.

    The reporter is always asked: what it has to tell everybody is in no row.
    """
    works = [work for work in Work if work in due and due[work] <= _at(now)]
    stages = [app.engine.stage(work) for work in Work if work in {*works, Work.REPORT}]
    if not sum([await stage.run_once() for stage in stages]):
        return due
    return await _work_on(app, await _due_times(app), now)


def _at(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
