"""Words in everyone's language: English in the code, the others in gettext catalogs beside it.

`say("…")` translates a text; `N_("…")` only marks one that is translated where it is used.
`make catalogs` collects both kinds, and a test compares them with every catalog.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from decimal import Decimal
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Final

from babel import Locale
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_currency, format_decimal
from babel.support import Translations

from kirin.model import Placement

CATALOGS: Final = Path(__file__).parent / "locales"
DOMAIN: Final = "kirin"

LANGUAGES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "en-US": "en",
        "en-GB": "en",
        "de": "de",
        "fr": "fr",
        "es-ES": "es",
        "es-419": "es",
        "pt-BR": "pt_BR",
        "ja": "ja",
        "zh-CN": "zh_Hans",
    }
)
"""Discord's locales, and the catalog that serves each; all others are served in English."""

_MINUTE = 60


def N_(text: str) -> str:  # noqa: N802 - gettext's own name for a marker
    """Mark a text that is translated where it is used."""
    return text


class Speech:
    """One language: its words, plural forms, numbers and amounts."""

    def __init__(self, language: str) -> None:
        self._locale = Locale.parse(language)
        self._catalog = _load(language)

    def __call__(self, text: str, /, **facts: object) -> str:
        """Translate a text and put the facts in its braces."""
        return self.text(text).format(**facts)

    def text(self, text: str) -> str:
        """Translate a text that has no braces, or keeps them."""
        return str(self._catalog.gettext(text))

    def count(self, one: str, many: str, number: int, /, **facts: object) -> str:
        """Translate a text in the form that fits the number, which is `{number}` in it."""
        form = self._catalog.ngettext(one, many, number)
        return form.format(number=self.number(number), **facts)

    def named(self, context: str, text: str) -> str:
        """Translate a name that stands alone, such as a command's, by what it names."""
        return str(self._catalog.pgettext(context, text))

    def number(self, value: float) -> str:
        """Write a number as is usual in this language."""
        return format_decimal(value, locale=self._locale)

    def money(self, amount: Decimal) -> str:
        """Write an amount of US dollars with all of its digits."""
        digits = -int(amount.normalize().as_tuple().exponent)
        return format_currency(
            amount,
            "USD",
            locale=self._locale,
            format=_currency_pattern(self._locale, max(2, digits)),
            currency_digits=False,
        )

    def duration(self, seconds: float) -> str:
        """Write how long something took, to the second."""
        whole, say = max(1, round(seconds)), self
        if whole < _MINUTE:
            return say("{seconds} s", seconds=whole)
        return say("{minutes} min {seconds} s", minutes=whole // _MINUTE, seconds=whole % _MINUTE)


@cache
def speech(discord_locale: str | None) -> Speech:
    """Return the language for one of Discord's locales."""
    return Speech(LANGUAGES.get(discord_locale or "", "en"))


def speech_for(placement: Placement) -> Speech:
    """Return the language of a message: the person's own, or the server's where all see it."""
    if placement.ephemeral or placement.guild_id is None:
        return speech(placement.locale)
    return speech(placement.guild_locale or placement.locale)


@cache
def _load(language: str) -> Translations:
    path = CATALOGS / language / "LC_MESSAGES" / f"{DOMAIN}.po"
    if not path.exists():
        return Translations()
    compiled = io.BytesIO()
    with path.open("rb") as file:
        write_mo(compiled, read_po(file, locale=language))
    compiled.seek(0)
    return Translations(compiled, DOMAIN)


def _currency_pattern(locale: Locale, digits: int) -> str:
    pattern = str(locale.currency_formats["standard"].pattern)
    return pattern.replace("0.00", "0." + "0" * digits)
