import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kirin.model import AspectRatio, GenerationRequest, LinkedImage, Resolution, UploadedImage
from kirin.wire import create_body
from tests.kirin.kirin_factories import a_request, thoroughly

UPLOAD = UploadedImage(sha256="ab" * 32)


def params_of(wish: GenerationRequest, **options: Any) -> dict[str, Any]:
    body = json.loads(create_body(wish, external_task_id="wish-1", **options))
    params = body["input"][0]["params"]
    assert body == {"model": "kirin_v3_image", "input": [{"params": params}]}
    return dict(params)


def test_a_plain_wish_is_sent_with_every_default_spelt_out() -> None:
    assert params_of(a_request(prompt="a red fox")) == {
        "prompt": "a red fox",
        "n": 1,
        "aspect_ratio": "16:9",
        "resolution": "1k",
        "watermark_info": {"enabled": False},
        "external_task_id": "wish-1",
    }


def test_every_option_is_sent_under_its_documented_name() -> None:
    wish = a_request(
        prompt="a red fox",
        negative_prompt="blur",
        element_ids=(886000000000000001, 886000000000000002),
        aspect_ratio=AspectRatio.CINEMA,
        resolution=Resolution.TWO_K,
        n=9,
        watermark=True,
    )
    assert params_of(wish, callback_url="https://bot.example.com/hook") == {
        "prompt": "a red fox",
        "negative_prompt": "blur",
        "element_list": [
            {"element_id": 886000000000000001},
            {"element_id": 886000000000000002},
        ],
        "aspect_ratio": "21:9",
        "resolution": "2k",
        "n": 9,
        "watermark_info": {"enabled": True},
        "callback_url": "https://bot.example.com/hook",
        "external_task_id": "wish-1",
    }


@pytest.mark.parametrize("number", [2**53 + 1, 886000000000000001, 2**63 - 1])
def test_a_subject_id_is_sent_as_an_integer_to_its_last_digit(number: int) -> None:
    body = create_body(a_request(element_ids=(number,)), external_task_id="wish-1")
    assert f'"element_id": {number}}}' in body.decode()


def test_an_uploaded_image_is_sent_as_bare_base64() -> None:
    data = bytes(range(256))
    image = params_of(a_request(reference=UPLOAD), image=data)["image"]
    assert base64.b64decode(image, validate=True) == data
    assert not image.startswith("data:")


def test_a_linked_image_is_sent_as_its_link() -> None:
    link = "https://example.com/fox.png?size=large&v=2"
    assert params_of(a_request(reference=LinkedImage(url=link)))["image"] == link


@thoroughly
@given(st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1).filter(str.strip))
def test_a_prompt_arrives_as_it_was_written(prompt: str) -> None:
    assert params_of(a_request(prompt=prompt))["prompt"] == prompt
