"""The program: reads the settings, builds the parts, and runs bot and engine side by side.

python bot.py           run the bot
python bot.py --check   say what is missing or wrong, and print the invite link
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import random
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import discord
from dotenv import dotenv_values

from cogs.base import KirinBot
from cogs.ui.messenger import DiscordMessenger
from kirin.checkup import check_database, check_provider
from kirin.client import KirinClient
from kirin.download import GuardedResolver, PictureDownloader
from kirin.errors import SettingsError, StoreError
from kirin.redaction import RedactingFormatter
from kirin.settings import Settings, unknown_names
from kirin.spool import open_spool
from kirin.stages import Engine, Intake, WakeUps, build_engine
from kirin.store import (
    Database,
    DraftStore,
    FactStore,
    GenerationStore,
    PeopleStore,
)

log = logging.getLogger("bot")

EXTENSIONS = (
    "cogs.imagine",
    "cogs.actions",
    "cogs.forms",
    "cogs.references",
    "cogs.details",
    "cogs.results",
)
DOTENV = Path(".env")
INVITE_PERMISSIONS = discord.Permissions(
    view_channel=True, send_messages=True, send_messages_in_threads=True, attach_files=True
)


def utc_now() -> datetime:
    """Return the real time."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """The parts, connected but at rest: nothing has touched Discord or the provider yet."""

    settings: Settings
    bot: KirinBot
    engine: Engine
    wakeups: WakeUps
    store: GenerationStore
    facts: FactStore
    client: KirinClient


@asynccontextmanager
async def open_app(
    settings: Settings,
    *,
    now: Callable[[], datetime] = utc_now,
    jitter: Callable[[], float] = random.random,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> AsyncIterator[App]:
    """Build the parts and own what they hold: the database and the connections.

    Start `bot` and `engine` side by side; neither starts the other. Time, sleep and randomness
    are given from outside, so that a test can live an hour in a moment.
    """
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(Database.open(settings.database_url))
        api_session = await stack.enter_async_context(aiohttp.ClientSession())
        picture_session = await stack.enter_async_context(_picture_session(settings))
        wakeups = WakeUps()
        result_lifetime = timedelta(days=settings.result_lifetime_days)
        store = GenerationStore(database, owner=settings.worker_name, on_work=wakeups.ring)
        facts = FactStore(database)
        client = KirinClient(session=api_session, settings=settings, sleep=sleep)
        downloader = PictureDownloader(
            session=picture_session, trusted_url=settings.kirin_base_url, sleep=sleep
        )
        bot = KirinBot(
            intake=Intake(store=store, now=now),
            store=store,
            people=PeopleStore(database),
            drafts=DraftStore(database),
            facts=facts,
            downloader=downloader,
            extensions=EXTENSIONS,
            result_lifetime=result_lifetime,
            now=now,
        )
        engine = build_engine(
            settings,
            database=database,
            store=store,
            facts=facts,
            wakeups=wakeups,
            provider=client,
            downloader=downloader,
            messenger=DiscordMessenger(client=bot, now=now, result_lifetime=result_lifetime),
            spool=await stack.enter_async_context(open_spool(settings)),
            now=now,
            jitter=jitter,
        )
        yield App(
            settings=settings,
            bot=bot,
            engine=engine,
            wakeups=wakeups,
            store=store,
            facts=facts,
            client=client,
        )


def _picture_session(settings: Settings) -> aiohttp.ClientSession:
    trusted = urlsplit(settings.kirin_base_url).hostname or ""
    connector = aiohttp.TCPConnector(resolver=GuardedResolver(trusted=trusted))
    return aiohttp.ClientSession(connector=connector)


def read_settings() -> Settings:
    """Read `.env` and the environment, which wins; raise `SettingsError` with every problem."""
    from_file = dotenv_values(DOTENV)
    for name in unknown_names(from_file):
        log.warning("%s in %s is no setting of this bot; is it misspelt?", name, DOTENV)
    return Settings.load(from_file, os.environ)


def start_logging(settings: Settings) -> None:
    """Log to standard error, without secrets."""
    handler = logging.StreamHandler()
    handler.setFormatter(
        RedactingFormatter(
            secrets=(
                settings.discord_token.get_secret_value(),
                settings.kirin_api_key.get_secret_value(),
            )
        )
    )
    logging.basicConfig(level=settings.log_level, handlers=[handler], force=True)


async def run(settings: Settings) -> None:
    """Run until SIGTERM or SIGINT, then finish what is under way."""
    async with open_app(settings) as app:
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            with suppress(NotImplementedError):  # Windows has no signal handlers in its loop
                asyncio.get_running_loop().add_signal_handler(number, stop.set)
        async with app.bot:
            await app.bot.login(settings.discord_token.get_secret_value())
            await _side_by_side(app, stop)


async def _side_by_side(app: App, stop: asyncio.Event) -> None:
    """Run engine and gateway until one of them ends or the end is asked for.

    However it ends, what is under way is finished: a call to Discord is never cancelled.
    """
    engine = asyncio.create_task(app.engine.run(), name="engine")
    gateway = asyncio.create_task(app.bot.connect(), name="gateway")
    stopping = asyncio.create_task(stop.wait(), name="stopping")
    await asyncio.wait({engine, gateway, stopping}, return_when=asyncio.FIRST_COMPLETED)
    log.info("stopping: what is under way is finished, the rest is kept")
    stopping.cancel()
    app.engine.stop()
    await asyncio.wait({engine})
    await app.bot.finish_handlers()
    await app.bot.close()
    await asyncio.gather(engine, gateway)


async def check(settings: Settings) -> list[str]:
    """Try token, key, base URL and database; print the invite link; return the problems."""
    problems = [await check_database(settings)]
    async with aiohttp.ClientSession() as session:
        problems.append(await check_provider(KirinClient(session=session, settings=settings)))
    problems.append(await _check_token(settings))
    return [problem for problem in problems if problem]


async def _check_token(settings: Settings) -> str | None:
    async with discord.Client(intents=discord.Intents.none()) as client:
        try:
            await client.login(settings.discord_token.get_secret_value())
        except discord.LoginFailure:
            return "DISCORD_TOKEN is not accepted by Discord. Reset it on the page Bot, copy it."
        except (discord.HTTPException, aiohttp.ClientError, OSError) as error:
            return f"Discord does not answer ({type(error).__name__}). Check the connection."
        print(f"Invite {client.user} to a server with this link:\n{invite_link(client)}")
    return None


def invite_link(client: discord.Client) -> str:
    """Return the link that adds the bot to a server, with the scopes and permissions it needs."""
    return discord.utils.oauth_url(
        client.application_id or 0,
        permissions=INVITE_PERMISSIONS,
        scopes=("bot", "applications.commands"),
    )


def main() -> int:
    """Run the program; return its exit code."""
    parser = argparse.ArgumentParser(description="Pictures in Discord, by Kirin V3 Image.")
    parser.add_argument("--check", action="store_true", help="say what is missing or wrong")
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.WARNING)
    try:
        settings = read_settings()
    except SettingsError as error:
        return _complain(error.problems)
    start_logging(settings)
    if arguments.check:
        logging.getLogger().setLevel(logging.CRITICAL)  # the findings are enough
        problems = asyncio.run(check(settings))
        if not problems:
            print("Everything is ready. Start the bot with: make run")
        return _complain(problems)
    try:
        asyncio.run(run(settings))
    except StoreError as error:
        return _complain([f"DATABASE_URL cannot be opened ({error})."])
    except discord.LoginFailure:
        return _complain(["DISCORD_TOKEN is not accepted by Discord. Run: python bot.py --check"])
    except (discord.DiscordException, aiohttp.ClientError, OSError) as error:
        log.debug("the end", exc_info=error)
        return _complain([f"Discord does not answer as it should ({error}). Run it again later."])
    return 0


def _complain(problems: Sequence[str]) -> int:
    for problem in problems:
        print(f"- {problem}", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
