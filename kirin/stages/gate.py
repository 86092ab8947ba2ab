"""The gate to the provider: a circuit breaker and a budget of requests, before any row is taken.

Its state is this process's own and lives in memory; after a restart it is learned anew.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta

from kirin.breaker import Circuit
from kirin.bucket import SharedBucket
from kirin.errors import NoAnswer, ProviderError, ProviderTrouble, UnreadableAnswer
from kirin.model import GenerationRequest, TaskSnapshot
from kirin.stages.base import Clock, Jitter
from kirin.stages.provider import Provider
from kirin.store import Claim, Work

log = logging.getLogger(__name__)

_SILENCE = (NoAnswer, ProviderTrouble, UnreadableAnswer)  # a maintenance page says 200 at times
_KINDS = (Work.POLL, Work.RESOLVE, Work.SUBMIT)
_HEADSTART = timedelta(seconds=1)
_SHARES: Mapping[str, float] = {Work.POLL: 0.5, Work.SUBMIT: 0.2, Work.RESOLVE: 0.1}


class Gate:
    """Lets stages call the provider while it answers and while the budget lasts.

    `rate` are the calls a second that the account is allowed, `share` the part of them that is
    this process's own. However many wait, half of the calls can be polls, a fifth creates, a tenth
    lookups; the rest, and what one kind has no use for, is for whoever comes first. `ring` is
    called with every kind of work that may go on, and with REPORT when there is news for those who
    wait.
    """

    def __init__(
        self,
        *,
        rate: float,
        now: Clock,
        jitter: Jitter,
        share: Callable[[], float] = lambda: 1.0,
        ring: Callable[[Work], None] = lambda _work: None,
    ) -> None:
        self._now = now
        self._jitter = jitter
        self._ring = ring
        self._circuit = Circuit()
        self._probe: str | None = None
        self._probing: Work | None = None
        self._read_last: Work | None = None
        self.budget = SharedBucket(rate=lambda: rate * share(), shares=_SHARES, now=now)

    @property
    def is_open(self) -> bool:
        """Say whether calls are held back because none was answered."""
        return self._circuit.is_open

    @property
    def down_since(self) -> datetime | None:
        """Since when the provider is known to be out of reach; a hiccup is not worth telling."""
        return self._circuit.down_since

    def door(self, work: Work) -> GateDoor:
        """Return the door of one kind of work."""
        return GateDoor(self, work)

    def opens_at(self, work: Work) -> datetime | None:
        """Say when rows of this kind may be taken on; None: when a probe has come back."""
        if self._circuit.probe_at is None:
            return self.budget.ready_at(work)
        if self._circuit.is_probing:
            return None
        return max(self._turn(work), self.budget.any_ready_at())

    def room(self, work: Work, limit: int) -> int:
        """Reserve calls for up to `limit` rows; return how many."""
        if not self._circuit.is_open:
            return self.budget.take(limit, work)
        if not self._circuit.may_probe(self._now()) or self._now() < self._turn(work):
            return 0
        taken = self.budget.take_any() if limit else 0
        if taken:
            self._circuit = self._circuit.probing()
            self._probing = work
            if work is not Work.SUBMIT:
                self._read_last = work
        return taken

    def settle(self, work: Work, room: int, claims: Sequence[Claim]) -> None:
        """Give back what was reserved for more rows than there were."""
        self.budget.give_back(room - len(claims), work)
        if self._circuit.is_probing and work is self._probing:
            if claims:
                self._probe = claims[0].lease
            else:
                self._unprobe(but=work)

    def done(self, claim: Claim) -> None:
        """Note that a row's work has ended: a probe that made no call is free again."""
        if claim.lease == self._probe:
            self._unprobe()

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Make one call within, and learn from how it ends."""
        epoch = self._circuit.epoch
        try:
            yield
        except _SILENCE:
            self._learn(self._circuit.failed(self._now(), epoch=epoch, jitter=self._jitter()))
            raise
        except ProviderError:
            self._learn(self._circuit.answered())
            raise
        self._learn(self._circuit.answered())

    def _turn(self, work: Work) -> datetime:
        """Say when this kind may send the probe: polls and lookups by turns, then a create.

        What becomes of a create that is not answered may stay unknown, so it goes out only where
        there is nothing to read.
        """
        kinds = _KINDS if self._read_last is not Work.POLL else (_KINDS[1], _KINDS[0], _KINDS[2])
        return (self._circuit.probe_at or self._now()) + kinds.index(work) * _HEADSTART

    def _unprobe(self, *, but: Work | None = None) -> None:
        """Let another row be the probe; `but` has just found nothing to do."""
        self._probe = None
        self._circuit = self._circuit.unprobed()
        self._ring_all(but=but)

    def _learn(self, circuit: Circuit) -> None:
        before, self._circuit = self._circuit, circuit
        if circuit.epoch == before.epoch:
            return
        self._probe = None
        if circuit.is_open and not before.is_open:
            log.error("the provider does not answer; from now on it is only probed")
        elif not circuit.is_open:
            log.warning("the provider answers again, after %s", self._since(before))
        self._ring_all()
        if circuit.down_since != before.down_since:
            self._ring(Work.REPORT)

    def _since(self, circuit: Circuit) -> timedelta | None:
        return self._now() - circuit.since if circuit.since else None

    def _ring_all(self, *, but: Work | None = None) -> None:
        for work in _KINDS:
            if work is not but:
                self._ring(work)


class GateDoor:
    """The gate, as one stage sees it."""

    def __init__(self, gate: Gate, work: Work) -> None:
        self._gate = gate
        self._work = work

    @property
    def opens_at(self) -> datetime | None:
        """When there may be room; None: when a probe has come back."""
        return self._gate.opens_at(self._work)

    def enter(self, limit: int) -> int:
        """Reserve calls."""
        return self._gate.room(self._work, limit)

    def settle(self, room: int, claims: Sequence[Claim]) -> None:
        """Give back what was not needed."""
        self._gate.settle(self._work, room, claims)

    def done(self, claim: Claim) -> None:
        """Note that a row's work has ended."""
        self._gate.done(claim)


class GatedProvider:
    """The provider, with every outcome noted by the gate.

    A call belongs to a row, and its token was taken with the row; where `is_extra`, it is spent
    here. What `KirinClient` repeats within seconds has one outcome; it spends the
    tokens of the repeats.
    """

    def __init__(self, provider: Provider, gate: Gate, *, is_extra: bool = False) -> None:
        self._provider = provider
        self._gate = gate
        self._is_extra = is_extra

    async def create(
        self,
        request: GenerationRequest,
        *,
        external_task_id: str,
        image: bytes | None = None,
        callback_url: str | None = None,
    ) -> TaskSnapshot:
        """Send a wish once."""
        with self._call():
            return await self._provider.create(
                request,
                external_task_id=external_task_id,
                image=image,
                callback_url=callback_url,
            )

    async def read(self, task_id: str) -> TaskSnapshot:
        """Read a task by the provider's id."""
        with self._call():
            return await self._provider.read(task_id)

    async def look_up(self, external_task_id: str) -> TaskSnapshot:
        """Read a task by the id that we chose."""
        with self._call():
            return await self._provider.look_up(external_task_id)

    @contextmanager
    def _call(self) -> Iterator[None]:
        if self._is_extra:
            self._gate.budget.spend()
        with self._gate.listening():
            yield
