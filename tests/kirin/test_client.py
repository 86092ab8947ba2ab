import asyncio
import base64
import logging
import os
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiohttp
import pytest

import simulator
from kirin.client import MOST_ANSWER_BYTES, KirinClient
from kirin.errors import (
    AccessDenied,
    AuthenticationFailed,
    BalanceExhausted,
    DuplicateTask,
    NoAnswer,
    NotSent,
    PolicyRefused,
    ProviderError,
    ProviderTrouble,
    RateLimited,
    RequestRefused,
    TaskNotFound,
    UnreadableAnswer,
)
from kirin.model import TaskState, UploadedImage
from simulator import FAULTS, ManualClock, Simulator
from tests.kirin.kirin_factories import (
    KEY,
    Naps,
    a_request,
    http_answer,
    raw_server,
    some_settings,
)

Call = Callable[[KirinClient], Awaitable[object]]

CREATE: Call = lambda client: client.create(a_request(), external_task_id="wish-1")  # noqa: E731
READ: Call = lambda client: client.read("task-1")  # noqa: E731
LOOK_UP: Call = lambda client: client.look_up("wish-1")  # noqa: E731
CALLS = pytest.mark.parametrize("call", [CREATE, READ, LOOK_UP], ids=["create", "read", "look up"])


def patience(fault: str) -> dict[str, str]:
    """Wait for a slow provider for a moment only; that one is real time."""
    if "slow" not in fault:
        return {}
    return {"CREATE_TIMEOUT_SECONDS": "0.3", "READ_TIMEOUT_SECONDS": "0.1"}


@dataclass(frozen=True, kw_only=True)
class Provider:
    sim: Simulator
    clock: ManualClock
    client: KirinClient

    async def taken(self) -> str:
        """Create a task, and return the provider's id of it."""
        snapshot = await self.client.create(a_request(), external_task_id="wish-1")
        assert snapshot.task_id
        return snapshot.task_id


@asynccontextmanager
async def a_client(base_url: str, naps: Naps, **changes: str) -> AsyncIterator[KirinClient]:
    async with aiohttp.ClientSession() as session:
        settings = some_settings(KIRIN_BASE_URL=base_url, **changes)
        yield KirinClient(session=session, settings=settings, sleep=naps.sleep)


@asynccontextmanager
async def a_provider(naps: Naps, *, key: str = KEY, **changes: str) -> AsyncIterator[Provider]:
    clock = ManualClock()
    async with (
        simulator.serve(now=clock, sleep=clock.sleep, key=key) as sim,
        a_client(sim.base_url, naps, **changes) as client,
    ):
        yield Provider(sim=sim, clock=clock, client=client)


@pytest.fixture
async def provider(naps: Naps) -> AsyncIterator[Provider]:
    async with a_provider(naps) as opened:
        yield opened


async def an_unused_address() -> str:
    async with raw_server() as raw:
        return raw.base_url


async def failure(call: Awaitable[object]) -> ProviderError:
    with pytest.raises(ProviderError) as caught:
        await call
    return caught.value


# Three calls


async def test_a_created_task_can_be_read_until_it_is_done(provider: Provider) -> None:
    task_id = await provider.taken()
    assert (await provider.client.read(task_id)).state is TaskState.RUNNING
    provider.sim.finish(task_id)
    done = await provider.client.read(task_id)
    assert (done.state, done.task_id, len(done.images)) == (TaskState.COMPLETED, task_id, 1)


async def test_a_created_task_can_be_looked_up_by_our_own_id(provider: Provider) -> None:
    task_id = await provider.taken()
    assert (await provider.client.look_up("wish-1")).task_id == task_id
    assert provider.sim.reads.lookups == 1


async def test_a_create_arrives_with_everything_that_was_wished_for(provider: Provider) -> None:
    await provider.client.create(
        a_request(element_ids=(886000000000000001,), n=3),
        external_task_id="wish-1",
        callback_url="https://bot.example.com/hook",
    )
    (record,) = provider.sim.creates
    assert record.took_effect
    assert record.external_task_id == "wish-1"
    assert record.params["element_list"] == [{"element_id": 886000000000000001}]
    assert record.params["callback_url"] == "https://bot.example.com/hook"


async def test_a_large_reference_image_arrives_whole(provider: Provider) -> None:
    image = os.urandom(3_000_000)
    wish = a_request(reference=UploadedImage(sha256="ab" * 32))
    await provider.client.create(wish, external_task_id="wish-1", image=image)
    (record,) = provider.sim.creates
    assert base64.b64decode(record.params["image"]) == image


