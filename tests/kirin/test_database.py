"""A server that goes away and comes back."""

from contextlib import suppress

from sqlalchemy.exc import SQLAlchemyError

from kirin.store import Database, GenerationStore
from tests.databases import on_postgres, run_sql
from tests.kirin.kirin_factories import a_generation

pytestmark = on_postgres


async def cut_off(url: str) -> None:
    """End every connection of the programs on this database."""
    await run_sql(
        url,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE datname = current_database() AND application_name = 'kirin'",
    )


async def test_connection_that_was_cut_while_it_was_idle_is_made_anew_unnoticed(
    database_url: str,
) -> None:
    async with Database.open(database_url, idle=0.0) as database:
        store = GenerationStore(database)
        await store.add(a_generation())
        await cut_off(database_url)
        assert await store.get("wish-1")


async def test_connections_that_are_cut_this_very_moment_cost_one_error_at_most(
    database_url: str,
) -> None:
    async with Database.open(database_url, idle=3600.0) as database:
        store = GenerationStore(database)
        await store.add(a_generation())
        await cut_off(database_url)
        with suppress(SQLAlchemyError):
            await store.get("wish-1")
        assert await store.get("wish-1")
