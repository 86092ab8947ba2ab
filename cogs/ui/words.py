"""What somebody typed, to be given back when it cannot be used."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import ClassVar

import discord

from cogs.ui.display import block
from cogs.ui.speech import Speech

_ROOM_IN_A_CARD = 3000


def written(text: str | None) -> str | None:
    """Return a text as it is, or `None` where there is nothing in it to read."""
    return text if text and text.strip() else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """The texts of a refused wish: shown to be copied, or in a file where a card is too small."""

    FILE_NAME: ClassVar[str] = "your-words.txt"

    prompt: str
    negative_prompt: str | None

    def copies(self, say: Speech) -> list[str]:
        """Return the texts as code blocks under their names."""
        return [
            say("{name}, to copy:", name=name) + f"\n{block(text)}"
            for name, text in self._named(say)
        ]

    def need_a_file(self, say: Speech) -> bool:
        """Say whether a card has not enough room for them."""
        return sum(map(len, self.copies(say))) > _ROOM_IN_A_CARD

    def files(self, say: Speech) -> list[discord.File]:
        """Make the upload that goes with the card: one file, or none."""
        if not self.need_a_file(say):
            return []
        content = "\n\n".join(f"{name}:\n{text}" for name, text in self._named(say))
        return [discord.File(io.BytesIO(content.encode()), filename=self.FILE_NAME)]

    def _named(self, say: Speech) -> list[tuple[str, str]]:
        named = [
            (say("Your prompt"), self.prompt),
            (say("Your negative prompt"), self.negative_prompt or ""),
        ]
        return [(name, text) for name, text in named if text.strip()]


NO_WORDS = Words(prompt="", negative_prompt=None)
"""Of a wish that was made with a press."""
