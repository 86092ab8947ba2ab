"""Readings of a text: what is left of it without case, width and accents, and what it looks like.

Look-alikes are a choice from Unicode's confusables (UTS 39): those that people use.
"""

from __future__ import annotations

import unicodedata

_ACCENTS = range(200, 241)  # combining classes of marks above and below a letter
_STRIKES = {1}  # and of those through it
_POINTS = range(10, 36)  # those of Hebrew and Arabic points
_INVISIBLE = {"Cf"}  # zero-width characters, soft hyphens, marks of direction
_TATWEEL = "\u0640"
_VARIATION_SELECTORS = range(0xFE00, 0xFE10)

_WITHOUT_STROKE = {
    "ł": "l", "ø": "o", "đ": "d", "ħ": "h", "ŧ": "t", "ı": "i",
    "æ": "ae", "œ": "oe", "þ": "th", "ð": "d",
}  # fmt: skip

_CYRILLIC = {
    "А": "A", "В": "B", "Е": "E", "Ѕ": "S", "І": "I", "Ј": "J", "К": "K", "М": "M", "Н": "H",
    "О": "O", "Р": "P", "С": "C", "Т": "T", "У": "Y", "Х": "X", "Ԍ": "G", "Ԛ": "Q", "Ԝ": "W",
    "а": "a", "е": "e", "ѕ": "s", "і": "i", "ј": "j", "к": "k", "о": "o", "р": "p", "с": "c",
    "т": "t", "у": "y", "х": "x", "ԁ": "d", "ԛ": "q", "ԝ": "w", "һ": "h", "ӏ": "l", "ѵ": "v",
    "в": "b", "м": "m", "н": "h",
}  # fmt: skip
_GREEK = {
    "Α": "A", "Β": "B", "Ε": "E", "Ζ": "Z", "Η": "H", "Ι": "I", "Κ": "K", "Μ": "M", "Ν": "N",
    "Ο": "O", "Ρ": "P", "Τ": "T", "Υ": "Y", "Χ": "X",
    "α": "a", "β": "b", "ε": "e", "η": "n", "ι": "i", "κ": "k", "ν": "v", "ο": "o", "ρ": "p",
    "τ": "t", "υ": "u", "χ": "x", "γ": "y", "ω": "w",
}  # fmt: skip
_SMALL_CAPITALS = dict(zip("ᴀʙᴄᴅᴇɢʜɪᴊᴋʟᴍɴᴏᴘʀꜱᴛᴜᴠᴡʏᴢɡ", "abcdeghijklmnoprstuvwyzg", strict=True))
_FLAGS = {chr(0x1F1E6 + place): chr(ord("a") + place) for place in range(26)}

_SHAPES = str.maketrans(_CYRILLIC | _GREEK)
_STYLES = str.maketrans(_SMALL_CAPITALS | _FLAGS)
_BORROWED = frozenset(_CYRILLIC) | frozenset(_GREEK)

_BOUNDLESS = ("CJK", "IDEOGRAPHIC", "HIRAGANA", "KATAKANA", "THAI", "LAO", "KHMER", "MYANMAR")


def visible(text: str) -> str:
    """Return a text in its plain width (NFKC), without what cannot be seen, in its own case."""
    wide = unicodedata.normalize("NFKC", text.translate(_STYLES))
    return "".join(
        sign
        for sign in wide.translate(_STYLES)
        if unicodedata.category(sign) not in _INVISIBLE
        and sign != _TATWEEL
        and ord(sign) not in _VARIATION_SELECTORS
    )


def plain(text: str) -> str:
    """Return a visible text without case and accents; scripts keep the signs that carry sound."""
    apart = unicodedata.normalize("NFD", text.casefold())
    bare = "".join(sign for sign in apart if not _is_accent(sign))
    together = unicodedata.normalize("NFC", bare)
    return "".join(_WITHOUT_STROKE.get(sign, sign) for sign in together)


def in_latin_shapes(text: str) -> str:
    """Return a visible text with each letter that looks like a Latin one read as that."""
    apart = unicodedata.normalize("NFD", text)
    bare = "".join(sign for sign in apart if not _is_accent(sign))
    return plain(unicodedata.normalize("NFC", bare).translate(_SHAPES))


def is_part_of_a_word(sign: str) -> bool:
    """Say whether a sign is a letter, a digit, or a mark that belongs to one."""
    return sign.isalnum() or unicodedata.category(sign).startswith("M")


def script(sign: str) -> str:
    """Name the script of a letter (the first word of its Unicode name); "" for all that is none."""
    return unicodedata.name(sign, "").split(" ")[0] if sign.isalpha() else ""


def is_borrowed(sign: str) -> bool:
    """Say whether a Cyrillic or Greek letter has a Latin look-alike."""
    return unicodedata.normalize("NFD", sign)[0] in _BORROWED


def is_boundless(sign: str) -> bool:
    """Say whether a sign belongs to a script that puts no spaces between words."""
    return unicodedata.name(sign, "").startswith(_BOUNDLESS)


def _is_accent(sign: str) -> bool:
    rank = unicodedata.combining(sign)
    return rank in _ACCENTS or rank in _POINTS or rank in _STRIKES
