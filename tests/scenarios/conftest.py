import io
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import simcord
from PIL import Image

from cogs.base import KirinBot
from tests.scenarios.world import Parts, World, furnish, open_parts


@pytest.fixture
def changes() -> dict[str, str]:
    """Settings that differ from the defaults; a test parametrises this."""
    return {}


@pytest.fixture
async def parts(tmp_path: Path, changes: dict[str, str], database_url: str) -> AsyncIterator[Parts]:
    async with open_parts(tmp_path, changes, database_url=database_url) as opened:
        yield opened


@pytest.fixture
def simcord_bot(parts: Parts) -> KirinBot:
    return parts.app.bot


@pytest.fixture
def world(parts: Parts, simcord_env: simcord.Env) -> World:
    return furnish(parts, simcord_env)


def _png(width: int, height: int) -> bytes:
    file = io.BytesIO()
    Image.linear_gradient("L").resize((width, height)).save(file, "PNG")
    return file.getvalue()


@pytest.fixture
def picture() -> bytes:
    return _png(640, 480)


@pytest.fixture
def small_picture() -> bytes:
    return _png(280, 512)
