"""Finding a list's words in a text.

Words are compared whole, never inside others, so that "class", "assassin" and "Scunthorpe" pass a
list with shorter words in it. Case, width and accents make no difference. Characters that look like
others count as those only where they look like a disguise: scripts mixed in one word, digits and
signs between letters, or a foreign script used for its shapes alone.

Chinese, Japanese, Thai and their neighbours put no spaces between words: there a word is found
anywhere, but one in katakana not inside a longer one. A Korean word is found with a particle behind
it. An entry that ends in `*` also finds longer words that begin so.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, product
from typing import Self

from kirin.moderation import folding

LONGEST_ENTRY = 80
"""Characters in one entry of a list."""

_SIGNS = "@$€|"  # stand for letters anywhere in a word
_INNER_SIGNS = "!"  # and this one between letters
_LEET = {
    "0": "o", "1": "il", "3": "e", "4": "a", "5": "s", "7": "t", "8": "b", "9": "g",
    "@": "a", "$": "s", "€": "e", "!": "i", "|": "il",
}  # fmt: skip
_SHORTEST_DISGUISE = 3  # "3d" is none
_MOST_READINGS = 16
_KATAKANA = "KATAKANA"
_HANGUL = "HANGUL"
_PARTICLES = frozenset(
    (
        "이 가 을 를 은 는 에 의 와 과 도 로 으로 만 까지 부터 에서 에게 한테 처럼 보다 이나 나 "
        "들 들이 들을 들은 이다 입니다"
    ).split()
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """An `entry` of the list, and the piece of the text (`found`) that it was found in."""

    entry: str
    found: str


@dataclass(frozen=True, slots=True)
class _Token:
    start: int
    end: int
    readings: frozenset[str]


@dataclass(frozen=True, slots=True)
class _Pattern:
    """One entry, ready for comparing: word by word, or as a run of signs where there are none."""

    entry: str
    words: tuple[frozenset[str], ...]
    is_open: bool
    run: str | None


class WordList:
    """Blocked words, and allowed ones that win over them wherever they stand.

    An entry may hold several words; any spaces or punctuation may stand between them in a text.
    """

    def __init__(self, *, blocked: Sequence[_Pattern], allowed: Sequence[_Pattern]) -> None:
        self._blocked = blocked
        self._allowed = allowed

    @classmethod
    def of(cls, blocked: Iterable[str], allowed: Iterable[str] = ()) -> Self:
        """Prepare two lists of entries; those without any letter or digit are left out."""
        return cls(blocked=_patterns(blocked), allowed=_patterns(allowed))

    def find(self, text: str) -> Hit | None:
        """Return the first blocked word of a text, or `None`."""
        hits = sorted(self._hits(text), key=lambda hit: hit[0])
        return hits[0][1] if hits else None

    def _hits(self, text: str) -> Iterator[tuple[int, Hit]]:
        if not self._blocked:
            return
        seen = folding.visible(text)
        reader = _Reader(seen)
        spared = [span for pattern in self._allowed for span in reader.spans(pattern)]
        for pattern in self._blocked:
            for start, end in reader.spans(pattern):
                if not any(first < end and start < last for first, last in spared):
                    yield start, Hit(entry=pattern.entry, found=seen[start:end])


class _Reader:
    """One text, taken apart once for all entries."""

    def __init__(self, seen: str) -> None:
        self._seen = seen
        honest = _honest_scripts(seen)
        self._streams = [
            _tokens(seen, _words(seen), honest),
            _tokens(seen, _words(seen, with_signs=True), honest),
        ]

    def spans(self, pattern: _Pattern) -> Iterator[tuple[int, int]]:
        """Find every place of an entry."""
        if pattern.run is not None:
            yield from _runs(self._seen, pattern.run)
            return
        for tokens in self._streams:
            width = len(pattern.words)
            for at in range(len(tokens) - width + 1):
                some = tokens[at : at + width]
                if _matches(pattern, some):
                    yield some[0].start, some[-1].end


def _patterns(entries: Iterable[str]) -> list[_Pattern]:
    return [pattern for entry in entries if (pattern := _pattern(entry)) is not None]


def _pattern(entry: str) -> _Pattern | None:
    seen = folding.visible(entry.strip())
    is_open = seen.endswith("*")
    words = _texts(folding.plain(seen))
    if not words:
        return None
    if any(folding.is_boundless(sign) for word in words for sign in word):
        return _Pattern(entry=entry, words=(), is_open=is_open, run="".join(words))
    shapes = _texts(folding.in_latin_shapes(seen))
    if len(shapes) != len(words):
        shapes = words
    readings = tuple(frozenset(pair) for pair in zip(words, shapes, strict=True))
    return _Pattern(entry=entry, words=readings, is_open=is_open, run=None)


def _matches(pattern: _Pattern, tokens: Sequence[_Token]) -> bool:
    pairs = list(zip(pattern.words, tokens, strict=True))
    if not all(words & token.readings for words, token in pairs[:-1]):
        return False
    words, last = pairs[-1]
    return any(
        _is(word, reading, is_open=pattern.is_open) for word in words for reading in last.readings
    )


def _is(word: str, reading: str, *, is_open: bool) -> bool:
    if reading == word:
        return True
    if not reading.startswith(word):
        return False
    return is_open or (folding.script(word[-1]) == _HANGUL and reading[len(word) :] in _PARTICLES)


def _words(seen: str, *, with_signs: bool = False) -> Iterator[tuple[int, int]]:
    """Yield where words begin and end; on request with the signs that may stand for letters."""
    start = None
    for place, sign in enumerate(f"{seen} "):
        belongs = folding.is_part_of_a_word(sign) or (
            with_signs
            and (sign in _SIGNS or (sign in _INNER_SIGNS and seen[place + 1 : place + 2].isalnum()))
        )
        if belongs and start is None:
            start = place
        elif not belongs and start is not None:
            yield start, place
            start = None


def _texts(text: str) -> list[str]:
    return [text[start:end] for start, end in _words(text)]


def _tokens(seen: str, words: Iterable[tuple[int, int]], honest: frozenset[str]) -> list[_Token]:
    return [
        _Token(start, end, frozenset(_readings(seen[start:end], honest))) for start, end in words
    ]


def _readings(word: str, honest: frozenset[str]) -> Iterator[str]:
    """Yield how a word may be read: as it stands, and as what it is made to look like."""
    yield folding.plain(word)
    looks = folding.in_latin_shapes(word) if _is_foreign(word, honest) else folding.plain(word)
    yield looks
    is_number = any(map(str.isdigit, word)) and not any(map(str.isalpha, word))
    if len(word) >= _SHORTEST_DISGUISE and not is_number:
        ways = (_LEET.get(sign, sign) for sign in looks)
        yield from map("".join, islice(product(*ways), _MOST_READINGS))


def _is_foreign(word: str, honest: frozenset[str]) -> bool:
    """Say whether a word's letters are there for their shapes.

    They are where scripts are mixed in it, or where all the rest of the text is Latin.
    """
    scripts = {folding.script(sign) for sign in word} - {""}
    if not scripts & {"CYRILLIC", "GREEK"}:
        return False
    return len(scripts) > 1 or ("LATIN" in honest and not scripts & honest)


def _honest_scripts(seen: str) -> frozenset[str]:
    """Name the scripts that a text uses for letters which Latin has not."""
    return frozenset(
        folding.script(sign)
        for sign in set(seen)
        if sign.isalpha() and not folding.is_borrowed(sign)
    )


def _runs(seen: str, run: str) -> Iterator[tuple[int, int]]:
    """Find a run of signs: spaces do not hide it, and katakana around it must not go on."""
    signs = [(place, sign) for place, sign in enumerate(seen) if not sign.isspace()]
    text = "".join(folding.plain(sign) or " " for _, sign in signs)
    if len(text) != len(signs):  # folding made one sign into several
        signs, text = list(enumerate(seen)), seen.casefold()
    at = text.find(run)
    while at >= 0:
        end = at + len(run)
        if not _cuts_katakana(text, at, end):
            yield signs[at][0], signs[end - 1][0] + 1
        at = text.find(run, at + 1)


def _cuts_katakana(text: str, at: int, end: int) -> bool:
    before, after = text[at - 1 : at], text[end : end + 1]
    return (_is_katakana(text[at]) and _is_katakana(before)) or (
        _is_katakana(text[end - 1]) and _is_katakana(after)
    )


def _is_katakana(sign: str) -> bool:
    return bool(sign) and (sign == "ー" or folding.script(sign) == _KATAKANA)
