"""The trials notice what is wrong: each defect here is planted, and has to be found."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from kirin.errors import DuplicateTask
from kirin.images import Picture
from kirin.model import FailureReason, Generation, GenerationRequest, TaskSnapshot
from kirin.store import Claim, GenerationStore
from trials.board import Pen
from trials.upstream import Line, Upstream
from trials.world import Cast, live

SEEDS = 30


class GenerousUpstream(Upstream):
    """Takes the same wish twice, and is paid twice."""

    def take(self, request: GenerationRequest, external_task_id: str) -> TaskSnapshot:
        snapshot = super().take(request, external_task_id)
        self.record(external_task_id).tasks.append(self.record(external_task_id).tasks[0])
        return snapshot


class StutteringLine(Line):
    """Sends everything twice."""

    async def create(
        self, request: GenerationRequest, *, external_task_id: str, **more: Any
    ) -> TaskSnapshot:
        snapshot = await super().create(request, external_task_id=external_task_id, **more)
        with suppress(DuplicateTask):
            await super().create(request, external_task_id=external_task_id, **more)
        return snapshot


class ForgetfulPen(Pen):
    """Says that it has shown the outcome."""

    async def show_outcome(self, generation: Generation, pictures: Sequence[Picture]) -> None:
        return


class BackwardPen(Pen):
    """Takes the outcome away again."""

    async def show_outcome(self, generation: Generation, pictures: Sequence[Picture]) -> None:
        await super().show_outcome(generation, pictures)
        await self.offer_result(generation)


class WastefulPen(Pen):
    """Shows the outcome without its pictures."""

    async def show_outcome(self, generation: Generation, pictures: Sequence[Picture]) -> None:
        await super().show_outcome(generation, [])


class BrokenPen(Pen):
    """Has a bug that nobody planned."""

    async def show_outcome(self, generation: Generation, pictures: Sequence[Picture]) -> None:
        raise ZeroDivisionError


class OverwritingStore(GenerationStore):
    """Saves without looking whether the row has moved on."""

    async def save(self, claim: Claim, new: Generation, **options: Any) -> Claim | None:
        current = await self.get(new.external_task_id)
        if current is not None:
            seen = replace(claim.generation, status=current.status, placement=current.placement)
            claim = replace(claim, generation=seen)
        return await super().save(claim, new, **options)


class TwoPens(Pen):
    """Edits a message twice at once."""

    async def show_outcome(self, generation: Generation, pictures: Sequence[Picture]) -> None:
        edits = (super().show_outcome(generation, pictures), super().show_outcome(generation, ()))
        await asyncio.gather(*edits)


class LosingStore(GenerationStore):
    """Accepts wishes and does not write them down."""

    async def add(self, generation: Generation, image: Any = None, **more: Any) -> None:
        return


class ForgetfulBooks(GenerationStore):
    """Closes no entry."""

    async def _close(self, *_: Any) -> None:
        return


class NoBooks(GenerationStore):
    """Stores wishes without an entry."""

    async def add(self, generation: Generation, image: Any = None, **_: Any) -> None:
        await super().add(generation, image)


class LaxBooks(GenerationStore):
    """Enters whatever comes."""

    async def add(self, generation: Generation, image: Any = None, *, booking: Any = None) -> None:
        free = replace(booking, budgets=(), most_open_of_person=None)
        await super().add(generation, image, booking=free)


class DearBooks(GenerationStore):
    """Reserves twice what a wish takes."""

    async def add(self, generation: Generation, image: Any = None, *, booking: Any = None) -> None:
        charge = replace(booking.charge, pictures=2 * booking.charge.pictures)
        await super().add(generation, image, booking=replace(booking, charge=charge))


class GenerousBooks(GenerationStore):
    """Gives the money back of whatever came to nothing."""

    async def _close(self, change: Any, old: Generation, new: Generation) -> None:
        free = replace(new, failure=FailureReason.BUSY) if new.failure else new
        await super()._close(change, old, replace(free, submitted_at=None))


@pytest.mark.parametrize(
    ("cast", "engines", "sentence"),
    [
        (Cast(upstream=GenerousUpstream), 1, "has 2 tasks at the provider"),
        (Cast(line=StutteringLine), 1, "was sent although the provider had it"),
        (Cast(pen=ForgetfulPen), 1, "is delivered, and its message shows"),
        (Cast(pen=BackwardPen), 1, "after its outcome"),
        (Cast(pen=WastefulPen), 1, "has 0 pictures where"),
        (Cast(pen=BrokenPen), 1, "an exception that nobody planned"),
        (Cast(store=OverwritingStore), 1, "was cancelled, and then"),
        (Cast(pen=TwoPens), 3, "editors at once"),
        (Cast(store=LosingStore), 1, "was accepted and is not stored"),
        (Cast(store=ForgetfulBooks), 1, "is booked as ('reserved'"),
        (Cast(store=NoBooks), 1, "the books have entries for []"),
        (Cast(store=LaxBooks), 3, "was taken although it passes"),
        (Cast(store=DearBooks), 1, "without a cause"),
        (Cast(store=GenerousBooks), 1, "is booked as ('returned'"),
    ],
)
def test_a_planted_defect_is_found(cast: Cast, engines: int, sentence: str, template: Path) -> None:
    verdicts = (live(seed, engines=engines, template=template, cast=cast) for seed in range(SEEDS))
    found = (broken for verdict in verdicts for broken in verdict.violations if sentence in broken)
    assert list(islice(found, 1))
