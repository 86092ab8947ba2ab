"""Where an answer goes."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

TOKEN_LIFETIME = timedelta(minutes=14, seconds=30)
"""How long an interaction token is used: Discord ends it at 15 minutes, we stop a little before."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """The message that belongs to one wish, and how it may be reached and shown.

    `token` is a secret: it is left out of `repr` and becomes `None` once it is of no more use.
    `upload_limit` is in bytes for one file, as Discord stated it for this very interaction.
    """

    application_id: int
    interaction_id: int
    token: str | None = field(repr=False)
    token_expires_at: datetime
    channel_id: int
    message_id: int
    guild_id: int | None
    user_id: int
    ephemeral: bool
    spoiler: bool
    locale: str
    guild_locale: str | None
    upload_limit: int

    def live_token(self, now: datetime) -> str | None:
        """Return the interaction token while it can still be used."""
        return self.token if now < self.token_expires_at else None
