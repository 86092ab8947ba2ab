import gc
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.databases import Postgres, migrated_sqlite, server_folder, stop_server

SERVER = pytest.StashKey[Path]()

_MEMORY = Path("/dev/shm")  # noqa: S108 - only where nobody has chosen a folder
_ROOM = 2 * 1024**3


def pytest_configure(config: pytest.Config) -> None:
    _prefer_memory()
    given = getattr(config, "workerinput", {}).get("postgres")
    config.stash[SERVER] = Path(given) if given else server_folder()


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """One more than there are processors: tests of browsers and processes wait a good deal."""
    return (os.cpu_count() or 1) + 1


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    node.workerinput["postgres"] = str(node.config.stash[SERVER])


def pytest_unconfigure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        stop_server(config.stash[SERVER])


def pytest_collection_finish() -> None:
    """Spare all that has been imported the search for garbage, which takes 0.1 s each time."""
    gc.collect()
    gc.freeze()


def _prefer_memory() -> None:
    """Keep temporary files where a commit does not wait for a disk, if there is room for them."""
    is_chosen = "TMPDIR" in os.environ
    if not is_chosen and _MEMORY.is_dir() and shutil.disk_usage(_MEMORY).free > _ROOM:
        os.environ["TMPDIR"] = tempfile.tempdir = str(_MEMORY)


@pytest.fixture(scope="session")
def postgres(pytestconfig: pytest.Config) -> Iterator[Postgres]:
    name = getattr(pytestconfig, "workerinput", {}).get("workerid", "main")
    server = Postgres(pytestconfig.stash[SERVER], name)
    yield server
    server.close()


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return migrated_sqlite(tmp_path_factory.mktemp("databases"))


@pytest.fixture
def engine_name(request: pytest.FixtureRequest) -> str:
    """Which database a test runs on; `on_both_engines` and its like say so."""
    return str(getattr(request, "param", "sqlite"))


@pytest.fixture
def database_url(engine_name: str, tmp_path: Path, request: pytest.FixtureRequest) -> str:
    """A database with today's tables and nothing in them."""
    if engine_name == "postgres":
        server: Postgres = request.getfixturevalue("postgres")
        return server.clean_url()
    file = tmp_path / "kirin.sqlite3"
    shutil.copyfile(request.getfixturevalue("sqlite_template"), file)
    return f"sqlite+aiosqlite:///{file}"