@CALLS
async def test_every_call_carries_the_key_in_its_header(call: Call, naps: Naps) -> None:
    body = b'{"id": "task-1", "status": "in_progress"}'
    async with (
        raw_server(http_answer("200 OK", body)) as raw,
        a_client(raw.base_url, naps) as client,
    ):
        await call(client)
    (head,) = raw.heads
    assert f"\r\nAuthorization: Bearer {KEY}\r\n" in head
    assert KEY not in head.splitlines()[0]


async def test_ids_are_quoted_in_paths(naps: Naps) -> None:
    body = b'{"id": "task-1", "status": "in_progress"}'
    async with (
        raw_server(http_answer("200 OK", body)) as raw,
        a_client(raw.base_url, naps) as client,
    ):
        await client.read("a/b?c#d%2Fe f")
        await client.look_up("../ü")
    assert raw.targets == [
        "/model/v1/generation/task/a%2Fb%3Fc%23d%252Fe%20f",
        "/model/v1/generation/task/..%2F%C3%BC",
    ]


async def test_other_paths_can_be_set(naps: Naps) -> None:
    body = b'{"id": "task-1", "status": "in_progress"}'
    paths = {
        "KIRIN_CREATE_PATH": "/v2/make",
        "KIRIN_READ_PATH": "/v2/tasks?id={id}",
        "KIRIN_LOOKUP_PATH": "/v2/own/{external_task_id}",
    }
    async with (
        raw_server(http_answer("200 OK", body)) as raw,
        a_client(raw.base_url + "/proxy/", naps, **paths) as client,
    ):
        for call in (CREATE, READ, LOOK_UP):
            await call(client)
    assert raw.targets == ["/proxy/v2/make", "/proxy/v2/tasks?id=task-1", "/proxy/v2/own/wish-1"]


# Creates


CREATE_FAULTS: dict[str, type[ProviderError]] = {
    "create-401": AuthenticationFailed,
    "create-402": BalanceExhausted,
    "create-403": AccessDenied,
    "create-429-1302": RateLimited,
    "create-429-1303": RateLimited,
    "create-429-1101": BalanceExhausted,
    "create-429-1304": AccessDenied,
    "create-400-1301": PolicyRefused,
    "create-500": ProviderTrouble,
    "create-502": ProviderTrouble,
    "create-503": ProviderTrouble,
    "create-504": ProviderTrouble,
    "create-504-after": ProviderTrouble,
    "create-slow": NoAnswer,
    "create-slow-answer": NoAnswer,
    "create-drop-before": NoAnswer,
    "create-drop-after": NoAnswer,
    "create-truncated": UnreadableAnswer,
    "create-garbage": UnreadableAnswer,
    "create-no-id": RequestRefused,
}
CERTAINLY_NOT_TAKEN = (RateLimited, RequestRefused, NotSent)


def test_every_way_a_create_can_fail_is_tried_below() -> None:
    assert set(CREATE_FAULTS) == {name for name in FAULTS if name.startswith("create-")}


@pytest.mark.parametrize(("fault", "kind"), CREATE_FAULTS.items())
async def test_a_create_is_sent_once_whatever_fails(
    fault: str, kind: type[ProviderError], naps: Naps
) -> None:
    async with a_provider(naps, **patience(fault)) as provider:
        provider.sim.inject(fault, count=None)
        error = await failure(CREATE(provider.client))
        assert type(error) is kind
        assert len(provider.sim.creates) == 1
        assert naps == []
        if isinstance(error, CERTAINLY_NOT_TAKEN):
            assert provider.sim.effects["wish-1"] == 0


async def test_a_create_on_a_kept_connection_that_breaks_is_not_sent_again(
    provider: Provider,
) -> None:
    await provider.taken()
    provider.sim.inject("create-drop-after", count=None)
    call = provider.client.create(a_request(), external_task_id="wish-2")
    assert type(await failure(call)) is NoAnswer
    assert [record.external_task_id for record in provider.sim.creates] == ["wish-1", "wish-2"]


async def test_a_taken_id_means_that_the_task_is_there_already(provider: Provider) -> None:
    await provider.taken()
    assert type(await failure(CREATE(provider.client))) is DuplicateTask
    assert provider.sim.effects["wish-1"] == 1


