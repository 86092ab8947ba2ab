"""What only one person sees is in their language, what all see in the server's."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
import simcord.interactions
from simcord.results import InteractionResult

from cogs.ui.speech import LANGUAGES, speech
from cogs.ui.texts import EXPLANATIONS, MISSING_RECORD, NOT_YOURS, PICTURES_REFUSED
from kirin.model import AspectRatio, FailureReason, Resolution
from tests.scenarios.world import World, card, gallery, message_of

TRANSLATED = sorted(locale for locale, language in LANGUAGES.items() if language != "en")
FOREIGN = ("de", "ja", "pt-BR")
UNKNOWN = "pl"
MENU, GROUP = 3, 1
MOST_NAME, MOST_DESCRIPTION, MOST_IN_A_COMMAND = 32, 100, 8000


@dataclass(kw_only=True)
class Locales:
    """Which language Discord says that people and the server have."""

    person: str = "en-US"
    server: str = "en-US"
    others: dict[int, str] = field(default_factory=dict)


@pytest.fixture
def locales(monkeypatch: pytest.MonkeyPatch) -> Locales:
    """Teach simcord languages, which its interactions lack."""
    chosen = Locales()
    original = simcord.interactions.base_payload

    def base_payload(backend: Any, **facts: Any) -> tuple[Any, dict[str, Any]]:
        record, payload = original(backend, **facts)
        payload["locale"] = chosen.others.get(facts["user_id"], chosen.person)
        if "guild_locale" in payload:
            payload["guild_locale"] = chosen.server
        return record, payload

    monkeypatch.setattr(simcord.interactions, "base_payload", base_payload)
    return chosen


def said(locale: str, text: str) -> str:
    """Return a text in a language, having made sure that it is not the English one."""
    translated = speech(locale).text(text)
    assert translated != text
    return translated


async def finished(world: World, **options: Any) -> InteractionResult:
    sent = await world.imagine(**options)
    await world.finish()
    return sent


def whispered(answer: InteractionResult) -> str:
    (followup,) = answer.followups
    assert followup.ephemeral
    return str(followup.components)


def labels(sent: InteractionResult) -> str:
    return str([part.to_dict() for part in message_of(sent).components])


@pytest.mark.parametrize("locale", FOREIGN)
async def test_public_cards_are_in_the_language_of_the_server(
    world: World, locales: Locales, locale: str
) -> None:
    locales.person, locales.server = "fr", locale
    sent = await world.imagine()
    await world.work()
    started = said(locale, "-# Started {when}").partition("{")[0]
    assert started in card(sent)
    assert said(locale, "Cancel") in labels(sent)
    await world.finish()
    assert len(gallery(sent)) == 1
    for label in ("Again", "Edit", "Use as reference", "Delete"):
        assert said(locale, label) in labels(sent)


@pytest.mark.parametrize("locale", FOREIGN)
async def test_failure_is_told_in_the_language_of_the_server(
    world: World, locales: Locales, locale: str
) -> None:
    locales.person, locales.server = "fr", locale
    world.sim.inject("task-risk-control")
    sent = await finished(world)
    explanation = EXPLANATIONS[FailureReason.CONTENT_POLICY]
    for text in (explanation.title, explanation.what, explanation.todo):
        assert said(locale, text) in card(sent)
    assert said(locale, "Edit and try again") in labels(sent)


@pytest.mark.parametrize("locale", FOREIGN)
async def test_private_answer_is_in_the_language_of_the_person(
    world: World, locales: Locales, locale: str
) -> None:
    locales.person, locales.server = locale, "fr"
    sent = await world.imagine(private=True)
    await world.work()
    assert said(locale, "Cancel") in labels(sent)
    await world.finish()
    assert said(locale, "Again") in labels(sent)
    assert said("fr", "Again") not in labels(sent)


@pytest.mark.parametrize("locale", FOREIGN)
async def test_direct_message_is_in_the_language_of_the_person(
    world: World, locales: Locales, locale: str
) -> None:
    locales.person = locale
    carol = world.env.create_user("carol")
    sent = await carol.slash("imagine", prompt="a lonely boat")
    await world.finish()
    assert said(locale, "Again") in labels(sent)


@pytest.mark.parametrize("locale", FOREIGN)
async def test_refusal_is_in_the_language_of_those_who_see_it(
    world: World, locales: Locales, picture: bytes, locale: str
) -> None:
    locales.person, locales.server = locale, "fr"
    broken: dict[str, Any] = {"negative_prompt": "cats", "image": ("a.png", picture)}
    title = "### That is not possible yet"
    assert said(locale, title) in card(await world.imagine(private=True, **broken))
    assert said("fr", title) in card(await world.imagine(**broken))


@pytest.mark.parametrize("locale", FOREIGN)
async def test_whispers_are_in_the_language_of_the_one_who_hears_them(
    world: World, locales: Locales, locale: str
) -> None:
    locales.server = "fr"
    bob = world.env.guild.add_member(world.env.create_user("bob"))
    locales.others[bob.id] = locale
    sent = await finished(world)
    refused = await bob.click(message_of(sent), label=said("fr", "Delete"))
    assert said(locale, NOT_YOURS) in whispered(refused)
    locales.person = "fr"
    told = await world.alice.slash(world.channel, "privacy references", allowed="off")
    assert card(told) == said(
        "fr", "From now on nobody else can use your pictures as references here."
    )
    refused = await bob.click(message_of(sent), label=said("fr", "Use as reference"))
    assert card(refused) == said(locale, PICTURES_REFUSED)


@pytest.mark.parametrize("locale", FOREIGN)
async def test_list_and_details_are_in_the_language_of_the_asker(
    world: World, locales: Locales, locale: str
) -> None:
    locales.person, locales.server = locale, "fr"
    empty = await world.alice.slash(world.channel, "results")
    assert said(locale, "There is nothing yet. `/imagine` makes your first picture.") in card(empty)
    sent = await finished(world)
    listed = await world.alice.slash(world.channel, "results")
    assert said(locale, "Shown where they were asked for:") in card(listed)
    details = await world.alice.context_menu(world.channel, "Show details", message_of(sent))
    for text in ("### Details of this wish", "Ended"):
        assert said(locale, text) in card(details)


@pytest.mark.parametrize("locale", FOREIGN)
async def test_forms_are_in_the_language_of_the_one_who_fills_them_in(
    world: World, locales: Locales, locale: str
) -> None:
    locales.person, locales.server = locale, "fr"
    sent = await finished(world, n=2)
    edit = await world.alice.click(message_of(sent), label=said("fr", "Edit"))
    assert edit.modal is not None
    assert edit.modal["title"] == said(locale, "Edit this wish")
    shown = [part["label"] for part in edit.modal["components"]]
    names = ("Prompt", "Negative prompt", "Shape", "Size", "How many pictures")
    assert shown == [speech(locale)(name) for name in names]
    assert said(locale, "16:9 · wide") in str(edit.modal)
    reference = await world.alice.click(message_of(sent), label=said("fr", "Use as reference"))
    assert reference.modal is not None
    assert reference.modal["title"] == said(locale, "Use as reference")
    assert said(locale, "Which picture") in str(reference.modal)


async def test_unknown_languages_are_served_in_english(world: World, locales: Locales) -> None:
    locales.person = locales.server = UNKNOWN
    public, private = await finished(world), await finished(world, private=True)
    for sent in (public, private):
        assert "'label': 'Again'" in labels(sent)
    empty = await world.env.create_user("carol").slash("results")
    assert "There is nothing yet." in card(empty)


async def test_amounts_are_written_as_is_usual_there(world: World, locales: Locales) -> None:
    locales.server = "de"
    german = await finished(world, n=4)
    assert "0,112\N{NO-BREAK SPACE}$" in card(german)
    locales.server = "ja"
    japanese = await finished(world, n=4)
    assert "$0.112" in card(japanese)


async def test_loss_of_a_record_is_owned_up_to_in_the_language_of_the_one_who_asks(
    world: World, locales: Locales
) -> None:
    locales.person, locales.server = "de", "fr"
    sent = await finished(world)
    path = world.settings.database_url.removeprefix("sqlite+aiosqlite:///")
    with sqlite3.connect(path) as file:
        file.execute("DELETE FROM generations")
    whisper = await world.alice.click(message_of(sent), label=said("fr", "Delete"))
    assert said("de", MISSING_RECORD) in whispered(whisper)
    public = await world.alice.click(message_of(sent), label=said("fr", "Again"))
    assert said("fr", MISSING_RECORD) in card(public)


def registered(world: World) -> list[dict[str, Any]]:
    """Return the commands as the bot has registered them."""
    (put,) = [
        request
        for request in world.env.http_requests
        if request.method == "PUT" and request.path.endswith("/commands")
    ]
    assert put.json is not None
    commands: list[dict[str, Any]] = put.json
    return commands


def options_of(command: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for option in command.get("options", ()):
        yield option
        yield from options_of(option)


def test_descriptions_are_registered_in_every_language(world: World) -> None:
    for command in registered(world):
        if command.get("type") == MENU:  # Discord shows none for them
            continue
        for part in (command, *options_of(command)):
            translated = part["description_localizations"]
            assert translated == {
                locale: said(locale, part["description"]) for locale in TRANSLATED
            }, part["name"]


def test_names_are_registered_in_every_language(world: World) -> None:
    commands = {command["name"]: command for command in registered(world)}
    assert set(commands) == {"imagine", "results", "privacy", "Use as reference", "Show details"}
    for name, command in commands.items():
        if name == "privacy":
            continue
        kind = "menu" if command.get("type") == MENU else "command"
        assert names_of(command) == names(kind, name)
        for option in command.get("options", ()):
            assert names_of(option) == names("option", option["name"])
    assert commands["Show details"]["name_localizations"]["de"] == "Details anzeigen"


def names_of(thing: dict[str, Any]) -> dict[str, str]:
    localized: dict[str, str] = thing.get("name_localizations") or {}
    return localized


def names(kind: str, name: str) -> dict[str, str]:
    """Return the name in each language that has another word for it."""
    all_names = {locale: speech(locale).named(kind, name) for locale in TRANSLATED}
    return {locale: other for locale, other in all_names.items() if other != name}


def test_choices_are_registered_in_every_language(world: World) -> None:
    choices = [
        choice
        for command in registered(world)
        for option in options_of(command)
        for choice in option.get("choices", ())
    ]
    assert len(choices) == len(AspectRatio) + len(Resolution) + len(("on", "off"))
    for choice in choices:
        name = choice["name"]
        translated = {locale: speech(locale).text(name) for locale in TRANSLATED}
        assert names_of(choice) == {
            locale: other for locale, other in translated.items() if other != name
        }
        assert names_of(choice)


def test_groups_and_what_is_in_them_keep_their_english_names(world: World) -> None:
    (privacy,) = [command for command in registered(world) if command["name"] == "privacy"]
    (references,) = privacy["options"]
    assert references["type"] == GROUP
    assert not privacy.get("name_localizations")
    assert not references.get("name_localizations")


def longest(thing: dict[str, Any], name: str) -> int:
    """Return the most characters that a text has in any language."""
    texts = (thing.get(name) or "", *(thing.get(f"{name}_localizations") or {}).values())
    return max(map(len, texts))


def test_registered_commands_are_within_discords_limits(world: World) -> None:
    for command in registered(world):
        parts = [command, *options_of(command)]
        choices = [choice for part in parts for choice in part.get("choices", ())]
        total = sum(longest(part, "name") + longest(part, "description") for part in parts)
        total += sum(longest(choice, "name") + len(choice["value"]) for choice in choices)
        assert total <= MOST_IN_A_COMMAND, command["name"]
        for part in parts:
            assert 1 <= longest(part, "name") <= MOST_NAME
            assert longest(part, "description") <= MOST_DESCRIPTION
            assert len(part.get("options", ())) <= 25
        assert all(1 <= longest(choice, "name") <= 100 for choice in choices)
