"""Where wishes are kept, and how stages take them on: the store is the queue."""

from __future__ import annotations

import logging
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence, Set
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    CursorResult,
    Executable,
    Select,
    case,
    false,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from kirin.errors import DuplicateGeneration, KirinError, StoreError
from kirin.images import ReferenceImage
from kirin.model import Generation, Status
from kirin.store import ledger
from kirin.store.database import Database
from kirin.store.hints import hinting, unless_hinted
from kirin.store.ledger import Booking
from kirin.store.notices import announce
from kirin.store.rows import changes, from_row, to_row
from kirin.store.tables import generations, reference_images
from kirin.store.upserts import insert_once
from kirin.store.waiting import hurrying, renewing, told_otherwise
from kirin.store.work import (
    CONDITIONS,
    LANES,
    MESSAGE_LANE,
    PROVIDER_LANE,
    TERMINAL,
    Work,
    frees,
    news_of,
    together,
    waits_for,
)

log = logging.getLogger(__name__)

_c = generations.c
OnChange = Callable[[Generation | None, Generation], None]
Choose = Callable[[AsyncConnection], Awaitable[Sequence[str]]]

_OWNER_AT = 34  # the first character after 32 digits and a colon


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A row that one worker has taken on: the state that it saw, and its lease."""

    generation: Generation
    work: Work
    lease: str


class GenerationStore:
    """The `generations` table.

    `on_work` is called with every kind of work that a change has made possible, after the commit;
    `on_change` with every wish before and after a change (before a new one there is none).
    `owner` names this process in its leases.
    """

    def __init__(
        self,
        database: Database,
        *,
        owner: str = "kirin",
        on_work: Callable[[Work], None] = lambda _work: None,
        on_change: OnChange = lambda _old, _new: None,
    ) -> None:
        self._database = database
        self._owner = owner
        self._on_work = on_work
        self._on_change = on_change

    async def add(
        self,
        generation: Generation,
        image: ReferenceImage | None = None,
        *,
        booking: Booking | None = None,
    ) -> None:
        """Store a new wish, the bytes of its reference image once for all wishes, and its entry.

        Raises `DuplicateGeneration` where its id is taken, and `Declined` where a budget would be
        passed, or too many wishes be open; then nothing is stored.
        """
        try:
            async with self._writing() as change:
                if booking is not None:
                    await ledger.reserve(change.connection, generation, booking)
                if image is not None:
                    await _keep_image(change.connection, image, generation.created_at)
                await change.connection.execute(insert(generations).values(to_row(generation)))
                change.tells(waits_for(generation), others=waits_for(generation))
        except IntegrityError as error:
            if await self.get(generation.external_task_id) is None:
                raise StoreError(str(error.orig)) from error
            raise DuplicateGeneration(generation.external_task_id) from error
        self._on_change(None, generation)

    async def get(self, external_task_id: str) -> Generation | None:
        """Read one generation."""
        query = select(generations).where(_c.external_task_id == external_task_id)
        async with self._database.read() as connection:
            row = (await connection.execute(query)).mappings().first()
        return from_row(dict(row)) if row else None

    async def of_message(self, message_id: int) -> Generation | None:
        """Read the generation that a message belongs to."""
        query = select(generations).where(_c.message_id == message_id)
        async with self._database.read() as connection:
            row = (await connection.execute(query)).mappings().first()
        return from_row(dict(row)) if row else None

    async def change(
        self, old: Generation, new: Generation, *, is_same_attempt: bool = False
    ) -> bool:
        """Record a change that nobody has claimed the row for; say whether it was still `old`.

        Whoever works on the row at this moment finds its status changed, and records nothing.
        With `is_same_attempt`, no other create may have been sent since, though one may be about
        to be.
        """
        seen = {old.status.value} | ({Status.QUEUED.value} if is_same_attempt else set())
        unmoved = [_c.external_task_id == old.external_task_id, _c.status.in_(seen)]
        if is_same_attempt:
            unmoved.append(_c.attempts == old.attempts)
        async with self._writing() as change:
            result: CursorResult[object] = await change.connection.execute(
                update(generations).where(*unmoved).values(changes(old, new))
            )
            if result.rowcount == 1:
                await self._close(change, old, new)
                change.tells(waits_for(new) | frees(old, new), others=news_of(old, new))
        if result.rowcount == 1:
            self._on_change(old, new)
        return result.rowcount == 1

    async def move(self, old: Generation, new: Generation) -> bool:
        """Record a new way to the message, unless another has been opened since `old` was read.

        Whoever works on the message at this moment records nothing when done, so that the outcome
        goes the new way too.
        """
        moved = (
            update(generations)
            .where(
                _c.external_task_id == old.external_task_id,
                _c.interaction_id == old.placement.interaction_id,
            )
            .values(changes(old, new) | _way_opened(new))
            .returning(generations)
        )
        async with self._writing() as change:
            current = await change.row(moved)
            if current:
                change.tells(waits_for(current), others=waits_for(current))
        return current is not None

    async def ended_of(self, user_id: int, limit: int) -> list[Generation]:
        """Read a person's wishes that have ended, the newest first."""
        query = (
            select(generations)
            .where(_c.user_id == user_id, _c.status.in_(TERMINAL))
            .order_by(_c.created_at.desc())
            .limit(limit)
        )
        async with self._database.read() as connection:
            rows = (await connection.execute(query)).mappings().all()
        readable = (_readable(dict(row)) for row in rows)
        return [generation for generation in readable if generation is not None]

    async def reference_image(self, sha256: str) -> bytes | None:
        """Read the bytes of a stored reference image."""
        query = select(reference_images.c.data).where(reference_images.c.sha256 == sha256)
        async with self._database.read() as connection:
            data: bytes | None = await connection.scalar(query)
        return data

    async def reference_size(self, sha256: str) -> int:
        """Read how many bytes a stored reference image has; 0 where there is none."""
        query = select(func.length(reference_images.c.data)).where(
            reference_images.c.sha256 == sha256
        )
        async with self._database.read() as connection:
            return await connection.scalar(query) or 0

    async def claim(
        self,
        work: Work,
        *,
        now: datetime,
        limit: int,
        lease_for: timedelta,
        among: Collection[str] | None = None,
    ) -> list[Claim]:
        """Take on up to `limit` rows that are due, the longest due first.

        `among` names the only rows that come into question.
        """
        due = _due(work, now, is_narrow=among is not None)
        due = due.order_by(LANES[work].due_at, _c.created_at).limit(limit)
        if among is not None:
            due = due.where(_c.external_task_id.in_(among))
        return await self._take(work, due, until=now + lease_for)

    async def claim_chosen(
        self, work: Work, choose: Choose, *, now: datetime, lease_for: timedelta
    ) -> list[Claim]:
        """Take on the rows that `choose` names in the same transaction, in its order."""
        chosen: list[str] = []

        async def note(connection: AsyncConnection) -> Sequence[str]:
            chosen.extend(await choose(connection))
            return chosen

        due = _due(work, now, is_narrow=True)
        claims = await self._take(work, due, until=now + lease_for, choose=note)
        return sorted(claims, key=lambda claim: chosen.index(claim.generation.external_task_id))

    async def claim_untold(
        self, told: Collection[str], *, now: datetime, limit: int, lease_for: timedelta
    ) -> list[Claim]:
        """Take on messages of waiting wishes, due or not, that show none of what is `told`.

        The newest come first; those without a live token are left out.
        """
        untold = told_otherwise(told, now, limit)
        return await self._take(Work.REPORT, untold, until=now + lease_for)

    async def renew(self, claims: Collection[Claim], *, until: datetime) -> int:
        """Prolong the leases of claims; return how many were still held.

        A lease that has run out is taken up again if nobody else has the row yet.
        """
        held = 0
        lanes = {LANES[claim.work].lease.name: LANES[claim.work] for claim in claims}
        for lane in lanes.values():
            leases = [
                (claim.generation.external_task_id, claim.lease)
                for claim in claims
                if LANES[claim.work] is lane
            ]
            async with self._database.write() as connection:
                held += (await connection.execute(renewing(lane, leases, until))).rowcount
        return held

    async def hurry_reports(self, now: datetime) -> int:
        """Make the messages of all waiting wishes due: there is news for everybody."""
        async with self._writing() as change:
            hurried: CursorResult[object] = await change.connection.execute(hurrying(now))
            change.tells({Work.REPORT}, others={Work.REPORT})
        return hurried.rowcount

    async def queued_before(self, moment: datetime, *, limit: int) -> list[Generation]:
        """Read wishes that are queued since before a moment, the oldest first."""
        query = (
            select(generations)
            .where(_c.status == Status.QUEUED.value, _c.created_at < moment)
            .order_by(_c.created_at)
            .limit(limit)
        )
        async with self._database.read() as connection:
            rows = (await connection.execute(query)).mappings().all()
        readable = (_readable(dict(row)) for row in rows)
        return [generation for generation in readable if generation is not None]

    async def count_waiting(self) -> int:
        """Count the waiting wishes whose message is kept true."""
        async with self._database.read() as connection:
            return await connection.scalar(select(func.count()).where(CONDITIONS[Work.REPORT])) or 0

    async def _take(
        self,
        work: Work,
        wanted: Select[tuple[str]],
        *,
        until: datetime,
        choose: Choose | None = None,
    ) -> list[Claim]:
        """Lease the rows that a query finds and nobody is taking at this moment."""
        lane = LANES[work]
        lease = f"{uuid.uuid4().hex}:{self._owner}"
        async with self._database.write() as connection:
            if choose is not None:
                wanted = wanted.where(_c.external_task_id.in_(await choose(connection)))
            # PostgreSQL might run a subquery again, and take other rows each time
            due = wanted.with_for_update(skip_locked=True).cte("due")
            take = (
                update(generations)
                .where(_c.external_task_id.in_(select(due.c.external_task_id)))
                .values({lane.lease: lease, lane.lease_until: until})
                .returning(generations)
            )
            rows = (await connection.execute(take)).mappings().all()
        rows = sorted(rows, key=lambda row: (row[lane.due_at.name], row["created_at"]))
        readable = (_readable(dict(row)) for row in rows)
        return [
            Claim(generation=generation, work=work, lease=lease)
            for generation in readable
            if generation is not None
        ]

    async def save(
        self,
        claim: Claim,
        new: Generation,
        *,
        keep: bool = False,
        until: datetime | None = None,
    ) -> Claim | None:
        """Record what came of a claim, unless the row has moved on meanwhile.

        Writes only what differs, and only if the lease is still held and the status still the one
        that was seen; otherwise returns `None`. The lease ends, unless `keep`, and then it may be
        prolonged (`until`).
        """
        lane = LANES[claim.work]
        values = changes(claim.generation, new) | {lane.lease.name: claim.lease}
        if lane is PROVIDER_LANE:
            values["due_at"] = unless_hinted(claim.generation, new)
        if not keep:
            values |= {lane.lease.name: None, lane.lease_until.name: None}
        elif until is not None:
            values |= {lane.lease_until.name: until}
        mine = (_c.external_task_id == new.external_task_id, lane.lease == claim.lease)
        async with self._writing() as change:
            result: CursorResult[object] = await change.connection.execute(
                update(generations).where(*mine, *_unmoved(claim)).values(values)
            )
            if result.rowcount != 1:  # somebody else has moved it: let go, and change nothing
                await self._let_go(change, claim)
            else:
                await self._close(change, claim.generation, new)
            if result.rowcount == 1 and not keep:
                news = news_of(claim.generation, new)
                change.tells(waits_for(new, lane) | news, others=news)
        if result.rowcount != 1:
            return None
        self._on_change(claim.generation, new)
        return Claim(generation=new, work=claim.work, lease=claim.lease)

    async def hint(self, external_task_ids: Collection[str], now: datetime) -> Set[str]:
        """Make wishes due whose tasks the provider calls back about; return those that it moved.

        Nothing is believed of a callback but that it is worth while to look.
        """
        async with self._writing() as change:
            moved = (await change.connection.execute(hinting(external_task_ids, now))).all()
            works = {Work.POLL if row.status == Status.RUNNING else Work.RESOLVE for row in moved}
            change.tells(works, others=works)
        return {row.external_task_id for row in moved}

    async def postpone(self, claim: Claim, due_at: datetime) -> None:
        """Put a row back as it was, to be taken on again at `due_at`."""
        async with self._writing() as change:
            await self._let_go(change, claim, {LANES[claim.work].due_at.name: due_at})

    async def next_due(self, work: Work) -> datetime | None:
        """Return when the next row of this kind of work can be claimed, if any waits."""
        async with self._database.read() as connection:
            moments = (await connection.execute(_SOONEST[work])).one()
        return min((moment for moment in moments if moment), default=None)

    async def release_own(self) -> int:
        """End the leases that an earlier life of this very process has left; return how many."""
        ended = 0
        async with self._database.write() as connection:
            for lane in {id(lane): lane for lane in LANES.values()}.values():
                result = await connection.execute(
                    update(generations)
                    .where(together(func.substr(lane.lease, _OWNER_AT) == self._owner))
                    .values({lane.lease: None, lane.lease_until: None})
                )
                ended += result.rowcount
        return ended

    async def wipe_tokens(self, now: datetime) -> int:
        """Forget the interaction tokens that have expired; return how many."""
        expired = (
            select(_c.external_task_id)
            .where(_c.token.is_not(None), _c.token_expires_at <= now)
            .with_for_update(skip_locked=True)  # what somebody works on is wiped the next time
        )
        async with self._database.write() as connection:
            result = await connection.execute(
                update(generations).where(_c.external_task_id.in_(expired)).values(token=None)
            )
        return result.rowcount

    @asynccontextmanager
    async def _writing(self) -> AsyncIterator[_Change]:
        """Give a write whose news reaches other programs on its commit, and this one after it."""
        async with self._database.write() as connection:
            change = _Change(connection)
            yield change
            await announce(connection, change.for_others)
        for work in sorted(change.for_us):  # in one order in every process
            self._on_work(work)

    async def _close(self, change: _Change, old: Generation, new: Generation) -> None:
        """Close the entry of a wish in the transaction that ends it."""
        if new.status.is_terminal and not old.status.is_terminal:
            await ledger.close(change.connection, new)

    async def _let_go(
        self, change: _Change, claim: Claim, values: Mapping[str, Any] | None = None
    ) -> None:
        """End a lease that is still held; the others have reckoned with its whole length."""
        lane = LANES[claim.work]
        current = await change.row(
            update(generations)
            .where(
                _c.external_task_id == claim.generation.external_task_id,
                lane.lease == claim.lease,
            )
            .values({**(values or {}), lane.lease.name: None, lane.lease_until.name: None})
            .returning(generations)
        )
        if current:
            works = waits_for(current)
            change.tells(works, others={work for work in works if LANES[work] is lane})


