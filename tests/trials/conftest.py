from collections.abc import Iterator
from pathlib import Path

import pytest

from trials.world import template_database


@pytest.fixture(scope="session")
def template() -> Iterator[Path]:
    """A migrated database, to be copied for every run."""
    with template_database() as path:
        yield path
