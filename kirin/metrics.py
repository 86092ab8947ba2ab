"""What is counted and measured, for those who watch over the bot; no label says anything of people.

Counters are of this process; `observe_rows` is given what the whole database holds.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)

from kirin import errors
from kirin.errors import ProviderError
from kirin.model import FailureReason, Generation, Status
from kirin.store import Census

CONTENT_TYPE = CONTENT_TYPE_LATEST

_CALLS = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 60.0)
_DELAYS = (0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 300.0, 3600.0)
_LIVES = (5.0, 10.0, 15.0, 20.0, 30.0, 45.0, 60.0, 120.0, 300.0, 1800.0, 10800.0)
_READS = (1, 2, 3, 4, 5, 7, 10, 15, 20, 50, 100, 200)
_LAGS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0)

_CALL_NAMES = ("create", "read", "look_up")
_ERROR_NAMES = [
    name
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, ProviderError)
]
_ENDS = [
    (Status.SUCCEEDED, ""),
    (Status.CANCELLED, ""),
    *((Status.EXPIRED, each.value) for each in (FailureReason.BUSY, FailureReason.DEADLINE)),
    *((Status.FAILED, reason.value) for reason in FailureReason),
]


class Metrics:
    """Every number, in a registry of its own.

    `changed` is told of every wish before and after a change, `called` of every call to the
    provider, `called_back` of every callback; the rest is read when somebody asks.
    """

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._make_wishes()
        self._make_calls()
        self._make_rows()
        self._begin_at_nothing()

    def _make_wishes(self) -> None:
        self._accepted = self._counter("wishes_accepted", "Wishes taken in.")
        self._ended = self._counter("wishes_ended", "Wishes ended.", "outcome", "reason")
        self._cost = self._counter("reported_cost_dollars", "Cost that the provider reported.")
        self._lives = self._histogram(
            "generation_seconds", "From the create to the read that found pictures.", _LIVES
        )
        self._reads = self._histogram("generation_polls", "Polls of an ended task.", _READS)
        self._after_poll = self._histogram(
            "end_unseen_seconds",
            "Most that an end can have gone unseen: since the last look.",
            _LIVES,
        )
        self._after_callback = self._histogram(
            "end_after_callback_seconds", "From the last callback to the end being read.", _DELAYS
        )
        self._deliveries = self._counter("deliveries", "Attempts to show outcomes.", "result")
        self._delays = self._histogram(
            "delivery_seconds", "From an outcome being known to its message showing it.", _DELAYS
        )

    def _make_calls(self) -> None:
        self._calls = self._histogram(
            "provider_call_seconds", "Calls to the provider, reads with retries.", _CALLS, "call"
        )
        self._errors = self._counter(
            "provider_errors", "Calls without a usable answer.", "call", "error"
        )
        self._callbacks = self._counter("callbacks", "Callbacks that came.", "result")
        self._lag = self._histogram("event_loop_lag_seconds", "How late the event loop is.", _LAGS)

    def _make_rows(self) -> None:
        self._queued = self._gauge("queued", "Wishes that wait to be sent.")
        self._queue_age = self._gauge("queued_oldest_seconds", "Age of the oldest of them.")
        self._in_flight = self._gauge("in_flight", "Wishes that the provider may have.")
        self._slots = self._gauge("slots_held", "Pictures that these have asked for.")
        self._undelivered = self._gauge("undelivered", "Outcomes that no message shows yet.")
        self._backlog_age = self._gauge("undelivered_oldest_seconds", "Age of the oldest of them.")

    def _begin_at_nothing(self) -> None:
        """Show every counter from the start: a first event is no increase of what was not there."""
        for outcome, reason in _ENDS:
            self._ended.labels(outcome.value, reason)
        for result in ("delivered", "delayed", "impossible"):
            self._deliveries.labels(result)
        for call in _CALL_NAMES:
            self._calls.labels(call)
            for error in _ERROR_NAMES:
                self._errors.labels(call, error)
        for result in ("accepted", "ignored", "dropped", "refused"):
            self._callbacks.labels(result)

    def changed(self, old: Generation | None, new: Generation) -> None:
        """Count what a change of a wish means."""
        if old is None:
            self._accepted.inc()
            return
        if new.status.is_terminal and not old.status.is_terminal:
            self._count_end(new)
        if new.delivered_at and not old.delivered_at:
            self._deliveries.labels("delivered").inc()
            self._delays.observe(_seconds(new.finished_at or new.created_at, new.delivered_at))
        elif new.delivery_attempts > old.delivery_attempts:
            self._deliveries.labels("delayed" if new.message_due_at else "impossible").inc()

    def called(self, call: str, seconds: float, error: ProviderError | None = None) -> None:
        """Count one call to the provider (create, read or look_up)."""
        self._calls.labels(call).observe(seconds)
        if error is not None:
            self._errors.labels(call, type(error).__name__).inc()

    def called_back(self, result: str) -> None:
        """Count one callback: accepted, ignored, dropped, or refused for its address."""
        self._callbacks.labels(result).inc()

    def lagged(self, seconds: float) -> None:
        """Note how late the event loop came to something."""
        self._lag.observe(seconds)

    def gauge(self, name: str, about: str, read: Callable[[], float]) -> None:
        """Show a number that belongs to another part, and is read when somebody asks."""
        self._gauge(name, about).set_function(read)

    def observe_rows(self, census: Census, now: datetime) -> None:
        """Show what waits."""
        self._queued.set(census.queued)
        self._queue_age.set(_seconds(census.queued_since, now))
        self._in_flight.set(census.in_flight)
        self._slots.set(census.pictures_in_flight)
        self._undelivered.set(census.undelivered)
        self._backlog_age.set(_seconds(census.undelivered_since, now))

    def exposition(self) -> bytes:
        """Return all of it in the text format of Prometheus."""
        return generate_latest(self._registry)

    def _count_end(self, new: Generation) -> None:
        self._ended.labels(new.status.value, new.failure.value if new.failure else "").inc()
        if new.cost is not None and new.cost > 0:
            self._cost.inc(float(new.cost))
        if new.polls:
            self._reads.observe(new.polls)
        if new.finished_at is None or new.submitted_at is None or not new.output:
            return
        self._lives.observe(_seconds(new.submitted_at, new.finished_at))
        looked_at = new.seen_running_at or new.submitted_at
        self._after_poll.observe(_seconds(looked_at, new.finished_at))
        if new.hinted_at is not None and new.hinted_at >= looked_at:
            self._after_callback.observe(_seconds(new.hinted_at, new.finished_at))

    def _counter(self, name: str, about: str, *labels: str) -> Counter:
        return Counter(f"kirin_{name}", about, labels, registry=self._registry)

    def _gauge(self, name: str, about: str) -> Gauge:
        return Gauge(f"kirin_{name}", about, registry=self._registry)

    def _histogram(
        self, name: str, about: str, buckets: tuple[float, ...], *labels: str
    ) -> Histogram:
        return Histogram(f"kirin_{name}", about, labels, buckets=buckets, registry=self._registry)


def _seconds(since: datetime | None, until: datetime) -> float:
    return max((until - since).total_seconds(), 0.0) if since else 0.0
