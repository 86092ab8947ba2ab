from collections.abc import AsyncIterator

import pytest

from kirin.store import Database, GenerationStore
from tests.databases import ENGINES
from tests.kirin.kirin_factories import Naps


@pytest.fixture
def naps() -> Naps:
    return Naps()


@pytest.fixture(params=ENGINES)
def engine_name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    async with Database.open(database_url) as opened:
        yield opened


@pytest.fixture
def store(database: Database) -> GenerationStore:
    return GenerationStore(database)
