"""What the demo shows of a busy bot: the queue, a provider that is down, and the numbers."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest

import bot
from demo.app import Demo, open_demo
from kirin.store import Work

if TYPE_CHECKING:
    from demo.driver import Visitor

    Arrive = Callable[[str], Awaitable[Visitor]]

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

FAST = 20.0
MOST_STEPS = 200
A_MOMENT = 0.05


@dataclass
class MovedClock:
    """The real time, moved on by hand: minutes of waiting pass in a moment."""

    ahead: timedelta = timedelta(0)

    def __call__(self) -> datetime:
        return bot.utc_now() + self.ahead


async def pass_time(clock: MovedClock, demo: Demo, *, until: Callable[[], bool]) -> None:
    """Let second after second be over in a moment, and what has become due be done."""
    for _ in range(MOST_STEPS):
        if until():
            return
        clock.ahead += timedelta(seconds=1)
        for work in Work:
            demo.app.wakeups.ring(work)
        await asyncio.sleep(A_MOMENT)
    raise AssertionError("it has not come to that")


async def test_crowd_sees_places_in_the_queue_and_times(arrive: "Arrive") -> None:
    slow = {"EXPECTED_SECONDS": "20"}
    async with open_demo(speed=FAST, slots=9, settings=slow) as demo:
        demo.sim.inject("task-never-ends")
        visitor = await arrive(demo.url)
        for words in ("a slow parade", "a quick fox", "a patient heron"):
            await visitor.command("imagine", prompt=words, n=9)
        heron = visitor.messages.filter(has_text="a patient heron").last
        await visitor.reads("Queued, number 2 of 2, probably ready", heron)
        assert len(demo.sim.creates) == 1  # the others are not tried in vain
        assert demo.env.errors == []


async def test_outage_is_told_on_the_card_and_over_without_anybody_doing_anything(
    arrive: "Arrive",
) -> None:
    clock = MovedClock()
    async with open_demo(speed=FAST, now=clock) as demo:
        gate = demo.app.engine.gate
        visitor = await arrive(demo.url)
        demo.sim.inject("task-never-ends", count=3)
        for words in ("one boat", "two boats", "three boats"):
            await visitor.command("imagine", prompt=words)
        await visitor.command("imagine", prompt="a kite #outage:600")
        await pass_time(clock, demo, until=lambda: gate.down_since is not None)
        kite = visitor.messages.filter(has_text="a kite").last
        await visitor.reads("stopped answering", kite)
        demo.sim.go_down(0)
        await pass_time(clock, demo, until=lambda: gate.down_since is None)
        await visitor.sees_pictures(1, kite)
        assert demo.env.errors == []


async def test_numbers_of_the_demo_can_be_looked_at(arrive: "Arrive") -> None:
    async with open_demo(speed=FAST) as demo:
        visitor = await arrive(demo.url)
        await visitor.command("imagine", prompt="a boat")
        await visitor.sees_pictures(1)
        page = visitor.page
        await page.goto(f"{demo.watch_url}/metrics")
        numbers = await page.inner_text("body")
        assert 'kirin_wishes_ended_total{outcome="succeeded",reason=""} 1.0' in numbers
        await page.goto(f"{demo.watch_url}/healthz")
        assert "all is well" in await page.inner_text("body")
