"""Moving house: every row arrives as it was, or none does."""

import hashlib
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import select

from kirin.errors import NameInUse, StoreError
from kirin.images import ReferenceImage
from kirin.model import ResultImage, Status, UploadedImage
from kirin.store import (
    Database,
    DraftStore,
    FactStore,
    GenerationStore,
    PeopleStore,
    ServerStore,
    Worker,
    WorkerStore,
)
from kirin.store.moving import move
from kirin.store.names import hold_name
from kirin.store.tables import metadata
from tests.databases import run_sql
from tests.kirin.kirin_factories import NOW, a_generation, a_request

NAME = "kirin"


@pytest.fixture
def old_url(tmp_path: Path) -> str:
    return f"sqlite+aiosqlite:///{tmp_path}/old.sqlite3"


async def fill(url: str) -> None:
    async with Database.open(url) as database:
        wishes = GenerationStore(database)
        await wishes.add(a_generation("plain"))
        for number in (b"one", b"two"):
            digest = hashlib.sha256(number).hexdigest()
            image = ReferenceImage(data=number, sha256=digest, width=300, height=300)
            wish = a_generation(
                f"with {number!r}", request=a_request(reference=UploadedImage(sha256=digest))
            )
            await wishes.add(wish, image)
        await wishes.add(
            a_generation(
                "ended",
                status=Status.SUCCEEDED,
                output=(ResultImage(url="https://pictures.example/1.png"),),
                cost=Decimal("0.0280"),
                metadata={"a": [1, None]},
                finished_at=NOW + timedelta(microseconds=1),
            )
        )
        await FactStore(database).learn("lookup", "yes", NOW)
        await PeopleStore(database).allow_references(600, allowed=False)
        await DraftStore(database).keep({"prompt": "ein Fuchs, 狐"}, NOW)
        await ServerStore(database).change(500, by=600, now=NOW, most_pictures=4)
        worker = Worker(name=NAME, role="all", started_at=NOW)
        await WorkerStore(database).beat(worker, NOW)


async def content(url: str) -> dict[str, list[tuple[object, ...]]]:
    return {
        table.name: sorted(
            (tuple(row) for row in await run_sql(url, select(table))), key=lambda row: str(row[0])
        )
        for table in metadata.sorted_tables
    }


async def test_everything_but_the_list_of_the_living_moves_into_another_database(
    old_url: str, database_url: str
) -> None:
    await fill(old_url)
    counts = await move(old_url, database_url, name=NAME)
    before, after = await content(old_url), await content(database_url)
    assert before.pop("workers")
    assert after.pop("workers") == []
    assert after == before
    assert counts == {name: len(rows) for name, rows in before.items()}
    assert counts["reference_images"] == 2


async def test_what_has_moved_lives_on(old_url: str, database_url: str) -> None:
    await fill(old_url)
    await move(old_url, database_url, name=NAME)
    async with Database.open(old_url) as old, Database.open(database_url) as new:
        for wish in ("plain", "ended"):
            assert await GenerationStore(new).get(wish) == await GenerationStore(old).get(wish)
        assert not await PeopleStore(new).references_allowed(600)
        await ServerStore(new).change(500, by=600, now=NOW, most_pictures=5)
        assert [change.new for change in await ServerStore(new).recent_changes(500, 9)] == [5, 4]


async def test_text_that_not_every_database_can_store_moves_without_it(
    old_url: str, database_url: str
) -> None:
    await fill(old_url)
    await run_sql(old_url, """UPDATE drafts SET content = '{"prompt": "a\\u0000 fox\\ud800"}'""")
    await move(old_url, database_url, name=NAME)
    (draft,) = await run_sql(database_url, select(metadata.tables["drafts"].c.content))
    assert draft.content == {"prompt": "a fox"}


async def test_nothing_moves_where_there_is_something_already(
    old_url: str, database_url: str
) -> None:
    await fill(old_url)
    await move(old_url, database_url, name=NAME)
    before = await content(database_url)
    with pytest.raises(StoreError, match="not empty: there is something in"):
        await move(old_url, database_url, name=NAME)
    assert await content(database_url) == before


async def test_nothing_moves_while_the_bot_runs(old_url: str, database_url: str) -> None:
    await fill(old_url)
    async with hold_name(old_url, NAME):
        with pytest.raises(NameInUse):
            await move(old_url, database_url, name=NAME)


async def test_a_move_that_fails_leaves_nothing_behind(old_url: str, database_url: str) -> None:
    await fill(old_url)
    await run_sql(old_url, "UPDATE generations SET reference_sha256 = 'nowhere'")
    with pytest.raises(StoreError):
        await move(old_url, database_url, name=NAME)
    assert not any((await content(database_url)).values())
