"""Putting the engine together: the one place that knows all of its parts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from kirin.bucket import TokenBucket
from kirin.callbacks import CallbackAddresses
from kirin.settings import Settings
from kirin.stages.base import LEASE, Stage
from kirin.stages.deliverer import Deliverer, Downloader
from kirin.stages.door import PacedDoor
from kirin.stages.engine import Engine
from kirin.stages.gate import Gate, GatedProvider
from kirin.stages.housekeeper import Housekeeper
from kirin.stages.lookup import Lookup
from kirin.stages.messenger import Messenger
from kirin.stages.outlook import Oracle
from kirin.stages.poller import Poller
from kirin.stages.pollplan import PollOrder, PollPlanner
from kirin.stages.provider import Provider
from kirin.stages.reporter import BURST_SECONDS, LOOKS_PER_SECOND, Reporter
from kirin.stages.resolver import Resolver
from kirin.stages.submitter import Submitter
from kirin.stages.wakeups import WakeUps
from kirin.store import (
    AccountStore,
    Database,
    DuePolls,
    FactStore,
    ForecastStore,
    GenerationStore,
    QueueStore,
    Work,
)


def build_engine(
    settings: Settings,
    *,
    database: Database,
    store: GenerationStore,
    facts: FactStore,
    wakeups: WakeUps,
    provider: Provider,
    downloader: Downloader,
    messenger: Messenger,
    spool: Path,
    now: Callable[[], datetime],
    jitter: Callable[[], float],
    share: Callable[[], float] = lambda: 1.0,
    others_alive: Callable[[], bool] = lambda: False,
) -> Engine:
    """Make the stages, in the order of a wish's life, and the loop that runs them.

    `share` is the part of the whole account's requests that is this process's own, `others_alive`
    says whether other processes go on when this one ends.
    """
    gate = Gate(
        rate=settings.requests_per_second,
        share=share,
        ring=wakeups.ring,
        now=now,
        jitter=jitter,
    )
    forecasts = ForecastStore(database, now=now, expected_seconds=settings.expected_seconds)
    queue = QueueStore(
        database,
        account=AccountStore(database, slots=settings.account_slots),
        deadline=timedelta(minutes=settings.queue_deadline_minutes),
    )
    stages = _stages(
        settings,
        store=store,
        gate=gate,
        provider=GatedProvider(provider, gate),
        lookup=Lookup(
            facts=facts,
            provider=GatedProvider(provider, gate, is_extra=True),
            mode=settings.kirin_lookup,
            now=now,
        ),
        downloader=downloader,
        queue=queue,
        oracle=Oracle(forecasts=forecasts, queue=queue, now=now),
        planner=PollPlanner(
            forecasts=forecasts,
            price=settings.poll_price_seconds,
            now=now,
            jitter=jitter,
            callbacks=bool(settings.public_url),
            budget=lambda: settings.requests_per_second,
        ),
        order=PollOrder(due=DuePolls(database), forecasts=forecasts, now=now),
        messenger=messenger,
        spool=spool,
        now=now,
        jitter=jitter,
        ring=wakeups.ring,
        share=share,
        others_alive=others_alive,
    )
    return Engine(
        store=store,
        gate=gate,
        stages=stages,
        housekeeper=Housekeeper(
            store=store,
            queue_deadline=timedelta(minutes=settings.queue_deadline_minutes),
            now=now,
        ),
        wakeups=wakeups,
        now=now,
        drain=timedelta(seconds=settings.drain_seconds),
    )


def _stages(
    settings: Settings,
    *,
    store: GenerationStore,
    queue: QueueStore,
    gate: Gate,
    provider: Provider,
    lookup: Lookup,
    downloader: Downloader,
    oracle: Oracle,
    planner: PollPlanner,
    order: PollOrder,
    messenger: Messenger,
    spool: Path,
    now: Callable[[], datetime],
    jitter: Callable[[], float],
    ring: Callable[[Work], None],
    share: Callable[[], float],
    others_alive: Callable[[], bool],
) -> tuple[Stage, ...]:
    deadline = timedelta(minutes=settings.generation_deadline_minutes)

    def create_ended() -> None:
        if queue.account.may_hold:  # after a refusal one goes first, and the others wait for it
            ring(Work.SUBMIT)

    return (
        Submitter(
            store=store,
            queue=queue,
            provider=provider,
            lookup=lookup,
            planner=planner,
            deadline=timedelta(minutes=settings.queue_deadline_minutes),
            now=now,
            jitter=jitter,
            width=settings.concurrent_creates,
            callback_url=CallbackAddresses.of(settings).url,
            door=gate.door(Work.SUBMIT),
            lease_for=max(LEASE, timedelta(seconds=settings.create_timeout_seconds + 5)),
            on_ended=create_ended,
        ),
        Resolver(
            store=store,
            provider=provider,
            lookup=lookup,
            planner=planner,
            grace=timedelta(seconds=settings.lookup_grace_seconds),
            deadline=deadline,
            now=now,
            jitter=jitter,
            width=settings.concurrent_creates,
            door=gate.door(Work.RESOLVE),
            on_ended=create_ended,
        ),
        Poller(
            store=store,
            provider=provider,
            lookup=lookup,
            planner=planner,
            order=order,
            deadline=deadline,
            now=now,
            jitter=jitter,
            width=settings.concurrent_polls,
            door=gate.door(Work.POLL),
        ),
        Reporter(
            store=store,
            oracle=oracle,
            messenger=messenger,
            now=now,
            width=settings.concurrent_deliveries * 2,
            door=PacedDoor(
                TokenBucket(rate=lambda: LOOKS_PER_SECOND, burst=BURST_SECONDS, now=now)
            ),
            down_since=lambda: gate.down_since,
            others_alive=others_alive,
            share=share,
        ),
        Deliverer(
            store=store,
            downloader=downloader,
            messenger=messenger,
            now=now,
            jitter=jitter,
            width=settings.concurrent_deliveries,
            spool=spool,
            encodings=settings.concurrent_encodings,
        ),
    )
