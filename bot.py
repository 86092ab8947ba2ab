"""The program: reads the settings, builds the parts, and runs bot and engine side by side.

python bot.py                            run the bot
python bot.py --role gateway|worker|all  run one of several processes (setting ROLE)
python bot.py --check                    say what is missing or wrong, and print the invite link
python bot.py --move-from FILE           copy an SQLite file into the database of DATABASE_URL
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import logging
import os
import random
import signal
import sys
from collections.abc import (
    AsyncIterator,
    Awaitable,
    Callable,
    Coroutine,
    Iterator,
    Mapping,
    Sequence,
)
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import discord
from dotenv import dotenv_values

from cogs.base import KirinBot
from cogs.invite import try_token
from cogs.ui.messenger import DiscordMessenger
from kirin.checkup import check_database, check_provider
from kirin.client import KirinClient
from kirin.download import GuardedResolver, PictureDownloader
from kirin.errors import NameInUse, SettingsError, StoreError
from kirin.metrics import Metrics
from kirin.redaction import RedactingFormatter
from kirin.settings import Role, Settings, unknown_names
from kirin.spool import open_spool
from kirin.stages import (
    Engine,
    Hints,
    Intake,
    MeteredProvider,
    Presence,
    WakeUps,
    build_engine,
    build_house,
)
from kirin.store import (
    CensusStore,
    Database,
    DraftStore,
    FactStore,
    GenerationStore,
    PeopleStore,
    WorkerStore,
    hold_name,
    listening,
    move,
)
from kirin.web import Health, Site, show_engine

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

_PATIENCE_WITH_THE_LIST = 5.0


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
    presence: Presence
    site: Site


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
        metrics = Metrics()
        store = GenerationStore(
            database,
            owner=settings.worker_name,
            on_work=wakeups.ring,
            on_change=metrics.changed,
        )
        await stack.enter_async_context(listening(database, wakeups.ring, sleep=sleep))
        facts = FactStore(database)
        client = KirinClient(session=api_session, settings=settings, sleep=sleep)
        downloader = PictureDownloader(
            session=picture_session, trusted_url=settings.kirin_base_url, sleep=sleep
        )
        bot = KirinBot(
            intake=Intake(store=store, now=now, house=build_house(settings, database)),
            store=store,
            people=PeopleStore(database),
            drafts=DraftStore(database),
            facts=facts,
            downloader=downloader,
            extensions=EXTENSIONS if settings.role.has_gateway else (),
            result_lifetime=result_lifetime,
            now=now,
            shard_count=settings.shard_count or None,
            shard_ids=settings.shards,
        )
        presence = Presence(
            workers=WorkerStore(database), name=settings.worker_name, role=settings.role, now=now
        )
        engine = build_engine(
            settings,
            database=database,
            store=store,
            facts=facts,
            wakeups=wakeups,
            provider=MeteredProvider(
                client, metrics=metrics, seconds=asyncio.get_running_loop().time
            ),
            downloader=downloader,
            messenger=DiscordMessenger(client=bot, now=now, result_lifetime=result_lifetime),
            spool=await stack.enter_async_context(open_spool(settings)),
            now=now,
            jitter=jitter,
            share=presence.share,
            others_alive=presence.others_alive,
        )
        client.on_repeat = engine.gate.budget.spend
        yield App(
            settings=settings,
            bot=bot,
            engine=engine,
            wakeups=wakeups,
            store=store,
            facts=facts,
            client=client,
            presence=presence,
            site=_site(
                settings, engine, bot, store=store, database=database, metrics=metrics, now=now
            ),
        )


def _site(
    settings: Settings,
    engine: Engine,
    bot: KirinBot,
    *,
    store: GenerationStore,
    database: Database,
    metrics: Metrics,
    now: Callable[[], datetime],
) -> Site:
    if settings.role.has_engine:
        show_engine(metrics, engine)
    census = CensusStore(database, now=now)
    health = Health(
        database=census,
        engine=engine if settings.role.has_engine else None,
        gateway_is_ready=bot.is_listening if settings.role.has_gateway else None,
        now=now,
    )
    return Site(
        settings,
        hints=Hints(store=store, now=now),
        health=health,
        metrics=metrics,
        census=census,
        now=now,
    )


def _picture_session(settings: Settings) -> aiohttp.ClientSession:
    trusted = urlsplit(settings.kirin_base_url).hostname or ""
    connector = aiohttp.TCPConnector(resolver=GuardedResolver(trusted=trusted))
    return aiohttp.ClientSession(connector=connector)


def read_settings(**chosen: str | None) -> Settings:
    """Read `.env`, the environment, which wins, and what was chosen at the start, which wins too.

    Raises `SettingsError` with every problem.
    """
    from_file = dotenv_values(DOTENV)
    for name in unknown_names(from_file):
        log.warning("%s in %s is no setting of this bot; is it misspelt?", name, DOTENV)
    return Settings.load(from_file, os.environ, chosen)


def start_logging(settings: Settings) -> None:
    """Log to standard error, without secrets."""
    handler = logging.StreamHandler()
    handler.setFormatter(RedactingFormatter(secrets=settings.secrets))
    logging.basicConfig(level=settings.log_level, handlers=[handler], force=True)


async def run(settings: Settings) -> None:
    """Run until SIGTERM or SIGINT, then finish what is under way; a second one ends it at once."""
    async with hold_name(settings.database_url, settings.worker_name), open_app(settings) as app:
        stop = asyncio.Event()
        _stop_when_told(stop)
        async with app.site.listening(), app.bot:
            await app.bot.login(settings.discord_token.get_secret_value())
            await _side_by_side(app, stop)


def _stop_when_told(stop: asyncio.Event) -> None:
    def told() -> None:
        if stop.is_set():
            log.warning("ending at once; what is under way goes on at the next start")
            os._exit(1)
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        with suppress(NotImplementedError):  # Windows has no signal handlers in its loop
            asyncio.get_running_loop().add_signal_handler(number, told)


async def _side_by_side(app: App, stop: asyncio.Event) -> None:
    """Run what this process is for until a part ends or the end is asked for.

    However it ends, what is under way is finished: a call to Discord is never cancelled.
    """
    over = asyncio.Event()
    presence = asyncio.create_task(app.presence.run(over), name="presence")
    parts = [asyncio.create_task(work, name=name) for name, work in _parts(app)]
    stopping = asyncio.create_task(stop.wait(), name="stopping")
    await asyncio.wait({*parts, stopping}, return_when=asyncio.FIRST_COMPLETED)
    log.info("stopping: what is under way is finished, the rest is kept")
    stopping.cancel()
    over.set()
    await asyncio.wait({presence}, timeout=_PATIENCE_WITH_THE_LIST)
    presence.cancel()
    await _finish(app, {part.get_name(): part for part in parts})


def _parts(app: App) -> Iterator[tuple[str, Coroutine[Any, Any, None]]]:
    if app.settings.role.has_engine:
        yield "engine", app.engine.run()
    if app.settings.role.has_gateway:
        yield "gateway", app.bot.connect()


async def _finish(app: App, parts: Mapping[str, asyncio.Task[None]]) -> None:
    """End every part in its own way; raise what one of them has ended with."""
    app.engine.stop()
    if engine := parts.get("engine"):
        await asyncio.wait({engine})
    await app.bot.finish_handlers()
    if engine:
        await app.engine.take_leave()  # of those whose wishes came in meanwhile
    await app.bot.close()
    if gateway := parts.get("gateway"):
        gateway.cancel()  # discord.py would go on trying to connect for ever
    await asyncio.wait({*parts.values()})
    for part in parts.values():
        if not part.cancelled():
            part.result()


async def check(settings: Settings) -> list[str]:
    """Try token, key, base URL and database; print the invite link; return the problems."""
    problems = [await check_database(settings)]
    async with aiohttp.ClientSession() as session:
        problems.append(await check_provider(KirinClient(session=session, settings=settings)))
    token = await try_token(settings.discord_token.get_secret_value())
    problems.append(token.problem)
    if token.invitation:
        print(token.invitation)
    return [problem for problem in problems if problem]


def main() -> int:
    """Run the program; return its exit code."""
    arguments = _arguments()
    logging.basicConfig(level=logging.WARNING)
    try:
        settings = read_settings(ROLE=arguments.role)
    except SettingsError as error:
        return _complain(error.problems)
    start_logging(settings)
    if arguments.move_from:
        return _complain(_move(settings, arguments.move_from))
    if not arguments.check:
        return _complain(_run_to_the_end(settings))
    logging.getLogger().setLevel(logging.CRITICAL)  # the findings are enough
    problems = asyncio.run(check(settings))
    if not problems:
        print("Everything is ready. Start the bot with: make run")
    return _complain(problems)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Pictures in Discord, by Kirin V3 Image.")
    parser.add_argument("--check", action="store_true", help="say what is missing or wrong")
    parser.add_argument("--role", choices=[*Role], help="what this process does (default: all)")
    parser.add_argument(
        "--move-from",
        type=Path,
        metavar="FILE",
        help="copy everything from this SQLite file into the empty database of DATABASE_URL",
    )
    return parser.parse_args()


def _move(settings: Settings, file: Path) -> Sequence[str]:
    """Copy everything from a file into the database of the settings; return what is wrong."""
    if not file.is_file():
        return [f"There is no file {file}."]
    source = f"sqlite+aiosqlite:///{file}"
    try:
        counts = asyncio.run(move(source, settings.database_url, name=settings.worker_name))
    except StoreError as error:
        return [f"Nothing was copied ({error})."]
    for table, count in counts.items():
        print(f"{count} rows of {table}")
    return []


def _run_to_the_end(settings: Settings) -> Sequence[str]:
    """Run, and return the problems that it could not live with."""
    gc.freeze()  # what is imported stays: to look through it again and again takes 0.1 s
    try:
        asyncio.run(run(settings))
    except SettingsError as error:
        return error.problems
    except NameInUse as error:
        return [f"WORKER_NAME is taken: {error}."]
    except StoreError as error:
        return [f"DATABASE_URL cannot be opened ({error})."]
    except discord.LoginFailure:
        return ["DISCORD_TOKEN is not accepted by Discord. Run: python bot.py --check"]
    except (discord.DiscordException, aiohttp.ClientError, OSError) as error:
        log.debug("the end", exc_info=error)
        return [f"Discord does not answer as it should ({error}). Run it again later."]
    return []


def _complain(problems: Sequence[str]) -> int:
    for problem in problems:
        print(f"- {problem}", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
