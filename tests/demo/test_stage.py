"""The page around a small bot of its own: what the page promises whatever bot stands on it."""

import asyncio
import io
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

import discord
import pytest
from discord import app_commands
from discord.ext import commands
from PIL import Image
from simcord.preview._pages import _Page

from demo.page import LivePage
from demo.stage import Stage, open_stage

if TYPE_CHECKING:
    from playwright.async_api import FilePayload

    from demo.driver import Visitor

    Arrive = Callable[[str], Awaitable[Visitor]]

Wish = discord.Interaction[Any]

PNG = io.BytesIO()
Image.effect_mandelbrot((300, 200), (-3, -2.5, 2, 2.5), 50).save(PNG, "PNG")


@dataclass
class Painter:
    """Answers `/paint` from beside the bot, step by step, when the test says so."""

    wishes: "asyncio.Queue[Wish]" = field(default_factory=asyncio.Queue)
    steps: "asyncio.Queue[discord.ui.LayoutView]" = field(default_factory=asyncio.Queue)
    pressed: list[str] = field(default_factory=list)

    async def run(self) -> None:
        wish = await self.wishes.get()
        while True:
            view = await self.steps.get()
            names = [item.media.url for item in _gallery(view)]
            files = [
                discord.File(io.BytesIO(PNG.getvalue()), name.removeprefix("attachment://"))
                for name in names
            ]
            await wish.edit_original_response(content=None, view=view, attachments=files)

    def bot(self) -> commands.Bot:
        painter = self

        class ToyBot(commands.Bot):
            async def setup_hook(self) -> None:
                await self.tree.sync()

            async def on_interaction(self, interaction: Wish) -> None:
                if interaction.type is discord.InteractionType.component:
                    painter.pressed.append(cast("dict[str, Any]", interaction.data)["custom_id"])
                    await interaction.response.defer()

        bot = ToyBot(command_prefix="!", intents=discord.Intents.none())

        @bot.tree.command(description="Paint")
        @app_commands.choices(shape=[app_commands.Choice(name="Wide", value="16:9")])
        async def paint(
            interaction: Wish,
            prompt: str,
            n: int = 1,
            shape: str = "1:1",
            image: discord.Attachment | None = None,
        ) -> None:
            await interaction.response.defer()
            size = len(await image.read()) if image else 0
            await interaction.edit_original_response(content=f"{prompt}, {n}, {shape}, {size}")
            await self.wishes.put(interaction)

        return bot


def _gallery(view: discord.ui.LayoutView) -> list[discord.MediaGalleryItem]:
    return [
        item
        for child in view.walk_children()
        if isinstance(child, discord.ui.MediaGallery)
        for item in child.items
    ]


def card(text: str, *, pictures: int = 0, button: str | None = None) -> discord.ui.LayoutView:
    view = discord.ui.LayoutView(timeout=None)
    box: discord.ui.Container[discord.ui.LayoutView] = discord.ui.Container(
        discord.ui.TextDisplay(text)
    )
    if pictures:
        box.add_item(
            discord.ui.MediaGallery(
                *(
                    discord.MediaGalleryItem(f"attachment://p{number}.png", description="p")
                    for number in range(pictures)
                )
            )
        )
    if button:
        box.add_item(
            discord.ui.ActionRow(discord.ui.Button(label=button, custom_id=button.lower()))
        )
    view.add_item(box)
    return view


@asynccontextmanager
async def staged(painter: Painter) -> AsyncIterator[Stage]:
    async with open_stage(painter.bot(), beside=(painter.run,)) as stage:
        yield stage
        assert stage.env.errors == []


def live_page(stage: Stage) -> LivePage:
    page = stage.env._preview
    assert isinstance(page, LivePage)
    return page


