"""The gate to the provider: when nothing is sent, what is probed, and how many calls there are."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kirin.breaker import FIRST_WAIT, LONGEST_WAIT, TRIPS_AFTER, WINDOW, Circuit
from kirin.bucket import TokenBucket
from kirin.errors import (
    AuthenticationFailed,
    NoAnswer,
    NotSent,
    ProviderTrouble,
    RateLimited,
    TaskNotFound,
    UnreadableAnswer,
)
from kirin.model import GenerationRequest, TaskSnapshot, TaskState
from kirin.stages import Gate, GatedProvider
from kirin.store import Claim, Work
from tests.kirin.kirin_factories import NOW, SECOND, a_generation, thoroughly

KINDS = (Work.SUBMIT, Work.RESOLVE, Work.POLL)
LOSSES = (NotSent, NoAnswer, ProviderTrouble, UnreadableAnswer)
ANSWERS = (RateLimited, TaskNotFound, AuthenticationFailed)


@dataclass(kw_only=True)
class Hands:
    """A clock that is moved by hand."""

    moment: datetime = NOW

    def now(self) -> datetime:
        return self.moment

    def wait(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)


@dataclass(kw_only=True)
class ScriptedProvider:
    """Answers every call, or raises what it was given."""

    error: Exception | None = None
    calls: list[str] = field(default_factory=list)

    async def create(
        self,
        request: GenerationRequest,
        *,
        external_task_id: str,
        image: bytes | None = None,
        callback_url: str | None = None,
    ) -> TaskSnapshot:
        return self._answer(external_task_id)

    async def read(self, task_id: str) -> TaskSnapshot:
        return self._answer(task_id)

    async def look_up(self, external_task_id: str) -> TaskSnapshot:
        return self._answer(external_task_id)

    def _answer(self, name: str) -> TaskSnapshot:
        self.calls.append(name)
        if self.error is not None:
            raise self.error
        return TaskSnapshot(task_id=name, state=TaskState.RUNNING)


@pytest.fixture
def hands() -> Hands:
    return Hands()


@pytest.fixture
def bells() -> list[Work]:
    return []


@pytest.fixture
def gate(hands: Hands, bells: list[Work]) -> Gate:
    return Gate(rate=20, now=hands.now, jitter=lambda: 0.5, ring=bells.append)


@pytest.fixture
def dead(gate: Gate) -> GatedProvider:
    return GatedProvider(ScriptedProvider(error=NoAnswer("nothing")), gate)


@pytest.fixture
def alive(gate: Gate) -> GatedProvider:
    return GatedProvider(ScriptedProvider(), gate)


def a_claim(work: Work, lease: str = "lease") -> Claim:
    return Claim(generation=a_generation(), work=work, lease=lease)


async def fail(provider: GatedProvider, times: int = TRIPS_AFTER) -> None:
    for _ in range(times):
        with suppress(NoAnswer):
            await provider.read("task")


def probe(gate: Gate, work: Work) -> Claim | None:
    """Let one kind of work take on a row, if it may."""
    door = gate.door(work)
    room = door.enter(16)
    if not room:
        return None
    assert room == 1
    claim = a_claim(work, lease=f"probe by {work}")
    door.settle(room, [claim])
    return claim


async def test_gate_opens_after_failures_in_a_row(gate: Gate, dead: GatedProvider) -> None:
    await fail(dead, TRIPS_AFTER - 1)
    assert [gate.room(work, 1) for work in KINDS] == [1, 1, 1]
    await fail(dead, 1)
    assert gate.is_open
    assert [gate.room(work, 1) for work in KINDS] == [0, 0, 0]


@pytest.mark.parametrize("loss", LOSSES)
async def test_every_call_without_a_usable_answer_counts(gate: Gate, loss: type[Exception]) -> None:
    provider = GatedProvider(ScriptedProvider(error=loss("nothing")), gate)
    for _ in range(TRIPS_AFTER):
        with pytest.raises(loss):
            await provider.look_up("wish")
    assert gate.is_open


@pytest.mark.parametrize("answer", ANSWERS)
async def test_refusals_are_answers(
    gate: Gate, dead: GatedProvider, answer: type[Exception]
) -> None:
    provider = GatedProvider(ScriptedProvider(error=answer("no")), gate)
    for _ in range(5):
        await fail(dead, TRIPS_AFTER - 1)
        with pytest.raises(answer):
            await provider.read("task")
    assert not gate.is_open


async def test_failures_far_apart_do_not_open_the_gate(
    gate: Gate, dead: GatedProvider, hands: Hands
) -> None:
    for _ in range(20):
        await fail(dead, 1)
        hands.wait(WINDOW.total_seconds() / (TRIPS_AFTER - 1) + 1)
    assert not gate.is_open


async def test_bug_in_a_call_says_nothing_about_the_provider(gate: Gate) -> None:
    provider = GatedProvider(ScriptedProvider(error=ValueError("a bug")), gate)
    for _ in range(2 * TRIPS_AFTER):
        with pytest.raises(ValueError, match="a bug"):
            await provider.read("task")
    assert not gate.is_open


async def test_one_read_probes_after_the_wait_and_an_answer_closes_the_gate(
    gate: Gate, dead: GatedProvider, alive: GatedProvider, hands: Hands, bells: list[Work]
) -> None:
    await fail(dead)
    hands.wait(FIRST_WAIT - 0.001)
    assert [probe(gate, work) for work in KINDS] == [None] * 3
    hands.wait(0.001)
    assert probe(gate, Work.SUBMIT) is None
    assert probe(gate, Work.POLL) is not None
    hands.wait(60)
    assert [probe(gate, work) for work in KINDS] == [None] * 3
    bells.clear()
    await alive.read("task")
    assert not gate.is_open
    assert set(bells) == set(KINDS)
    assert gate.room(Work.SUBMIT, 5) == 5


async def test_create_probes_where_nothing_else_is_due(
    gate: Gate, dead: GatedProvider, hands: Hands
) -> None:
    await fail(dead)
    opens_at = gate.opens_at(Work.SUBMIT)
    assert opens_at is not None
    assert opens_at - hands.moment == timedelta(seconds=FIRST_WAIT + 2)
    hands.moment = opens_at
    assert probe(gate, Work.SUBMIT) is not None


async def test_polls_and_lookups_probe_by_turns_and_no_create_is_risked(
    gate: Gate, dead: GatedProvider, hands: Hands
) -> None:
    await fail(dead)
    seen = []
    for _ in range(6):
        while not (taken := [work for work in KINDS if probe(gate, work)]):
            hands.wait(0.5)
        seen += taken
        await fail(dead, 1)
    assert seen == [Work.POLL, Work.RESOLVE] * 3


async def test_probe_that_makes_no_call_leaves_room_for_another(
    gate: Gate, dead: GatedProvider, hands: Hands
) -> None:
    await fail(dead)
    hands.wait(FIRST_WAIT + 2)
    claim = probe(gate, Work.SUBMIT)
    assert claim is not None
    assert probe(gate, Work.POLL) is None
    gate.door(Work.SUBMIT).done(claim)
    assert probe(gate, Work.POLL) is not None


async def test_place_for_a_probe_that_nobody_fills_is_free_again(
    gate: Gate, dead: GatedProvider, hands: Hands
) -> None:
    await fail(dead)
    hands.wait(FIRST_WAIT + 2)
    door = gate.door(Work.POLL)
    assert door.enter(8) == 1
    assert gate.opens_at(Work.SUBMIT) is None
    door.settle(1, [])
    assert probe(gate, Work.RESOLVE) is not None


async def test_people_hear_of_it_only_when_a_probe_has_confirmed_it(
    gate: Gate, dead: GatedProvider, alive: GatedProvider, hands: Hands, bells: list[Work]
) -> None:
    await fail(dead)
    assert gate.down_since is None
    assert Work.REPORT not in bells
    for _ in range(4):
        hands.wait(LONGEST_WAIT * 1.2)
        assert probe(gate, Work.SUBMIT)
        await fail(dead, 1)
        assert gate.down_since == NOW
    assert bells.count(Work.REPORT) == 1
    await alive.read("task")
    assert gate.down_since is None
    assert bells.count(Work.REPORT) == 2


async def test_late_failure_of_a_call_from_before_changes_nothing(
    gate: Gate, dead: GatedProvider, alive: GatedProvider, hands: Hands
) -> None:
    slow = [gate.listening() for _ in range(3 * TRIPS_AFTER)]
    for call in slow:
        call.__enter__()
    await fail(dead)
    hands.wait(FIRST_WAIT + 2)
    assert probe(gate, Work.POLL)
    await alive.read("task")
    for call in slow:
        assert call.__exit__(NoAnswer, NoAnswer("at last"), None) in {None, False}
    assert not gate.is_open


# the automaton, beside a model that is written another way


@dataclass(kw_only=True)
class Model:
    """What the circuit should do: a state's name, and what was seen since it began."""

    state: str = "closed"
    in_a_row: list[datetime] = field(default_factory=list)
    ready_at: datetime = NOW
    in_vain: int = 0

    def wait(self, now: datetime) -> None:
        self.state = "waiting"
        self.ready_at = now + SECOND * min(FIRST_WAIT * 2**self.in_vain, LONGEST_WAIT)

    def fail(self, now: datetime) -> None:
        if self.state == "closed":
            self.in_a_row.append(now)
            if len([moment for moment in self.in_a_row if moment >= now - WINDOW]) >= TRIPS_AFTER:
                self.wait(now)
        elif self.state == "probing":
            self.in_vain += 1
            self.wait(now)

    def answer(self) -> None:
        self.state, self.in_a_row, self.in_vain = "closed", [], 0

    def ask(self, now: datetime) -> bool:
        if self.state == "waiting" and now >= self.ready_at:
            self.state = "probing"
            return True
        return False


