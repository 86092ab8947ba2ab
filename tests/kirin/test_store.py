import asyncio
import traceback
from collections.abc import Awaitable, Callable
from dataclasses import MISSING, fields, replace
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select, update
from sqlalchemy.exc import StatementError

from kirin.errors import DuplicateGeneration, StoreError
from kirin.images import ReferenceImage, check_reference
from kirin.model import (
    AspectRatio,
    FailureReason,
    Generation,
    LinkedImage,
    Resolution,
    ResultImage,
    Status,
    TaskSnapshot,
    TaskState,
    UploadedImage,
)
from kirin.store import Claim, Database, FactStore, GenerationStore, Work
from kirin.store.tables import generations, reference_images
from tests.kirin.kirin_factories import (
    MINUTE,
    NOW,
    SECOND,
    TOKEN,
    a_generation,
    a_placement,
    a_request,
    picture,
)

LATER = NOW + MINUTE
DONE = TaskSnapshot(
    task_id="task-1",
    state=TaskState.COMPLETED,
    images=(ResultImage(url="https://example.com/1.png"),),
)
IMAGE = check_reference(picture(300, 300))
FULL = Generation(
    external_task_id="wish-full",
    request=a_request(
        prompt="a fox, Füchse, 狐 and 🦊",
        negative_prompt="blur",
        element_ids=(886000000000000001, 2**63 - 1),
        aspect_ratio=AspectRatio.CINEMA,
        resolution=Resolution.TWO_K,
        n=9,
        watermark=True,
    ),
    placement=a_placement(user_id=2**63 - 1, ephemeral=True, spoiler=True, locale="pt-BR"),
    created_at=NOW,
    status=Status.FAILED,
    due_at=NOW + SECOND,
    message_due_at=NOW + 2 * SECOND,
    parent_id="wish-0",
    parent_url="https://discord.com/channels/500/300/399",
    task_id="task-1",
    attempts=1,
    polls=2,
    setbacks=3,
    submitted_at=NOW + 3 * SECOND,
    seen_running_at=NOW + 2 * SECOND,
    hinted_at=NOW + 3 * SECOND,
    misses=2,
    finished_at=NOW + 4 * SECOND,
    progress=0.1,
    output=(
        ResultImage(url="https://example.com/1.png", job_id="job-1", watermark_url="https://e/w"),
        ResultImage(url="https://example.com/2.png"),
    ),
    cost=Decimal("0.02800000000000000001"),
    discount=Decimal("1.0"),
    error_code="006001094",
    error_text="task resource insufficient 🦊",
    metadata={"seed": 2**70, "deep": [{"a": None, "b": 0.1}, "狐"]},
    failure=FailureReason.NO_CAPACITY,
    shown="running:3",
    delivery_attempts=4,
    delivered_at=NOW + 5 * SECOND,
)


async def take(
    store: GenerationStore,
    work: Work,
    *,
    now: datetime = NOW,
    limit: int = 10,
    lease_for: timedelta = MINUTE,
) -> list[Claim]:
    return await store.claim(work, now=now, limit=limit, lease_for=lease_for)


async def take_one(store: GenerationStore, work: Work, *, now: datetime = NOW) -> Claim:
    (claim,) = await take(store, work, now=now)
    return claim


async def names_taken(
    store: GenerationStore, work: Work, *, now: datetime = NOW, limit: int = 10
) -> list[str]:
    claims = await take(store, work, now=now, limit=limit)
    return [claim.generation.external_task_id for claim in claims]


async def stored(store: GenerationStore, external_task_id: str = "wish-1") -> Generation:
    generation = await store.get(external_task_id)
    assert generation is not None
    return generation


def running(external_task_id: str = "wish-1", **changes: Any) -> Generation:
    return a_generation(external_task_id, status=Status.RUNNING, task_id="task-1", **changes)


# What is stored


def test_the_full_generation_leaves_no_field_at_its_default() -> None:
    for field in fields(Generation):
        default = field.default_factory() if callable(field.default_factory) else field.default
        assert default is MISSING or getattr(FULL, field.name) != default, field.name


