"""The whole demo as a newcomer meets it: the real bot, the simulated provider, a real browser."""

import base64
import io
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from demo.app import Demo, open_demo
from simulator.account import CreateRecord

if TYPE_CHECKING:
    from playwright.async_api import FilePayload

    from demo.driver import Visitor

    Arrive = Callable[[str], Awaitable[Visitor]]

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="session")]

FAST = 20.0


def photo(width: int, height: int) -> "FilePayload":
    file = io.BytesIO()
    Image.effect_mandelbrot((width, height), (-3, -2.5, 2, 2.5), 50).save(file, "PNG")
    return {"name": "photo.png", "mimeType": "image/png", "buffer": file.getvalue()}


async def original(demo: Demo, create: CreateRecord, *, picture: int) -> str:
    """Fetch what the provider has made, as a create carries it."""
    generation = await demo.app.store.get(create.external_task_id or "")
    assert generation
    data = await demo.app.bot.downloader.fetch(generation.output[picture].url)
    return base64.b64encode(data).decode()


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


async def test_edited_wish_comes_back_in_its_form_and_becomes_a_new_card(
    arrive: "Arrive",
) -> None:
    async with open_demo(speed=FAST) as demo:
        visitor = await arrive(demo.url)
        await visitor.command("imagine", prompt="a lighthouse by day", n=2)
        await visitor.sees_pictures(2)
        before = await visitor.messages.count()
        await visitor.press("Edit")
        form = await visitor.form()
        assert await form.get_by_label("Prompt").first.input_value() == "a lighthouse by day"
        await visitor.submit_form(prompt="a lighthouse by night")
        await visitor.reads("a lighthouse by night")
        await visitor.sees_pictures(2)
        assert await visitor.messages.count() == before + 1
        assert [create.params["n"] for create in demo.sim.creates] == [2, 2]
        assert demo.env.errors == []


async def test_second_picture_of_a_card_becomes_the_reference_of_a_new_wish(
    arrive: "Arrive",
) -> None:
    async with open_demo(speed=FAST) as demo:
        visitor = await arrive(demo.url)
        await visitor.command("imagine", prompt="two boats", n=2)
        await visitor.sees_pictures(2)
        await visitor.press("Use as reference")
        await visitor.choose("Which picture", "Picture 2")
        await visitor.choose("How many pictures", "1")
        await visitor.submit_form(prompt="the same boat in a storm")
        await visitor.reads("the same boat in a storm")
        await visitor.sees_pictures(1)
        parent, child = demo.sim.creates
        assert child.params["image"] == await original(demo, parent, picture=1)
        assert demo.env.errors == []