STEPS = st.lists(
    st.one_of(
        st.sampled_from(["fail", "fail", "fail", "answer", "ask", "ask", "stale"]),
        st.sampled_from([0.5, 5.0, 10.0, 61.0, 200.0, 301.0]),
    ),
    max_size=60,
)


@thoroughly
@given(STEPS)
def test_circuit_does_what_the_model_does(steps: list[str | float]) -> None:
    circuit, model, now = Circuit(), Model(), NOW
    for step in steps:
        match step:
            case "fail":
                circuit = circuit.failed(now, epoch=circuit.epoch, jitter=0.5)
                model.fail(now)
            case "stale":
                circuit = circuit.failed(now, epoch=circuit.epoch - 1, jitter=0.5)
            case "answer":
                circuit = circuit.answered()
                model.answer()
            case "ask":
                may = circuit.may_probe(now)
                assert may is model.ask(now)
                circuit = circuit.probing() if may else circuit
            case float():
                now += timedelta(seconds=step)
        assert circuit.is_open is (model.state != "closed")
        assert circuit.is_probing is (model.state == "probing")
        assert (circuit.down_since is not None) is (model.in_vain > 0)


@pytest.mark.parametrize("jitter", [0.0, 1.0])
def test_waits_are_spread(jitter: float) -> None:
    circuit = Circuit()
    for _ in range(TRIPS_AFTER):
        circuit = circuit.failed(NOW, epoch=circuit.epoch, jitter=jitter)
    assert circuit.probe_at == NOW + SECOND * FIRST_WAIT * (0.9 + 0.2 * jitter)