@pytest.mark.parametrize(
    "generation",
    [
        FULL,
        a_generation(),
        a_generation(request=a_request(reference=LinkedImage(url="https://example.com/a.png"))),
        a_generation(placement=a_placement(token=None, guild_id=None, guild_locale=None)),
        a_generation(due_at=None, message_due_at=None),
        a_generation(cost=Decimal("1E+2"), discount=Decimal(0)),
    ],
    ids=["full", "fresh", "linked", "without guild", "not due", "round cost"],
)
async def test_a_generation_comes_back_as_it_was_stored(
    store: GenerationStore, generation: Generation
) -> None:
    await store.add(generation)
    assert await store.get(generation.external_task_id) == generation


@pytest.mark.parametrize("status", Status)
async def test_every_status_can_be_stored(store: GenerationStore, status: Status) -> None:
    await store.add(a_generation(status=status))
    assert (await stored(store)).status is status


@pytest.mark.parametrize("reason", FailureReason)
async def test_every_reason_can_be_stored(store: GenerationStore, reason: FailureReason) -> None:
    await store.add(a_generation(failure=reason))
    assert (await stored(store)).failure is reason


async def test_a_generation_outlives_its_process(database_url: str) -> None:
    async with Database.open(database_url) as database:
        await GenerationStore(database).add(FULL)
    async with Database.open(database_url) as database:
        assert await GenerationStore(database).get("wish-full") == FULL


async def test_an_unknown_generation_is_none(store: GenerationStore) -> None:
    assert await store.get("wish-1") is None


async def test_a_time_of_any_zone_comes_back_as_the_same_moment(store: GenerationStore) -> None:
    elsewhere = NOW.astimezone(timezone(timedelta(hours=5, minutes=45)))
    await store.add(a_generation(created_at=elsewhere))
    created_at = (await stored(store)).created_at
    assert (created_at, created_at.utcoffset()) == (NOW, timedelta(0))


@pytest.mark.parametrize("name", ["created_at", "due_at", "message_due_at", "finished_at"])
async def test_a_time_without_a_zone_is_never_stored(store: GenerationStore, name: str) -> None:
    naive: dict[str, Any] = {name: NOW.replace(tzinfo=None)}
    with pytest.raises(StatementError, match="naive datetime"):
        await store.add(a_generation(**naive))
    assert await store.get("wish-1") is None


async def test_nothing_is_claimed_by_a_time_without_a_zone(store: GenerationStore) -> None:
    with pytest.raises(StatementError, match="naive datetime"):
        await take(store, Work.SUBMIT, now=NOW.replace(tzinfo=None))


async def test_an_id_is_stored_once(store: GenerationStore) -> None:
    first = a_generation(shown="first")
    await store.add(first)
    with pytest.raises(DuplicateGeneration, match="wish-1") as caught:
        await store.add(a_generation(shown="second"))
    assert await stored(store) == first
    assert TOKEN not in "".join(traceback.format_exception(caught.value))


async def test_the_bytes_of_a_reference_image_are_stored_once(
    store: GenerationStore, database: Database
) -> None:
    wish = a_request(reference=UploadedImage(sha256=IMAGE.sha256))
    for name in ("wish-1", "wish-2"):
        await store.add(a_generation(name, request=wish), IMAGE)
    await store.add(a_generation("wish-3", request=wish))
    async with database.read() as connection:
        assert await connection.scalar(select(func.count()).select_from(reference_images)) == 1
    assert await store.reference_image(IMAGE.sha256) == IMAGE.data
    assert (await stored(store, "wish-3")).request == wish


async def test_an_unknown_reference_image_is_none(store: GenerationStore) -> None:
    assert await store.reference_image("ab" * 32) is None


