"""The pictures of the cards in `docs/`: that none is forgotten, left over, or too large."""

from itertools import chain
from pathlib import Path

import pytest

from demo.cards import SECTIONS
from kirin.model import FailureReason
from simulator.catalogue import FAULTS

DOCS = Path(__file__).parents[2] / "docs"
CARDS = list(chain.from_iterable(SECTIONS.values()))
MOST_BYTES = 4_000_000


def test_every_reason_of_failure_has_a_card() -> None:
    assert {card.reason for card in CARDS if card.reason} == set(FailureReason)


def test_no_two_cards_have_the_same_name_or_words() -> None:
    assert len({card.name for card in CARDS}) == len(CARDS)
    assert len({card.words for card in CARDS}) == len(CARDS)


def test_every_fault_of_a_card_is_known_to_the_simulator() -> None:
    assert {card.fault for card in CARDS if card.fault} <= set(FAULTS)


@pytest.mark.parametrize("window", ["wide", "narrow"])
def test_every_card_has_its_picture_and_no_other_is_there(window: str) -> None:
    pictures = {path.stem for path in (DOCS / "cards" / window).iterdir()}
    assert pictures == {card.name for card in CARDS}


def test_page_of_cards_is_the_one_that_the_list_makes() -> None:
    pytest.importorskip("playwright", reason="playwright is missing: requirements-dev.txt has it")
    from demo.album import index

    assert (DOCS / "cards.md").read_text(encoding="utf-8") == index("cards")


def test_pictures_of_the_cards_are_small() -> None:
    files = list((DOCS / "cards").rglob("*.png"))
    assert files
    assert sum(path.stat().st_size for path in files) < MOST_BYTES
