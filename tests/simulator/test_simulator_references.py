import base64

import pytest

from simulator.contract import RefusedError
from simulator.reference import BAD_BASE64, BAD_PIXELS, BAD_RATIO, inspect
from tests.simulator.simulator_kit import LONG_ENOUGH, picture, provider

BAD_PICTURES = [
    (picture(299, 400), BAD_PIXELS),
    (picture(300, 751), BAD_RATIO),
    (picture(751, 300), BAD_RATIO),
    (picture(400, 400, "GIF"), BAD_BASE64),
    ("data:image/png;base64," + picture(400, 400), BAD_BASE64),
    ("not base64 at all!", BAD_BASE64),
    (picture(400, 400)[:-1], BAD_BASE64),
    (base64.b64encode(b"no picture").decode(), BAD_BASE64),
]


@pytest.mark.parametrize(("image", "problem"), BAD_PICTURES)
def test_a_bad_picture_has_its_documented_problem(image: str, problem: str) -> None:
    assert inspect(image).problem == problem


@pytest.mark.parametrize(("width", "height"), [(300, 300), (300, 750), (750, 300), (1600, 900)])
@pytest.mark.parametrize("format_", ["PNG", "JPEG"])
def test_a_picture_within_the_rules_is_good(width: int, height: int, format_: str) -> None:
    seen = inspect(picture(width, height, format_))

    assert seen.problem is None
    assert seen.thumbnail


def test_a_truncated_picture_is_judged_and_not_an_accident() -> None:
    content = base64.b64decode(picture(600, 600, "JPEG"))

    assert inspect(base64.b64encode(content[:800]).decode()).problem == BAD_BASE64


def test_more_than_ten_megabytes_are_refused() -> None:
    with pytest.raises(RefusedError, match="at most 10 MB"):
        inspect(base64.b64encode(bytes(10 * 1024 * 1024 + 1)).decode())


async def test_a_bad_picture_is_accepted_and_its_task_fails_at_the_end() -> None:
    async with provider() as p:
        created = await p.create(image=picture(200, 200))
        early = await p.poll(created.json["id"])
        p.clock.advance(LONG_ENOUGH)
        late = await p.poll(created.json["id"])

    assert created.status == 200
    assert early.json["status"] == "in_progress"
    assert late.json["status"] == "failed"
    assert late.json["error"]["error_message"] == "Image pixel is invalid"


async def test_a_bad_picture_is_refused_at_once_where_that_is_wished() -> None:
    async with provider(strict_images=True) as p:
        created = await p.create(image=picture(200, 200))

    assert created.status == 400
    assert created.json["error"]["error_message"] == "Image pixel is invalid"


async def test_ten_megabytes_of_base64_fit_through_the_door() -> None:
    content = base64.b64decode(picture(400, 400))
    padded = content + bytes(10 * 1024 * 1024 - len(content))
    async with provider() as p:
        created = await p.create(image=base64.b64encode(padded).decode())
        too_large = await p.create(image=base64.b64encode(padded + b"x").decode())

    assert created.status == 200
    assert too_large.status == 400


async def test_an_address_is_taken_on_trust() -> None:
    async with provider() as p:
        answer = await p.complete(image="https://example.com/fox.png")

    assert answer.json["status"] == "completed"
