"""Putting the engine together: the one place that knows all of its parts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

from kirin.pacing import PollSchedule
from kirin.settings import Settings
from kirin.stages.base import Stage
from kirin.stages.deliverer import Deliverer, Downloader
from kirin.stages.engine import Engine
from kirin.stages.housekeeper import Housekeeper
from kirin.stages.lookup import Lookup
from kirin.stages.messenger import Messenger
from kirin.stages.outlook import Oracle
from kirin.stages.poller import Poller
from kirin.stages.provider import Provider
from kirin.stages.reporter import Reporter
from kirin.stages.resolver import Resolver
from kirin.stages.submitter import Submitter
from kirin.stages.wakeups import WakeUps
from kirin.store import Database, FactStore, ForecastStore, GenerationStore


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
) -> Engine:
    """Make the stages, in the order of a wish's life, and the loop that runs them."""
    stages = _stages(
        settings,
        store=store,
        provider=provider,
        lookup=Lookup(facts=facts, provider=provider, mode=settings.kirin_lookup, now=now),
        downloader=downloader,
        oracle=Oracle(forecasts=ForecastStore(database, now=now), now=now),
        messenger=messenger,
        spool=spool,
        now=now,
        jitter=jitter,
    )
    return Engine(
        store=store,
        stages=stages,
        housekeeper=Housekeeper(store=store, now=now),
        wakeups=wakeups,
        now=now,
    )


def _stages(
    settings: Settings,
    *,
    store: GenerationStore,
    provider: Provider,
    lookup: Lookup,
    downloader: Downloader,
    oracle: Oracle,
    messenger: Messenger,
    spool: Path,
    now: Callable[[], datetime],
    jitter: Callable[[], float],
) -> tuple[Stage, ...]:
    schedule = PollSchedule(
        first=settings.first_poll_seconds,
        interval=settings.poll_interval_seconds,
        growth=settings.poll_growth,
        longest=settings.longest_poll_interval_seconds,
    )
    deadline = timedelta(minutes=settings.generation_deadline_minutes)
    return (
        Submitter(
            store=store,
            provider=provider,
            schedule=schedule,
            deadline=timedelta(minutes=settings.queue_deadline_minutes),
            now=now,
            jitter=jitter,
            width=settings.concurrent_creates,
        ),
        Resolver(
            store=store,
            provider=provider,
            lookup=lookup,
            schedule=schedule,
            grace=timedelta(seconds=settings.lookup_grace_seconds),
            deadline=deadline,
            now=now,
            jitter=jitter,
            width=settings.concurrent_creates,
        ),
        Poller(
            store=store,
            provider=provider,
            lookup=lookup,
            schedule=schedule,
            deadline=deadline,
            now=now,
            jitter=jitter,
            width=settings.concurrent_polls,
        ),
        Reporter(
            store=store,
            oracle=oracle,
            messenger=messenger,
            now=now,
            width=settings.concurrent_deliveries * 2,
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
