"""The program as an operator meets it: its complaints, its check-up, its log."""

import asyncio
import logging
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

import aiohttp
import discord
import pytest

import bot
import simulator
from cogs.invite import INVITE_PERMISSIONS, invite_link
from kirin.checkup import check_database, check_provider
from kirin.client import KirinClient
from kirin.errors import NameInUse, SettingsError
from kirin.settings import Settings
from kirin.store import Database, FactStore, hold_name

ROOT = Path(__file__).parent.parent.parent
TOKEN = "a-discord-token-that-nobody-may-see"
KEY = "an-api-key-that-nobody-may-see"


def settings(folder: Path, **changes: str) -> Settings:
    return Settings.load(
        {
            "DISCORD_TOKEN": TOKEN,
            "KIRIN_API_KEY": KEY,
            "DATABASE_URL": f"sqlite+aiosqlite:///{folder / 'kirin.sqlite3'}",
            **changes,
        }
    )


async def run_program(folder: Path, *arguments: str, **environment: str) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(ROOT / "bot.py"),
        *arguments,
        cwd=folder,
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()
    return process.returncode or 0, output.decode()


async def test_second_program_of_the_same_name_does_not_start(tmp_path: Path) -> None:
    one = settings(tmp_path)
    async with hold_name(one.database_url, one.worker_name):
        with pytest.raises(NameInUse):
            await bot.run(one)
        code, output = await run_program(
            tmp_path, DISCORD_TOKEN=TOKEN, KIRIN_API_KEY=KEY, DATABASE_URL=one.database_url
        )
    assert (code, output) == (1, f"- WORKER_NAME is taken: {NameInUse('kirin')}.\n")


async def test_program_without_settings_says_what_is_missing(tmp_path: Path) -> None:
    code, output = await run_program(tmp_path)
    assert code == 1
    first, second = output.splitlines()
    assert first.startswith("- DISCORD_TOKEN is not set. The bot's token: Discord Developer Portal")
    assert second.startswith("- KIRIN_API_KEY is not set. The API key of your account")


async def test_program_reports_every_wrong_setting_at_once_and_a_misspelt_one(
    tmp_path: Path,
) -> None:
    (tmp_path / ".env").write_text(
        f"DISCORD_TOKEN={TOKEN}\nKIRIN_APIKEY={KEY}\nKIRIN_BASE_URL=ftp://example.com\n"
        "CONCURRENT_POLLS=none\n"
    )
    code, output = await run_program(tmp_path)
    assert code == 1
    assert "KIRIN_APIKEY in .env is no setting of this bot; is it misspelt?" in output
    assert "KIRIN_API_KEY is not set" in output
    assert "KIRIN_BASE_URL is wrong" in output
    assert "CONCURRENT_POLLS is wrong" in output
    assert KEY not in output
    assert TOKEN not in output


async def test_environment_wins_over_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".env").write_text(f"DISCORD_TOKEN=x\nKIRIN_API_KEY={KEY}\nLOG_LEVEL=ERROR\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DISCORD_TOKEN", TOKEN)
    read = bot.read_settings()
    assert read.discord_token.get_secret_value() == TOKEN
    assert read.log_level == "ERROR"


def test_program_copies_a_file_into_the_database_of_its_settings_and_says_what(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old, new = tmp_path / "old.sqlite3", settings(tmp_path)
    assert bot._move(new, old) == [f"There is no file {old}."]

    async def learn() -> None:
        async with Database.open(f"sqlite+aiosqlite:///{old}") as database:
            await FactStore(database).learn("lookup", "yes", datetime(2026, 1, 1, tzinfo=UTC))

    asyncio.run(learn())
    assert bot._move(new, old) == []
    said = capsys.readouterr().out.splitlines()
    assert {"1 rows of facts", "0 rows of generations"} < set(said)
    (problem,) = bot._move(new, old)
    assert problem.startswith("Nothing was copied (the database is not empty")


async def test_check_up_accepts_a_working_provider_and_database(tmp_path: Path) -> None:
    async with simulator.serve(key=KEY) as sim, aiohttp.ClientSession() as session:
        good = settings(tmp_path, KIRIN_BASE_URL=sim.base_url)
        assert await check_provider(KirinClient(session=session, settings=good)) is None
        assert await check_database(good) is None
        assert list(sim.creates) == []


async def test_check_up_names_a_wrong_key(tmp_path: Path) -> None:
    async with simulator.serve(key="another key") as sim, aiohttp.ClientSession() as session:
        bad = settings(tmp_path, KIRIN_BASE_URL=sim.base_url)
        problem = await check_provider(KirinClient(session=session, settings=bad))
    assert problem is not None
    assert problem.startswith("KIRIN_API_KEY is not accepted")


async def test_check_up_names_an_address_that_does_not_answer(
    tmp_path: Path, unused_tcp_port: int
) -> None:
    bad = settings(tmp_path, KIRIN_BASE_URL=f"http://127.0.0.1:{unused_tcp_port}")

    async def no_sleep(_seconds: float) -> None:
        return None

    async with aiohttp.ClientSession() as session:
        client = KirinClient(session=session, settings=bad, sleep=no_sleep)
        problem = await check_provider(client)
    assert problem is not None
    assert problem.startswith("KIRIN_BASE_URL does not answer")


async def test_check_up_names_a_database_that_cannot_be_opened(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    bad = settings(tmp_path, DATABASE_URL=f"sqlite+aiosqlite:///{tmp_path}/file/kirin.sqlite3")
    problem = await check_database(bad)
    assert problem is not None
    assert problem.startswith("DATABASE_URL cannot be opened")


async def test_port_that_is_taken_ends_the_start_before_discord_hears_of_it(
    tmp_path: Path,
) -> None:
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        with pytest.raises(SettingsError, match=f"cannot listen on 127.0.0.1:{port}"):
            await bot.run(settings(tmp_path, LISTEN_PORT=str(port)))


async def test_opening_the_app_touches_neither_discord_nor_the_provider(tmp_path: Path) -> None:
    async with simulator.serve(key=KEY) as sim:
        async with bot.open_app(settings(tmp_path, KIRIN_BASE_URL=sim.base_url)) as app:
            assert not app.bot.is_ready()
        assert sim.reads.polls == 0
        assert list(sim.creates) == []


async def test_invite_link_asks_for_what_the_bot_needs_and_no_more() -> None:
    async with discord.Client(intents=discord.Intents.none(), application_id=4711) as client:
        link = invite_link(client)
    assert "client_id=4711" in link
    assert "scope=bot+applications.commands" in link
    assert f"permissions={INVITE_PERMISSIONS.value}" in link
    assert not INVITE_PERMISSIONS.administrator


async def test_log_of_the_program_never_shows_its_secrets(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = logging.getLogger()
    before = root.handlers[:], root.level
    try:
        bot.start_logging(settings(tmp_path, LOG_LEVEL="DEBUG"))
        logging.getLogger("anyone").error("key %s", KEY, extra={"token": TOKEN})
        logging.getLogger("anyone").debug("PATCH /webhooks/123/aW50ZXJhY3Rpb24/messages/1")
    finally:
        root.handlers[:], root.level = before
    shown = capsys.readouterr().err
    assert "[secret]" in shown
    assert KEY not in shown
    assert "aW50ZXJhY3Rpb24" not in shown