class _Change:
    """One write, and the kinds of work that it makes possible: for us, and for others to hear."""

    def __init__(self, connection: AsyncConnection) -> None:
        self.connection = connection
        self.for_us: set[Work] = set()
        self.for_others: set[Work] = set()

    def tells(self, works: Set[Work], *, others: Set[Work]) -> None:
        """Say what there is to do once this is committed."""
        self.for_us |= works
        self.for_others |= others

    async def row(self, statement: Executable) -> Generation | None:
        """Run a statement that returns a row, or none; one that cannot be read is none."""
        row = (await self.connection.execute(statement)).mappings().first()
        return _readable(dict(row)) if row else None


async def _keep_image(connection: AsyncConnection, image: ReferenceImage, now: datetime) -> None:
    """Store the bytes once; they are sent to the database only where it has not got them."""
    there = select(reference_images.c.sha256).where(reference_images.c.sha256 == image.sha256)
    if await connection.scalar(there) is None:
        await insert_once(
            connection, reference_images, sha256=image.sha256, data=image.data, created_at=now
        )


def _due(work: Work, now: datetime, *, is_narrow: bool = False) -> Select[tuple[str]]:
    """Find the rows that can be taken on.

    With `is_narrow`, for a few rows whose ids are known: the planner is kept from looking for them
    among all that are due.
    """
    lane = LANES[work]
    is_at_work = CONDITIONS[work]
    return select(_c.external_task_id).where(
        func.coalesce(is_at_work, false()) if is_narrow else is_at_work,
        lane.due_at <= now,
        or_(lane.lease_until.is_(None), lane.lease_until <= now),
    )


