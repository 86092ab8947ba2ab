"""People: they wish, give up, ask for what did not arrive, delete messages, and wish again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import count
from random import Random
from typing import Any

from kirin.errors import Declined
from kirin.model import Generation, GenerationRequest, Placement
from kirin.model.placement import TOKEN_LIFETIME
from kirin.stages import Intake
from kirin.store import GenerationStore
from trials.board import TOKEN_LIFETIME as DISCORD_TOKEN_SECONDS
from trials.board import Board
from trials.plan import Plan
from trials.story import Story

_USERS = (1, 2, 3)
_TRIES = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What people reach of the bot: the intake and the store of a process that listens."""

    intake: Intake
    store: GenerationStore


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Who was declined, and when: `n` pictures would have passed a limit."""

    at: datetime
    placement: Placement
    n: int


@dataclass(slots=True, kw_only=True)
class Diary:
    """What people have done, and been promised."""

    asked: int = 0
    accepted: list[str] = field(default_factory=list)
    declined: list[Refusal] = field(default_factory=list)
    fetched: list[str] = field(default_factory=list)
    cancelled: set[str] = field(default_factory=set)
    moves: dict[str, int] = field(default_factory=dict)


class People:
    """Acts of people; each may be cut off by the death of the process that serves it."""

    def __init__(
        self,
        plan: Plan,
        *,
        board: Board,
        story: Story,
        now: Callable[[], datetime],
    ) -> None:
        self.diary = Diary()
        self.rng = Random(f"people {plan.seed} {plan.engines}")
        self._board = board
        self._story = story
        self._now = now
        self._interactions = count(1)
        self._messages = count(1)

    async def wish(self, desk: Desk) -> str | None:
        """Ask for pictures; return the id of the wish, unless it was declined."""
        self.diary.asked += 1
        rng = self.rng
        request = GenerationRequest(prompt="a fox", n=rng.choice((1, 1, 2, 4, 9)))
        placement = self._placement(rng.choice(_USERS), next(self._messages))
        generation = await self._ask(desk, request, placement)
        if generation is None:
            return None
        self.diary.accepted.append(generation.external_task_id)
        self._story.note(
            f"user {placement.user_id}",
            "wishes %s: %s pictures in message %s%s%s",
            generation.external_task_id,
            request.n,
            placement.message_id,
            ", private" if placement.ephemeral else "",
            "" if placement.bot_is_member else ", where the bot is no member",
        )
        return generation.external_task_id

    async def wish_again(self, desk: Desk, external_task_id: str) -> str | None:
        """Have the same made once more, on purpose: a wish of its own."""
        parent = await desk.store.get(external_task_id)
        if parent is None:
            return None
        self.diary.asked += 1
        placement = self._placement(parent.placement.user_id, next(self._messages))
        again = await self._ask(desk, parent.request, placement, parent)
        if again is None:
            return None
        self.diary.accepted.append(again.external_task_id)
        self._story.note("people", "wish %s again: %s", external_task_id, again.external_task_id)
        return again.external_task_id

    async def cancel(self, desk: Desk, external_task_id: str) -> None:
        """Give a wish up, unless it has ended; the press brings a fresh way to its message."""
        for _ in range(_TRIES):
            current = await desk.store.get(external_task_id)
            if current is None or current.status.is_terminal:
                return
            way = self._fresh(current.placement, current.placement.message_id)
            ended = current.cancelled(self._now()).placed(way, self._now())
            if await desk.store.change(current, ended):
                self.diary.cancelled.add(external_task_id)
                self._story.note("people", "cancel %s while %s", external_task_id, current.status)
                return

    async def show_here(self, desk: Desk, external_task_id: str) -> None:
        """Press *Show result* on the very message."""
        await self._move(desk, external_task_id, lambda wish: wish.placement.message_id)

    async def show_elsewhere(self, desk: Desk, external_task_id: str) -> None:
        """Pick a wish from the list of one's results, into a new message."""
        message_id = next(self._messages)
        await self._move(desk, external_task_id, lambda _wish: message_id)
        self.diary.fetched.append(external_task_id)

    async def _ask(
        self,
        desk: Desk,
        request: GenerationRequest,
        placement: Placement,
        parent: Generation | None = None,
    ) -> Generation | None:
        """Hand a wish in, and take a no for an answer."""
        at = self._now()
        try:
            return await desk.intake.accept(request, placement, parent=parent)
        except Declined as error:
            self.diary.declined.append(Refusal(at=at, placement=placement, n=request.n))
            self._story.note(f"user {placement.user_id}", "is declined: %s", error)
            return None

    def delete_message(self, message_id: int) -> None:
        """Remove a message for good."""
        self._board.message(message_id).is_deleted = True
        self._story.note("people", "delete message %s", message_id)

    async def _move(
        self, desk: Desk, external_task_id: str, where: Callable[[Generation], int]
    ) -> None:
        for _ in range(_TRIES):
            wish = await desk.store.get(external_task_id)
            if wish is None:
                return
            message_id = where(wish)
            if wish.delivered_at is not None and wish.placement.message_id == message_id:
                return
            placement = self._fresh(wish.placement, message_id)
            if await desk.store.move(wish, wish.placed(placement, self._now())):
                moves = self.diary.moves
                moves[external_task_id] = moves.get(external_task_id, 0) + 1
                self._story.note("people", "bring %s to message %s", external_task_id, message_id)
                return

    def _placement(self, user_id: int, message_id: int) -> Placement:
        rng = self.rng
        guild_id = rng.choice((None, 10, 20))
        return Placement(
            application_id=100,
            **self._interaction(message_id),
            channel_id=300 + (guild_id or 0),
            message_id=message_id,
            guild_id=guild_id,
            user_id=user_id,
            ephemeral=rng.random() < 0.2,
            spoiler=False,
            locale="en-US",
            guild_locale=None,
            upload_limit=10_000_000,
            bot_is_member=rng.random() < 0.6,
        )

    def _fresh(self, placement: Placement, message_id: int) -> Placement:
        changes = self._interaction(message_id) | {"message_id": message_id}
        return replace(placement, **changes)

    def _interaction(self, message_id: int) -> dict[str, Any]:
        """Issue an interaction for a message, with its token."""
        number = next(self._interactions)
        token = f"token-{number}"
        self._board.message(message_id).tokens[token] = self._board.now() + DISCORD_TOKEN_SECONDS
        return {
            "interaction_id": number,
            "token": token,
            "token_expires_at": self._now() + TOKEN_LIFETIME,
        }
