"""`/imagine` from a person's words to the pictures in their message."""

import base64
import io
from decimal import Decimal

import aiohttp
import pytest
from PIL import Image

from kirin.model import Status
from kirin.store import Work
from tests.databases import on_both_engines
from tests.scenarios.world import World, card, gallery, message_of

pytestmark = on_both_engines


def photo(width: int, height: int, file_format: str = "PNG") -> bytes:
    file = io.BytesIO()
    Image.linear_gradient("L").resize((width, height)).convert("RGB").save(file, file_format)
    return file.getvalue()


async def test_words_become_a_picture_in_the_same_message(world: World) -> None:
    sent = await world.imagine("a red fox in the snow", aspect_ratio="3:2")
    assert sent.deferred
    first = message_of(sent)
    await world.finish()
    assert message_of(sent).id == first.id
    assert "a red fox in the snow" in card(sent)
    assert "1 picture · 3:2 · 1k · $0.028" in card(sent)
    (attachment,) = message_of(sent).attachments
    with Image.open(io.BytesIO(await attachment.read())) as picture:
        assert picture.width * 2 == pytest.approx(picture.height * 3, abs=3)


async def test_wish_costs_one_create_and_is_remembered_with_its_outcome(world: World) -> None:
    await world.imagine()
    await world.finish()
    assert len(world.sim.creates) == 1
    generation = await world.generation()
    assert generation.status is Status.SUCCEEDED
    assert generation.cost == Decimal("0.028")
    assert generation.delivered_at is not None
    assert generation.placement.token is None


async def test_every_option_reaches_the_provider(world: World) -> None:
    await world.imagine(
        "a cat",
        negative_prompt="no dogs",
        aspect_ratio="21:9",
        resolution="2k",
        n=3,
        watermark=True,
        subject="123456789012345678",
        subject2="987654321098765432",
        subject3="123456789012345678",
    )
    await world.work()
    (create,) = world.sim.creates
    assert create.took_effect
    assert create.params == {
        "prompt": "a cat",
        "negative_prompt": "no dogs",
        "aspect_ratio": "21:9",
        "resolution": "2k",
        "n": 3,
        "watermark_info": {"enabled": True},
        "element_list": [
            {"element_id": 123456789012345678},
            {"element_id": 987654321098765432},
        ],
        "external_task_id": create.external_task_id,
    }


async def test_attached_picture_is_sent_as_raw_base64(world: World) -> None:
    data = photo(640, 480, "JPEG")
    sent = await world.imagine("the same at night", image=("photo.dat", data))
    await world.finish()
    (create,) = world.sim.creates
    assert base64.b64decode(create.params["image"], validate=True) == data
    assert len(gallery(sent)) == 1


async def test_linked_picture_is_passed_on_unopened(world: World) -> None:
    await world.imagine(image_url="https://pictures.example.com/fox.png")
    await world.work()
    (create,) = world.sim.creates
    assert create.params["image"] == "https://pictures.example.com/fox.png"


async def test_nine_pictures_arrive_with_alt_text(world: World) -> None:
    sent = await world.imagine("nine ducks", n=9)
    await world.finish()
    pictures = gallery(sent)
    assert [item.description for item in pictures] == [
        f"Picture {number} of 9: nine ducks" for number in range(1, 10)
    ]
    names = [attachment.filename for attachment in message_of(sent).attachments]
    assert len(set(names)) == 9
    assert "9 pictures · 16:9 · 1k · $0.252" in card(sent)


async def test_private_answer_stays_private(world: World) -> None:
    sent = await world.imagine(private=True)
    await world.finish()
    assert sent.ephemeral
    assert message_of(sent).flags.ephemeral
    assert len(gallery(sent)) == 1


async def test_spoiler_hides_the_pictures(world: World) -> None:
    sent = await world.imagine(spoiler=True, n=2)
    await world.finish()
    assert all(item.spoiler for item in gallery(sent))


async def test_watermark_shows_the_marked_picture(world: World) -> None:
    sent = await world.imagine(watermark=True)
    await world.finish()
    generation = await world.generation()
    marked = generation.output[0].watermark_url
    assert marked is not None
    (attachment,) = message_of(sent).attachments
    assert await attachment.read() == await _download(world, marked)


async def test_command_works_in_the_bots_direct_messages(world: World) -> None:
    sent = await world.env.create_user("bob").slash("imagine", prompt="a lonely boat")
    await world.finish()
    assert len(gallery(sent)) == 1
    assert (await world.generation()).placement.guild_id is None


async def test_card_tells_what_is_happening_while_it_waits(world: World) -> None:
    world.sim.inject("task-slow", seconds=200)
    sent = await world.imagine()
    world.clock.advance(1)
    await world.app.engine.stage(Work.REPORT).run_once()
    assert "Queued" in card(sent)
    await world.work()
    await world.pass_time(5)
    assert "Working" in card(sent)
    await world.pass_time(60)
    assert "%" in card(sent)
    assert "█" in card(sent)


async def test_waiting_costs_few_edits(world: World) -> None:
    world.sim.inject("task-never-ends")
    await world.imagine()
    await world.work()
    await world.pass_time(600)
    assert world.edits() <= 22  # queued, working, and one for each twentieth of the progress


async def test_people_cannot_mention_or_format_through_a_prompt(world: World) -> None:
    sent = await world.imagine("@everyone <@1> **b** `c` [x](https://evil.example) \u202egnp.exe")
    await world.finish()
    shown = card(sent)
    assert (
        "\\@everyone \\<\\@1\\> \\*\\*b\\*\\* \\`c\\` \\[x\\]\\(https\\://evil.example\\)" in shown
    )
    assert "\u202e" not in shown


async def test_no_edit_leaves_without_a_ban_on_mentions(world: World) -> None:
    await world.imagine()
    await world.imagine(image=("small.png", photo(280, 512)))
    await world.finish()
    edits = [request for request in world.env.http_requests if request.method == "PATCH"]
    assert len(edits) >= 4
    bodies = [request.json for request in edits]
    assert all(body and body["allowed_mentions"] == {"parse": []} for body in bodies)


async def test_commands_are_registered_once(world: World) -> None:
    await world.restart()
    syncs = [request for request in world.env.http_requests if request.path.endswith("/commands")]
    assert [request.method for request in syncs] == ["PUT"]


async def _download(world: World, url: str) -> bytes:
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        return await response.read()
