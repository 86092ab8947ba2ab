"""Any bot inside the simulated server, with its page open and its own work running beside it."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import simcord
from discord.ext import commands

from demo.page import LivePage
from demo.world import World, furnish

_SETTLE = 10.0  # seconds a command may take before the page calls its outcome uncertain

Work = Callable[[], Coroutine[Any, Any, None]]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A bot on its page: where to look, and what is behind it."""

    url: str
    env: simcord.Env
    world: World
    wait_closed: Callable[[], Awaitable[None]]


@asynccontextmanager
async def open_stage(
    bot: commands.Bot | commands.AutoShardedBot, *, beside: tuple[Work, ...] = (), port: int = 0
) -> AsyncIterator[Stage]:
    """Run the bot (not logged in yet) and `beside` it the work that is not the bot's own.

    simcord waits for every task that the bot starts before it lets a visitor go on. Work started
    from here is not the bot's, so nobody waits for it; and it still reaches the simulated Discord,
    because tasks inherit the webhook adapter that `simcord.run` has set in this context.
    """
    async with simcord.run(bot, check_errors=False, settle_timeout=_SETTLE) as env:
        world = await furnish(env)
        page = LivePage(
            env, world.channel, (world.you, world.host), assets=world.avatars, port=port
        )
        async with page, _running(page.follow, *beside):
            yield Stage(url=page.url, env=env, world=world, wait_closed=page.wait_closed)


@asynccontextmanager
async def _running(*works: Work) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(work()) for work in works]
    for task in tasks:
        task.add_done_callback(_report)
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _report(task: asyncio.Task[None]) -> None:
    """Say at once that something meant to run on has stopped."""
    if not task.cancelled() and (error := task.exception()) is not None:
        log.critical("%s stopped", task.get_coro(), exc_info=error)
