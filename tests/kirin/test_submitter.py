"""What the submitter takes on, and when it looks again."""

import asyncio
from pathlib import Path
from typing import NoReturn

from kirin.errors import NotSent
from kirin.images import MOST_REFERENCE_BYTES, ReferenceImage
from kirin.model import GenerationRequest, TaskSnapshot, TaskState, UploadedImage
from kirin.stages import WakeUps, build_engine
from kirin.stages.base import Stage
from kirin.stages.submitter import MOST_IMAGE_BYTES
from kirin.store import Database, FactStore, GenerationStore, Work
from tests.databases import on_sqlite
from tests.kirin.kirin_factories import NOW, a_generation, a_request, some_settings


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


def a_submitter(
    database: Database, store: GenerationStore, provider: SlowProvider, spool: Path
) -> Stage:
    engine = build_engine(
        some_settings(REQUESTS_PER_SECOND="100"),
        database=database,
        store=store,
        facts=FactStore(database),
        wakeups=WakeUps(),
        provider=provider,
        downloader=Nobody(),
        messenger=Nobody(),
        spool=spool,
        now=lambda: NOW,
        jitter=lambda: 0.5,
    )
    return engine.stage(Work.SUBMIT)


@on_sqlite
async def test_many_large_references_are_sent_a_few_at_a_time(
    database: Database, store: GenerationStore, tmp_path: Path
) -> None:
    provider = SlowProvider()
    submitter = a_submitter(database, store, provider, tmp_path)
    data = bytes(MOST_REFERENCE_BYTES)
    image = ReferenceImage(sha256="ab" * 32, data=data, width=500, height=500)
    with_image = a_request(reference=UploadedImage(sha256=image.sha256))
    for number in range(6):
        await store.add(a_generation(f"large-{number}", request=with_image), image)
    await store.add(a_generation("without"))
    sending = asyncio.create_task(submitter.run_once())
    while provider.creates < 1 + MOST_IMAGE_BYTES // MOST_REFERENCE_BYTES:
        await asyncio.sleep(0)
    for _ in range(10):  # time for one more to be sent
        await store.next_due(Work.SUBMIT)
    provider.goes_on.set()
    assert await sending == 7
    assert provider.most == MOST_IMAGE_BYTES


async def test_worker_beside_another_looks_on_where_the_other_was_quicker(
    database: Database, store: GenerationStore, tmp_path: Path
) -> None:
    """Of a line of more than 500 each worker remembers the order for a while."""
    one, other = (a_submitter(database, store, SlowProvider(), tmp_path) for _ in range(2))
    for number in range(510):
        await store.add(a_generation(f"wish-{number:03}"))
    assert len(await one.claim(16)) == 16
    assert len(await other.claim(16)) == 16
    assert await one.claim(16) == []
    assert await one.next_due(look=False) == NOW
    assert len(await one.claim(16)) == 16
