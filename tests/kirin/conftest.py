from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from kirin.store import Database, GenerationStore
from tests.kirin.kirin_factories import Naps


@pytest.fixture
def naps() -> Naps:
    return Naps()


@pytest.fixture
def database_url(tmp_path: Path) -> str:
    return f"sqlite+aiosqlite:///{tmp_path}/kirin.sqlite3"


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    async with Database.open(database_url) as opened:
        yield opened


@pytest.fixture
def store(database: Database) -> GenerationStore:
    return GenerationStore(database)