async def test_a_wish_without_the_bytes_of_its_image_is_refused_and_is_no_duplicate(
    store: GenerationStore,
) -> None:
    wish = a_request(reference=UploadedImage(sha256="ab" * 32))
    with pytest.raises(StoreError) as caught:
        await store.add(a_generation(request=wish))
    assert not isinstance(caught.value, DuplicateGeneration)
    assert TOKEN not in "".join(traceback.format_exception(caught.value))


async def test_a_refused_wish_leaves_no_reference_image_behind(store: GenerationStore) -> None:
    await store.add(a_generation())
    with pytest.raises(DuplicateGeneration):
        await store.add(a_generation(), IMAGE)
    assert await store.reference_image(IMAGE.sha256) is None


async def test_many_wishes_at_once_are_all_stored(store: GenerationStore) -> None:
    names = [f"wish-{number}" for number in range(40)]
    await asyncio.gather(*(store.add(a_generation(name)) for name in names))
    assert sorted(await names_taken(store, Work.SUBMIT, limit=100)) == sorted(names)


async def test_two_processes_can_write_at_once(database_url: str) -> None:
    async with Database.open(database_url) as one, Database.open(database_url) as other:
        stores = [GenerationStore(one), GenerationStore(other)] * 15
        images = [replace(IMAGE, sha256=f"{number:064}") for number in range(len(stores))]
        await asyncio.gather(
            *(
                store.add(a_generation(f"wish-{number}"), image)
                for number, (store, image) in enumerate(zip(stores, images, strict=True))
            )
        )
        assert len(await names_taken(stores[0], Work.SUBMIT, limit=100)) == len(stores)


# Who works on it


CLAIMED_BY = {
    Status.QUEUED: {Work.SUBMIT, Work.REPORT},
    Status.SUBMITTING: {Work.RESOLVE, Work.REPORT},
    Status.RUNNING: {Work.POLL, Work.REPORT},
    Status.SUCCEEDED: {Work.DELIVER},
    Status.FAILED: {Work.DELIVER},
    Status.CANCELLED: {Work.DELIVER},
    Status.EXPIRED: {Work.DELIVER},
}


@pytest.mark.parametrize("status", Status)
async def test_a_status_waits_for_its_kinds_of_work_and_no_other(
    store: GenerationStore, status: Status
) -> None:
    await store.add(a_generation(status=status))
    assert {work for work in Work if await take(store, work)} == CLAIMED_BY[status]


async def test_what_is_delivered_is_not_delivered_again(store: GenerationStore) -> None:
    await store.add(a_generation(status=Status.SUCCEEDED, delivered_at=NOW))
    assert await take(store, Work.DELIVER) == []


async def test_the_longest_due_are_claimed_first_and_no_more_than_asked_for(
    store: GenerationStore,
) -> None:
    for name, seconds in {"b": -2, "c": -1, "d": 0, "a": -3, "late": 1}.items():
        await store.add(a_generation(name, due_at=NOW + seconds * SECOND))
    assert await names_taken(store, Work.SUBMIT, limit=2) == ["a", "b"]
    assert await names_taken(store, Work.SUBMIT) == ["c", "d"]
    assert await names_taken(store, Work.SUBMIT) == []
    assert await names_taken(store, Work.SUBMIT, now=NOW + SECOND) == ["late"]


async def test_what_is_not_due_at_any_time_is_not_claimed(store: GenerationStore) -> None:
    await store.add(a_generation(due_at=None, message_due_at=None))
    assert not [work for work in Work if await take(store, work, now=NOW + 10_000 * MINUTE)]


async def test_two_workers_never_claim_the_same_row(store: GenerationStore) -> None:
    for number in range(20):
        await store.add(a_generation(f"wish-{number}"))
    hands = await asyncio.gather(*(names_taken(store, Work.SUBMIT, limit=3) for _ in range(10)))
    taken = [name for hand in hands for name in hand]
    assert len(taken) == len(set(taken)) == 20