# the budget


def test_burst_is_a_seconds_worth_and_then_tokens_come_one_by_one(hands: Hands) -> None:
    bucket = TokenBucket(rate=lambda: 20, now=hands.now)
    assert bucket.take(100) == 20
    assert bucket.take(1) == 0
    assert bucket.ready_at() - hands.moment == pytest.approx(SECOND / 20, abs=SECOND / 10**5)
    hands.moment = bucket.ready_at()
    assert bucket.take(100) == 1


@pytest.mark.parametrize("greedy", KINDS)
def test_every_kind_of_work_leaves_some_room_for_the_others(gate: Gate, greedy: Work) -> None:
    assert gate.room(greedy, 100) >= 10
    assert gate.room(greedy, 1) == 0
    assert all(gate.room(work, 1) == 1 for work in KINDS if work is not greedy)


@pytest.mark.parametrize("work", KINDS)
@pytest.mark.parametrize("rate", [0.1, 1, 2, 3, 50])
def test_nobody_is_starved_by_what_is_kept_for_others(
    rate: float, work: Work, hands: Hands
) -> None:
    gate = Gate(rate=rate, now=hands.now, jitter=lambda: 0.5)
    for _ in range(int(10 * rate) + 10):
        opens_at = gate.opens_at(work)
        assert opens_at is not None
        hands.moment = max(hands.moment, opens_at)
        assert gate.room(work, 1) == 1
    idle = hands.moment - NOW
    assert idle.total_seconds() <= 10 + 11 / rate


