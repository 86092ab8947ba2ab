"""Collects the texts of the code into the catalogs: `make catalogs`.

What is new in a catalog is left empty for its translators, what is gone from the code is removed,
and the tests fail until every language has every text.
"""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

from cogs.ui.speech import CATALOGS, DOMAIN, LANGUAGES

SOURCES: Final = Path(__file__).parent.parent / "cogs"
KEYWORDS: Final[dict[str, Any]] = {
    "say": None,
    "N_": None,
    "count": (1, 2),
    "name_": ((1, "c"), 2),
}
TRANSLATED: Final = sorted(set(LANGUAGES.values()) - {"en"})
_HEADER_LINES_KEPT = ("Language:", "Plural-Forms:", "MIME-Version:", "Content-")


def texts() -> Catalog:
    """Collect the texts of the code."""
    found = Catalog()
    for _, _, message, _, context in extract_from_dir(SOURCES, keywords=KEYWORDS):
        found.add(message, context=context)
    return found


def path_of(language: str) -> Path:
    """Return where a language's catalog is."""
    return CATALOGS / language / "LC_MESSAGES" / f"{DOMAIN}.po"


def read(language: str) -> Catalog:
    """Read a language's catalog."""
    with path_of(language).open("rb") as file:
        return read_po(file, locale=language)


def update(language: str) -> int:
    """Bring one catalog up to date; return how many of its texts wait for a translation."""
    path = path_of(language)
    path.parent.mkdir(parents=True, exist_ok=True)
    catalog = read(language) if path.exists() else Catalog(locale=language)
    catalog.update(texts(), no_fuzzy_matching=True)
    buffer = io.BytesIO()
    write_po(buffer, catalog, width=96, sort_output=True, ignore_obsolete=True)
    path.write_text(_with_tidy_header(buffer.getvalue().decode()), encoding="utf-8")
    return sum(1 for message in read(language) if message.id and not _is_complete(message.string))


def _is_complete(string: str | Sequence[str] | None) -> bool:
    return bool(string) and all(string or ())


def _with_tidy_header(text: str) -> str:
    """Keep what a reader of the catalog needs; dates and names would change with every run."""
    header, _, entries = text.partition("\n\n")
    kept = [
        line
        for line in header.splitlines()
        if line.startswith("msg") or line.lstrip('"').startswith(_HEADER_LINES_KEPT)
    ]
    return "\n".join(kept) + "\n\n" + entries


if __name__ == "__main__":
    for each in TRANSLATED:
        print(f"{each}: {update(each)} texts to translate")