async def test_a_row_that_cannot_be_read_does_not_hold_up_the_others(
    store: GenerationStore, database: Database
) -> None:
    await store.add(a_generation("broken", due_at=NOW - SECOND))
    await store.add(a_generation("whole"))
    async with database.write() as connection:
        await connection.execute(
            update(generations)
            .where(generations.c.external_task_id == "broken")
            .values(request={"prompt": ""})
        )
    assert await names_taken(store, Work.SUBMIT) == ["whole"]
    assert await names_taken(store, Work.REPORT) == ["whole"]


async def test_a_claim_shows_the_row_as_it_is_and_no_token(store: GenerationStore) -> None:
    await store.add(a_generation())
    claim = await take_one(store, Work.SUBMIT)
    assert claim.generation == a_generation()
    assert TOKEN not in repr(claim)


async def test_a_lease_that_has_run_out_can_be_taken_over(store: GenerationStore) -> None:
    await store.add(a_generation())
    dead = await take_one(store, Work.SUBMIT)
    assert await take(store, Work.SUBMIT, now=LATER - SECOND) == []
    heir = await take_one(store, Work.SUBMIT, now=LATER)
    assert await store.save(dead, dead.generation.sending(LATER)) is None
    assert await stored(store) == a_generation()
    assert await store.save(heir, heir.generation.sending(LATER)) is not None


async def test_a_late_worker_may_still_save_what_nobody_took_over(store: GenerationStore) -> None:
    await store.add(a_generation())
    late = await take_one(store, Work.SUBMIT)
    assert await store.save(late, late.generation.sending(NOW + 60 * MINUTE))
    assert (await stored(store)).status is Status.SUBMITTING


async def test_a_save_records_the_new_state_and_ends_the_lease(store: GenerationStore) -> None:
    await store.add(a_generation())
    claim = await take_one(store, Work.SUBMIT)
    sending = claim.generation.sending(NOW)
    saved = await store.save(claim, sending)
    assert saved is not None
    assert saved.generation == sending == await stored(store)
    assert await names_taken(store, Work.RESOLVE) == ["wish-1"]


async def test_a_lease_can_be_kept_over_a_save(store: GenerationStore) -> None:
    await store.add(a_generation())
    claim = await take_one(store, Work.SUBMIT)
    kept = await store.save(claim, claim.generation.sending(NOW), keep=True)
    assert kept is not None
    assert await take(store, Work.RESOLVE) == []
    taken = kept.generation.taken("task-1", now=NOW, poll_at=LATER)
    assert await store.save(kept, taken)
    assert await stored(store) == taken


async def test_a_lease_can_be_kept_though_nothing_has_changed(store: GenerationStore) -> None:
    await store.add(a_generation())
    claim = await take_one(store, Work.SUBMIT)
    assert await store.save(claim, claim.generation, keep=True) == claim


async def test_a_claim_is_saved_once(store: GenerationStore) -> None:
    await store.add(a_generation())
    claim = await take_one(store, Work.SUBMIT)
    await store.save(claim, claim.generation.sending(NOW))
    assert await store.save(claim, claim.generation.sending(LATER)) is None
    assert (await stored(store)).submitted_at == NOW


async def test_only_the_status_that_was_seen_is_written_over(store: GenerationStore) -> None:
    await store.add(running())
    report, poll = await take_one(store, Work.REPORT), await take_one(store, Work.POLL)
    done = poll.generation.succeeded(DONE, LATER)
    assert await store.save(poll, done)
    assert await store.save(report, report.generation.showing("running:3", next_at=None)) is None
    assert await stored(store) == done
    assert await names_taken(store, Work.DELIVER, now=LATER) == ["wish-1"]


SaveOne = Callable[[], Awaitable[object]]


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
async def test_two_lanes_never_write_over_each_other(
    store: GenerationStore, order: tuple[int, int]
) -> None:
    await store.add(running())
    report, poll = await take_one(store, Work.REPORT), await take_one(store, Work.POLL)
    polled = poll.generation.polled(progress=0.5, now=NOW, due_at=LATER)
    shown = report.generation.showing("running:3", next_at=LATER + SECOND)
    saves: list[SaveOne] = [lambda: store.save(poll, polled), lambda: store.save(report, shown)]
    for number in order:
        assert await saves[number]()
    both = replace(polled, shown="running:3", message_due_at=LATER + SECOND)
    assert await stored(store) == both