@pytest.mark.parametrize(
    ("fault", "state"),
    [
        ("task-completed-at-once", TaskState.COMPLETED),
        ("task-failed-at-once", TaskState.FAILED),
    ],
)
async def test_a_create_may_bring_the_outcome_along(
    provider: Provider, fault: str, state: TaskState
) -> None:
    provider.sim.inject(fault)
    snapshot = await provider.client.create(a_request(), external_task_id="wish-1")
    assert (snapshot.state, len(snapshot.images)) == (state, state is TaskState.COMPLETED)


async def test_a_create_path_that_is_not_there_is_a_refusal(naps: Naps) -> None:
    async with a_provider(naps, KIRIN_CREATE_PATH="/elsewhere") as provider:
        error = await failure(CREATE(provider.client))
    assert type(error) is RequestRefused
    assert error.http_status == 404


# Reads


READ_FAULTS = ["drop", "garbage", "truncated", "500", "502", "503", "504"]


@pytest.mark.parametrize("fault", READ_FAULTS)
async def test_a_read_that_fails_once_is_tried_again(
    provider: Provider, naps: Naps, fault: str
) -> None:
    task_id = await provider.taken()
    # aiohttp itself asks once more where the connection breaks, so that takes two
    provider.sim.inject(f"poll-{fault}", count=2 if fault == "drop" else 1)
    assert (await provider.client.read(task_id)).task_id == task_id
    assert naps == [0.5]


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("poll-drop", NoAnswer),
        ("poll-slow", NoAnswer),
        ("poll-garbage", UnreadableAnswer),
        ("poll-truncated", UnreadableAnswer),
        ("poll-503", ProviderTrouble),
    ],
)
async def test_a_read_is_given_up_after_three_attempts(
    fault: str, kind: type[ProviderError], naps: Naps
) -> None:
    async with a_provider(naps, **patience(fault)) as provider:
        task_id = await provider.taken()
        provider.sim.inject(fault, count=None)
        assert type(await failure(provider.client.read(task_id))) is kind
    assert naps == [0.5, 1.0]


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ("poll-401", AuthenticationFailed),
        ("poll-402", BalanceExhausted),
        ("poll-403", AccessDenied),
        ("poll-429-1101", BalanceExhausted),
        ("poll-429-1304", AccessDenied),
        ("poll-400-1301", PolicyRefused),
        ("poll-404", TaskNotFound),
    ],
)
async def test_a_read_that_was_refused_is_not_tried_again(
    provider: Provider, naps: Naps, fault: str, kind: type[ProviderError]
) -> None:
    task_id = await provider.taken()
    provider.sim.inject(fault, count=None)
    assert type(await failure(provider.client.read(task_id))) is kind
    assert (provider.sim.reads.polls, naps) == (1, [])


async def test_an_unknown_task_is_not_found_at_once(provider: Provider, naps: Naps) -> None:
    assert type(await failure(provider.client.read("nobody"))) is TaskNotFound
    assert type(await failure(provider.client.look_up("nobody"))) is TaskNotFound
    assert (provider.sim.reads.polls, naps) == (2, [])


async def test_a_read_that_came_too_often_is_left_to_the_caller(
    provider: Provider, naps: Naps
) -> None:
    task_id = await provider.taken()
    provider.sim.inject("poll-429-1303", count=None)
    assert type(await failure(provider.client.read(task_id))) is RateLimited
    assert (provider.sim.reads.polls, naps) == (1, [])


async def test_each_read_that_is_made_again_is_told(provider: Provider) -> None:
    task_id = await provider.taken()
    repeats: list[int] = []
    provider.client.on_repeat = lambda: repeats.append(provider.sim.reads.polls)
    await provider.client.read(task_id)
    assert repeats == []
    provider.sim.inject("poll-503", count=None)
    await failure(provider.client.read(task_id))
    assert repeats == [2, 3]


async def test_a_long_retry_after_is_left_to_the_caller(provider: Provider, naps: Naps) -> None:
    task_id = await provider.taken()
    provider.sim.inject("poll-429-1302", seconds=6)
    error = await failure(provider.client.read(task_id))
    assert isinstance(error, RateLimited)
    assert (error.retry_after, provider.sim.reads.polls, naps) == (6, 1, [])


async def test_an_unknown_status_is_reported_once(
    provider: Provider, caplog: pytest.LogCaptureFixture
) -> None:
    task_id = await provider.taken()
    provider.sim.inject("poll-unknown-status", count=None)
    with caplog.at_level(logging.WARNING, logger="kirin.client"):
        for _ in range(3):
            assert (await provider.client.read(task_id)).state is TaskState.RUNNING
    assert [record.getMessage() for record in caplog.records] == [
        "unknown task status 'polishing', treated as not finished"
    ]


# Answers of no contract


