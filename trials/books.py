"""The books in a world: its limits, and what must be true of every entry.

All is counted anew from the wishes and from what the provider has really made.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal

from kirin.budgets import NOTHING, Budget, Charge, Period, Scope, Unit, parse_budgets
from kirin.model import FailureReason, Generation, Placement, Status
from kirin.store import BudgetStore, Database, ServerStore
from trials.evidence import Evidence, Sum

PRICE = Decimal("0.028")
"""What a picture is expected to cost, in US dollars; the settings' default."""

MOST_OPEN_PER_PERSON = 2
_STRICT_ABOUT_OPEN_WISHES = 20
_OWN_BUDGETS = {
    10: (
        Budget(scope=Scope.SERVER, period=Period.DAY, unit=Unit.PICTURES, amount=Decimal(9)),
        Budget(scope=Scope.EVERYONE, period=Period.WEEK, unit=Unit.USD, amount=Decimal("0.15")),
    ),
    20: (
        Budget(
            scope=Scope.CHANNEL,
            target_id=320,
            period=Period.MONTH,
            unit=Unit.PICTURES,
            amount=Decimal(10),
        ),
    ),
}
_PERHAPS_PAID = {
    FailureReason.UNKNOWN_OUTCOME,
    FailureReason.LOST,
    FailureReason.DEADLINE,
    FailureReason.NO_PICTURES,
}


async def set_limits(database: Database, now: datetime) -> None:
    """Let the servers of a world decide what may be spent there."""
    for guild_id, budgets in _OWN_BUDGETS.items():
        for budget in budgets:
            await BudgetStore(database).set(guild_id, budget)
    await ServerStore(database).change(
        _STRICT_ABOUT_OPEN_WISHES, by=1, now=now, most_open_per_person=MOST_OPEN_PER_PERSON
    )


async def sums(
    database: Database, caps: Sequence[Budget], people: Sequence[int], now: datetime
) -> list[Sum]:
    """Ask the books what has been used of every limit."""
    found: list[Sum] = []
    for guild_id in (None, *_OWN_BUDGETS):
        budgets = (*caps, *_OWN_BUDGETS.get(guild_id or 0, ()))
        for user_id in people:
            used = await BudgetStore(database).used(budgets, guild_id, user_id, now)
            found += [
                Sum(budget=budget, guild_id=guild_id, user_id=user_id, used=charge)
                for budget, charge in used
            ]
    return found


def every_wish_is_in_the_books(evidence: Evidence) -> Iterator[str]:
    """Each wish has one entry, and each entry a wish."""
    stored = sorted(wish.external_task_id for wish in evidence.wishes)
    booked = sorted(entry.external_task_id for entry in evidence.entries)
    if stored != booked:
        yield f"the books have entries for {booked} where there are {stored}"


def every_entry_stands_as_its_wish(evidence: Evidence) -> Iterator[str]:
    """Open wishes are reserved; ended ones settled or given back, as their end says."""
    wishes = {wish.external_task_id: wish for wish in evidence.wishes}
    for entry in evidence.entries:
        wish = wishes.get(entry.external_task_id)
        if wish is None:
            continue
        found, expected = (entry.state, entry.charge), (_state(wish), _counted(wish))
        if found != expected:
            yield f"{entry.external_task_id} is booked as {found} where it is {expected}"


def no_money_goes_uncounted(evidence: Evidence) -> Iterator[str]:
    """What the provider has really made is counted, whatever we learned of it."""
    entries = {entry.external_task_id: entry for entry in evidence.entries}
    for wish in evidence.wishes:
        entry = entries.get(wish.external_task_id)
        cost = sum((task.cost or Decimal(0) for task in evidence.record(wish).tasks), Decimal(0))
        if entry is not None and wish.status.is_terminal and entry.charge.usd < cost:
            yield (
                f"{wish.external_task_id} was paid with {cost}, and {entry.charge.usd} is counted"
            )


def every_sum_is_that_of_its_wishes(evidence: Evidence) -> Iterator[str]:
    """What the books say of a limit is what the wishes have used."""
    for each in evidence.sums:
        concerned = [wish for wish in evidence.wishes if _is_counted(each, wish.placement)]
        expected = _total(map(_counted, concerned))
        if each.used != expected:
            yield f"of {each.budget} {each.used} is used where it should be {expected}"


def no_limit_is_passed(evidence: Evidence) -> Iterator[str]:
    """Nobody has reserved what was not there at that moment, in the order of reservations."""
    wishes = {wish.external_task_id: wish for wish in evidence.wishes}
    before: list[Generation] = []
    for entry in evidence.entries:
        wish = wishes.get(entry.external_task_id)
        if wish is None:
            continue
        if passed := _passed(evidence, wish.placement, wish.request.n, before, wish.created_at):
            yield f"{wish.external_task_id} was taken although it passes {passed}"
        before.append(wish)


