"""The beginning of a wish: it is written down before anything is sent."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import timedelta

from kirin.images import ReferenceImage
from kirin.model import Generation, GenerationRequest, Placement
from kirin.model.asker import NOBODY_SPECIAL, Asker
from kirin.stages.base import Clock
from kirin.stages.house import House
from kirin.store import GenerationStore

FIRST_CARD_AFTER = timedelta(seconds=1)
"""A wish that leaves at once needs no card that says it is queued; Discord shows it thinking."""


class Intake:
    """Accepts valid wishes; where there is a `house`, those that it admits."""

    def __init__(
        self,
        *,
        store: GenerationStore,
        now: Clock,
        house: House | None = None,
        new_id: Callable[[], str] = lambda: uuid.uuid4().hex,
    ) -> None:
        self._store = store
        self._now = now
        self._house = house
        self._new_id = new_id

    async def accept(
        self,
        request: GenerationRequest,
        placement: Placement,
        image: ReferenceImage | None = None,
        *,
        parent: Generation | None = None,
        asker: Asker = NOBODY_SPECIAL,
    ) -> Generation:
        """Store a wish as queued, under a new `external_task_id`; it will be seen to from here.

        `parent` is the wish that this one was made from. Raises `Declined` where the house has
        something against it; then nothing is stored, sent or charged.
        """
        now = self._now()
        booking = None
        if self._house is not None:
            booking = await self._house.admit(request, placement, asker, now)
        generation = Generation(
            external_task_id=self._new_id(),
            request=request,
            placement=placement,
            created_at=now,
            parent_id=parent.external_task_id if parent else None,
            parent_url=parent.placement.message_url if parent else None,
            due_at=now,
            message_due_at=now + FIRST_CARD_AFTER,
        )
        await self._store.add(generation, image, booking=booking)
        return generation
