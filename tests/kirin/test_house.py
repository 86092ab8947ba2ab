"""What the house says to a wish: bans, rules, and the budgets that it counts against."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from kirin.budgets import Budget, Charge, Period, Scope, Unit
from kirin.errors import Declined, Obstacle
from kirin.model.asker import NOBODY_SPECIAL, Asker
from kirin.stages import House, Intake
from kirin.store import (
    Ban,
    BanStore,
    Booking,
    BudgetStore,
    Database,
    GenerationStore,
    ServerStore,
    StandingStore,
)
from tests.kirin.kirin_factories import MINUTE, NOW, a_placement, a_request

GUILD, CHANNEL, USER, ROLE, THREAD = 500, 300, 600, 70, 301
CAP = Budget(scope=Scope.OPERATOR, period=Period.MONTH, unit=Unit.USD, amount=Decimal(20))
IN_A_THREAD = Asker(parent_channel_id=CHANNEL)


def a_budget(scope: Scope, target: int = 0) -> Budget:
    return Budget(
        scope=scope, target_id=target, period=Period.DAY, unit=Unit.PICTURES, amount=Decimal(5)
    )


@pytest.fixture
def house(database: Database) -> House:
    return House(
        standings=StandingStore(database),
        price=Decimal("0.028"),
        caps=[CAP],
    )


async def admitted(
    house: House, asker: Asker = NOBODY_SPECIAL, n: int = 1, prompt: str = "a fox", **where: Any
) -> Booking:
    request = a_request(n=n, prompt=prompt)
    return await house.admit(request, a_placement(**where), asker, NOW)


async def obstacle(house: House, *args: Any, **kwargs: Any) -> Declined:
    with pytest.raises(Declined) as caught:
        await admitted(house, *args, **kwargs)
    return caught.value


async def test_a_wish_is_charged_its_pictures_and_counts_against_the_operators_caps(
    house: House,
) -> None:
    booking = await admitted(house, n=3, guild_id=None)
    assert booking.charge == Charge(pictures=3, usd=Decimal("0.084"))
    assert booking.budgets == (CAP,)


async def test_a_wish_counts_against_the_budgets_that_bind_it(
    house: House, database: Database
) -> None:
    binding = [
        a_budget(Scope.SERVER),
        a_budget(Scope.EVERYONE),
        a_budget(Scope.CHANNEL, CHANNEL),
        a_budget(Scope.ROLE, ROLE),
        a_budget(Scope.PERSON, USER),
    ]
    others = [
        a_budget(Scope.CHANNEL, 999),
        a_budget(Scope.ROLE, 999),
        a_budget(Scope.PERSON, 999),
    ]
    for budget in (*binding, *others):
        await BudgetStore(database).set(GUILD, budget)
    booking = await admitted(house, Asker(role_ids=(ROLE,)))
    assert set(booking.budgets) == {CAP, *binding}
    assert (await admitted(house, guild_id=501)).budgets == (CAP,)
    assert await BudgetStore(database).remove(GUILD, binding[0])
    assert not await BudgetStore(database).remove(GUILD, binding[0])
    assert len((await admitted(house, Asker(role_ids=(ROLE,)))).budgets) == 5


async def test_a_thread_counts_as_its_channel(house: House, database: Database) -> None:
    budget = a_budget(Scope.CHANNEL, CHANNEL)
    await BudgetStore(database).set(GUILD, budget)
    booking = await admitted(house, IN_A_THREAD, channel_id=THREAD)
    assert (booking.channel_id, booking.budgets) == (CHANNEL, (CAP, budget))


async def test_a_budget_set_again_has_its_new_amount(database: Database) -> None:
    budgets, budget = BudgetStore(database), a_budget(Scope.SERVER)
    await budgets.set(GUILD, budget)
    dearer = Budget(scope=Scope.SERVER, period=Period.DAY, unit=Unit.PICTURES, amount=Decimal(7))
    await budgets.set(GUILD, dearer)
    assert await budgets.of(GUILD) == [dearer]


async def test_a_ban_is_named_with_its_reason_and_end(house: House, database: Database) -> None:
    ban = Ban(
        guild_id=GUILD,
        user_id=USER,
        reason="spam",
        until=NOW + MINUTE,
        banned_at=NOW,
        banned_by=9,
    )
    await BanStore(database).put(ban)
    error = await obstacle(house)
    assert error.obstacle is Obstacle.BANNED
    assert error.facts == {"until": NOW + MINUTE, "reason": "spam"}
    await admitted(house, guild_id=None)


@pytest.mark.parametrize(
    ("settings", "asker", "expected"),
    [
        ({"forbidden_channels": (CHANNEL,)}, NOBODY_SPECIAL, Obstacle.CHANNEL),
        ({"allowed_channels": (999,)}, NOBODY_SPECIAL, Obstacle.CHANNEL),
        ({"forbidden_channels": (888,)}, Asker(parent_channel_id=888), Obstacle.CHANNEL),
        ({"allowed_channels": (CHANNEL,)}, NOBODY_SPECIAL, None),
        ({"allowed_channels": (888,)}, Asker(parent_channel_id=888), None),
        ({"forbidden_roles": (ROLE,)}, Asker(role_ids=(ROLE,)), Obstacle.ROLE),
        ({"forbidden_roles": (ROLE,)}, NOBODY_SPECIAL, None),
        ({"allowed_roles": (ROLE,)}, NOBODY_SPECIAL, Obstacle.ROLE),
        ({"allowed_roles": (ROLE,)}, Asker(role_ids=(1, ROLE)), None),
        ({"most_pictures": 2}, NOBODY_SPECIAL, Obstacle.TOO_MANY_PICTURES),
        ({"most_pictures": 3}, NOBODY_SPECIAL, None),
        ({"blocked_words": ("fox",)}, NOBODY_SPECIAL, Obstacle.WORD),
        ({"blocked_words": ("fox",), "allowed_words": ("a fox",)}, NOBODY_SPECIAL, None),
        ({"blocked_words": ("dog",)}, NOBODY_SPECIAL, None),
    ],
)
async def test_the_rules_of_a_server_hold_there_and_nowhere_else(
    house: House,
    database: Database,
    settings: dict[str, Any],
    asker: Asker,
    expected: Obstacle | None,
) -> None:
    await ServerStore(database).change(GUILD, by=9, now=NOW, **settings)
    if expected is None:
        await admitted(house, asker, n=3)
    else:
        assert (await obstacle(house, asker, n=3)).obstacle is expected
    await admitted(house, asker, n=3, guild_id=None)


async def test_the_limits_of_open_wishes_go_with_the_booking(
    house: House, database: Database
) -> None:
    await ServerStore(database).change(GUILD, by=9, now=NOW, most_open=20, most_open_per_person=2)
    booking = await admitted(house)
    assert (booking.most_open_of_person, booking.most_open_in_server) == (2, 20)


async def test_what_the_house_declines_is_not_stored(house: House, database: Database) -> None:
    ids = iter(("one", "two"))
    intake = Intake(
        store=GenerationStore(database), now=lambda: NOW, house=house, new_id=lambda: next(ids)
    )
    budget = a_budget(Scope.SERVER)
    await BudgetStore(database).set(GUILD, budget)
    await intake.accept(a_request(n=3), a_placement())
    with pytest.raises(Declined):
        await intake.accept(a_request(n=3), a_placement())
    assert await GenerationStore(database).get("two") is None
    used = await BudgetStore(database).used([budget], GUILD, USER, NOW)
    assert used == [(budget, Charge(pictures=3, usd=Decimal("0.084")))]
