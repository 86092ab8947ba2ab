"""The rules of the house: what a server and the operator have to say to a new wish."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from kirin.budgets import Budget, Charge, Scope
from kirin.errors import Declined, Obstacle
from kirin.model import GenerationRequest, Placement
from kirin.model.asker import Asker
from kirin.rules import check_rules
from kirin.settings import Settings
from kirin.store import Booking, Database, Standing, StandingStore


class House:
    """Holds a wish against bans and rules, and finds the budgets that it counts against.

    `price` is what one picture is expected to cost, in US dollars; `caps` are the operator's own
    budgets, over everything.
    """

    def __init__(
        self,
        *,
        standings: StandingStore,
        price: Decimal,
        caps: Sequence[Budget],
    ) -> None:
        self._standings = standings
        self._price = price
        self._caps = tuple(caps)

    def estimate(self, request: GenerationRequest) -> Charge:
        """Say what a wish is expected to cost; the provider takes the same for 1k and 2k."""
        return Charge(pictures=request.n, usd=self._price * request.n)

    async def admit(
        self, request: GenerationRequest, placement: Placement, asker: Asker, now: datetime
    ) -> Booking:
        """Raise `Declined` where a ban or a rule stands against a wish; return its booking."""
        standing = await self._standings.get(placement.guild_id, placement.user_id, now)
        if standing.ban is not None:
            raise Declined(Obstacle.BANNED, until=standing.ban.until, reason=standing.ban.reason)
        check_rules(request, placement, asker, standing.settings)
        return self._booking(request, placement, asker, standing)

    def _booking(
        self,
        request: GenerationRequest,
        placement: Placement,
        asker: Asker,
        standing: Standing,
    ) -> Booking:
        settings = standing.settings
        channel_id = asker.parent_channel_id or placement.channel_id
        binding = [
            budget for budget in standing.budgets if _binds(budget, placement, channel_id, asker)
        ]
        return Booking(
            charge=self.estimate(request),
            channel_id=channel_id,
            role_ids=asker.role_ids,
            budgets=(*self._caps, *binding),
            most_open_of_person=settings.most_open_per_person,
            most_open_in_server=settings.most_open,
        )


def build_house(settings: Settings, database: Database) -> House:
    """Put the house of a database together, with the operator's own limits."""
    return House(
        standings=StandingStore(database),
        price=settings.price_per_picture_usd,
        caps=settings.caps,
    )


def _binds(budget: Budget, placement: Placement, channel_id: int, asker: Asker) -> bool:
    """Say whether a wish from here counts against a budget of its server."""
    match budget.scope:
        case Scope.CHANNEL:
            return budget.target_id == channel_id
        case Scope.ROLE:
            return budget.target_id in asker.role_ids
        case Scope.PERSON:
            return budget.target_id == placement.user_id
        case _:
            return True
