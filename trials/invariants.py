"""What must be true of every run, whatever went wrong in it.

Each invariant yields a sentence for everything that breaks it. `check` runs them all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from kirin.model import FailureReason, Generation, Status
from kirin.stages.poller import LOST_AFTER
from trials import books
from trials.evidence import Evidence

Invariant = Callable[[Evidence], Iterator[str]]

_REFUSED = {
    FailureReason.CONTENT_POLICY,
    FailureReason.BALANCE,
    FailureReason.AUTHENTICATION,
}
_MADE_NOTHING = {FailureReason.NO_USABLE_RESULT: "failed", FailureReason.NO_PICTURES: "empty"}


def it_comes_to_rest(evidence: Evidence) -> Iterator[str]:
    """When faults stop, everything ends."""
    for what in evidence.unrest:
        yield f"it does not come to rest: {what}"


def nothing_unplanned_is_raised(evidence: Evidence) -> Iterator[str]:
    """No exception but those of the plan reaches a stage or the loop."""
    for mishap in evidence.mishaps:
        yield f"an exception that nobody planned: {mishap}"


def no_promise_is_forgotten(evidence: Evidence) -> Iterator[str]:
    """A wish that was accepted is in the store."""
    stored = {wish.external_task_id for wish in evidence.wishes}
    for external_task_id in evidence.diary.accepted:
        if external_task_id not in stored:
            yield f"{external_task_id} was accepted and is not stored"


def no_wish_is_paid_twice(evidence: Evidence) -> Iterator[str]:
    """The provider never has two tasks of one wish."""
    for wish in evidence.wishes:
        tasks = len(evidence.record(wish).tasks)
        if tasks > 1:
            yield f"{wish.external_task_id} has {tasks} tasks at the provider"


def nothing_is_made_that_nobody_asked_for(evidence: Evidence) -> Iterator[str]:
    """Every task at the provider belongs to a stored wish."""
    stored = {wish.external_task_id for wish in evidence.wishes}
    for external_task_id, record in evidence.upstream.records.items():
        if record.tasks and external_task_id not in stored:
            yield f"{external_task_id} is made at the provider and not stored"


def what_was_taken_is_not_sent_again(evidence: Evidence) -> Iterator[str]:
    """Where lookups tell the truth, no create arrives for a wish that the provider has."""
    if evidence.plan.shows_late:
        return
    for wish in evidence.wishes:
        record = evidence.record(wish)
        if record.duplicates > record.doubled:
            yield f"{wish.external_task_id} was sent although the provider had it"


def every_wish_ends(evidence: Evidence) -> Iterator[str]:
    """No wish is left open."""
    for wish in evidence.wishes:
        if not wish.status.is_terminal:
            yield f"{wish.external_task_id} is still {wish.status}"


def who_cancelled_is_obeyed(evidence: Evidence) -> Iterator[str]:
    """A wish that its owner has ended stays ended."""
    for wish in evidence.wishes:
        given_up = wish.external_task_id in evidence.diary.cancelled
        if given_up and wish.status is not Status.CANCELLED:
            yield f"{wish.external_task_id} was cancelled, and then {wish.status}"


def every_end_is_true(evidence: Evidence) -> Iterator[str]:
    """A wish ends as its task did, or for a reason that the world has really given."""
    for wish in evidence.wishes:
        if wish.status.is_terminal and (lie := _lie(evidence, wish)):
            yield f"{wish.external_task_id} ended as {wish.status} {wish.failure or ''}: {lie}"


def every_cost_is_the_providers(evidence: Evidence) -> Iterator[str]:
    """A wish that ended by its task costs what the provider says."""
    for wish in evidence.wishes:
        record = evidence.record(wish)
        by_task = wish.status is Status.SUCCEEDED or wish.failure in _MADE_NOTHING
        if by_task and record.tasks and wish.cost != record.tasks[0].cost:
            yield (
                f"{wish.external_task_id} costs {record.tasks[0].cost} and is said to cost "
                f"{wish.cost}"
            )


def every_outcome_is_shown(evidence: Evidence) -> Iterator[str]:
    """What the message of a delivered wish shows at last is its outcome."""
    for wish in evidence.wishes:
        if wish.delivered_at is not None and (what := _not_shown(evidence, wish)):
            yield f"{wish.external_task_id} is delivered, and its message {what}"


def what_is_not_shown_is_parked(evidence: Evidence) -> Iterator[str]:
    """Where Discord let nobody in, the outcome is kept, and its owner finds it."""
    for wish in evidence.wishes:
        name = wish.external_task_id
        if wish.delivered_at is not None:
            continue
        if not wish.is_stranded:
            yield f"{name} is neither delivered nor parked"
        elif evidence.message(wish).refused_at is None:
            yield f"{name} is parked, and Discord never refused its message"
        elif name not in evidence.listed.get(wish.placement.user_id, set()):
            yield f"{name} is parked, and its owner cannot find it"


def a_parked_outcome_can_be_fetched(evidence: Evidence) -> Iterator[str]:
    """Whoever asked for a parked outcome, when nothing went wrong any more, has got it."""
    for name in evidence.diary.fetched:
        wish = next((wish for wish in evidence.wishes if wish.external_task_id == name), None)
        if wish is None or wish.delivered_at is None:
            yield f"{name} was asked for by its owner and not brought"


def nothing_follows_an_outcome(evidence: Evidence) -> Iterator[str]:
    """A message that shows an outcome never shows a waiting card again."""
    for message in evidence.board.messages.values():
        kinds = [look.kind for _, look in message.looks]
        if "outcome" in kinds and set(kinds[kinds.index("outcome") :]) != {"outcome"}:
            yield f"message {message.message_id} shows {kinds[-1]} after its outcome"


def an_outcome_is_shown_once(evidence: Evidence) -> Iterator[str]:
    """An outcome is edited in again only where the answer to the first edit came to nothing."""
    if evidence.disruptions or evidence.plan.fault_rate:
        return
    for wish in evidence.wishes:
        shown = [look for _, look in evidence.message(wish).looks if look.kind == "outcome"]
        moves = evidence.diary.moves.get(wish.external_task_id, 0)
        if len(shown) > 1 + moves:
            yield f"{wish.external_task_id} was shown {len(shown)} times"


def a_message_has_one_editor(evidence: Evidence) -> Iterator[str]:
    """Two edits of one message are never under way at once."""
    for message in evidence.board.messages.values():
        if message.most_editors > 1:
            yield f"message {message.message_id} had {message.most_editors} editors at once"


def nothing_is_held(evidence: Evidence) -> Iterator[str]:
    """At rest nobody holds a wish."""
    for external_task_id in evidence.leased:
        yield f"{external_task_id} is still held"


def tokens_are_wiped(evidence: Evidence) -> Iterator[str]:
    """A wish that was delivered or parked keeps no token."""
    for wish in evidence.wishes:
        done = wish.delivered_at is not None or wish.is_stranded
        if done and wish.placement.token is not None:
            yield f"{wish.external_task_id} still has its token"


def polls_are_bounded(evidence: Evidence) -> Iterator[str]:
    """A task is read no oftener than every other second, beside some reads for each mishap."""
    for wish in evidence.wishes:
        lasted = ((wish.finished_at or evidence.now) - wish.created_at).total_seconds()
        most = 6 + 2 * evidence.disruptions + lasted / 2
        if wish.polls > most:
            yield f"{wish.external_task_id} was polled {wish.polls} times in {lasted:.0f} s"


INVARIANTS: tuple[Invariant, ...] = (
    it_comes_to_rest,
    nothing_unplanned_is_raised,
    no_promise_is_forgotten,
    no_wish_is_paid_twice,
    nothing_is_made_that_nobody_asked_for,
    what_was_taken_is_not_sent_again,
    every_wish_ends,
    who_cancelled_is_obeyed,
    every_end_is_true,
    every_cost_is_the_providers,
    every_outcome_is_shown,
    what_is_not_shown_is_parked,
    a_parked_outcome_can_be_fetched,
    nothing_follows_an_outcome,
    an_outcome_is_shown_once,
    a_message_has_one_editor,
    nothing_is_held,
    tokens_are_wiped,
    polls_are_bounded,
    *books.INVARIANTS,
)


def check(evidence: Evidence) -> list[str]:
    """Return a sentence for everything that is not as it must be."""
    return [broken for invariant in INVARIANTS for broken in invariant(evidence)]


def _lie(evidence: Evidence, wish: Generation) -> str | None:
    """Say why an end cannot be true."""
    record = evidence.record(wish)
    outcome = record.tasks[0].outcome if record.tasks else None
    if wish.status is Status.SUCCEEDED:
        return None if outcome == "completed" else f"the task {outcome or 'does not exist'}"
    if wish.status is Status.CANCELLED:
        gave_up = wish.external_task_id in evidence.diary.cancelled or evidence.disruptions
        return None if gave_up else "nobody gave it up"
    if wish.failure in _REFUSED:
        return None if record.refusals and not record.tasks else "the provider has not refused it"
    if wish.failure in _MADE_NOTHING:
        return None if outcome == _MADE_NOTHING[wish.failure] else f"the task {outcome}"
    return _patience(evidence, wish)


def _not_shown(evidence: Evidence, wish: Generation) -> str | None:
    """Say what the message of a delivered wish lacks."""
    looks = evidence.message(wish).looks
    if not looks:
        return "shows nothing"
    look = looks[-1][1]
    if look.kind != "outcome":
        return f"shows {look.kind}"
    if look.status is not wish.status:
        return f"says {look.status} where it {wish.status}"
    if look.cost != (None if wish.cost is None else str(wish.cost)):
        return f"says that it costs {look.cost} where it costs {wish.cost}"
    if wish.status is Status.SUCCEEDED and not 1 <= look.pictures <= wish.request.n:
        return f"has {look.pictures} pictures where {wish.request.n} were asked for"
    return None


def _patience(evidence: Evidence, wish: Generation) -> str | None:
    """Say why an end for want of patience or knowledge cannot be true."""
    record = evidence.record(wish)
    match wish.failure:
        case FailureReason.UNKNOWN_OUTCOME:
            known = not record.unanswered and not evidence.disruptions
            return "every create was answered" if known else None
        case FailureReason.BUSY:
            return "the provider has it" if record.tasks and not record.unanswered else None
        case FailureReason.LOST:
            hidden = max((task.most_hidden for task in record.tasks), default=0)
            return None if hidden > LOST_AFTER else f"it was hidden {hidden} times in a row"
        case FailureReason.DEADLINE:
            minutes = int(evidence.plan.settings["GENERATION_DEADLINE_MINUTES"])
            since = wish.submitted_at or wish.created_at
            lasted = (wish.finished_at or evidence.now) - since
            return None if lasted.total_seconds() >= minutes * 60 else "it had time left"
        case _:
            return "there is no such reason in this world"