def nobody_is_declined_without_cause(evidence: Evidence) -> Iterator[str]:
    """Whoever was declined would have passed a limit, if all that might count did."""
    for refusal in evidence.diary.declined:
        before = [wish for wish in evidence.wishes if wish.created_at <= refusal.at]
        if not _passed(
            evidence, refusal.placement, refusal.n, before, refusal.at, counting=_at_most
        ):
            yield f"user {refusal.placement.user_id} was declined {refusal.n} without a cause"


Counting = Callable[[Generation, datetime], Charge]


def _at_least(wish: Generation, moment: datetime) -> Charge:
    """What a wish surely counted at a moment."""
    ended = wish.finished_at is not None and wish.finished_at <= moment
    return _counted(wish) if ended else _estimate(wish.request.n)


def _at_most(wish: Generation, moment: datetime) -> Charge:
    """What a wish may have counted at a moment: its end may not have been written down yet."""
    ended = wish.finished_at is not None and wish.finished_at < moment
    return _counted(wish) if ended else _estimate(wish.request.n)


def _passed(
    evidence: Evidence,
    placement: Placement,
    n: int,
    before: Sequence[Generation],
    moment: datetime,
    *,
    counting: Counting = _at_least,
) -> str | None:
    """Name a limit that a wish passes, if those before count so."""
    for budget in _limits(evidence, placement):
        limit = Sum(
            budget=budget, guild_id=placement.guild_id, user_id=placement.user_id, used=NOTHING
        )
        counted = (each for each in before if _is_counted(limit, each.placement))
        used = _total(counting(each, moment) for each in counted)
        if used.of(budget.unit) + _estimate(n).of(budget.unit) > budget.amount:
            return str(budget)
    if placement.guild_id != _STRICT_ABOUT_OPEN_WISHES:
        return None
    late = counting is _at_most
    is_open = [each for each in before if _is_open(each, placement, moment, late=late)]
    return "the limit of open wishes" if len(is_open) >= MOST_OPEN_PER_PERSON else None


def _is_open(wish: Generation, placement: Placement, moment: datetime, *, late: bool) -> bool:
    same = (wish.placement.guild_id, wish.placement.user_id) == (
        placement.guild_id,
        placement.user_id,
    )
    end = wish.finished_at
    return same and (end is None or end > moment or (late and end == moment))


def _limits(evidence: Evidence, placement: Placement) -> tuple[Budget, ...]:
    caps = parse_budgets(evidence.plan.settings["OPERATOR_BUDGETS"])
    own = _OWN_BUDGETS.get(placement.guild_id or 0, ())
    return (*caps, *(each for each in own if each.target_id in {0, placement.channel_id}))


def _is_counted(limit: Sum, placement: Placement) -> bool:
    if limit.budget.scope is Scope.OPERATOR:
        return True
    if placement.guild_id != limit.guild_id:
        return False
    match limit.budget.scope:
        case Scope.CHANNEL:
            return placement.channel_id == limit.budget.target_id
        case Scope.EVERYONE:
            return placement.user_id == limit.user_id
        case _:
            return True


def _estimate(n: int) -> Charge:
    return Charge(pictures=n, usd=PRICE * n)


def _state(wish: Generation) -> str:
    if not wish.status.is_terminal:
        return "reserved"
    is_settled = wish.status is Status.SUCCEEDED or wish.cost or _is_perhaps_paid(wish)
    return "settled" if is_settled else "returned"


def _counted(wish: Generation) -> Charge:
    """What a wish counts now that it stands as it does."""
    match _state(wish):
        case "reserved":
            return _estimate(wish.request.n)
        case "settled":
            usd = _estimate(wish.request.n).usd if wish.cost is None else wish.cost
            is_made = wish.status is Status.SUCCEEDED
            return Charge(pictures=len(wish.output) if is_made else 0, usd=usd)
        case _:
            return NOTHING


def _is_perhaps_paid(wish: Generation) -> bool:
    if wish.status is Status.CANCELLED:
        return wish.submitted_at is not None
    return wish.failure in _PERHAPS_PAID


def _total(charges: Iterator[Charge]) -> Charge:
    found = list(charges)
    return Charge(
        pictures=sum(charge.pictures for charge in found),
        usd=sum((charge.usd for charge in found), Decimal(0)),
    )


INVARIANTS = (
    every_wish_is_in_the_books,
    every_entry_stands_as_its_wish,
    no_money_goes_uncounted,
    every_sum_is_that_of_its_wishes,
    no_limit_is_passed,
    nobody_is_declined_without_cause,
)