SHARES = {Work.POLL: 0.5, Work.SUBMIT: 0.2, Work.RESOLVE: 0.1}


@thoroughly
@given(
    st.permutations(KINDS),
    st.lists(st.tuples(st.floats(0.001, 1.0), st.integers(0, 40), st.integers(0, 40))),
    st.sampled_from([0.5, 1.0, 5.0, 20.0, 200.0]),
)
def test_each_kind_gets_its_share_whatever_the_others_take(
    order: list[Work], steps: list[tuple[float, int, int]], rate: float
) -> None:
    hands = Hands()
    gate = Gate(rate=rate, now=hands.now, jitter=lambda: 0.5)
    greedy, other, patient = order
    got = 0
    for wait, wanted, needed in [*steps, *[(0.1, 40, 40)] * 50]:
        hands.wait(min(wait, 1 / rate))
        door = gate.door(greedy)
        room = door.enter(wanted)
        door.settle(room, [a_claim(greedy)] * min(room, needed))
        gate.room(other, wanted)
        got += gate.room(patient, 40)
    seconds = (hands.moment - NOW).total_seconds()
    assert got >= int(rate * seconds * SHARES[patient] + 1e-6)


def test_a_hundred_wishes_do_not_hold_up_the_polls(hands: Hands) -> None:
    gate = Gate(rate=5, now=hands.now, jitter=lambda: 0.5)
    creates, polls = 0, 0
    for _ in range(2000):
        hands.wait(0.01)
        creates += gate.room(Work.SUBMIT, 16)
        polls += gate.room(Work.POLL, 32)
    assert creates + polls <= 5 * 20 + 5
    assert polls >= 50
    assert creates >= 25


def test_room_that_is_not_needed_is_given_back(gate: Gate) -> None:
    door = gate.door(Work.SUBMIT)
    room = door.enter(16)
    door.settle(room, [a_claim(Work.SUBMIT)])
    assert gate.room(Work.SUBMIT, 100) == room - 1


def test_each_of_several_workers_takes_its_part(hands: Hands) -> None:
    workers = [1.0]
    gate = Gate(rate=20, now=hands.now, jitter=lambda: 0.5, share=lambda: 1 / workers[0])
    workers[0] = 4
    assert 4 <= sum(gate.room(work, 100) for work in KINDS) <= 5
    hands.wait(4)
    assert 4 <= sum(gate.room(work, 100) for work in KINDS) <= 5


