"""Pictures that are too heavy for one request go up in several, and the card is whole."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from cogs.ui.messenger import DiscordMessenger
from cogs.ui.uploads import MOST_IN_A_REQUEST, parts
from kirin.errors import DeliveryDelayed
from kirin.images import Picture
from kirin.model import Generation
from tests.discord_rest.model import SERVER, Message
from tests.discord_rest.town import Town

MEGABYTE = 1024 * 1024


def heavy_pictures(folder: Path, count: int, size: int) -> list[Picture]:
    """Files of a given weight; their content is all the same to whoever uploads them."""
    pictures = []
    for number in range(1, count + 1):
        path = folder / f"{number}.png"
        path.write_bytes(bytes([number]) * size)
        pictures.append(Picture(number=number, path=path, size=size, extension="png"))
    return pictures


async def ended(town: Town) -> tuple[Message, Generation]:
    """Return a wish as it ends, with the way to its message still open, and that message."""
    message = await town.imagine(SERVER, n=5)
    await town.work()
    running = await town.generation()
    (create,) = town.sim.creates
    town.sim.finish(create.external_task_id or "")
    town.clock.advance(60)
    await town.work()
    town.discord.edits.clear()
    return message, replace(await town.generation(), placement=running.placement)


def a_messenger(town: Town) -> DiscordMessenger:
    return DiscordMessenger(
        client=town.app.bot, now=town.app.bot.now, result_lifetime=timedelta(days=30)
    )


async def test_heavy_pictures_go_up_in_several_requests(town: Town, tmp_path: Path) -> None:
    message, generation = await ended(town)
    pictures = heavy_pictures(tmp_path, 5, 9 * MEGABYTE)
    await a_messenger(town).show_outcome(generation, pictures)
    assert [len(edit.sizes) for edit in town.discord.edits] == [2, 2, 1]
    assert all(sum(edit.sizes) <= MOST_IN_A_REQUEST for edit in town.discord.edits)
    assert len(message.pictures) == len(message.uploads) == 5
    assert [name for name, _ in message.uploads.values()] == message.pictures
    assert town.discord.without_mentions == []


async def test_upload_that_broke_off_is_done_again_from_the_start(
    town: Town, tmp_path: Path
) -> None:
    message, generation = await ended(town)
    pictures = heavy_pictures(tmp_path, 5, 9 * MEGABYTE)
    town.discord.fail("token", after=2, status=429)
    with pytest.raises(DeliveryDelayed):
        await a_messenger(town).show_outcome(generation, pictures)
    assert len(message.pictures) == 4
    assert "4 of 5" in message.text
    await a_messenger(town).show_outcome(generation, pictures)
    assert len(message.pictures) == len(message.uploads) == 5


async def test_token_that_ends_between_two_requests_gives_way_to_the_bots_own_route(
    town: Town, tmp_path: Path
) -> None:
    message, generation = await ended(town)
    pictures = heavy_pictures(tmp_path, 5, 9 * MEGABYTE)
    town.discord.fail("token", after=1, status=401, code=50027, times=None)
    await a_messenger(town).show_outcome(generation, pictures)
    assert [edit.route for edit in town.discord.edits] == ["token", "token", "bot", "token", "bot"]
    assert len(message.pictures) == len(message.uploads) == 5


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ([], [[]]),
        ([10], [[10]]),
        ([10, 10, 4], [[10, 10, 4]]),
        ([10, 10, 5], [[10, 10], [5]]),
        ([30, 1], [[30], [1]]),
        ([1, 30, 1], [[1], [30], [1]]),
    ],
)
def test_pictures_are_divided_in_their_order(
    tmp_path: Path, sizes: list[int], expected: list[list[int]]
) -> None:
    pictures = [
        Picture(number=number, path=tmp_path, size=size, extension="png")
        for number, size in enumerate(sizes, start=1)
    ]
    divided = [[picture.size for picture in part] for part in parts(pictures, limit=24)]
    assert divided == expected
