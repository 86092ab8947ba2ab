from dataclasses import FrozenInstanceError, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kirin.errors import InvalidRequest, Rule
from kirin.model import AspectRatio, GenerationRequest, LinkedImage, Resolution, UploadedImage
from kirin.model.request import parse_element_id
from tests.kirin.kirin_factories import a_request, thoroughly

LINK = LinkedImage(url="https://example.com/fox.png")
UPLOAD = UploadedImage(sha256="ab" * 32)
IDS = tuple(range(886000000000000001, 886000000000000012))


def test_a_wish_has_the_documented_defaults() -> None:
    wish = GenerationRequest(prompt="a fox")
    assert (wish.n, wish.aspect_ratio, wish.resolution) == (1, "16:9", "1k")
    assert not wish.watermark


def test_every_documented_ratio_and_resolution_can_be_asked_for() -> None:
    ratios = "16:9 9:16 1:1 4:3 3:4 3:2 2:3 21:9"
    assert {ratio.value for ratio in AspectRatio} == set(ratios.split())
    assert {resolution.value for resolution in Resolution} == {"1k", "2k"}


@pytest.mark.parametrize("prompt", ["x", "x" * 2500, "🦊" * 2500])
def test_a_prompt_has_1_to_2500_characters(prompt: str) -> None:
    assert a_request(prompt=prompt, negative_prompt=prompt).prompt == prompt


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("a\x00 fox", "a fox"),
        ("a \ud83efox\udd8a", "a fox"),
        ("a 🦊 with e\u0301", "a 🦊 with e\u0301"),
    ],
)
def test_what_no_database_can_store_is_dropped(typed: str, kept: str) -> None:
    request = a_request(prompt=typed, negative_prompt=typed)
    assert (request.prompt, request.negative_prompt) == (kept, kept)
    assert replace(a_request(), prompt=typed).prompt == kept


@pytest.mark.parametrize("prompt", ["\x00", "\ud800 \x00", "\udd8a\n"])
def test_a_prompt_of_nothing_storable_is_empty(prompt: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        a_request(prompt=prompt)
    assert caught.value.rule is Rule.PROMPT_EMPTY


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"prompt": ""}, Rule.PROMPT_EMPTY),
        ({"prompt": " \n\t"}, Rule.PROMPT_EMPTY),
        ({"prompt": "x" * 2501}, Rule.PROMPT_TOO_LONG),
        ({"negative_prompt": "x" * 2501}, Rule.NEGATIVE_PROMPT_TOO_LONG),
        ({"negative_prompt": "blur", "reference": LINK}, Rule.NEGATIVE_PROMPT_WITH_IMAGE),
        ({"negative_prompt": "blur", "reference": UPLOAD}, Rule.NEGATIVE_PROMPT_WITH_IMAGE),
        ({"n": 0}, Rule.COUNT_OUT_OF_RANGE),
        ({"n": 10}, Rule.COUNT_OUT_OF_RANGE),
        ({"n": -1}, Rule.COUNT_OUT_OF_RANGE),
        ({"element_ids": IDS[:11]}, Rule.TOO_MANY_REFERENCES),
        ({"element_ids": IDS[:10], "reference": LINK}, Rule.TOO_MANY_REFERENCES),
        ({"element_ids": IDS[:10], "reference": UPLOAD}, Rule.TOO_MANY_REFERENCES),
    ],
)
def test_a_broken_rule_is_named(changes: dict[str, object], rule: Rule) -> None:
    with pytest.raises(InvalidRequest) as caught:
        a_request(**changes)
    assert caught.value.rule is rule


@pytest.mark.parametrize(
    "changes",
    [
        {"n": 9},
        {"element_ids": IDS[:10]},
        {"element_ids": IDS[:9], "reference": LINK},
        {"element_ids": IDS[:9], "negative_prompt": "blur"},
    ],
)
def test_a_wish_may_go_to_the_limits(changes: dict[str, object]) -> None:
    a_request(**changes)


def test_a_broken_rule_tells_what_was_measured() -> None:
    with pytest.raises(InvalidRequest) as caught:
        a_request(prompt="x" * 2600)
    assert caught.value.facts == {"length": 2600, "limit": 2500}


def test_a_wish_cannot_be_changed() -> None:
    with pytest.raises(FrozenInstanceError):
        a_request().n = 2  # type: ignore[misc]


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("886000000000000001", 886000000000000001),
        (" 886000000000000001\n", 886000000000000001),
        (str(2**53 + 1), 2**53 + 1),
        (str(2**63 - 1), 2**63 - 1),
        ("1", 1),
    ],
)
def test_a_subject_id_is_read_to_its_last_digit(text: str, number: int) -> None:
    assert parse_element_id(text) == number


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", "0", "-1", "+1", "1.0", "1e17", "0x1f", "1_0", "1 2", "one", "²", "\uff18"),
        str(2**63),
        "9" * 10_000,
    ],
)
def test_what_is_no_positive_integer_is_no_subject_id(text: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        parse_element_id(text)
    assert caught.value.rule is Rule.SUBJECT_ID


@thoroughly
@given(st.text() | st.integers().map(str))
def test_a_subject_id_is_read_exactly_or_not_at_all(text: str) -> None:
    try:
        number = parse_element_id(text)
    except InvalidRequest:
        return
    assert str(number) == text.strip().lstrip("0")
