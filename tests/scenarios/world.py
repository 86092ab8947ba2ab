"""The whole bot in a small world: real SQLite, the simulator over HTTP, a simulated Discord.

The engine is driven by hand, in virtual time: `work` does what is due, `pass_time` moves the clock.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import discord
import simcord
from simcord.actors import MemberActor
from simcord.builders import ChannelHandle
from simcord.results import InteractionResult

import bot
import simulator
from kirin.model import Generation
from kirin.settings import Settings
from simulator import ManualClock, Simulator
from tests.databases import run_sql
from tests.living import live

LONG_ENOUGH = 600.0


@dataclass(kw_only=True)
class World:
    """One bot, one server, one member, one provider."""

    stack: AsyncExitStack
    settings: Settings
    clock: ManualClock
    sim: Simulator
    app: bot.App
    env: simcord.Env
    channel: ChannelHandle
    alice: MemberActor

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.clock(), UTC)

    async def imagine(self, prompt: str = "a red fox", **options: Any) -> InteractionResult:
        """Let Alice send the command; the engine has not looked at it yet."""
        return await self.alice.slash(self.channel, "imagine", prompt=prompt, **options)

    async def work(self) -> int:
        """Do all that is due at this moment."""
        return await self.app.engine.run_until_idle()

    async def pass_time(self, seconds: float) -> None:
        """Live for a while: go from one due time to the next and do what is due then."""
        await live(self.app, self.clock, seconds)

    async def finish(self) -> None:
        """Live until everything that can end has ended."""
        await self.work()
        await self.pass_time(LONG_ENOUGH)

    async def restart(self) -> None:
        """Kill the bot without any farewell, and start it anew on the same database."""
        self.app = await self.stack.enter_async_context(_open_app(self.settings, self.clock))
        await self.env.restart_bot(self.app.bot)
        await self.app.engine.take_over()

    async def generation(self) -> Generation:
        """Return the only wish there is."""
        (create,) = {create.external_task_id for create in self.sim.creates}
        assert create is not None
        found = await self.app.store.get(create)
        assert found is not None
        return found

    async def sql(self, statement: str) -> list[Any]:
        """Do something to the database that the bot knows nothing of; return the rows, if any."""
        return await run_sql(self.settings.database_url, statement)

    def edits(self) -> int:
        """Count the edits of messages that reached Discord, by whatever route."""
        return sum(
            request.method == "PATCH" and "/messages/" in request.path
            for request in self.env.http_requests
        )


@dataclass(kw_only=True)
class Parts:
    """What a world is made of before there is a Discord."""

    stack: AsyncExitStack
    settings: Settings
    clock: ManualClock
    sim: Simulator
    app: bot.App


@asynccontextmanager
async def open_parts(
    folder: Path, changes: Mapping[str, str], *, database_url: str
) -> AsyncIterator[Parts]:
    """Open bot and simulator; `changes` are settings that differ from the defaults."""
    clock = ManualClock()
    async with AsyncExitStack() as stack:
        sim = await stack.enter_async_context(simulator.serve(now=clock, sleep=clock.sleep))
        settings = Settings.load(
            {
                "DISCORD_TOKEN": "simulated-discord-token",
                "KIRIN_API_KEY": sim.key,
                "KIRIN_BASE_URL": sim.base_url,
                "DATABASE_URL": database_url,
                "SPOOL_FOLDER": "" if database_url.startswith("sqlite") else str(folder),
            },
            changes,
        )
        app = await stack.enter_async_context(_open_app(settings, clock))
        yield Parts(stack=stack, settings=settings, clock=clock, sim=sim, app=app)


def furnish(parts: Parts, env: simcord.Env) -> World:
    """Put a server with one channel and one member around the bot."""
    guild = env.create_guild(name="Foxes")
    return World(
        stack=parts.stack,
        settings=parts.settings,
        clock=parts.clock,
        sim=parts.sim,
        app=parts.app,
        env=env,
        channel=guild.create_text_channel("pictures"),
        alice=guild.add_member(env.create_user("alice")),
    )


@asynccontextmanager
async def _open_app(settings: Settings, clock: ManualClock) -> AsyncIterator[bot.App]:
    async def no_sleep(_seconds: float) -> None:
        return None

    async with bot.open_app(
        settings,
        now=lambda: datetime.fromtimestamp(clock(), UTC),
        jitter=lambda: 0.5,
        sleep=no_sleep,
    ) as app:
        yield app


def message_of(result: InteractionResult) -> discord.Message:
    """Return the message that belongs to a command, as it is now."""
    assert result.response is not None
    return result.response.message


def card(result: InteractionResult) -> str:
    """Return all text of the card in a command's message."""
    return "\n".join(
        part.content
        for part in _parts(message_of(result).components)
        if isinstance(part, discord.TextDisplay)
    )


def gallery(result: InteractionResult) -> list[discord.MediaGalleryItem]:
    """Return the pictures in the card of a command's message."""
    return [
        item
        for part in _parts(message_of(result).components)
        if isinstance(part, discord.MediaGalleryComponent)
        for item in part.items
    ]


def links(result: InteractionResult) -> list[str]:
    """Return where the link buttons of a card lead."""
    return [
        part.url
        for part in _parts(message_of(result).components)
        if isinstance(part, discord.Button) and part.url
    ]


def _parts(components: Any) -> Iterator[Any]:
    for component in components:
        yield component
        yield from _parts(getattr(component, "children", ()))
