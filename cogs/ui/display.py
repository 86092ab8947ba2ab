"""People's own words, made safe to show in a message."""

from __future__ import annotations

import re

_ELLIPSIS = "…"
_INVISIBLE = re.compile(
    "[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f"  # control characters
    "\u00ad\u061c\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff]"  # direction marks, joints
)
_MARKUP = re.compile(r"([\\*_~|`>#\[\]()<@:])")
_FENCE = re.compile(r"`{3,}")


def plain(text: str, limit: int) -> str:
    """Return one line of at most `limit` characters, without marks that hide or turn text."""
    line = " ".join(_INVISIBLE.sub("", text).split())
    return line if len(line) <= limit else line[: limit - 1].rstrip() + _ELLIPSIS


def inline(text: str, limit: int) -> str:
    """Return one line in which no markdown, mention, link or timestamp has any effect.

    At most `limit` characters as shown; the marks that Discord swallows come on top. The line must
    not begin a line of the message, where dashes and numbers would make a list of it.
    """
    return _MARKUP.sub(r"\\\1", plain(text, limit))


def block(text: str) -> str:
    """Return the whole text as a code block, to be copied from."""
    inside = _FENCE.sub(lambda fence: "ˋ" * len(fence.group()), _INVISIBLE.sub("", text))
    return f"```\n{inside}\n```"
