"""What the stand-in for Discord knows: places, messages, tokens, and the answers it may give."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

APPLICATION = 1001
TOKEN_SECONDS = 900.0
EPHEMERAL, COMPONENTS_V2 = 64, 32768


@dataclass(frozen=True, kw_only=True)
class Place:
    """A channel; in `guild_id` the bot is a member, or people have only brought it with them."""

    channel_id: int
    guild_id: int | None = None
    bot_is_member: bool = True
    context: int = 0

    def owners(self, user_id: int) -> dict[str, str]:
        """Who has installed the bot where this interaction comes from."""
        if not self.bot_is_member:
            return {"1": str(user_id)}
        return {"0": str(self.guild_id or 0)}


SERVER = Place(channel_id=2001, guild_id=3001)
FOREIGN_SERVER = Place(channel_id=2002, guild_id=3002, bot_is_member=False)
DIRECT = Place(channel_id=2003, context=1)
GROUP = Place(channel_id=2004, bot_is_member=False, context=2)


@dataclass(kw_only=True)
class Message:
    """A message; `uploads` are its attachments by id: name and size."""

    id: int
    place: Place
    ephemeral: bool
    components: list[dict[str, Any]] = field(default_factory=list)
    uploads: dict[int, tuple[str, int]] = field(default_factory=dict)
    is_thinking: bool = True
    is_deleted: bool = False

    @property
    def parts(self) -> list[dict[str, Any]]:
        """All components, however deep."""
        return list(_walk(self.components))

    @property
    def text(self) -> str:
        return "\n".join(part["content"] for part in self.parts if part["type"] == 10)

    @property
    def buttons(self) -> list[dict[str, Any]]:
        return [part for part in self.parts if part["type"] == 2]

    @property
    def pictures(self) -> list[str]:
        """The files that the gallery shows."""
        return [
            item["media"]["url"].removeprefix("attachment://")
            for part in self.parts
            if part["type"] == 12
            for item in part["items"]
        ]


@dataclass(kw_only=True)
class Token:
    """A token of an interaction, and the message that it is good for."""

    text: str
    place: Place
    expires_at: float
    message: Message | None = None


@dataclass(kw_only=True)
class Fault:
    """An answer in place of the right one; `times` is `None` for ever. `drop` cuts the line.

    The first `after` edits are still answered rightly.
    """

    status: int = 0
    code: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: dict[str, Any] = field(default_factory=dict)
    times: int | None = 1
    after: int = 0
    drop: bool = False


@dataclass(frozen=True, kw_only=True)
class Edit:
    """One edit that arrived: by which route, what it uploaded, and how it was answered."""

    route: str
    token: str | None
    status: int
    payload: dict[str, Any]
    sizes: tuple[int, ...] = ()


def _walk(components: list[dict[str, Any]]) -> Any:
    for component in components:
        yield component
        yield from _walk(component.get("components", []))
