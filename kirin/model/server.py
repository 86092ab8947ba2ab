"""What the people who run a server have decided there."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum, auto

from kirin.model.request import AspectRatio, Resolution


class SpoilerRule(StrEnum):
    """Whether pictures are hidden until they are clicked."""

    AS_WISHED = auto()
    ALWAYS = auto()
    NEVER = auto()


class ReferenceRule(StrEnum):
    """Whose pictures may be made into something new."""

    WITH_CONSENT = auto()
    OWN = auto()
    NOBODY = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerSettings:
    """The settings of one server; the defaults need no set-up.

    `None` in a default means: as the bot does everywhere. `n`, `most_pictures` are pictures in one
    wish; `most_open` limits are wishes that have not ended. Channels and roles are ids; an empty
    `allowed_...` allows all that is not forbidden. `language` is a Discord locale, `None` follows
    the server's own.
    """

    aspect_ratio: AspectRatio | None = None
    resolution: Resolution | None = None
    n: int | None = None
    watermark: bool | None = None
    private: bool | None = None
    most_pictures: int = 9
    allowed_channels: tuple[int, ...] = ()
    forbidden_channels: tuple[int, ...] = ()
    allowed_roles: tuple[int, ...] = ()
    forbidden_roles: tuple[int, ...] = ()
    spoilers: SpoilerRule = SpoilerRule.AS_WISHED
    references: ReferenceRule = ReferenceRule.WITH_CONSENT
    language: str | None = None
    notices_channel: int | None = None
    reports_channel: int | None = None
    blocked_words: tuple[str, ...] = ()
    allowed_words: tuple[str, ...] = ()
    most_open_per_person: int | None = None
    most_open: int | None = None


NO_SETTINGS = ServerSettings()
"""A server that nobody has set up, and everything that is no server."""
