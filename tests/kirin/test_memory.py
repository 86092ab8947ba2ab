"""How much of reference images is in memory at once."""

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

import pytest

from kirin.errors import NotSent
from kirin.images import MOST_REFERENCE_BYTES, ReferenceImage
from kirin.model import GenerationRequest, TaskSnapshot, TaskState, UploadedImage
from kirin.stages import WakeUps, build_engine
from kirin.stages.memory import MemoryRoom
from kirin.stages.submitter import MOST_IMAGE_BYTES
from kirin.store import Database, FactStore, GenerationStore, Work
from tests.databases import on_sqlite
from tests.kirin.kirin_factories import NOW, a_generation, a_request, some_settings


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


class Holder:
    """Holds room until it is told to leave."""

    def __init__(self, room: MemoryRoom, size: int) -> None:
        self.is_in = False
        self.leave = asyncio.Event()
        self.task = asyncio.create_task(self._hold(room, size))

    async def _hold(self, room: MemoryRoom, size: int) -> None:
        async with room.holding(size):
            self.is_in = True
            await self.leave.wait()
            self.is_in = False


async def test_no_more_bytes_are_let_in_than_there_is_room_for() -> None:
    room = MemoryRoom(10)
    holders = [Holder(room, size) for size in (4, 4, 4, 1)]
    await settle()
    assert [each.is_in for each in holders] == [True, True, False, False]
    holders[0].leave.set()
    await settle()
    assert [each.is_in for each in holders] == [False, True, True, True]
    for each in holders:
        each.leave.set()
        await each.task


async def test_what_is_too_large_for_the_room_goes_in_alone() -> None:
    room = MemoryRoom(10)
    small, huge, empty = Holder(room, 1), Holder(room, 99), Holder(room, 0)
    await settle()
    assert (small.is_in, huge.is_in, empty.is_in) == (True, False, True)
    small.leave.set()
    await settle()
    assert huge.is_in
    for each in (huge, empty):
        each.leave.set()
        await each.task


@pytest.mark.parametrize("place", [0, 1])
async def test_room_of_one_that_was_cancelled_is_free_again(place: int) -> None:
    room = MemoryRoom(10)
    holders = [Holder(room, 10), Holder(room, 10), Holder(room, 10)]
    await settle()
    holders[place].task.cancel()
    with suppress(asyncio.CancelledError):
        await holders[place].task
    first, last = holders[1 - place], holders[2]
    await settle()
    assert (first.is_in, last.is_in) == (True, False)
    first.leave.set()
    await settle()
    assert last.is_in
    last.leave.set()
    await asyncio.gather(first.task, last.task)


class SlowProvider:
    """Counts the bytes that it is being sent, until it lets everybody go."""

    def __init__(self) -> None:
        self.now = self.most = self.creates = 0
        self.goes_on = asyncio.Event()

    async def create(
        self,
        request: GenerationRequest,
        *,
        external_task_id: str,
        image: bytes | None = None,
        callback_url: str | None = None,
    ) -> TaskSnapshot:
        size = len(image or b"")
        self.creates += 1
        self.now += size
        self.most = max(self.most, self.now)
        await self.goes_on.wait()
        self.now -= size
        return TaskSnapshot(task_id=external_task_id, state=TaskState.RUNNING)

    async def read(self, task_id: str) -> NoReturn:
        raise NotSent("not asked")

    async def look_up(self, external_task_id: str) -> NoReturn:
        raise NotSent("not asked")


class Nobody:
    """Nothing is shown or downloaded here."""

    async def show_waiting(self, *_: object) -> None: ...
    async def offer_result(self, *_: object) -> None: ...
    async def show_outcome(self, *_: object) -> None: ...
    async def save(self, *_: object, **__: object) -> NoReturn:
        raise NotImplementedError


@on_sqlite
async def test_many_large_references_are_sent_a_few_at_a_time(
    database: Database, store: GenerationStore, tmp_path: Path
) -> None:
    provider = SlowProvider()
    engine = build_engine(
        some_settings(REQUESTS_PER_SECOND="100", CONCURRENT_CREATES="16"),
        database=database,
        store=store,
        facts=FactStore(database),
        wakeups=WakeUps(),
        provider=provider,
        downloader=Nobody(),
        messenger=Nobody(),
        spool=tmp_path,
        now=lambda: NOW,
        jitter=lambda: 0.5,
    )
    data = bytes(MOST_REFERENCE_BYTES)
    image = ReferenceImage(sha256="ab" * 32, data=data, width=500, height=500)
    with_image = a_request(reference=UploadedImage(sha256=image.sha256))
    for number in range(6):
        await store.add(a_generation(f"large-{number}", request=with_image), image)
    await store.add(a_generation("without"))
    sending = asyncio.create_task(engine.stage(Work.SUBMIT).run_once())
    while provider.creates < 1 + MOST_IMAGE_BYTES // MOST_REFERENCE_BYTES:
        await asyncio.sleep(0)
    for _ in range(10):  # time for one more to be sent
        await store.next_due(Work.SUBMIT)
    provider.goes_on.set()
    assert await sending == 7
    assert provider.most == MOST_IMAGE_BYTES
