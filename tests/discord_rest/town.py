"""The whole bot against the stand-in: the real discord.py over HTTP, in virtual time.

There is no gateway: interactions are handed to the library as the gateway would hand them over.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import discord

import bot
import simulator
from kirin.model import Generation
from kirin.settings import Settings
from simulator import ManualClock, Simulator
from tests.discord_rest.model import APPLICATION, Message, Place, Token
from tests.discord_rest.stand_in import StandIn, serve
from tests.living import live

ALICE, BOB = 7001, 7002
_OPTION_TYPES: dict[type, int] = {str: 3, int: 4, bool: 5}
_VIEW_CHANNEL = 1 << 10


@dataclass(kw_only=True)
class Town:
    """One bot, one Discord, one provider."""

    clock: ManualClock
    sim: Simulator
    app: bot.App
    discord: StandIn
    upload_limit: int = 10 * 1024 * 1024

    async def imagine(self, place: Place, prompt: str = "a red fox", **options: Any) -> Message:
        """Let Alice send the command; the engine has not looked at it yet."""
        token = self.discord.new_token(place)
        data = imagine_command(prompt, **options)
        await self._interact(token, ALICE, type=2, data=data)
        assert token.message is not None
        return token.message

    async def ask_for_results(self, place: Place, user_id: int = ALICE) -> Message:
        """Let somebody ask for the list."""
        token = self.discord.new_token(place)
        data = {"id": "2", "name": "results", "type": 1, "options": []}
        await self._interact(token, user_id, type=2, data=data)
        assert token.message is not None
        return token.message

    async def click(self, message: Message, label: str, user_id: int = ALICE) -> Token:
        """Let somebody press a button."""
        (button,) = (each for each in message.buttons if each.get("label") == label)
        data = {"custom_id": button["custom_id"], "component_type": 2}
        return await self._use(message, user_id, data)

    async def choose(self, message: Message, value: str, user_id: int = ALICE) -> Token:
        """Let somebody choose from a menu."""
        (menu,) = (part for part in message.parts if part["type"] == 3)
        data = {"custom_id": menu["custom_id"], "component_type": 3, "values": [value]}
        return await self._use(message, user_id, data)

    async def _use(self, message: Message, user_id: int, data: dict[str, Any]) -> Token:
        token = self.discord.new_token(message.place, message)
        payload = self.discord.payload(message)
        await self._interact(token, user_id, type=3, data=data, message=payload)
        return token

    async def _interact(self, token: Token, user_id: int, **parts: Any) -> None:
        """Hand an interaction over, and wait until the bot has dealt with it."""
        payload = interaction(
            self.discord.new_id(), token, user_id, upload_limit=self.upload_limit, **parts
        )
        before = asyncio.all_tasks()
        self.app.bot._connection.parse_interaction_create(payload)  # type: ignore[arg-type]
        await asyncio.gather(*(asyncio.all_tasks() - before))

    async def work(self) -> None:
        """Do all that is due at this moment."""
        await self.app.engine.run_until_idle()

    async def pass_time(self, seconds: float) -> None:
        """Live for a while: go from one due time to the next and do what is due then."""
        await live(self.app, self.clock, seconds)

    async def generation(self) -> Generation:
        """Return the only wish there is."""
        (create,) = {create.external_task_id for create in self.sim.creates}
        found = await self.app.store.get(create or "")
        assert found is not None
        return found


def imagine_command(prompt: str, **options: Any) -> dict[str, Any]:
    """Return what an interaction says of the command and its options."""
    named = [
        {"name": name, "type": _OPTION_TYPES[type(value)], "value": value}
        for name, value in {"prompt": prompt, **options}.items()
    ]
    return {"id": "1", "name": "imagine", "type": 1, "options": named}


def interaction(
    own_id: int, token: Token, user_id: int, *, upload_limit: int, **parts: Any
) -> dict[str, Any]:
    """Return an interaction as the gateway sends it."""
    place = token.place
    return {
        "id": str(own_id),
        "application_id": str(APPLICATION),
        "token": token.text,
        "version": 1,
        "channel_id": str(place.channel_id),
        "channel": _channel(place),
        "locale": "en-US",
        "entitlements": [],
        "authorizing_integration_owners": place.owners(ALICE),
        "context": place.context,
        "attachment_size_limit": upload_limit,
        "app_permissions": str(_VIEW_CHANNEL),
        **_person(place, user_id),
        **parts,
    }


def _channel(place: Place) -> dict[str, Any]:
    channel: dict[str, Any] = {"id": str(place.channel_id)}
    if place.guild_id is None:
        return channel | {"type": 3 if place.context == 2 else 1, "recipients": []}
    return channel | {"type": 0, "name": "pictures", "position": 0}


def _person(place: Place, user_id: int) -> dict[str, Any]:
    user = {"id": str(user_id), "username": f"u{user_id}", "discriminator": "0", "avatar": None}
    if place.guild_id is None:
        return {"user": user}
    member = {
        "user": user,
        "roles": [],
        "joined_at": "2026-01-01T00:00:00+00:00",
        "deaf": False,
        "mute": False,
        "flags": 0,
        "permissions": "0",
    }
    return {"guild_id": str(place.guild_id), "guild_locale": "en-US", "member": member}


@contextmanager
def _address(url: str) -> Iterator[None]:
    before = discord.http.Route.BASE
    discord.http.Route.BASE = url
    try:
        yield
    finally:
        discord.http.Route.BASE = before


@asynccontextmanager
async def open_town(database_url: str) -> AsyncIterator[Town]:
    """Open the stand-in, the simulator and the bot, and let the bot log in."""
    clock = ManualClock()
    async with AsyncExitStack() as stack:
        sim = await stack.enter_async_context(simulator.serve(now=clock, sleep=clock.sleep))
        stand_in, url = await stack.enter_async_context(serve(clock))
        stack.enter_context(_address(url))
        settings = Settings.load(
            {
                "DISCORD_TOKEN": "simulated-discord-token",
                "KIRIN_API_KEY": sim.key,
                "KIRIN_BASE_URL": sim.base_url,
                "DATABASE_URL": database_url,
                "POLL_PRICE_SECONDS": "60",
            },
            {},
        )

        async def no_sleep(_seconds: float) -> None:
            return None

        app = await stack.enter_async_context(
            bot.open_app(
                settings,
                now=lambda: datetime.fromtimestamp(clock(), UTC),
                jitter=lambda: 0.5,
                sleep=no_sleep,
            )
        )
        await stack.enter_async_context(app.bot)
        await app.bot.login("simulated-discord-token")
        yield Town(clock=clock, sim=sim, app=app, discord=stand_in)