def _soonest(work: Work) -> Select[datetime, datetime]:
    """Ask when the next free row is due, and when the next leased one is, its lease having ended.

    Each by an index of its own (few rows are leased: the planner is kept from looking for them
    among all that wait). A row may be leased before it is due, and its worker die.
    """
    lane, waiting = LANES[work], CONDITIONS[work]
    free = select(func.min(lane.due_at)).where(waiting, lane.lease_until.is_(None))
    later = case((lane.lease_until > lane.due_at, lane.lease_until), else_=lane.due_at)
    leased = select(func.min(later)).where(
        func.coalesce(waiting, false()), lane.lease_until.is_not(None)
    )
    return select(free.scalar_subquery(), leased.scalar_subquery())


_SOONEST = {work: _soonest(work) for work in Work}
"""Asked all the time, and so made once."""


def _way_opened(new: Generation) -> dict[str, Any]:
    """Return what a new way sets whatever was read before: a delivery may have ended since."""
    return {
        "message_due_at": new.message_due_at,
        "delivered_at": new.delivered_at,
        "delivery_attempts": new.delivery_attempts,
    }


def _unmoved(claim: Claim) -> list[ColumnElement[bool]]:
    """Say that a claim's state still holds; work on a message holds for one way to it only."""
    seen = claim.generation
    unmoved = [_c.status == seen.status.value]
    if LANES[claim.work] is MESSAGE_LANE:
        unmoved.append(_c.interaction_id == seen.placement.interaction_id)
    return unmoved


def _readable(row: Mapping[str, Any]) -> Generation | None:
    """Read a row; one that cannot be read must not hold up the others that were claimed with it.

    Its lease is left to run out, so that it is tried, and reported, again.
    """
    try:
        return from_row(row)
    except (KeyError, TypeError, ValueError, KirinError):
        log.exception("%s cannot be read back", row["external_task_id"])
        return None
