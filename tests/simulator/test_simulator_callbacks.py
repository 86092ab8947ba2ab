import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from tests.simulator.simulator_kit import LONG_ENOUGH, provider

Inbox = asyncio.Queue[dict[str, Any]]


@asynccontextmanager
async def listener() -> AsyncIterator[tuple[str, Inbox]]:
    inbox: Inbox = asyncio.Queue()

    async def take(request: web.Request) -> web.Response:
        inbox.put_nowait(await request.json())
        return web.Response()

    app = web.Application()
    app.router.add_post("/callback", take)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}/callback", inbox
    await runner.cleanup()


class Lines(logging.Handler):
    """Collects what is logged, in a form that can be awaited."""

    def __init__(self) -> None:
        super().__init__()
        self.queue: asyncio.Queue[str] = asyncio.Queue()

    def emit(self, record: logging.LogRecord) -> None:
        self.queue.put_nowait(record.getMessage())


@pytest.fixture
def logged() -> Iterator[asyncio.Queue[str]]:
    lines = Lines()
    logger = logging.getLogger("simulator.callbacks")
    logger.addHandler(lines)
    yield lines.queue
    logger.removeHandler(lines)


async def test_the_end_of_a_task_is_called_back() -> None:
    async with listener() as (url, inbox), provider() as p:
        created = await p.create(callback_url=url)
        p.clock.advance(1)
        assert inbox.empty()
        p.clock.advance(LONG_ENOUGH)

        assert await inbox.get() == {"id": created.json["id"], "status": "completed"}


async def test_a_task_that_is_finished_early_is_called_back_once() -> None:
    async with listener() as (url, inbox), provider() as p:
        p.sim.inject("task-risk-control")
        await p.create(callback_url=url, external_task_id="ours")
        p.sim.finish("ours")
        p.sim.finish("ours")

        assert (await inbox.get())["status"] == "failed"
        p.clock.advance(LONG_ENOUGH)
        await p.poll("ours")
        assert inbox.empty()


async def test_only_loopback_is_called_back(logged: asyncio.Queue[str]) -> None:
    async with provider() as p:
        created = await p.create(callback_url="https://example.com/callback")

    assert created.status == 200
    assert "loopback addresses only" in await logged.get()


async def test_a_callback_that_nobody_takes_is_only_logged(logged: asyncio.Queue[str]) -> None:
    async with listener() as (url, _):
        pass
    async with provider() as p:
        created = await p.create(callback_url=url)
        p.sim.finish(created.json["id"])

        assert "failed" in await logged.get()
        assert (await p.poll(created.json["id"])).json["status"] == "completed"


async def test_a_callback_can_be_lost() -> None:
    async with listener() as (url, inbox), provider() as p:
        p.sim.inject("callback-lost")
        await p.create(callback_url=url, external_task_id="first")
        await p.create(callback_url=url, external_task_id="second")
        p.sim.finish("first")
        second = p.sim.finish("second")

        assert (await inbox.get())["id"] == second.id
        assert inbox.empty()


async def test_a_callback_can_come_twice() -> None:
    async with listener() as (url, inbox), provider() as p:
        p.sim.inject("callback-twice")
        task_id = (await p.create(callback_url=url)).json["id"]
        p.sim.finish(task_id)

        assert [(await inbox.get())["id"], (await inbox.get())["id"]] == [task_id, task_id]


async def test_a_callback_can_come_late() -> None:
    async with listener() as (url, inbox), provider() as p:
        p.sim.inject("callback-late", seconds=30)
        p.sim.finish((await p.create(callback_url=url)).json["id"])
        for _ in range(10):  # the callback begins to wait
            await asyncio.sleep(0)
        p.clock.advance(29)
        for _ in range(10):
            await asyncio.sleep(0)
        assert inbox.empty()
        p.clock.advance(1)

        assert (await inbox.get())["status"] == "completed"


async def test_the_beginning_of_the_work_can_be_called_back_too() -> None:
    async with listener() as (url, inbox), provider() as p:
        p.sim.inject("callback-at-start")
        task_id = (await p.create(callback_url=url)).json["id"]
        assert (await inbox.get())["status"] == "in_progress"
        p.sim.finish(task_id)
        assert (await inbox.get())["status"] == "completed"
        assert inbox.empty()


async def test_a_callback_can_go_to_a_wrong_address() -> None:
    async with listener() as (url, inbox), provider() as p:
        p.sim.inject("callback-forged")
        p.sim.finish((await p.create(callback_url=url)).json["id"])
        await p.sim.callbacks.until_made(1)

        assert p.sim.callbacks.answers == [404]
        assert inbox.empty()
