"""The books: reserved with the wish, closed with it, and never beyond a budget."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kirin.budgets import Budget, Charge, Overrun, Period, Scope, Unit
from kirin.errors import Declined, DuplicateGeneration, Obstacle
from kirin.model import FailureReason, Generation, ResultImage, TaskSnapshot
from kirin.model.snapshot import TaskState
from kirin.store import Booking, BudgetStore, Database, GenerationStore, Work
from tests.databases import run_sql
from tests.kirin.kirin_factories import MINUTE, NOW, a_generation, a_placement, thoroughly

PRICE = Decimal("0.028")
GUILD, CHANNEL, ROLE, PERSON = 500, 300, 70, 600
LEASE = timedelta(minutes=1)
DAY = timedelta(days=1)
ENTRIES = "SELECT external_task_id, state, pictures, micros, is_certain FROM ledger"


def a_charge(pictures: int = 1) -> Charge:
    return Charge(pictures=pictures, usd=PRICE * pictures)


def a_booking(*budgets: Budget, pictures: int = 1, **changes: Any) -> Booking:
    values: dict[str, Any] = {
        "charge": a_charge(pictures),
        "channel_id": CHANNEL,
        "budgets": budgets,
    }
    return Booking(**values | changes)


def a_budget(amount: int | str = 2, **changes: Any) -> Budget:
    values: dict[str, Any] = {
        "scope": Scope.SERVER,
        "period": Period.DAY,
        "unit": Unit.PICTURES,
    }
    return Budget(amount=Decimal(amount), **values | changes)


def finished(pictures: int = 1, cost: str | None = None) -> TaskSnapshot:
    return TaskSnapshot(
        task_id="task-1",
        state=TaskState.COMPLETED if pictures else TaskState.FAILED,
        images=tuple(ResultImage(url=f"https://x.example/{n}") for n in range(pictures)),
        cost=None if cost is None else Decimal(cost),
    )


def sent(generation: Generation) -> Generation:
    return generation.sending(NOW + MINUTE)


def running(generation: Generation) -> Generation:
    return sent(generation).taken("task-1", now=NOW, poll_at=NOW)


async def used(database: Database, budget: Budget, *, user: int = PERSON, guild: int | None = GUILD,
               now: datetime = NOW) -> Charge:  # fmt: skip
    ((_, charge),) = await BudgetStore(database).used([budget], guild, user, now)
    return charge


async def entry(url: str) -> tuple[str, int, int, bool]:
    ((_, state, pictures, micros, is_certain),) = await run_sql(url, ENTRIES)
    return state, pictures, micros, bool(is_certain)


@pytest.fixture
async def wish(store: GenerationStore) -> Generation:
    generation = a_generation()
    await store.add(generation, booking=a_booking(pictures=3))
    return generation


async def test_a_new_wish_is_charged_what_it_is_expected_to_cost(
    wish: Generation, database_url: str
) -> None:
    assert await entry(database_url) == ("reserved", 3, 84_000, False)


async def test_the_real_cost_takes_the_place_of_the_expected_one(
    wish: Generation, store: GenerationStore, database_url: str
) -> None:
    ended = running(wish).succeeded(finished(2, "0.0561"), NOW)
    assert await store.change(wish, ended)
    assert await entry(database_url) == ("settled", 2, 56_100, True)


async def test_a_success_without_a_told_cost_stays_charged_as_expected(
    wish: Generation, store: GenerationStore, database_url: str
) -> None:
    assert await store.change(wish, running(wish).succeeded(finished(3), NOW))
    assert await entry(database_url) == ("settled", 3, 84_000, False)


async def test_a_stage_closes_the_entry_with_the_save_that_ends_a_wish(
    wish: Generation, store: GenerationStore, database_url: str
) -> None:
    (claim,) = await store.claim(Work.SUBMIT, now=NOW, limit=1, lease_for=LEASE)
    kept = await store.save(claim, sent(claim.generation), keep=True)
    assert kept is not None
    assert (await entry(database_url))[0] == "reserved"
    ended = running(wish).succeeded(finished(3, "0.084"), NOW)
    assert await store.save(kept, ended) is not None
    assert await entry(database_url) == ("settled", 3, 84_000, True)


async def test_a_wish_that_has_ended_is_not_charged_anew_when_it_is_changed(
    wish: Generation, store: GenerationStore, database_url: str
) -> None:
    ended = running(wish).succeeded(finished(3, "0.084"), NOW)
    assert await store.change(wish, ended)
    gone = ended.failed(FailureReason.PICTURES_UNAVAILABLE, now=NOW)
    assert await store.change(ended, gone)
    assert await entry(database_url) == ("settled", 3, 84_000, True)


async def test_a_save_that_comes_too_late_leaves_the_entry_alone(
    wish: Generation, store: GenerationStore, database_url: str
) -> None:
    (claim,) = await store.claim(Work.SUBMIT, now=NOW, limit=1, lease_for=LEASE)
    assert await store.change(wish, wish.cancelled(NOW))
    assert await store.save(claim, running(wish).succeeded(finished(3), NOW)) is None
    assert await entry(database_url) == ("returned", 0, 0, True)


@pytest.mark.parametrize(
    ("reason", "cost", "expected"),
    [
        (FailureReason.CONTENT_POLICY, None, ("returned", 0, 0, True)),
        (FailureReason.NO_USABLE_RESULT, None, ("returned", 0, 0, True)),
        (FailureReason.NO_USABLE_RESULT, "0", ("returned", 0, 0, True)),
        (FailureReason.BUSY, None, ("returned", 0, 0, True)),
        (FailureReason.UNKNOWN_OUTCOME, None, ("settled", 0, 84_000, False)),
        (FailureReason.LOST, None, ("settled", 0, 84_000, False)),
        (FailureReason.NO_PICTURES, "0", ("settled", 0, 0, True)),
        (FailureReason.NO_PICTURES, "0.056", ("settled", 0, 56_000, True)),
        (FailureReason.NO_USABLE_RESULT, "0.01", ("settled", 0, 10_000, True)),
    ],
)
async def test_a_failure_counts_no_pictures_and_only_money_that_may_be_gone(
    wish: Generation,
    store: GenerationStore,
    database_url: str,
    reason: FailureReason,
    cost: str | None,
    expected: tuple[object, ...],
) -> None:
    snapshot = None if cost is None else finished(0, cost)
    assert await store.change(wish, running(wish).failed(reason, now=NOW, snapshot=snapshot))
    assert await entry(database_url) == expected


async def test_what_waited_in_vain_is_given_back(
    wish: Generation, store: GenerationStore, database_url: str
) -> None:
    assert await store.change(wish, wish.expired(FailureReason.BUSY, NOW))
    assert await entry(database_url) == ("returned", 0, 0, True)


async def test_cancelling_gives_back_what_was_not_sent_yet(
    wish: Generation, store: GenerationStore, database_url: str
) -> None:
    assert await store.change(wish, wish.cancelled(NOW))
    assert await entry(database_url) == ("returned", 0, 0, True)


async def test_cancelling_what_is_on_its_way_keeps_the_money_counted_and_no_picture(
    wish: Generation, store: GenerationStore, database_url: str
) -> None:
    assert await store.change(wish, sent(wish).cancelled(NOW))
    assert await entry(database_url) == ("settled", 0, 84_000, False)


async def test_a_wish_that_came_back_unsent_can_be_cancelled_for_nothing(
    wish: Generation, store: GenerationStore, database_url: str
) -> None:
    back = sent(wish).requeued(now=NOW, due_at=NOW)
    assert await store.change(wish, back.cancelled(NOW))
    assert await entry(database_url) == ("returned", 0, 0, True)


async def test_a_wish_whose_id_is_taken_is_not_charged_twice(
    wish: Generation, store: GenerationStore, database_url: str
) -> None:
    with pytest.raises(DuplicateGeneration):
        await store.add(wish, booking=a_booking(pictures=1))
    assert await entry(database_url) == ("reserved", 3, 84_000, False)


async def test_a_wish_beyond_a_budget_is_not_stored(
    database: Database, store: GenerationStore
) -> None:
    budget = a_budget(4)
    await store.add(a_generation("one"), booking=a_booking(budget, pictures=3))
    with pytest.raises(Declined) as caught:
        await store.add(a_generation("two"), booking=a_booking(budget, pictures=2))
    assert caught.value.obstacle is Obstacle.BUDGET
    overrun = caught.value.facts["overrun"]
    assert isinstance(overrun, Overrun)
    assert (overrun.left, overrun.asked) == (Decimal(1), Decimal(2))
    assert await store.get("two") is None
    assert await used(database, budget) == a_charge(3)
    await store.add(a_generation("three"), booking=a_booking(budget, pictures=1))


async def test_what_was_given_back_can_be_used_again(store: GenerationStore) -> None:
    budget, first = a_budget(1), a_generation("one")
    await store.add(first, booking=a_booking(budget))
    assert await store.change(first, first.cancelled(NOW))
    await store.add(a_generation("two"), booking=a_booking(budget))


async def test_wishes_from_before_the_books_can_still_end(
    store: GenerationStore, database_url: str
) -> None:
    old = a_generation()
    await store.add(old)
    assert await store.change(old, old.cancelled(NOW))
    assert await run_sql(database_url, ENTRIES) == []


@dataclass(frozen=True, kw_only=True)
class Spender:
    """Who wishes, and from where."""

    guild: int | None = GUILD
    channel: int = CHANNEL
    user: int = PERSON
    roles: tuple[int, ...] = ()


async def spend(store: GenerationStore, name: str, who: Spender, *budgets: Budget) -> None:
    placement = a_placement(guild_id=who.guild, channel_id=who.channel, user_id=who.user)
    booking = a_booking(*budgets, channel_id=who.channel, role_ids=who.roles)
    await store.add(a_generation(name, placement=placement), booking=booking)


HOLDER = Spender(user=1, roles=(ROLE, 71))


@pytest.mark.parametrize(
    ("budget", "counted", "not_counted"),
    [
        (a_budget(scope=Scope.OPERATOR), (Spender(guild=None), Spender(guild=501)), ()),
        (
            a_budget(scope=Scope.SERVER),
            (Spender(channel=301), Spender(user=601)),
            (Spender(guild=None), Spender(guild=501)),
        ),
        (
            a_budget(scope=Scope.CHANNEL, target_id=CHANNEL),
            (Spender(user=601), Spender()),
            (Spender(channel=301), Spender(guild=501)),
        ),
        (
            a_budget(scope=Scope.ROLE, target_id=ROLE),
            (HOLDER, replace(HOLDER, user=2)),
            (Spender(roles=(71,)), replace(HOLDER, guild=501)),
        ),
        (
            a_budget(scope=Scope.EVERYONE),
            (Spender(), Spender(channel=301)),
            (Spender(user=601), Spender(guild=501)),
        ),
        (
            a_budget(scope=Scope.PERSON, target_id=PERSON),
            (Spender(), Spender(channel=301)),
            (Spender(user=601), Spender(guild=None)),
        ),
    ],
    ids=lambda value: value.scope if isinstance(value, Budget) else "",
)
async def test_a_budget_counts_what_is_in_its_scope_and_nothing_else(
    store: GenerationStore,
    database: Database,
    budget: Budget,
    counted: tuple[Spender, ...],
    not_counted: tuple[Spender, ...],
) -> None:
    for number, who in enumerate((*counted, *not_counted)):
        await spend(store, f"wish-{number}", who)
    assert (await used(database, budget)).pictures == len(counted)
    with pytest.raises(Declined):
        await spend(store, "last", counted[0], budget)


async def test_everyone_has_the_budget_of_everyone_for_themselves(store: GenerationStore) -> None:
    budget = a_budget(1, scope=Scope.EVERYONE)
    await spend(store, "one", Spender(user=1), budget)
    await spend(store, "two", Spender(user=2), budget)
    with pytest.raises(Declined):
        await spend(store, "three", Spender(user=1), budget)


@pytest.mark.parametrize(
    ("period", "still", "anew"),
    [
        (Period.DAY, "2026-01-02T23:59:59+00:00", "2026-01-03T00:00:00+00:00"),
        (Period.WEEK, "2026-01-04T23:59:59+00:00", "2026-01-05T00:00:00+00:00"),
        (Period.MONTH, "2026-01-31T23:59:59+00:00", "2026-02-01T00:00:00+00:00"),
    ],
)
async def test_a_budget_begins_anew_with_its_period(
    store: GenerationStore, period: Period, still: str, anew: str
) -> None:
    budget = a_budget(1, period=period)
    await store.add(a_generation("one"), booking=a_booking(budget))
    late = a_generation("two", created_at=datetime.fromisoformat(still))
    with pytest.raises(Declined):
        await store.add(late, booking=a_booking(budget))
    await store.add(
        replace(late, created_at=datetime.fromisoformat(anew)), booking=a_booking(budget)
    )


async def test_a_wish_counts_on_the_day_it_was_queued_however_late_it_ends(
    wish: Generation, store: GenerationStore, database: Database
) -> None:
    assert await store.change(wish, running(wish).succeeded(finished(3, "0.1"), NOW + 2 * DAY))
    budget = a_budget(unit=Unit.USD)
    assert (await used(database, budget)).usd == Decimal("0.1")
    assert (await used(database, budget, now=NOW + 2 * DAY)).usd == 0


@pytest.mark.parametrize(
    ("limits", "obstacle"),
    [
        ({"most_open_of_person": 1}, Obstacle.OWN_OPEN),
        ({"most_open_in_server": 1}, Obstacle.SERVER_OPEN),
    ],
)
async def test_only_so_many_wishes_may_be_open(
    store: GenerationStore, limits: dict[str, int], obstacle: Obstacle
) -> None:
    first, booking = a_generation("one"), a_booking(**limits)
    await store.add(first, booking=booking)
    with pytest.raises(Declined) as caught:
        await store.add(a_generation("two"), booking=booking)
    assert (caught.value.obstacle, caught.value.facts["most"]) == (obstacle, 1)
    assert await store.change(first, first.cancelled(NOW))
    await store.add(a_generation("three"), booking=booking)


async def test_the_open_wishes_of_others_and_elsewhere_are_not_ones_own(
    store: GenerationStore,
) -> None:
    await spend(store, "another's", Spender(user=601))
    await spend(store, "elsewhere", Spender(guild=501))
    await store.add(a_generation("one"), booking=a_booking(most_open_of_person=1))


@pytest.mark.parametrize(
    "limit",
    [
        {"budgets": (a_budget(5),)},
        {"budgets": (a_budget("0.14", unit=Unit.USD, scope=Scope.OPERATOR),)},
        {"most_open_of_person": 5},
    ],
    ids=["pictures", "dollars", "open"],
)
async def test_two_programs_that_reserve_at_once_never_pass_a_limit(
    database_url: str, limit: dict[str, Any]
) -> None:
    booking = a_booking(**limit)
    async with Database.open(database_url) as one, Database.open(database_url) as other:
        stores = [GenerationStore(one), GenerationStore(other)]
        taken = await asyncio.gather(
            *(
                stores[number % 2].add(a_generation(f"wish-{number}"), booking=booking)
                for number in range(16)
            ),
            return_exceptions=True,
        )
    refused = [error for error in taken if error is not None]
    assert {type(error) for error in refused} == {Declined}
    assert len(taken) - len(refused) == 5
    assert len(await run_sql(database_url, ENTRIES)) == 5


PEOPLE = (1, 2)
BUDGETS = (
    a_budget(12, scope=Scope.OPERATOR),
    a_budget("0.25", unit=Unit.USD),
    a_budget(5, scope=Scope.EVERYONE, unit=Unit.PICTURES),
)
ENDS = st.sampled_from(("made", "made unpriced", "refused", "lost", "cancelled", "cancelled early"))
ACTS = st.one_of(
    st.tuples(st.just("wish"), st.sampled_from(PEOPLE), st.integers(1, 4)),
    st.tuples(st.just("end"), st.integers(0, 9), ENDS),
    st.tuples(st.just("restart"), st.just(0), st.just(0)),
)


@dataclass(kw_only=True)
class Shadow:
    """The books as they should be: who, and what counts, of every wish that was taken."""

    charged: dict[str, tuple[int, Charge]] = field(default_factory=dict)
    open: dict[str, Generation] = field(default_factory=dict)

    def used(self, budget: Budget, user: int) -> Charge:
        counted = [
            charge
            for owner, charge in self.charged.values()
            if budget.scope is not Scope.EVERYONE or owner == user
        ]
        return Charge(
            pictures=sum(charge.pictures for charge in counted),
            usd=sum((charge.usd for charge in counted), Decimal(0)),
        )

    def allows(self, user: int, charge: Charge) -> bool:
        return all(
            self.used(budget, user).of(budget.unit) + charge.of(budget.unit) <= budget.amount
            for budget in BUDGETS
        )


def an_end(wish: Generation, how: str, charge: Charge) -> tuple[Generation, Charge]:
    """Return an ended wish, and what it should count."""
    n, gone = charge.pictures, replace(charge, pictures=0)
    match how:
        case "made":
            return running(wish).succeeded(finished(n, "0.05"), NOW), Charge(
                pictures=n, usd=Decimal("0.05")
            )
        case "made unpriced":
            return running(wish).succeeded(finished(n), NOW), charge
        case "refused":
            return sent(wish).failed(FailureReason.CONTENT_POLICY, now=NOW), a_charge(0)
        case "lost":
            return running(wish).failed(FailureReason.LOST, now=NOW), gone
        case "cancelled":
            return running(wish).cancelled(NOW), gone
        case _:
            return wish.cancelled(NOW), a_charge(0)


async def live(url: str, acts: list[tuple[Any, ...]]) -> None:
    shadow, left = Shadow(), list(enumerate(acts))
    while left:
        async with Database.open(url) as database:
            store = GenerationStore(database)
            while left:
                number, (kind, which, more) = left.pop(0)
                if kind == "restart":
                    break
                if kind == "wish":
                    await _wish(store, shadow, f"wish-{number}", which, more)
                elif shadow.open:
                    await _end(store, shadow, which, more)
                for user in PEOPLE:
                    found = await BudgetStore(database).used(BUDGETS, GUILD, user, NOW)
                    assert found == [(each, shadow.used(each, user)) for each in BUDGETS]


async def _wish(store: GenerationStore, shadow: Shadow, name: str, user: int, n: int) -> None:
    wish = a_generation(name, placement=a_placement(user_id=user))
    may = shadow.allows(user, a_charge(n))
    try:
        await store.add(wish, booking=a_booking(*BUDGETS, pictures=n))
    except Declined:
        assert not may
    else:
        assert may
        shadow.charged[name], shadow.open[name] = (user, a_charge(n)), wish


async def _end(store: GenerationStore, shadow: Shadow, which: int, how: str) -> None:
    name = sorted(shadow.open)[which % len(shadow.open)]
    wish = shadow.open.pop(name)
    user, charge = shadow.charged[name]
    ended, counted = an_end(wish, how, charge)
    assert await store.change(wish, ended)
    shadow.charged[name] = (user, counted)


@pytest.mark.parametrize("engine_name", ["sqlite"])
@settings(thoroughly, max_examples=15)
@given(acts=st.lists(ACTS, min_size=3, max_size=25))
def test_whatever_happens_in_whatever_order_the_sums_are_those_of_the_wishes(
    engine_name: str, sqlite_template: Path, acts: list[tuple[Any, ...]]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "kirin.sqlite3")
        shutil.copyfile(sqlite_template, file)
        asyncio.run(live(f"sqlite+aiosqlite:///{file}", acts))
