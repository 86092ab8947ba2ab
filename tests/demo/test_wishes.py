"""The whole demo as a newcomer meets it: the real bot, the simulated provider, a real browser."""

import io
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from demo.app import open_demo

if TYPE_CHECKING:
    from playwright.async_api import FilePayload

    from demo.driver import Visitor

    Arrive = Callable[[str], Awaitable[Visitor]]

pytestmark = pytest.mark.browser

FAST = 20.0


def photo(width: int, height: int) -> "FilePayload":
    file = io.BytesIO()
    Image.effect_mandelbrot((width, height), (-3, -2.5, 2, 2.5), 50).save(file, "PNG")
    return {"name": "photo.png", "mimeType": "image/png", "buffer": file.getvalue()}


async def test_wish_becomes_nine_pictures(arrive: "Arrive") -> None:
    async with open_demo(speed=FAST) as demo:
        visitor = await arrive(demo.url)
        await visitor.command("imagine", prompt="a lighthouse in a storm", n=9)
        await visitor.sees_pictures(9)
        await visitor.reads("a lighthouse in a storm")
        await visitor.open_picture(1)
        assert demo.env.errors == []


async def test_picture_is_made_from_an_uploaded_one(arrive: "Arrive") -> None:
    async with open_demo(speed=FAST) as demo:
        visitor = await arrive(demo.url)
        await visitor.command("imagine", prompt="the same at night", image=photo(640, 480))
        await visitor.sees_pictures(1)
        (create,) = demo.sim.creates
        assert create.params["image"]
        assert demo.env.errors == []


async def test_too_small_a_picture_is_refused_with_the_rule_and_without_a_task(
    arrive: "Arrive",
) -> None:
    async with open_demo(speed=FAST) as demo:
        visitor = await arrive(demo.url)
        await visitor.command("imagine", prompt="the same at night", image=photo(280, 512))
        await visitor.reads("300")
        assert list(demo.sim.creates) == []
        assert demo.env.errors == []
