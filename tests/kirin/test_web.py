"""What strangers, the provider, and those who watch over the bot get over HTTP."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

import aiohttp
import pytest

from kirin.callbacks import CallbackAddresses
from kirin.errors import ProviderError, SettingsError
from kirin.metrics import Metrics
from kirin.model import FailureReason
from kirin.settings import Settings
from kirin.stages import Hints
from kirin.store import Census, CensusStore, Database, GenerationStore
from kirin.web import Health, Site
from kirin.web.connections import MOST_CONNECTIONS
from tests.kirin.kirin_factories import MINUTE, NOW, SECOND, a_generation, some_settings

PATIENCE = 10.0


@dataclass(kw_only=True)
class House:
    settings: Settings
    site: Site
    store: GenerationStore
    metrics: Metrics

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.settings.listen_port}"

    @property
    def path(self) -> str:
        """The right path of wish-1."""
        url = CallbackAddresses.of(self.settings).url("wish-1")
        assert url is not None
        return url.removeprefix(self.settings.public_url)

    async def ask(self, path: str, method: str = "GET", **options: object) -> tuple[int, str]:
        async with (
            aiohttp.ClientSession() as session,
            session.request(method, self.url + path, **options) as answer,  # type: ignore[arg-type]
        ):
            return answer.status, await answer.text()

    async def due(self) -> datetime | None:
        generation = await self.store.get("wish-1")
        assert generation is not None
        return generation.due_at

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection("127.0.0.1", self.settings.listen_port)


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


def a_site(
    database: Database,
    store: GenerationStore,
    settings: Settings,
    metrics: Metrics,
    *,
    gateway_is_ready: Callable[[], bool] | None = None,
) -> Site:
    def now() -> datetime:
        return NOW + 5 * SECOND

    census = CensusStore(database, now=now)
    return Site(
        settings,
        hints=Hints(store=store, now=now),
        health=Health(database=census, engine=None, gateway_is_ready=gateway_is_ready, now=now),
        metrics=metrics,
        census=census,
        now=now,
    )


@pytest.fixture
def engine_name() -> str:
    return "sqlite"


@pytest.fixture
async def house(database: Database, store: GenerationStore) -> AsyncIterator[House]:
    port = str(free_port())
    settings = some_settings(PUBLIC_URL=f"http://127.0.0.1:{port}", LISTEN_PORT=port)
    metrics = Metrics()
    site = a_site(database, store, settings, metrics)
    running = a_generation().sending(NOW).taken("task-1", now=NOW, poll_at=NOW + MINUTE)
    await store.add(running)
    async with site.listening():
        yield House(settings=settings, site=site, store=store, metrics=metrics)


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH"])
async def test_right_path_is_taken_whatever_the_method(house: House, method: str) -> None:
    assert await house.ask(house.path, method) == (204, "")
    assert await house.due() == NOW + 5 * SECOND


@pytest.mark.parametrize(
    "path",
    ["/", "/callback/", "/callback/wish-1", "/callback/wish-1.00", "/callback/" + "x" * 4000],
)
async def test_every_other_path_is_not_found(house: House, path: str) -> None:
    assert await house.ask(path, "POST", data=b"{}") == (404, "")
    assert await house.due() == NOW + MINUTE


async def test_path_of_an_ended_wish_is_answered_like_any_other_of_ours(house: House) -> None:
    generation = await house.store.get("wish-1")
    assert generation is not None
    await house.store.change(generation, generation.cancelled(NOW))
    assert await house.ask(house.path, "POST") == (204, "")


@pytest.mark.parametrize(
    "body", [b"", b"{", b"\x00" * 100, b'{"id": "x"}', b'{"status": "completed"}']
)
async def test_body_does_not_matter(house: House, body: bytes) -> None:
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    status, _ = await house.ask(house.path, "POST", data=body, headers=headers)
    assert status == 204


async def test_answer_comes_before_a_body_without_end(house: House) -> None:
    reader, writer = await house.connect()
    writer.write(f"POST {house.path} HTTP/1.1\r\nHost: x\r\n".encode())
    writer.write(b"Content-Length: 999999999999\r\n\r\n" + b"x" * 1000)
    async with asyncio.timeout(PATIENCE):
        assert (await reader.readline()).startswith(b"HTTP/1.1 204")
        rest = await reader.read()  # the connection ends, though the body has not
    assert b"Connection: close" in rest
    writer.close()


async def test_large_body_is_read_to_no_end_and_into_no_memory(house: House) -> None:
    reader, writer = await house.connect()
    writer.write(f"POST {house.path} HTTP/1.1\r\nHost: x\r\n".encode())
    writer.write(b"Transfer-Encoding: chunked\r\n\r\n")
    async with asyncio.timeout(PATIENCE):
        with suppress(ConnectionError):
            while not reader.at_eof():
                writer.write(b"10000\r\n" + b"x" * 0x10000 + b"\r\n")
                await writer.drain()
                with suppress(TimeoutError):
                    await asyncio.wait_for(reader.read(1000), 0.01)
    writer.close()


@pytest.mark.parametrize(
    "garbage",
    [b"\x16\x03\x01\x00\n\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/1.1\r\nA" + b"a" * 99_999],
)
async def test_what_is_no_request_is_refused_without_a_word_in_the_log(
    house: House, garbage: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    reader, writer = await house.connect()
    writer.write(garbage)
    async with asyncio.timeout(PATIENCE):
        with suppress(ConnectionError):
            assert b" 400 " in await reader.readline()
    writer.close()
    assert caplog.text == ""


async def test_connections_are_limited(house: House) -> None:
    idle = [await house.connect() for _ in range(MOST_CONNECTIONS)]
    reader, writer = await house.connect()
    async with asyncio.timeout(PATIENCE):
        with suppress(ConnectionError):
            assert await reader.read() == b""
    for _, connection in [*idle, (reader, writer)]:
        connection.close()
    async with asyncio.timeout(PATIENCE):
        while True:
            with suppress(aiohttp.ClientError):
                assert await house.ask("/healthz") == (200, "all is well\n")
                break


async def test_address_that_is_taken_is_a_clear_error_at_the_start(
    house: House, database: Database, store: GenerationStore
) -> None:
    second = a_site(database, store, house.settings, Metrics())
    with pytest.raises(SettingsError, match=r"cannot listen on 127\.0\.0\.1:\d+ \("):
        async with second.listening():
            pass


async def test_without_a_port_nothing_listens(
    database: Database, store: GenerationStore, caplog: pytest.LogCaptureFixture
) -> None:
    site = a_site(database, store, some_settings(PUBLIC_URL="https://bot.example.com"), Metrics())
    async with site.listening():
        assert "nothing listens here" in caplog.text


async def test_health_is_green_while_all_is_well(house: House) -> None:
    assert await house.ask("/healthz") == (200, "all is well\n")


async def test_health_is_red_without_a_gateway(database: Database, store: GenerationStore) -> None:
    settings = some_settings(LISTEN_PORT=str(free_port()))
    site = a_site(database, store, settings, Metrics(), gateway_is_ready=lambda: False)
    async with site.listening():
        house = House(settings=settings, site=site, store=store, metrics=Metrics())
        expected = (503, "the gateway is not connected to Discord\n")
        assert await house.ask("/healthz") == expected


async def test_health_is_red_without_a_database(database: Database) -> None:
    class Gone(CensusStore):
        async def is_reachable(self) -> bool:
            raise OSError("gone")

    health = Health(
        database=Gone(database, now=lambda: NOW),
        engine=None,
        gateway_is_ready=None,
        now=lambda: NOW,
    )
    assert await health.problems() == ["the database does not answer"]


async def test_census_counts_what_waits(database: Database, store: GenerationStore) -> None:
    census = CensusStore(database, now=lambda: NOW)
    done = a_generation("done").cancelled(NOW + MINUTE)
    for generation in (
        a_generation("queued", created_at=NOW - MINUTE),
        a_generation("queued too"),
        a_generation("sent").sending(NOW),
        a_generation("running").sending(NOW).taken("t", now=NOW, poll_at=NOW),
        done,
        a_generation("shown").cancelled(NOW).delivered(NOW + SECOND),
        a_generation("lost").cancelled(NOW).undeliverable(),
    ):
        await store.add(generation)
    assert await census.census() == Census(
        queued=2,
        queued_since=NOW - MINUTE,
        in_flight=2,
        pictures_in_flight=2,
        undelivered=1,
        undelivered_since=NOW + MINUTE,
    )


async def test_metrics_survive_an_empty_database_and_show_no_names(
    database: Database, store: GenerationStore
) -> None:
    settings = some_settings(LISTEN_PORT=str(free_port()))
    metrics = Metrics()
    site = a_site(database, store, settings, metrics)
    async with site.listening():
        house = House(settings=settings, site=site, store=store, metrics=metrics)
        status, text = await house.ask("/metrics")
    assert status == 200
    assert "kirin_queued 0.0" in text
    assert "kirin_queued_oldest_seconds 0.0" in text


def test_two_sets_of_metrics_do_not_meet() -> None:
    one, other = Metrics(), Metrics()
    one.changed(None, a_generation())
    assert b"kirin_wishes_accepted_total 1.0" in one.exposition()
    assert b"kirin_wishes_accepted_total 0.0" in other.exposition()


def test_delivery_is_counted_by_how_it_went() -> None:
    metrics = Metrics()
    ended = a_generation().cancelled(NOW)
    delayed = ended.delivery_delayed(NOW + SECOND)
    metrics.changed(ended, delayed)
    metrics.changed(delayed, delayed.delivered(NOW + 3 * SECOND))
    metrics.changed(ended, ended.undeliverable())
    text = metrics.exposition().decode()
    for result in ("delayed", "delivered", "impossible"):
        assert f'kirin_deliveries_total{{result="{result}"}} 1.0' in text
    assert "kirin_delivery_seconds_sum 3.0" in text


def test_provider_errors_are_counted_by_their_kind() -> None:
    metrics = Metrics()
    metrics.called("read", 0.2)
    metrics.called("read", 0.3, ProviderError("no"))
    text = metrics.exposition().decode()
    assert 'kirin_provider_call_seconds_count{call="read"} 2.0' in text
    assert 'kirin_provider_errors_total{call="read",error="ProviderError"} 1.0' in text


def test_every_counter_is_there_before_its_first_event() -> None:
    text = Metrics().exposition().decode()
    for reason in FailureReason:
        assert f'kirin_wishes_ended_total{{outcome="failed",reason="{reason}"}} 0.0' in text
    for outcome, why in (("expired", "busy"), ("expired", "deadline"), ("succeeded", "")):
        assert f'kirin_wishes_ended_total{{outcome="{outcome}",reason="{why}"}} 0.0' in text
    for call, error in (("create", "NotSent"), ("read", "RateLimited"), ("look_up", "NoAnswer")):
        assert f'kirin_provider_errors_total{{call="{call}",error="{error}"}} 0.0' in text
    for result in ("accepted", "ignored", "dropped", "refused"):
        assert f'kirin_callbacks_total{{result="{result}"}} 0.0' in text
    assert 'kirin_deliveries_total{result="impossible"} 0.0' in text