async def test_extra_call_is_paid_for_by_those_that_follow(gate: Gate, hands: Hands) -> None:
    extra = GatedProvider(ScriptedProvider(), gate, is_extra=True)
    room = gate.room(Work.SUBMIT, 20)
    assert 0 < room < 20
    await extra.look_up("wish")
    opens_at = gate.opens_at(Work.SUBMIT)
    assert opens_at is not None
    assert opens_at - hands.moment > SECOND / 20
    hands.moment = opens_at - SECOND / 1000
    assert gate.room(Work.SUBMIT, 1) == 0
    hands.moment = opens_at
    assert gate.room(Work.SUBMIT, 1) == 1


TAKES = st.lists(
    st.tuples(
        st.floats(min_value=0, max_value=3), st.integers(0, 40), st.integers(0, 40), st.booleans()
    ),
    max_size=40,
)


@thoroughly
@given(TAKES, st.sampled_from([0.5, 1, 2.5, 20, 333]))
def test_budget_is_exceeded_in_no_window(
    takes: list[tuple[float, int, int, bool]], rate: float
) -> None:
    hands = Hands()
    bucket = TokenBucket(rate=lambda: rate, now=hands.now)
    used: list[tuple[datetime, int]] = []
    for wait, wanted, needed, goes_back in takes:
        hands.wait(-wait / 10 if goes_back else wait)
        taken = bucket.take(wanted)
        bucket.give_back(max(0, taken - needed))
        used.append((hands.moment, min(taken, needed)))
    if any(goes_back for *_, goes_back in takes):
        assert bucket.tokens <= bucket.capacity
        return
    for start, (since, _) in enumerate(used):
        for end in range(start, len(used)):
            spent = sum(count for _, count in used[start : end + 1])
            seconds = (used[end][0] - since).total_seconds()
            assert spent <= rate * seconds + bucket.capacity + 1e-3


@thoroughly
@given(st.floats(0.05, 500), st.lists(st.integers(0, 50), max_size=10))
def test_token_is_there_at_the_moment_that_was_named(rate: float, takes: list[int]) -> None:
    hands = Hands()
    bucket = TokenBucket(rate=lambda: rate, now=hands.now)
    for wanted in takes:
        bucket.take(wanted)
        if bucket.ready_at() > hands.moment:
            assert bucket.take(1) == 0
        hands.moment = bucket.ready_at()
        assert bucket.take(1) == 1


@thoroughly
@given(
    st.floats(0.05, 500),
    st.lists(st.tuples(st.sampled_from(KINDS), st.integers(0, 50), st.floats(0, 1)), max_size=10),
    st.sampled_from(KINDS),
)
def test_shared_token_is_there_at_the_moment_that_was_named(
    rate: float, takes: list[tuple[Work, int, float]], work: Work
) -> None:
    hands = Hands()
    gate = Gate(rate=rate, now=hands.now, jitter=lambda: 0.5)
    for kind, wanted, wait in takes:
        gate.room(kind, wanted)
        hands.wait(wait / rate)
        opens_at = gate.opens_at(work)
        assert opens_at is not None
        if opens_at > hands.moment:
            hands.moment = opens_at - min(SECOND / 1000, (opens_at - hands.moment) / 2)
            assert gate.room(work, 1) == 0
        hands.moment = opens_at
        assert gate.room(work, 1) == 1


def hours_of_outage(gate: Gate, hands: Hands, hours: int) -> Iterator[Work]:
    """Live through an outage in which all kinds of work are always due; name each call's."""
    end = hands.moment + timedelta(hours=hours)
    while hands.moment < end:
        for work in KINDS:
            if probe(gate, work):
                yield work
        opens = [opens_at for work in KINDS if (opens_at := gate.opens_at(work))]
        hands.moment = max(hands.moment + SECOND / 100, min(opens))


async def test_dead_provider_gets_some_sixty_probes_an_hour(
    gate: Gate, dead: GatedProvider, hands: Hands
) -> None:
    await fail(dead)
    probes: list[Work] = []
    for work in hours_of_outage(gate, hands, 1):
        probes.append(work)
        await fail(dead, 1)
    assert 55 <= len(probes) <= 65
    assert Work.SUBMIT not in probes
