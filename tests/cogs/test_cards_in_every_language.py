"""Every card in every language: whole, and within what Discord takes, whatever people write."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import discord
import pytest
from discord import ui

from cogs.ui import cards, texts
from cogs.ui.answers import note
from cogs.ui.details import details_card
from cogs.ui.forms import FormKind, edit_form, reference_form
from cogs.ui.offer import offer_card
from cogs.ui.plain import partial_card, plain_card
from cogs.ui.results import results_card
from cogs.ui.speech import LANGUAGES, Speech
from cogs.ui.waiting import waiting_card
from cogs.ui.words import NO_WORDS, Words
from kirin.budgets import Budget, Overrun, Period, Scope, Unit
from kirin.errors import Declined, InvalidRequest, Obstacle, Rule
from kirin.images import Picture
from kirin.model import (
    FailureReason,
    Generation,
    LinkedImage,
    ResultImage,
    Status,
    UploadedImage,
)
from kirin.model.request import MOST_PICTURES, MOST_REFERENCES, PROMPT_LIMIT
from kirin.stages import Outlook
from tests.kirin.kirin_factories import MINUTE, NOW, a_generation, a_placement, a_request

MARKUP = "*_~|`>#[]()<@:\\"
MOST_MARKUP = (MARKUP * PROMPT_LIMIT)[:PROMPT_LIMIT]
LINK = "https://files.example/" + "_" * 480
MOST_TEXT, MOST_COMPONENTS, MOST_LABEL = 4000, 40, 80
LEFT_OVER = re.compile(r"\{[a-z_]*\}")
FACTS: dict[Rule, dict[str, Any]] = {
    Rule.PROMPT_EMPTY: {},
    Rule.PROMPT_TOO_LONG: {"length": 12_345, "limit": PROMPT_LIMIT},
    Rule.NEGATIVE_PROMPT_TOO_LONG: {"length": 12_345, "limit": PROMPT_LIMIT},
    Rule.NEGATIVE_PROMPT_WITH_IMAGE: {},
    Rule.COUNT_OUT_OF_RANGE: {"n": 10, "most": MOST_PICTURES},
    Rule.TOO_MANY_REFERENCES: {"references": 11, "most": MOST_REFERENCES},
    Rule.IMAGE_FORMAT: {"found": "GIF"},
    Rule.IMAGE_TOO_LARGE: {"size": 12_345_678, "limit": 10_000_000},
    Rule.IMAGE_TOO_SMALL: {"width": 280, "height": 512, "least": 300},
    Rule.IMAGE_RATIO: {"width": 3000, "height": 300},
    Rule.IMAGE_BROKEN: {},
    Rule.IMAGE_TOO_MANY_PIXELS: {"limit": 100_000_000},
    Rule.IMAGE_UNREADABLE: {},
    Rule.IMAGE_GIVEN_TWICE: {},
    Rule.IMAGE_URL: {"problem": "malformed"},
    Rule.SUBJECT_ID: {"text": MOST_MARKUP},
}
OVERRUNS = [
    Overrun(
        budget=Budget(
            scope=scope, target_id=2**62, period=Period.MONTH, unit=unit, amount=Decimal(amount)
        ),
        used=Decimal(1),
        asked=Decimal(1),
        frees_at=NOW,
    )
    for scope in Scope
    for unit, amount in ((Unit.PICTURES, "12345"), (Unit.USD, "999999.999999"), (Unit.USD, "0"))
]
OBSTACLES: list[tuple[Obstacle, dict[str, Any]]] = [
    (Obstacle.CHANNEL, {"allowed": ()}),
    (Obstacle.CHANNEL, {"allowed": (2**62,) * 50}),
    (Obstacle.ROLE, {"allowed": ()}),
    (Obstacle.ROLE, {"allowed": (2**62,) * 5}),
    (Obstacle.BANNED, {"until": None, "reason": None}),
    (Obstacle.BANNED, {"until": NOW, "reason": MOST_MARKUP}),
    (Obstacle.WORD, {"entry": MOST_MARKUP, "found": MOST_MARKUP}),
    (Obstacle.TOO_MANY_PICTURES, {"n": 9, "most": 1}),
    (Obstacle.OWN_OPEN, {"most": 1}),
    (Obstacle.SERVER_OPEN, {"most": 20}),
    *((Obstacle.BUDGET, {"overrun": overrun}) for overrun in OVERRUNS),
]
LINK_PROBLEMS = ("too_long", "malformed", "not_https", "credentials", "ip_address", "not_public")
PUBLIC_TEXTS = (
    texts.MISSING_RECORD,
    texts.NOT_YOURS,
    texts.TOO_LATE_TO_CANCEL,
    texts.PICTURES_REFUSED,
    texts.NO_PICTURE_HERE,
    texts.NO_CARD_HERE,
)

Shown = Iterator[tuple[str, ui.LayoutView]]


def a_wish(status: Status, **changes: Any) -> Generation:
    """A wish with as much in it as there can be."""
    values: dict[str, Any] = {
        "request": a_request(
            prompt=MOST_MARKUP,
            negative_prompt=MOST_MARKUP,
            element_ids=tuple(10**17 + number for number in range(3)),
            n=MOST_PICTURES,
            watermark=True,
        ),
        "placement": a_placement(guild_id=10**18, channel_id=10**18, message_id=10**18),
        "parent_id": "e" * 32,
        "parent_url": "https://discord.com/channels/" + "/".join(["9" * 19] * 3),
        "status": status,
        "task_id": "_" * 300,
        "submitted_at": NOW,
        "cost": Decimal("0.1125"),
        "discount": Decimal("0.85"),
    }
    return a_generation("f" * 32, **values | changes)


def ended(status: Status, pictures: int = MOST_PICTURES, **changes: Any) -> Generation:
    output = tuple(ResultImage(url=LINK) for _ in range(pictures))
    return a_wish(status, finished_at=NOW + MINUTE, output=output, **changes)


def some_pictures(count: int, **changes: Any) -> list[Picture]:
    values: dict[str, Any] = {"path": Path("x"), "size": 1, "extension": "png"} | changes
    return [Picture(number=number, **values) for number in range(1, count + 1)]


def waiting(say: Speech) -> Shown:
    outlooks = {
        "nothing known": Outlook(),
        "in a queue": Outlook(position=12, total=1234),
        "under way": Outlook(eta=NOW, fraction=0.5),
        "soon": Outlook(fraction=0.95),
        "late": Outlook(is_late=True, fraction=0.99),
    }
    for status in (Status.QUEUED, Status.SUBMITTING, Status.RUNNING):
        for setbacks, progress in ((0, None), (3, 0.4)):
            wish = a_wish(status, setbacks=setbacks, progress=progress)
            for name, outlook in outlooks.items():
                yield f"{status}, {name}", waiting_card(wish, outlook, say)
    yield "offer", offer_card(a_wish(Status.RUNNING), say)


def finished(say: Speech) -> Shown:
    links_end = NOW + timedelta(days=30)
    for count in (1, 4, MOST_PICTURES):
        wish = ended(Status.SUCCEEDED, count)
        kinds = {
            "whole": some_pictures(count),
            "smaller": some_pictures(count, is_original=False),
            "linked": some_pictures(count, is_original=False, fits=False),
            "fewer": some_pictures(count - 1, is_original=False),
        }
        for name, pictures in kinds.items():
            yield (
                f"{count} {name}",
                cards.result_card(wish, pictures, say, links_end=links_end),
            )
        yield f"{count} plain", plain_card(wish, kinds["whole"], say)
        yield f"{count} partly", partial_card(wish, kinds["whole"], MOST_PICTURES, say)
    wish = ended(Status.SUCCEEDED)
    yield "originals", cards.originals_card(wish, links_end, say)
    yield "plain without pictures", plain_card(wish, (), say)


def failed(say: Speech) -> Shown:
    for reason in FailureReason:
        for cost, task_id in ((Decimal("0.1125"), "t"), (None, "t"), (None, None)):
            wish = ended(Status.FAILED, 0, failure=reason, cost=cost, task_id=task_id)
            yield reason, cards.failure_card(wish, say)
    yield "unavailable", cards.failure_card(ended(Status.SUCCEEDED), say)
    for submitted_at in (None, NOW):
        wish = ended(Status.CANCELLED, 0, submitted_at=submitted_at)
        yield "cancelled", cards.failure_card(wish, say)
    for status in (Status.FAILED, Status.RUNNING):
        yield f"plain {status}", plain_card(a_wish(status), (), say)


def refused(say: Speech) -> Shown:
    words = Words(prompt=MOST_MARKUP, negative_prompt=MOST_MARKUP)
    few_words = Words(prompt=MOST_MARKUP[:1400], negative_prompt=MOST_MARKUP[:1400])
    errors = [InvalidRequest(rule, **FACTS[rule]) for rule in Rule]
    errors += [InvalidRequest(Rule.IMAGE_URL, problem=problem) for problem in LINK_PROBLEMS]
    errors.append(InvalidRequest(Rule.IMAGE_FORMAT))
    for error in errors:
        for typed in (words, few_words):
            yield str(error), cards.refusal_card(texts.refusal(error, say), typed, say)
    for obstacle, facts in OBSTACLES:
        text = texts.declined(Declined(obstacle, **facts), say)
        yield str(facts), cards.refusal_card(text, words, say)
        yield str(facts), cards.refusal_card(text, NO_WORDS, say)
    for loses_a_wish in (True, False):
        card = cards.internal_error_card("1" * 19, say, loses_a_wish=loses_a_wish)
        yield f"our own fault, a wish lost: {loses_a_wish}", card
    for text in PUBLIC_TEXTS:
        yield text, note(say(text))


def looked_up(say: Speech) -> Shown:
    wish = ended(Status.SUCCEEDED, delivered_at=NOW)
    yield "details", details_card(wish, say)
    for reference in (LinkedImage(url=LINK), UploadedImage(sha256="a" * 64)):
        request = replace(wish.request, negative_prompt=None, reference=reference)
        yield "details with a reference", details_card(replace(wish, request=request), say)
    stranded = ended(Status.SUCCEEDED, 1, message_due_at=None)
    lost = ended(Status.FAILED, 0, message_due_at=None)
    yield "list", results_card([*[stranded] * 20, *[lost] * 5, *[wish] * 25], say)
    yield "empty list", results_card([], say)


def every_card(say: Speech) -> Shown:
    for shown in (waiting, finished, failed, refused, looked_up):
        yield from shown(say)


def payload_of(view: ui.LayoutView) -> Any:
    return view.to_components()  # type: ignore[no-untyped-call]


def parts(payload: Any) -> Iterator[dict[str, Any]]:
    """Walk through all components of a payload, the nested ones too."""
    if isinstance(payload, list):
        for each in payload:
            yield from parts(each)
    elif isinstance(payload, dict):
        if "type" in payload:
            yield payload
        for name in ("components", "component", "accessory"):
            yield from parts(payload.get(name))


def strings(payload: Any) -> Iterator[str]:
    """Walk through everything that is to be read."""
    for part in parts(payload):
        for name in ("content", "label", "placeholder", "description", "title"):
            if isinstance(part.get(name), str):
                yield part[name]
        for inner in (*part.get("items", ()), *part.get("options", ())):
            yield from (inner[name] for name in ("label", "description") if inner.get(name))


@pytest.fixture(params=sorted(set(LANGUAGES.values())))
def say(request: pytest.FixtureRequest) -> Speech:
    return Speech(request.param)


def test_every_rule_has_facts_to_be_tested_with() -> None:
    assert set(FACTS) == set(Rule)
    assert {obstacle for obstacle, _ in OBSTACLES} == set(Obstacle)


def test_no_card_has_empty_or_unfilled_texts(say: Speech) -> None:
    for name, view in every_card(say):
        found = list(strings(payload_of(view)))
        assert found, name
        for text in found:
            assert text.strip(), name
            assert not LEFT_OVER.search(text), (name, text)


def test_every_card_is_within_discords_limits(say: Speech) -> None:
    for name, view in every_card(say):
        found = list(parts(payload_of(view)))
        assert sum(len(part.get("content", "")) for part in found) <= MOST_TEXT, name
        assert len(found) <= MOST_COMPONENTS, name


def test_buttons_and_choices_are_short_enough(say: Speech) -> None:
    for name, view in every_card(say):
        for part in parts(payload_of(view)):
            assert len(part.get("label") or "") <= MOST_LABEL, name
            assert len(part.get("placeholder") or "") <= 150, name
            for option in part.get("options", ()):
                assert 1 <= len(option["label"]) <= 100, name
                assert len(option.get("description") or "") <= 100, name
            for item in part.get("items", ()):
                assert 1 <= len(item["description"]) <= 1024, name


def test_forms_are_whole_and_within_discords_limits(say: Speech) -> None:
    request = replace(a_wish(Status.RUNNING).request)
    forms = [
        edit_form("f" * 32, request, say),
        reference_form(FormKind.DRAFT, "f" * 32, None, 1, say),
        reference_form(FormKind.REFERENCE, "f" * 32, request, MOST_PICTURES, say),
    ]
    for form in forms:
        payload = form.to_dict()
        assert 1 <= len(payload["title"]) <= 45
        assert not payload["title"].endswith("…")
        assert 1 <= len(payload["components"]) <= 5
        for part in parts(payload["components"]):
            if part["type"] == discord.ComponentType.label.value:
                assert 1 <= len(part["label"]) <= 45
                assert not part["label"].endswith("…")
                assert len(part.get("description") or "") <= 100
        assert not [text for text in strings(payload["components"]) if LEFT_OVER.search(text)]


def test_no_card_but_english_ones_holds_an_english_sentence(say: Speech) -> None:
    """A translation that is the original would be an oversight, names and signs apart."""
    english = {
        text
        for _, view in every_card(Speech("en"))
        for text in strings(payload_of(view))
        if len(re.findall(r"[a-z]{3,}", text)) >= 5
    }
    if say("Again") == "Again":
        assert english
        return
    for name, view in every_card(say):
        assert english.isdisjoint(strings(payload_of(view))), name


def test_alt_text_holds_no_prompt_where_the_card_must_not(say: Speech) -> None:
    wish = ended(Status.SUCCEEDED, 2, request=a_request(prompt="zebra"))
    pictures = some_pictures(2)
    assert "zebra" in str(payload_of(cards.result_card(wish, pictures, say)))
    quiet = cards.result_card(wish, pictures, say, with_prompt=False)
    assert "zebra" not in str(payload_of(quiet))


def test_originals_say_until_when_they_can_be_had(say: Speech) -> None:
    end = NOW + timedelta(days=30)
    view = cards.originals_card(ended(Status.SUCCEEDED, 1), end, say)
    assert discord.utils.format_dt(end, "D") in str(payload_of(view))


def test_id_is_shown_as_it_is(say: Speech) -> None:
    view = details_card(ended(Status.SUCCEEDED, 1, task_id="a_b*c"), say)
    assert any("`a_b*c`" in text for text in strings(payload_of(view)))
