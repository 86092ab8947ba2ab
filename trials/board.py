"""Discord, as it really is (`Board`), and as one process gets to edit it (`Pen`)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextvars import Context
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from random import Random

from kirin.errors import DeliveryDelayed, DeliveryError, DeliveryImpossible, DownloadFailed
from kirin.images import Picture
from kirin.model import Generation, Placement, Status
from kirin.stages import Outlook
from trials.life import Life
from trials.plan import Plan
from trials.story import Story

TOKEN_LIFETIME = 15 * 60.0
"""Seconds for which Discord takes an interaction's token."""


class PlannedBug(RuntimeError):
    """A bug of ours that the plan has put into the edit of a message."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What a message shows: `kind` is waiting, offer or outcome."""

    kind: str
    status: Status
    pictures: int = 0
    cost: str | None = None


@dataclass(slots=True, kw_only=True)
class Message:
    """One message; `looks` are all that it has shown, with their times."""

    message_id: int
    is_deleted: bool = False
    locks_bot_out: bool = False
    looks: list[tuple[float, Look]] = field(default_factory=list)
    tokens: dict[str, float] = field(default_factory=dict)
    editors: list[Life] = field(default_factory=list)
    most_editors: int = 0
    refused_at: float | None = None


class Board:
    """The truth: all messages."""

    def __init__(self, plan: Plan, *, story: Story, now: Callable[[], float]) -> None:
        self.plan = plan
        self.story = story
        self.now = now
        self.rng = Random(f"board {plan.seed} {plan.engines}")
        self.messages: dict[int, Message] = {}

    def message(self, message_id: int) -> Message:
        """Return a message."""
        return self.messages.setdefault(message_id, Message(message_id=message_id))

    def is_calm(self) -> bool:
        """Say whether nothing goes wrong any more."""
        return self.now() >= self.plan.quiet_at

    def apply(self, placement: Placement, token: str | None, look: Look) -> None:
        """An edit arrives, by a token or as the bot; raise `DeliveryImpossible` if it may not."""
        message = self.message(placement.message_id)
        try:
            self._check(message, placement, token)
        except DeliveryImpossible as error:
            message.refused_at = self.now()
            self.story.note("discord", "message %s refuses: %s", message.message_id, error)
            raise
        message.looks.append((self.now(), look))
        self.story.note("discord", "message %s shows %s", message.message_id, _words(look))

    def _check(self, message: Message, placement: Placement, token: str | None) -> None:
        if message.is_deleted:
            raise DeliveryImpossible("the message is gone")
        if token is not None:
            if message.tokens.get(token, -1.0) < self.now():
                raise DeliveryImpossible("the token is of no use")
        elif message.locks_bot_out or placement.ephemeral or not placement.bot_is_member:
            raise DeliveryImpossible("the bot has no access")


class Pen:
    """One process's way to edit messages, with the routes of the real one: token, then bot."""

    def __init__(self, board: Board, life: Life, now: Callable[[], datetime]) -> None:
        self._board = board
        self._life = life
        self._now = now

    async def show_waiting(self, generation: Generation, outlook: Outlook) -> None:
        """Show a waiting card, by the token alone."""
        await self._edit(generation, Look(kind="waiting", status=generation.status), by_bot=False)

    async def offer_result(self, generation: Generation) -> None:
        """Show the button that brings the result later, by the token alone."""
        await self._edit(generation, Look(kind="offer", status=generation.status), by_bot=False)

    async def show_outcome(self, generation: Generation, pictures: Sequence[Picture]) -> None:
        """Show how it ended."""
        cost = None if generation.cost is None else str(generation.cost)
        look = Look(kind="outcome", status=generation.status, pictures=len(pictures), cost=cost)
        await self._edit(generation, look, by_bot=True)

    async def _edit(self, generation: Generation, look: Look, *, by_bot: bool) -> None:
        message = self._board.message(generation.placement.message_id)
        message.editors = [*(life for life in message.editors if not life.is_dead), self._life]
        message.most_editors = max(message.most_editors, len(message.editors))
        try:
            await self._life.boundary("before edit")
            fault = self._fault(generation, look)
            await self._trouble_on_the_way(fault)
            await self._by_some_way(generation.placement, look, by_bot=by_bot)
            await self._life.boundary("after edit")
            if fault == "after":
                raise DeliveryDelayed("no answer from Discord")
        finally:
            if self._life in message.editors:
                message.editors.remove(self._life)

    async def _by_some_way(self, placement: Placement, look: Look, *, by_bot: bool) -> None:
        token = placement.live_token(self._now())
        if token is not None:
            try:
                await self._serve(placement, token, look)
            except DeliveryImpossible:
                if not by_bot:
                    raise
            else:
                return
        if not by_bot or placement.ephemeral:
            self._board.message(placement.message_id).refused_at = self._board.now()
            raise DeliveryImpossible("no way is left")
        await self._serve(placement, None, look)

    async def _serve(self, placement: Placement, token: str | None, look: Look) -> None:
        """Let Discord act, whether or not the process that asked lives to see it."""
        first, second = self._board.rng.uniform(0.02, 0.3), self._board.rng.uniform(0.02, 0.3)

        async def serve() -> DeliveryError | None:
            await asyncio.sleep(first)
            try:
                self._board.apply(placement, token, look)
            except DeliveryError as error:
                return error
            await asyncio.sleep(second)
            return None

        answer = asyncio.get_running_loop().create_task(serve(), context=Context())
        error = await asyncio.shield(answer)
        await self._life.stay()
        if error is not None:
            raise error

    def _fault(self, generation: Generation, look: Look) -> str | None:
        if self._board.is_calm():
            return None
        fault: str | None = None
        rng = self._board.rng
        if any(self._board.now() in outage for outage in self._board.plan.discord_outages):
            fault = "before"
        elif rng.random() < self._board.plan.fault_rate:
            fault = rng.choice(("slow", "before", "after", "after", "rate limit", "bug"))
        if fault:
            self._board.story.fault(
                self._life.name, "edit of %s: %s", generation.external_task_id, fault
            )
        return fault

    async def _trouble_on_the_way(self, fault: str | None) -> None:
        rng = self._board.rng
        if fault == "slow":
            await asyncio.sleep(rng.choice((5.0, 30.0, 240.0)))
        elif fault == "before":
            await asyncio.sleep(rng.uniform(0, 20))
            raise DeliveryDelayed("Discord has trouble")
        elif fault == "rate limit":
            raise DeliveryDelayed("too many edits", retry_after=rng.choice((1.0, 45.0)))
        elif fault == "bug":
            raise PlannedBug("an edit that nobody foresaw")


class Basket:
    """One process's downloads of finished pictures."""

    def __init__(self, board: Board, life: Life) -> None:
        self._board = board
        self._life = life

    async def save(self, url: str, path: Path, *, number: int) -> Picture:
        """Put a few bytes into a file, or fail."""
        await self._life.boundary("before download")
        rng = self._board.rng
        if not self._board.is_calm() and rng.random() < self._board.plan.fault_rate:
            self._board.story.fault(self._life.name, "download of %s", url)
            await asyncio.sleep(rng.uniform(0, 30))
            raise DownloadFailed("no picture today")
        await asyncio.sleep(rng.uniform(0.01, 0.5))
        await self._life.boundary("after download")
        path.write_bytes(b"picture")  # noqa: ASYNC240 - into memory
        return Picture(number=number, path=path, size=7, extension="png")


def _words(look: Look) -> str:
    if look.kind != "outcome":
        return f"{look.kind} ({look.status})"
    return f"the outcome ({look.status}, {look.pictures} pictures, cost {look.cost})"
