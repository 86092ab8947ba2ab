"""Makes the pictures of the documentation anew: `python -m demo.screenshots [FOLDER]`."""

import asyncio
import logging
import sys
from pathlib import Path

from playwright.async_api import Browser

from demo.album import index
from demo.app import open_demo
from demo.driver import Visitor, find_chromium, open_browser
from demo.scenes import take_all

_SPEED = 8.0
_SIZE = {"width": 1280, "height": 860}


async def take(folder: Path) -> None:
    """Take every picture, and write the page that shows the cards."""
    chromium = find_chromium()
    if chromium is None:
        sys.exit("Chromium is missing: put it on the path, or its path into CHROMIUM")
    async with open_browser(chromium) as browser:
        await _take_pages(browser, folder)
        await take_all(browser, folder / "cards")
    (folder / "cards.md").write_text(index("cards"), encoding="utf-8")


async def _take_pages(browser: Browser, folder: Path) -> None:
    """Live through two wishes, and keep what the whole page shows."""
    async with open_demo(speed=_SPEED, seed=3) as demo:
        visitor = await Visitor.arrive(browser, demo.url, **_SIZE)
        await visitor.command("imagine", prompt="an island in the evening, for a poster", n=4)
        await visitor.sees_pictures(4)
        await _keep(visitor, folder / "demo.png")
        await visitor.command("imagine", prompt="a forbidden thing #fault:task-risk-control")
        await visitor.reads("content policy")
        await _keep(visitor, folder / "failure.png")


async def _keep(visitor: Visitor, path: Path) -> None:
    await visitor.page.wait_for_load_state("networkidle")
    await visitor.page.screenshot(path=path)
    print(path)


if __name__ == "__main__":
    logging.disable()  # what goes wrong here does so on purpose
    target = Path(sys.argv[1] if len(sys.argv) > 1 else "docs")
    target.mkdir(parents=True, exist_ok=True)
    asyncio.run(take(target))
