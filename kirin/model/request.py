"""A wish: what the provider is to make, checked against its documented rules."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from kirin.errors import InvalidRequest, Rule
from kirin.model.text import storable

PROMPT_LIMIT = 2500
"""Characters in a prompt, and in a negative prompt (documented by the provider)."""

MOST_PICTURES = 9
"""Pictures in one wish (documented by the provider)."""

MOST_REFERENCES = 10
"""Subjects and reference images together (documented by the provider)."""

ELEMENT_ID_LIMIT = 2**63 - 1
"""Element ids are 18-digit integers; more than 64 bits cannot be one."""

_ELEMENT_ID_DIGITS = len(str(ELEMENT_ID_LIMIT))


class AspectRatio(StrEnum):
    """Width to height, as documented."""

    WIDE = "16:9"
    TALL = "9:16"
    SQUARE = "1:1"
    CLASSIC = "4:3"
    CLASSIC_TALL = "3:4"
    PHOTO = "3:2"
    PHOTO_TALL = "2:3"
    CINEMA = "21:9"


class Resolution(StrEnum):
    """How large, as documented."""

    ONE_K = "1k"
    TWO_K = "2k"


@dataclass(frozen=True, slots=True, kw_only=True)
class UploadedImage:
    """A reference image whose bytes we hold, named by their SHA-256 in hexadecimal."""

    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkedImage:
    """A reference image that the provider fetches; this bot never opens the link."""

    url: str


Reference = UploadedImage | LinkedImage


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerationRequest:
    """A valid wish, with nothing of Discord in it.

    Building one raises `InvalidRequest` where a documented rule is broken. What no database can
    store (NUL, halves of surrogate pairs) is dropped from its texts; nobody can see it either.
    """

    prompt: str
    negative_prompt: str | None = None
    reference: Reference | None = None
    element_ids: tuple[int, ...] = ()
    aspect_ratio: AspectRatio = AspectRatio.WIDE
    resolution: Resolution = Resolution.ONE_K
    n: int = 1
    watermark: bool = False

    def __post_init__(self) -> None:
        """Hold the rules that need nothing but the parameters."""
        object.__setattr__(self, "prompt", storable(self.prompt))
        object.__setattr__(self, "negative_prompt", _storable(self.negative_prompt))
        if not self.prompt.strip():
            raise InvalidRequest(Rule.PROMPT_EMPTY)
        _check_length(Rule.PROMPT_TOO_LONG, self.prompt)
        _check_length(Rule.NEGATIVE_PROMPT_TOO_LONG, self.negative_prompt or "")
        if self.negative_prompt and self.reference:
            raise InvalidRequest(Rule.NEGATIVE_PROMPT_WITH_IMAGE)
        if not 1 <= self.n <= MOST_PICTURES:
            raise InvalidRequest(Rule.COUNT_OUT_OF_RANGE, n=self.n, most=MOST_PICTURES)
        references = len(self.element_ids) + (self.reference is not None)
        if references > MOST_REFERENCES:
            raise InvalidRequest(
                Rule.TOO_MANY_REFERENCES, references=references, most=MOST_REFERENCES
            )


def _storable(text: str | None) -> str | None:
    return None if text is None else storable(text)


def _check_length(rule: Rule, text: str) -> None:
    if len(text) > PROMPT_LIMIT:
        raise InvalidRequest(rule, length=len(text), limit=PROMPT_LIMIT)


def parse_element_id(text: str) -> int:
    """Read a subject's id exactly, or raise `InvalidRequest`: ids exceed what floats can hold."""
    digits = text.strip()
    looks_right = digits.isascii() and digits.isdigit() and len(digits) <= _ELEMENT_ID_DIGITS
    if not looks_right or not 0 < int(digits) <= ELEMENT_ID_LIMIT:
        raise InvalidRequest(Rule.SUBJECT_ID, text=text)
    return int(digits)