async def test_a_change_without_a_claim_wins_over_whoever_works_on_the_row(
    store: GenerationStore,
) -> None:
    await store.add(a_generation())
    claim = await take_one(store, Work.SUBMIT)
    cancelled = a_generation().cancelled(LATER)
    assert await store.change(a_generation(), cancelled)
    assert await store.save(claim, claim.generation.sending(NOW), keep=True) is None
    assert await stored(store) == cancelled
    assert await names_taken(store, Work.DELIVER, now=LATER) == ["wish-1"]


async def test_a_change_without_a_claim_is_refused_once_the_status_has_moved_on(
    store: GenerationStore,
) -> None:
    await store.add(running())
    assert not await store.change(a_generation(), a_generation().cancelled(LATER))
    assert await stored(store) == running()


async def test_a_new_status_makes_the_message_out_of_date_whatever_was_planned_for_it(
    store: GenerationStore,
) -> None:
    await store.add(running())
    poll, report = await take_one(store, Work.POLL), await take_one(store, Work.REPORT)
    await store.save(report, report.generation.showing("running:3", next_at=LATER))
    await store.save(poll, poll.generation.succeeded(DONE, NOW))
    assert (await stored(store)).message_due_at == NOW


async def test_a_generation_is_found_by_its_message(store: GenerationStore) -> None:
    await store.add(a_generation("a", placement=a_placement(message_id=7)))
    await store.add(a_generation("b", placement=a_placement(message_id=8)))
    found = await store.of_message(8)
    assert found is not None
    assert found.external_task_id == "b"
    assert await store.of_message(9) is None


async def test_a_lane_that_is_leased_does_not_hold_up_the_other(store: GenerationStore) -> None:
    await store.add(running())
    await take_one(store, Work.POLL)
    assert await names_taken(store, Work.REPORT) == ["wish-1"]


async def test_a_postponed_row_is_put_back_as_it_was(store: GenerationStore) -> None:
    await store.add(a_generation())
    await store.postpone(await take_one(store, Work.SUBMIT), LATER)
    assert await stored(store) == a_generation(due_at=LATER)
    assert await names_taken(store, Work.SUBMIT, now=LATER) == ["wish-1"]


async def test_a_row_that_somebody_else_took_over_is_not_postponed(store: GenerationStore) -> None:
    await store.add(a_generation())
    dead = await take_one(store, Work.SUBMIT)
    await take_one(store, Work.SUBMIT, now=LATER)
    await store.postpone(dead, LATER + 60 * MINUTE)
    assert await stored(store) == a_generation()
    assert await take(store, Work.SUBMIT, now=LATER) == []


# When to look again


async def test_a_change_for_one_attempt_is_refused_once_another_was_made(
    store: GenerationStore,
) -> None:
    first = a_generation().sending(NOW)
    again = first.requeued(now=NOW, due_at=NOW).sending(NOW)
    await store.add(again)
    late = first.taken("t-late", now=NOW, poll_at=LATER)
    assert not await store.change(first, late, is_same_attempt=True)
    assert await store.change(again, again.taken("t-2", now=NOW, poll_at=LATER))


async def test_a_row_that_was_leased_before_it_was_due_is_due_no_sooner_than_it_was(
    store: GenerationStore,
) -> None:
    soon = NOW + 5 * MINUTE
    await store.add(replace(running(), message_due_at=soon))
    for lease_for, due in ((SECOND, soon), (10 * MINUTE, NOW + 10 * MINUTE)):
        claims = await store.claim_untold((), now=NOW, limit=1, lease_for=lease_for)
        assert await store.next_due(Work.REPORT) == due
        await store.postpone(claims[0], soon)


