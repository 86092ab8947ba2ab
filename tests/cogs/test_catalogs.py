"""Every text is there in every language, with the same facts in it, and short enough."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from string import Formatter

import pytest
from babel.messages.catalog import Catalog, Message

from cogs.ui.choices import RATIO_NAMES, RESOLUTION_NAMES
from cogs.ui.translator import NAMES
from tools.catalogs import TRANSLATED, read, texts

ROOT = Path(__file__).parent.parent.parent
COMMAND_NAME = re.compile(r"[-_\w]{1,32}")
KEPT_AS_THEY_ARE = re.compile(r"`[^`]*`|https://|\*\*|-# |###")


def keys(of: Catalog) -> set[tuple[object, object]]:
    return {(message.id, message.context) for message in of if message.id}


def pairs(language: str) -> Iterator[tuple[Message, str, str]]:
    """Go through every form of every text: the message, its English, its translation."""
    for message in read(language):
        if not message.id:
            continue
        if isinstance(message.id, str):
            yield message, message.id, str(message.string)
        else:
            for form in message.string or ():
                yield message, message.id[-1], form


def forms_of(message: Message) -> tuple[str, ...]:
    return (message.id,) if isinstance(message.id, str) else tuple(message.id)


def facts(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name is not None}


def test_texts_are_found_in_the_code() -> None:
    assert len(keys(texts())) > 100


def calls(tree: ast.AST) -> Iterator[ast.Call]:
    return (node for node in ast.walk(tree) if isinstance(node, ast.Call))


def test_every_text_that_is_said_is_found_even_inside_another() -> None:
    """Texts inside f-strings are invisible to the extractor."""
    found = {original for message in texts() for original in forms_of(message)}
    for path in (ROOT / "cogs").rglob("*.py"):
        for call in calls(ast.parse(path.read_text())):
            name = getattr(call.func, "id", getattr(call.func, "attr", ""))
            if name in {"say", "N_"} and call.args and isinstance(call.args[0], ast.Constant):
                assert call.args[0].value in found, path


def test_no_description_is_left_unmarked() -> None:
    for path in (ROOT / "cogs").glob("*.py"):
        for call in calls(ast.parse(path.read_text())):
            unmarked = [
                keyword.arg
                for keyword in call.keywords
                if keyword.arg in {"description", "group_description"}
                and isinstance(keyword.value, ast.Constant)
            ]
            assert unmarked == [], path


@pytest.mark.parametrize("language", TRANSLATED)
def test_no_text_is_missing_and_none_is_left_over(language: str) -> None:
    assert keys(read(language)) == keys(texts())


@pytest.mark.parametrize("language", TRANSLATED)
def test_every_text_is_translated_in_every_form(language: str) -> None:
    assert [original for _, original, translated in pairs(language) if not translated.strip()] == []
    assert [message.id for message in read(language) if message.fuzzy and message.id] == []


@pytest.mark.parametrize("language", TRANSLATED)
def test_translation_holds_the_same_facts_and_marks(language: str) -> None:
    for message, original, translated in pairs(language):
        if isinstance(message.id, str):
            assert facts(translated) == facts(original), translated
        else:
            assert facts(translated) <= facts(original), translated
        marks = sorted(KEPT_AS_THEY_ARE.findall(original))
        assert sorted(KEPT_AS_THEY_ARE.findall(translated)) == marks, translated


@pytest.mark.parametrize("language", TRANSLATED)
def test_names_in_the_command_picker_are_what_discord_takes(language: str) -> None:
    translated = {(message.context, message.id): str(message.string) for message in read(language)}
    for kind in ("command", "option"):
        names = [translated[kind, text] for context, text in NAMES if context == kind]
        assert all(COMMAND_NAME.fullmatch(name) and name == name.lower() for name in names), names
        assert len(set(names)) == len(names)
    menus = [translated["menu", text] for context, text in NAMES if context == "menu"]
    assert all(1 <= len(name) <= 32 for name in menus)


@pytest.mark.parametrize("language", TRANSLATED)
def test_choices_are_short_enough(language: str) -> None:
    choices = {*RATIO_NAMES.values(), *RESOLUTION_NAMES.values()}
    for _, original, translated in pairs(language):
        if original in choices:
            assert len(translated) <= 100
