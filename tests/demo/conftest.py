import importlib
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

if TYPE_CHECKING:
    from playwright.async_api import Browser

    from demo.driver import Visitor

    Arrive = Callable[[str], Awaitable[Visitor]]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> "AsyncIterator[Browser]":
    """One browser for all tests: to start it takes longer than most of them."""
    pytest.importorskip("playwright", reason="playwright is missing: requirements-dev.txt has it")
    driver = importlib.import_module("demo.driver")
    if (executable := driver.find_chromium()) is None:
        pytest.skip("Chromium is missing: put it on the path, or its path into CHROMIUM")
    async with driver.open_browser(executable) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="session")
async def arrive(browser: "Browser") -> "AsyncIterator[Arrive]":
    """Open the page at an address in a browser window of its own, which knows of no other."""
    visitor = importlib.import_module("demo.driver").Visitor
    yield partial(visitor.arrive, browser)
    for context in browser.contexts:
        await context.close()
