"""Pictures that are too large for their place are made smaller, or linked to; the card says so."""

import sqlite3
from datetime import timedelta
from pathlib import Path

import discord
import pytest
from simcord.results import InteractionResult

from cogs.ui import cards
from cogs.ui.speech import speech_for
from kirin.images import Picture
from kirin.spool import open_spool
from tests.scenarios.world import World, card, gallery, links, message_of

TOKEN_ROUTE = "/webhooks/*/*/messages/*"
ORIGINALS = "The provider keeps originals until about"


def allow(world: World, size: int) -> None:
    """Let Discord have said so of every wish there is: bytes in one file."""
    with sqlite3.connect(world.settings.database_url.removeprefix("sqlite+aiosqlite:///")) as file:
        file.execute("UPDATE generations SET upload_limit = ?", (size,))


def sizes(sent: InteractionResult) -> list[int]:
    return [attachment.size for attachment in message_of(sent).attachments]


async def test_originals_are_shown_where_they_fit(world: World) -> None:
    sent = await world.imagine(n=2)
    await world.finish()
    assert len(gallery(sent)) == 2
    assert "made smaller" not in card(sent)
    assert links(sent) == []


async def test_pictures_above_the_limit_are_made_smaller_and_the_card_says_so(
    world: World,
) -> None:
    sent = await world.imagine(n=3)
    allow(world, 100_000)
    await world.finish()
    assert len(gallery(sent)) == 3
    assert max(sizes(sent)) <= 100_000
    assert "made smaller" in card(sent)
    assert links(sent) == []


async def test_wishes_of_nine_large_pictures_do_not_wait_for_one_another(world: World) -> None:
    sent = [await world.imagine(n=9) for _ in range(2)]
    allow(world, 100_000)
    await world.finish()
    assert [len(gallery(one)) for one in sent] == [9, 9]


async def test_pictures_that_cannot_be_made_to_fit_are_linked_with_their_end(
    world: World,
) -> None:
    sent = await world.imagine(n=2)
    allow(world, 100)
    await world.finish()
    generation = await world.generation()
    assert generation.finished_at is not None
    assert gallery(sent) == []
    assert links(sent) == [image.url for image in generation.output]
    assert "Pictures 1, 2 are too large for this place; they are linked below." in card(sent)
    end = discord.utils.format_dt(generation.finished_at + timedelta(days=30), "D")
    assert f"{ORIGINALS} {end}." in card(sent)


@pytest.mark.parametrize(("status", "code"), [(413, 0), (400, 40005), (400, 50045)])
async def test_pictures_that_discord_refuses_once_are_tried_smaller(
    world: World, status: int, code: int
) -> None:
    sent = await world.imagine(n=2)
    await world.work()
    world.clock.advance(40)
    world.env.inject_error("PATCH", TOKEN_ROUTE, status=status, code=code, times=1)
    await world.finish()
    assert len(gallery(sent)) == 2
    assert len(world.sim.creates) == 1


async def test_pictures_that_discord_refuses_smaller_too_are_linked(world: World) -> None:
    sent = await world.imagine(n=2)
    await world.work()
    world.clock.advance(40)
    world.env.inject_error("PATCH", TOKEN_ROUTE, status=413, code=40005, times=2)
    await world.finish()
    assert gallery(sent) == []
    assert len(links(sent)) == 2
    assert "too large for this place" in card(sent)
    assert (await world.generation()).delivered_at is not None


async def test_one_picture_that_is_too_large_leaves_the_others_shown(world: World) -> None:
    await world.imagine(n=3)
    await world.finish()
    generation = await world.generation()
    pictures = [
        Picture(number=number, path=Path("x"), size=1, extension="png", fits=number != 2)
        for number in (1, 2, 3)
    ]
    view = cards.result_card(generation, pictures, speech_for(generation.placement))
    parts = list(view.walk_children())
    (shown,) = (part for part in parts if isinstance(part, discord.ui.MediaGallery))
    assert len(shown.items) == 2
    linked = [part.url for part in parts if isinstance(part, discord.ui.Button) and part.url]
    assert linked == [generation.output[1].url]
    texts = [part.content for part in parts if isinstance(part, discord.ui.TextDisplay)]
    assert "Picture 2 is too large for this place; it is linked below." in texts


async def test_nothing_of_a_delivery_stays_on_the_disk(world: World) -> None:
    await world.imagine(n=2)
    await world.finish()
    database = Path(world.settings.database_url.removeprefix("sqlite+aiosqlite:///"))
    (spool,) = database.parent.glob("*-pictures-*")
    assert list(spool.iterdir()) == []
    async with open_spool(world.settings) as folder:
        assert folder == spool
