"""Where an answer goes."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

TOKEN_LIFETIME = timedelta(minutes=14, seconds=30)
"""How long an interaction token is used: Discord ends it at 15 minutes, we stop a little before."""

LAST_MOMENTS = timedelta(minutes=2, seconds=30)
"""What is left of a token when a way is prepared for the time after it: it is 12 minutes old."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """The message that belongs to one wish, and how it may be reached and shown.

    `token` is a secret: it is left out of `repr` and becomes `None` once it is of no more use.
    `upload_limit` is in bytes for one file, as Discord stated it for this very interaction.
    `bot_is_member` where Discord has told that the bot itself can see the channel.
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
    bot_is_member: bool

    def is_closing(self, now: datetime) -> bool:
        """Say whether the token is near its end, and the message may be out of reach after it."""
        return self.closing_at is not None and now >= self.closing_at

    @property
    def closing_at(self) -> datetime | None:
        """When to prepare for the time after the token, if the message may be out of reach then."""
        return None if self.outlives_token else self.token_expires_at - LAST_MOMENTS

    def live_token(self, now: datetime) -> str | None:
        """Return the interaction token while it can still be used."""
        return self.token if now < self.token_expires_at else None

    @property
    def message_url(self) -> str | None:
        """The address of the message, unless only one person can see it."""
        if self.ephemeral:
            return None
        place = self.guild_id or "@me"
        return f"https://discord.com/channels/{place}/{self.channel_id}/{self.message_id}"

    @property
    def outlives_token(self) -> bool:
        """Say whether the message can certainly be edited when the token has ended."""
        return self.bot_is_member and not self.ephemeral