@CALLS
async def test_where_nobody_listens_nothing_was_sent(call: Call, naps: Naps) -> None:
    async with a_client(await an_unused_address(), naps) as client:
        assert type(await failure(call(client))) is NotSent


@pytest.mark.parametrize("base_url", ["https://no-such-host.invalid", "https://exa mple.com"])
async def test_a_host_that_is_none_means_not_sent(base_url: str, naps: Naps) -> None:
    async with a_client(base_url, naps) as client:
        assert type(await failure(CREATE(client))) is NotSent


ODD_ANSWERS: dict[str, tuple[bytes, type[ProviderError]]] = {
    "nothing": (b"", NoAnswer),
    "no http": (b"SSH-2.0-OpenSSH_9.6\r\n\r\n", NoAnswer),
    "bad header": (b"HTTP/1.1 200 OK\r\nContent-Length: soon\r\n\r\n", NoAnswer),
    "cut off": (http_answer("200 OK", b"x" * 100)[:-50], NoAnswer),
    "bad gzip": (http_answer("200 OK", b"plain", Content_Encoding="gzip"), NoAnswer),
    "empty": (http_answer("200 OK"), UnreadableAnswer),
    "no content": (b"HTTP/1.1 204 No Content\r\n\r\n", UnreadableAnswer),
    "a page": (http_answer("200 OK", b"<html></html>"), UnreadableAnswer),
    "redirect": (http_answer("302 Found", Location="https://example.com/"), UnreadableAnswer),
    "redirect to the same": (http_answer("307 Temporary", Location="/again"), UnreadableAnswer),
    "odd retry-after": (http_answer("429 Slow", Retry_After="\xb2"), RateLimited),
    "too large": (http_answer("200 OK", b"[" + b" " * MOST_ANSWER_BYTES + b"]"), UnreadableAnswer),
    "too large an error": (http_answer("400 No", b" " * MOST_ANSWER_BYTES * 2), UnreadableAnswer),
}


@CALLS
@pytest.mark.parametrize(("answer", "kind"), ODD_ANSWERS.values(), ids=ODD_ANSWERS)
async def test_an_odd_answer_is_an_error_of_the_provider(
    call: Call, answer: bytes, kind: type[ProviderError], naps: Naps
) -> None:
    async with raw_server(answer) as raw, a_client(raw.base_url, naps) as client:
        assert type(await failure(call(client))) is kind


@pytest.mark.parametrize("answer", [answer for answer, _ in ODD_ANSWERS.values()], ids=ODD_ANSWERS)
async def test_a_create_with_an_odd_answer_is_sent_once(answer: bytes, naps: Naps) -> None:
    async with raw_server(answer) as raw, a_client(raw.base_url, naps) as client:
        await failure(CREATE(client))
    assert len(raw.heads) == 1


def everything_printed(error: BaseException) -> str:
    chain: list[BaseException] = []
    link: BaseException | None = error
    while link is not None:
        chain.append(link)
        link = link.__cause__ or link.__context__
    shown = "".join(traceback.format_exception(error))
    return shown + "".join(f"{one} {one!r} {one.args!r} {vars(one)!r}" for one in chain)


@CALLS
@pytest.mark.parametrize("answer", [answer for answer, _ in ODD_ANSWERS.values()], ids=ODD_ANSWERS)
async def test_no_error_holds_the_key(call: Call, answer: bytes, naps: Naps) -> None:
    async with raw_server(answer) as raw, a_client(raw.base_url, naps) as client:
        error = await failure(call(client))
    assert KEY in raw.heads[0]
    assert KEY not in everything_printed(error)


@CALLS
async def test_no_error_of_an_unsent_call_holds_the_key(call: Call, naps: Naps) -> None:
    async with a_client(await an_unused_address(), naps) as client:
        assert KEY not in everything_printed(await failure(call(client)))
        assert KEY not in repr(client)


async def test_a_wrong_key_is_told_apart_and_not_shown(naps: Naps) -> None:
    async with a_provider(naps, key="another key") as provider:
        for call in (CREATE, READ, LOOK_UP):
            error = await failure(call(provider.client))
            assert type(error) is AuthenticationFailed
            assert KEY not in everything_printed(error)


async def test_a_call_that_is_cancelled_stays_cancelled(naps: Naps) -> None:
    async with a_provider(naps) as provider:
        task_id = await provider.taken()
        provider.sim.inject("poll-slow", count=None)
        reading = asyncio.create_task(provider.client.read(task_id))
        await provider.clock.until_someone_sleeps()
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        assert naps == []
