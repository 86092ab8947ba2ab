import base64
import io
import random

import pytest
from PIL import Image

from simulator.contract import RATIOS
from simulator.lettering import printable
from simulator.palette import choose
from simulator.pictures import SCENES, Subject, draw, size_of
from tests.simulator.simulator_kit import picture, provider, urls

SIZES = {
    "16:9": (1024, 576),
    "9:16": (576, 1024),
    "1:1": (1024, 1024),
    "4:3": (1024, 768),
    "3:4": (768, 1024),
    "3:2": (1024, 683),
    "2:3": (683, 1024),
    "21:9": (1024, 439),
}


def subject(**overrides: object) -> Subject:
    values: dict[str, object] = {
        "prompt": "a fox",
        "variant": "task",
        "number": 1,
        "count": 1,
        "aspect_ratio": "21:9",
        "resolution": "1k",
    }
    return Subject(**(values | overrides))  # type: ignore[arg-type]


def test_every_ratio_has_its_size() -> None:
    assert {ratio: size_of(ratio, "1k") for ratio in RATIOS} == SIZES


@pytest.mark.parametrize("ratio", RATIOS)
def test_2k_doubles_1k_to_the_nearest_pixel(ratio: str) -> None:
    width, height = size_of(ratio, "2k")

    assert max(width, height) == 2048
    assert abs(width - 2 * SIZES[ratio][0]) <= 1
    assert abs(height - 2 * SIZES[ratio][1]) <= 1


@pytest.mark.parametrize("resolution", ["1k", "2k"])
async def test_a_downloaded_picture_is_a_png_of_the_asked_size(resolution: str) -> None:
    async with provider() as p:
        answer = await p.complete(aspect_ratio="2:3", resolution=resolution)
        file = await p.call("GET", urls(answer)[0])

    with Image.open(io.BytesIO(file.body)) as image:
        image.load()
        assert (image.format, image.size) == ("PNG", size_of("2:3", resolution))


def test_the_same_subject_is_the_same_file_and_every_number_is_another() -> None:
    files = [draw(subject(number=number)) for number in range(1, 10)]

    assert len(set(files)) == 9
    assert draw(subject(number=3)) == files[2]
    assert draw(subject(number=3, variant="another task")) != files[2]


@pytest.mark.parametrize("number", range(1, len(SCENES) + 1))
def test_every_scene_can_be_painted_tall(number: int) -> None:
    assert draw(subject(number=number, aspect_ratio="9:16", prompt="tall"))


def test_a_reference_image_shows_in_the_picture() -> None:
    thumbnail = base64.b64decode(picture(384, 384, "JPEG"))
    plain, shown = draw(subject()), draw(subject(thumbnail=thumbnail))

    assert plain != shown
    with Image.open(io.BytesIO(shown)) as image:
        red, green, blue = image.convert("RGB").getpixel((60, 60))  # type: ignore[misc]
    assert red < 20 < green, blue


@pytest.mark.parametrize(
    ("prompt", "shown"),
    [
        ("a fox\n  and an owl", "a fox and an owl"),
        ("a fox 🦊 runs", "a fox runs"),
        ("京都の紅葉", ""),
        ("", ""),
    ],
)
def test_letters_the_font_lacks_are_left_out(prompt: str, shown: str) -> None:
    assert printable(prompt) == shown


@pytest.mark.parametrize("prompt", ["京都の紅葉", "x" * 2500, "word " * 500, "🦊", "\x00\x07"])
def test_any_prompt_can_be_drawn(prompt: str) -> None:
    assert draw(subject(prompt=prompt))


def test_words_choose_the_colours() -> None:
    def chosen(prompt: str) -> object:
        return choose(prompt, random.Random(5))

    assert chosen("a ship at sea") == chosen("the ocean")
    assert chosen("a ship at sea") != chosen("neon city")
