import importlib
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from demo.driver import Visitor

    Arrive = Callable[[str], Awaitable[Visitor]]


@pytest.fixture
async def arrive() -> "AsyncIterator[Arrive]":
    """Open the page at an address in a browser window of its own."""
    pytest.importorskip("playwright", reason="playwright is missing: requirements-dev.txt has it")
    driver = importlib.import_module("demo.driver")
    if (executable := driver.find_chromium()) is None:
        pytest.skip("Chromium is missing: put it on the path, or its path into CHROMIUM")
    async with driver.open_browser(executable) as browser:
        yield partial(driver.Visitor.arrive, browser)
