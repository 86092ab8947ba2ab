"""Wishes that break a rule: refused in words, before anything is sent or stored."""

import io
import struct
import zlib
from collections.abc import Callable
from typing import Any

import pytest
from PIL import Image

from tests.scenarios.world import World, card, gallery, message_of


def picture(width: int, height: int, file_format: str = "PNG") -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (width, height), "teal").save(file, file_format)
    return file.getvalue()


def bomb() -> bytes:
    """Make a small PNG that claims to be 60,000 pixels wide and high."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        checksum = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", checksum)

    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 0, 0, 0, 0)
    body = (
        chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 1000)) + chunk(b"IEND", b"")
    )
    return b"\x89PNG\r\n\x1a\n" + body


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (lambda: picture(280, 512), "The picture is 280×512; both sides must be at least 300 px."),
        (lambda: picture(300, 1200), "The picture is 300×1200, a ratio of 1:4;"),
        (lambda: picture(1200, 300), "The picture is 1200×300, a ratio of 4:1;"),
        (lambda: picture(400, 400, "GIF"), "The file is in the format GIF;"),
        (lambda: picture(400, 400, "WEBP"), "The file is in the format WebP;"),
        (lambda: b"just words", "The file is no picture of a known format;"),
        (lambda: picture(800, 800)[:300], "The picture is damaged"),
        (
            lambda: b"\x89PNG\r\n\x1a\n" + b"\0" * 10_000_000,
            "The picture has 10.1 MB; at most 10 MB are possible.",
        ),
        (bomb, "million pixels"),
    ],
)
async def test_bad_reference_picture_is_refused_before_anything_is_sent(
    world: World, make: Callable[[], bytes], sentence: str
) -> None:
    sent = await world.imagine("the same at night", image=("picture.png", make()))
    await world.work()
    assert sentence in card(sent)
    assert "**Charged:** nothing" in card(sent)
    assert list(world.sim.creates) == []


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"image_url": "http://example.com/a.png"}, "must begin with https://"),
        ({"image_url": "https://127.0.0.1/a.png"}, "names its computer by number"),
        ({"image_url": "https://localhost/a.png"}, "public host"),
        ({"image_url": "https://me:secret@example.com/a.png"}, "user name or a password"),
        ({"image_url": "a fox"}, "not a web address"),
        ({"subject": "12.5"}, "“12.5” is no subject"),
        (
            {"image_url": "https://example.com/a.png", "negative_prompt": "dogs"},
            "A negative prompt cannot go together with a reference picture.",
        ),
        (
            {"image_url": "https://example.com/a.png", "image": ("a.png", picture(300, 300))},
            "There are two reference pictures",
        ),
    ],
)
async def test_bad_option_is_refused_with_the_rule_and_the_way_out(
    world: World, options: dict[str, Any], sentence: str
) -> None:
    sent = await world.imagine(**options)
    await world.work()
    assert sentence in card(sent)
    assert list(world.sim.creates) == []


async def test_refused_words_come_back_to_be_copied(world: World) -> None:
    sent = await world.imagine("fox ``` fence", negative_prompt="dogs", subject="x")
    assert "```\nfox ˋˋˋ fence\n```" in card(sent)
    assert "```\ndogs\n```" in card(sent)


async def test_refused_words_too_long_for_a_card_come_back_in_a_file(world: World) -> None:
    sent = await world.imagine("f" * 2500, negative_prompt="d" * 2500, subject="x")
    (attachment,) = message_of(sent).attachments
    assert attachment.filename == "your-words.txt"
    text = (await attachment.read()).decode()
    assert "f" * 2500 in text
    assert "d" * 2500 in text


async def test_longest_prompt_of_markup_fits_every_card(world: World) -> None:
    prompt = "*" * 2500
    refused = await world.imagine(prompt, subject="x")
    sent = await world.imagine(prompt)
    await world.finish()
    assert "no subject" in card(refused)
    assert len(gallery(sent)) == 1