async def test_the_next_due_is_the_earliest_of_its_kind(store: GenerationStore) -> None:
    assert await store.next_due(Work.SUBMIT) is None
    await store.add(a_generation("a", due_at=LATER, message_due_at=None))
    await store.add(a_generation("b", due_at=NOW + SECOND, message_due_at=None))
    await store.add(running("c", due_at=NOW - SECOND, message_due_at=None))
    assert await store.next_due(Work.SUBMIT) == NOW + SECOND
    assert await store.next_due(Work.POLL) == NOW - SECOND
    assert await store.next_due(Work.REPORT) is None


async def test_a_leased_row_is_due_when_its_lease_runs_out(store: GenerationStore) -> None:
    await store.add(a_generation())
    await take(store, Work.SUBMIT, lease_for=5 * MINUTE)
    assert await store.next_due(Work.SUBMIT) == NOW + 5 * MINUTE
    await store.add(a_generation("wish-2", due_at=LATER))
    assert await store.next_due(Work.SUBMIT) == LATER


async def test_a_change_announces_the_work_it_makes_possible(database: Database) -> None:
    rung: list[Work] = []
    store = GenerationStore(database, on_work=rung.append)

    def heard() -> set[Work]:
        work = set(rung)
        rung.clear()
        return work

    await store.add(a_generation())
    assert heard() == {Work.SUBMIT, Work.REPORT}
    claim = await take_one(store, Work.SUBMIT)
    assert heard() == set()
    claim = (await store.save(claim, claim.generation.sending(NOW), keep=True)) or claim
    assert heard() == set()
    claim = (await store.save(claim, claim.generation.taken("t", now=NOW, poll_at=NOW))) or claim
    assert heard() == {Work.POLL, Work.REPORT}
    poll, report = await take_one(store, Work.POLL), await take_one(store, Work.REPORT)
    await store.save(poll, poll.generation.succeeded(DONE, NOW))
    assert heard() == {Work.DELIVER, Work.SUBMIT}
    await store.save(report, report.generation.showing("running", next_at=LATER))
    assert heard() == {Work.DELIVER}
    delivery = await take_one(store, Work.DELIVER)
    await store.postpone(delivery, LATER)
    assert heard() == {Work.DELIVER}
    delivery = await take_one(store, Work.DELIVER, now=LATER)
    await store.save(delivery, delivery.generation.delivered(LATER))
    assert heard() == set()


async def test_nothing_is_announced_for_a_wish_that_was_not_stored(database: Database) -> None:
    rung: list[Work] = []
    await GenerationStore(database).add(a_generation())
    with pytest.raises(DuplicateGeneration):
        await GenerationStore(database, on_work=rung.append).add(a_generation())
    assert rung == []


# After a death


async def test_a_worker_takes_back_the_leases_of_its_earlier_life(database: Database) -> None:
    store = GenerationStore(database, owner="kirin")
    await store.add(running())
    await take_one(store, Work.POLL)
    await take_one(store, Work.REPORT)
    assert await GenerationStore(database, owner="kirin").release_own() == 2
    assert await names_taken(store, Work.POLL) == ["wish-1"]
    assert await names_taken(store, Work.REPORT) == ["wish-1"]


@pytest.mark.parametrize("stranger", ["kirin2", "kirin:2", "KIRIN", "kirinx", "x:kirin", "k%", ""])
async def test_a_worker_leaves_the_leases_of_others_alone(
    database: Database, stranger: str
) -> None:
    store = GenerationStore(database, owner="kirin")
    await store.add(a_generation())
    await take_one(store, Work.SUBMIT)
    assert await GenerationStore(database, owner=stranger).release_own() == 0
    assert await take(store, Work.SUBMIT) == []


# Secrets


async def test_only_expired_tokens_are_wiped(store: GenerationStore) -> None:
    for name, expires_at in {"old": NOW, "live": NOW + SECOND}.items():
        await store.add(a_generation(name, placement=a_placement(token_expires_at=expires_at)))
    assert await store.wipe_tokens(NOW) == 1
    assert (await stored(store, "old")).placement.token is None
    assert (await stored(store, "live")).placement.token == TOKEN
    assert await store.wipe_tokens(NOW) == 0


