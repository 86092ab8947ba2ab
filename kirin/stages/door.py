"""What holds a stage back before it takes on rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Protocol

from kirin.bucket import TokenBucket
from kirin.store import Claim


class Door(Protocol):
    """Lets rows in, by number; nothing is taken on that could not be worked on at once."""

    @property
    def opens_at(self) -> datetime | None:
        """When there may be room, at the earliest; None: not before a bell is rung."""

    def enter(self, limit: int) -> int:
        """Reserve room for up to `limit` rows; return for how many there is."""

    def settle(self, room: int, claims: Sequence[Claim]) -> None:
        """Say which rows have taken the room that was reserved; the rest is free again."""

    def done(self, claim: Claim) -> None:
        """Say that a row's work has ended, however it ended."""


class OpenDoor:
    """Holds nobody back."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now

    @property
    def opens_at(self) -> datetime | None:
        """Now."""
        return self._now()

    def enter(self, limit: int) -> int:
        """Let all in."""
        return limit

    def settle(self, room: int, claims: Sequence[Claim]) -> None:
        """Keep no account."""

    def done(self, claim: Claim) -> None:
        """Keep no account."""


class PacedDoor:
    """Lets in so many a second."""

    def __init__(self, bucket: TokenBucket) -> None:
        self._bucket = bucket

    @property
    def opens_at(self) -> datetime | None:
        """When there is a token."""
        return self._bucket.ready_at()

    def enter(self, limit: int) -> int:
        """Take tokens."""
        return self._bucket.take(limit)

    def settle(self, room: int, claims: Sequence[Claim]) -> None:
        """Put back those that nobody needed."""
        self._bucket.give_back(room - len(claims))

    def done(self, claim: Claim) -> None:
        """Nothing is held while a row is worked on."""
