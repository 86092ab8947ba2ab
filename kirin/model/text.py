"""Texts that every database can store."""

from __future__ import annotations

_NUL = "\x00"


def storable(text: str, *, instead: str = "") -> str:
    """Return a text without NUL, and with something `instead` of each half of a surrogate pair.

    PostgreSQL stores neither, and one such row would end every query that looks into its JSON.
    """
    if _NUL not in text and text.isascii():
        return text
    whole = text.replace(_NUL, "")
    try:
        whole.encode()
    except UnicodeEncodeError:
        return "".join(instead if "\ud800" <= sign <= "\udfff" else sign for sign in whole)
    return whole