async def test_a_save_does_not_bring_a_wiped_token_back(store: GenerationStore) -> None:
    await store.add(running(placement=a_placement(token_expires_at=NOW)))
    claim = await take_one(store, Work.POLL)
    await store.wipe_tokens(NOW)
    assert await store.save(claim, claim.generation.polled(progress=0.5, now=NOW, due_at=LATER))
    after = await stored(store)
    assert (after.placement.token, after.progress) == (None, 0.5)


async def test_the_token_of_a_delivered_wish_is_no_longer_stored(store: GenerationStore) -> None:
    await store.add(a_generation(status=Status.SUCCEEDED))
    claim = await take_one(store, Work.DELIVER)
    await store.save(claim, claim.generation.delivered(NOW))
    assert (await stored(store)).placement.token is None


# Findings


async def test_a_finding_is_remembered_with_its_date_until_a_newer_one(database: Database) -> None:
    facts = FactStore(database)
    assert await facts.get("lookup") is None
    await facts.learn("lookup", "no", NOW)
    await facts.learn("other", "yes", NOW)
    await facts.learn("lookup", "yes", LATER)
    fact = await facts.get("lookup")
    assert fact is not None
    assert (fact.value, fact.learned_at) == ("yes", LATER)


# Opening


async def test_a_folder_is_made_for_the_database(tmp_path: Path) -> None:
    async with Database.open(f"sqlite+aiosqlite:///{tmp_path}/a/b/kirin.sqlite3"):
        assert (tmp_path / "a/b/kirin.sqlite3").exists()


@pytest.mark.parametrize("path", ["file/kirin.sqlite3", "file", "."])
async def test_a_database_that_cannot_be_opened_is_an_error_of_the_store(
    tmp_path: Path, path: str
) -> None:
    (tmp_path / "file").write_bytes(b"this is no database, but it is long enough to be read as one")
    with pytest.raises(StoreError, match=r".+"):
        async with Database.open(f"sqlite+aiosqlite:///{tmp_path / path}"):
            pass


async def test_what_fails_is_not_written_in_part(
    store: GenerationStore, database: Database
) -> None:
    async def write_and_fail() -> None:
        async with database.write() as connection:
            await connection.execute(
                reference_images.insert().values(sha256="x", data=b"x", created_at=NOW)
            )
            raise InterruptedError

    with pytest.raises(InterruptedError):
        await write_and_fail()
    assert await store.reference_image("x") is None


def test_the_bytes_of_an_image_are_not_printed() -> None:
    assert "IHDR" not in repr(ReferenceImage(data=IMAGE.data, sha256="ab", width=1, height=1))


async def test_lease_is_prolonged_for_a_call_that_begins_late(store: GenerationStore) -> None:
    await store.add(a_generation())
    (claim,) = await store.claim(Work.SUBMIT, now=NOW, limit=1, lease_for=MINUTE)
    late = NOW + 59 * SECOND
    await store.save(claim, claim.generation.sending(late), keep=True, until=late + MINUTE)
    too_early = NOW + 61 * SECOND
    assert await store.claim(Work.RESOLVE, now=too_early, limit=1, lease_for=MINUTE) == []
    assert await store.claim(Work.RESOLVE, now=late + MINUTE, limit=1, lease_for=MINUTE)


async def test_answer_of_a_create_is_recorded_where_the_wish_is_only_about_to_be_sent_again(
    store: GenerationStore,
) -> None:
    await store.add(a_generation())
    sending = a_generation().sending(NOW)
    assert await store.change(a_generation(), sending)
    assert await store.change(sending, sending.requeued(now=NOW, due_at=NOW))
    taken = sending.taken("task-1", now=NOW, poll_at=LATER)
    assert await store.change(sending, taken, is_same_attempt=True)
    found = await store.get("wish-1")
    assert found is not None
    assert (found.status, found.task_id) == (Status.RUNNING, "task-1")
