from typing import Any

import pytest

from simulator.contract import RATIOS, RefusedError, Wish, read_wish
from tests.simulator.simulator_kit import create_body

REFUSED_PARAMS: list[tuple[dict[str, object], str]] = [
    ({"prompt": 1}, "prompt must be a string"),
    ({"prompt": "  "}, "prompt must not be empty"),
    ({"prompt": "x" * 2501}, "prompt must have at most 2500 characters"),
    ({"negative_prompt": "x" * 2501}, "negative_prompt must have at most 2500"),
    ({"negative_prompt": "dull", "image": "AAAA"}, "not supported together with image"),
    ({"image": ""}, "image must not be empty"),
    ({"image": None}, "image must be a string"),
    ({"resolution": "4k"}, "resolution must be one of 1k, 2k"),
    ({"resolution": "1K"}, "resolution must be one of"),
    ({"aspect_ratio": "5:4"}, "aspect_ratio must be one of"),
    ({"aspect_ratio": ["1:1"]}, "aspect_ratio must be one of"),
    ({"n": 0}, "n must be an integer from 1 to 9"),
    ({"n": 10}, "n must be an integer"),
    ({"n": "2"}, "n must be an integer"),
    ({"n": 2.0}, "n must be an integer"),
    ({"n": True}, "n must be an integer"),
    ({"element_list": {"element_id": 1}}, "element_list must be an array"),
    ({"element_list": [1]}, "element_list[0] must be an object"),
    ({"element_list": [{"id": 1}]}, "exactly one key, element_id"),
    ({"element_list": [{"element_id": 1, "name": "x"}]}, "exactly one key, element_id"),
    ({"element_list": [{"element_id": 8.6e17}]}, "element_list[0].element_id must be an integer"),
    ({"element_list": [{"element_id": True}]}, "element_id must be an integer"),
    ({"element_list": [{"element_id": "12a"}]}, "element_id must be an integer"),
    ({"element_list": [{"element_id": -1}]}, "element_id must be an integer"),
    ({"element_list": [{"element_id": i} for i in range(11)]}, "at most 10 subjects"),
    (
        {"image": "AAAA", "element_list": [{"element_id": i} for i in range(10)]},
        "at most 10 subjects and reference images together, not 11",
    ),
    ({"watermark_info": True}, "watermark_info must be an object"),
    ({"watermark_info": [{"enabled": True}]}, "watermark_info must be an object"),
    ({"watermark_info": {"enabled": 1}}, "watermark_info.enabled must be true or false"),
    ({"watermark_info": {}}, "exactly one key, enabled"),
    ({"callback_url": "ftp://example.com"}, "callback_url must be an http or https address"),
    ({"callback_url": "http://"}, "callback_url must be an http or https address"),
    ({"callback_url": "http://[x"}, "callback_url must be an http or https address"),
    ({"external_task_id": ""}, "external_task_id must not be empty"),
    ({"external_task_id": 7}, "external_task_id must be a string"),
    ({"model": "kirin_v3_image"}, "unknown parameter: model"),
    ({"seed": 1}, "unknown parameter: seed"),
]

REFUSED_BODIES: list[tuple[object, int, str]] = [
    (None, 400, "the body must be an object"),
    ([], 400, "the body must be an object"),
    ({}, 400, "model must be a string"),
    ({"model": "kirin_v3_image"}, 400, "input must be an array"),
    ({"model": "kirin_v3_image", "prompt": "flat"}, 400, "only model and input belong at the top"),
    ({"model": "kirin_v3_image", "input": []}, 400, "exactly one item, not 0"),
    ({"model": "kirin_v3_image", "input": [{}, {}]}, 400, "exactly one item, not 2"),
    ({"model": "kirin_v3_image", "input": ["fox"]}, 400, "input[0] must be an object"),
    ({"model": "kirin_v3_image", "input": [{"prompt": "x"}]}, 400, "exactly one key, params"),
    ({"model": "kirin_v3_image", "input": [{"params": 1}]}, 400, "params must be an object"),
    ({"model": "kirin_v3_image", "input": [{"params": {}}]}, 400, "prompt is required"),
    ({"model": "kirin_v4_image", "input": []}, 501, "'kirin_v4_image' is not simulated"),
    ({"model": "kirin_custom_elements"}, 501, "documented, but not simulated yet"),
]


@pytest.mark.parametrize(("params", "reason"), REFUSED_PARAMS)
def test_an_invalid_or_unknown_parameter_is_refused_with_the_reason(
    params: dict[str, object], reason: str
) -> None:
    with pytest.raises(RefusedError) as caught:
        read_wish(create_body(**params))

    assert reason in caught.value.reason
    assert caught.value.status == 400


@pytest.mark.parametrize(("body", "status", "reason"), REFUSED_BODIES)
def test_a_body_of_another_shape_is_refused_with_the_reason(
    body: object, status: int, reason: str
) -> None:
    with pytest.raises(RefusedError) as caught:
        read_wish(body)

    assert reason in caught.value.reason
    assert caught.value.status == status


def test_only_a_prompt_is_required_and_the_rest_has_the_documented_defaults() -> None:
    assert read_wish(create_body(prompt="a fox")) == Wish(
        prompt="a fox", n=1, resolution="1k", aspect_ratio="16:9", watermark_info=False
    )


def test_every_documented_parameter_is_understood() -> None:
    wish = read_wish(
        create_body(
            prompt="x" * 2500,
            negative_prompt="y" * 2500,
            element_list=[{"element_id": 829871231233871234}, {"element_id": "829871231233871235"}],
            resolution="2k",
            n=9,
            aspect_ratio="21:9",
            watermark_info={"enabled": True},
            callback_url="https://bot.example/callback",
            external_task_id="ours-1",
        )
    )

    assert wish.element_list == (829871231233871234, 829871231233871235)
    assert (wish.n, wish.resolution, wish.aspect_ratio) == (9, "2k", "21:9")
    assert wish.watermark_info
    assert wish.external_task_id == "ours-1"


@pytest.mark.parametrize("ratio", RATIOS)
def test_every_documented_ratio_is_taken(ratio: str) -> None:
    assert read_wish(create_body(aspect_ratio=ratio)).aspect_ratio == ratio


def test_characters_are_counted_and_not_bytes() -> None:
    params: dict[str, Any] = {"prompt": "🦊" * 2500}

    assert len(read_wish(create_body(**params)).prompt) == 2500