@pytest.mark.browser
@pytest.mark.asyncio(loop_scope="session")
async def test_page_shows_what_happens_beside_the_bot_without_being_refreshed(
    arrive: "Arrive",
) -> None:
    painter = Painter()
    async with staged(painter) as stage:
        visitor = await arrive(stage.url)
        await visitor.reads("This page is a simulation")
        image: FilePayload = {"name": "me.png", "mimeType": "image/png", "buffer": b"12345"}
        await visitor.command("paint", prompt="a fox", shape="Wide", n=9, image=image)
        await visitor.reads("a fox, 9, 16:9, 5")
        await painter.steps.put(card("Painting"))
        await visitor.reads("Painting")
        await painter.steps.put(card("Painted", pictures=9))
        await visitor.sees_pictures(9)


@pytest.mark.browser
@pytest.mark.asyncio(loop_scope="session")
async def test_visitor_composes_undisturbed_while_pictures_arrive(arrive: "Arrive") -> None:
    painter = Painter()
    async with staged(painter) as stage:
        visitor = await arrive(stage.url)
        await visitor.command("paint", prompt="a fox")
        await visitor.compose("paint", prompt="a hare", n=2)
        await painter.steps.put(card("Painted", pictures=9))
        await visitor.sees_pictures(9)
        await visitor.send()
        await visitor.reads("a hare, 2, 1:1, 0")


@pytest.mark.browser
@pytest.mark.asyncio(loop_scope="session")
async def test_picture_opens_large(arrive: "Arrive") -> None:
    painter = Painter()
    async with staged(painter) as stage:
        visitor = await arrive(stage.url)
        await visitor.command("paint", prompt="a fox")
        await painter.steps.put(card("Painted", pictures=2))
        await visitor.sees_pictures(2)
        large = await visitor.open_picture(2)
        assert await large.evaluate("image => image.naturalWidth") == 300
        await visitor.close_picture()


@pytest.mark.browser
@pytest.mark.asyncio(loop_scope="session")
async def test_visitors_take_turns(arrive: "Arrive") -> None:
    async with staged(Painter()) as stage:
        visitors = [await arrive(stage.url) for _ in range(3)]
        for number, visitor in enumerate(visitors):
            await visitor.compose("paint", prompt=f"fox {number}")
        await asyncio.gather(*(visitor.send() for visitor in visitors))
        for visitor in visitors:
            for number in range(3):
                fox = visitor.messages.filter(has_text=f"fox {number}")
                await visitor.reads("/paint", fox)


@asynccontextmanager
async def card_with_a_button(painter: Painter) -> AsyncIterator[tuple[LivePage, _Page, Wish]]:
    """A card with a Cancel button, a browser's view of it, and the wish to edit it by."""
    async with open_stage(painter.bot()) as stage:
        await stage.world.you.slash(stage.world.channel, "paint", prompt="a fox")
        wish = painter.wishes.get_nowait()
        await wish.edit_original_response(content=None, view=card("Painting", button="Cancel"))
        page = live_page(stage)
        yield page, page._open_page(None, None), wish


def press(view: _Page, key: str) -> dict[str, Any]:
    """What a browser sends that shows the view as it is now."""
    return {
        "protocol_version": 3,
        "sequence": view.last_sequence + 1,
        "request_id": f"press {key}",
        "generation": view.generation,
        "bot_generation": 1,
        "published_revision": view.revision,
        "kind": "click",
        "target_id": key.split(":")[1],
        "control_key": key,
    }


async def test_button_works_though_the_page_has_just_changed() -> None:
    painter = Painter()
    async with card_with_a_button(painter) as (page, view, wish):
        (key,) = page._controls(view)
        late = press(view, key)
        await wish.edit_original_response(view=card("Nearly done", button="Cancel"))
        page._republish()
        result = await page._action(view.id, late)
        assert (result["settlement"], painter.pressed) == ("settled", ["cancel"])


async def test_button_that_was_replaced_is_not_pressed_by_mistake() -> None:
    painter = Painter()
    async with card_with_a_button(painter) as (page, view, wish):
        (key,) = page._controls(view)
        late = press(view, key)
        await wish.edit_original_response(view=card("Done", button="Delete"))
        page._republish()
        result = await page._action(view.id, late)
        assert (result["rejected"], painter.pressed) == (True, [])
