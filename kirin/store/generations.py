"""Where wishes are kept, and how stages take them on: the store is the queue."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, CursorResult, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError

from kirin.errors import DuplicateGeneration, KirinError, StoreError
from kirin.images import ReferenceImage
from kirin.model import Generation
from kirin.store.database import Database
from kirin.store.rows import changes, from_row, to_row
from kirin.store.tables import generations, reference_images
from kirin.store.work import CONDITIONS, LANES, MESSAGE_LANE, TERMINAL, Work, waits_for

log = logging.getLogger(__name__)

_c = generations.c
_OWNER_AT = 34  # the first character after 32 digits and a colon


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A row that one worker has taken on: the state that it saw, and its lease."""

    generation: Generation
    work: Work
    lease: str


class GenerationStore:
    """The `generations` table.

    `on_work` is called with every kind of work that a change has made possible, after the commit.
    `owner` names this process in its leases.
    """

    def __init__(
        self,
        database: Database,
        *,
        owner: str = "kirin",
        on_work: Callable[[Work], None] = lambda _work: None,
    ) -> None:
        self._database = database
        self._owner = owner
        self._on_work = on_work

    async def add(self, generation: Generation, image: ReferenceImage | None = None) -> None:
        """Store a new wish, and the bytes of its reference image once for all wishes.

        Raises `DuplicateGeneration` where its id is taken.
        """
        try:
            async with self._database.write() as connection:
                if image is not None and not await connection.scalar(
                    select(func.count()).where(reference_images.c.sha256 == image.sha256)
                ):
                    await connection.execute(
                        insert(reference_images).values(
                            sha256=image.sha256, data=image.data, created_at=generation.created_at
                        )
                    )
                await connection.execute(insert(generations).values(to_row(generation)))
        except IntegrityError as error:
            if await self.get(generation.external_task_id) is None:
                raise StoreError(str(error.orig)) from error
            raise DuplicateGeneration(generation.external_task_id) from error
        self._announce(generation)

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

    async def change(self, old: Generation, new: Generation) -> bool:
        """Record a change that nobody has claimed the row for; say whether it was still `old`.

        Whoever works on the row at this moment finds its status changed, and records nothing.
        """
        async with self._database.write() as connection:
            result: CursorResult[object] = await connection.execute(
                update(generations)
                .where(_c.external_task_id == old.external_task_id, _c.status == old.status.value)
                .values(changes(old, new))
            )
        if result.rowcount == 1:
            self._announce(new)
        return result.rowcount == 1

    async def move(self, old: Generation, new: Generation) -> bool:
        """Record a new way to the message, unless another has been opened since `old` was read.

        Whoever works on the message at this moment records nothing when done, so that the outcome
        goes the new way too.
        """
        async with self._database.write() as connection:
            result: CursorResult[object] = await connection.execute(
                update(generations)
                .where(
                    _c.external_task_id == old.external_task_id,
                    _c.interaction_id == old.placement.interaction_id,
                )
                .values(changes(old, new) | _way_opened(new))
            )
        current = await self.get(new.external_task_id) if result.rowcount else None
        if current:
            self._announce(current)
        return result.rowcount == 1

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

    async def claim(
        self, work: Work, *, now: datetime, limit: int, lease_for: timedelta
    ) -> list[Claim]:
        """Take on up to `limit` rows that are due, the longest due first."""
        lane = LANES[work]
        lease = f"{uuid.uuid4().hex}:{self._owner}"
        due = (
            select(_c.external_task_id)
            .where(
                CONDITIONS[work],
                lane.due_at <= now,
                or_(lane.lease_until.is_(None), lane.lease_until <= now),
            )
            .order_by(lane.due_at, _c.created_at)
            .limit(limit)
        )
        take = (
            update(generations)
            .where(_c.external_task_id.in_(due))
            .values({lane.lease: lease, lane.lease_until: now + lease_for})
            .returning(generations)
        )
        async with self._database.write() as connection:
            rows = (await connection.execute(take)).mappings().all()
        rows = sorted(rows, key=lambda row: (row[lane.due_at.name], row["created_at"]))
        readable = (_readable(dict(row)) for row in rows)
        return [
            Claim(generation=generation, work=work, lease=lease)
            for generation in readable
            if generation is not None
        ]

    async def save(self, claim: Claim, new: Generation, *, keep: bool = False) -> Claim | None:
        """Record what came of a claim, unless the row has moved on meanwhile.

        Writes only what differs, and only if the lease is still held and the status still the one
        that was seen; otherwise returns `None`. The lease ends, unless `keep`.
        """
        lane = LANES[claim.work]
        values = changes(claim.generation, new) | {lane.lease.name: claim.lease}
        if not keep:
            values |= {lane.lease.name: None, lane.lease_until.name: None}
        mine = (_c.external_task_id == new.external_task_id, lane.lease == claim.lease)
        async with self._database.write() as connection:
            result: CursorResult[object] = await connection.execute(
                update(generations).where(*mine, *_unmoved(claim)).values(values)
            )
            if result.rowcount != 1:  # somebody else has moved it: let go, and change nothing
                await connection.execute(
                    update(generations)
                    .where(*mine)
                    .values({lane.lease: None, lane.lease_until: None})
                )
        if result.rowcount != 1:
            current = await self.get(new.external_task_id)
            if current:
                self._announce(current)
            return None
        if not keep:
            self._announce(new)
        return Claim(generation=new, work=claim.work, lease=claim.lease)

    async def postpone(self, claim: Claim, due_at: datetime) -> None:
        """Put a row back as it was, to be taken on again at `due_at`."""
        lane = LANES[claim.work]
        async with self._database.write() as connection:
            await connection.execute(
                update(generations)
                .where(
                    _c.external_task_id == claim.generation.external_task_id,
                    lane.lease == claim.lease,
                )
                .values({lane.due_at: due_at, lane.lease: None, lane.lease_until: None})
            )
        current = await self.get(claim.generation.external_task_id)
        if current:
            self._announce(current)

    async def next_due(self, work: Work) -> datetime | None:
        """Return when the next row of this kind of work can be claimed, if any waits."""
        lane, waiting = LANES[work], CONDITIONS[work]
        free = select(func.min(lane.due_at)).where(waiting, lane.lease_until.is_(None))
        leased = select(func.min(lane.lease_until)).where(waiting, lane.lease_until.is_not(None))
        async with self._database.read() as connection:
            moments = [await connection.scalar(free), await connection.scalar(leased)]
        return min((moment for moment in moments if moment), default=None)

    async def release_own(self) -> int:
        """End the leases that an earlier life of this very process has left; return how many."""
        ended = 0
        async with self._database.write() as connection:
            for lane in {id(lane): lane for lane in LANES.values()}.values():
                result = await connection.execute(
                    update(generations)
                    .where(func.substr(lane.lease, _OWNER_AT) == self._owner)
                    .values({lane.lease: None, lane.lease_until: None})
                )
                ended += result.rowcount
        return ended

    async def wipe_tokens(self, now: datetime) -> int:
        """Forget the interaction tokens that have expired; return how many."""
        async with self._database.write() as connection:
            result = await connection.execute(
                update(generations)
                .where(_c.token.is_not(None), _c.token_expires_at <= now)
                .values(token=None)
            )
        return result.rowcount

    def _announce(self, generation: Generation) -> None:
        for work in waits_for(generation):
            self._on_work(work)


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
