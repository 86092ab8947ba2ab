"""Why a generation did not end in pictures."""

from __future__ import annotations

from enum import StrEnum, auto


class Charge(StrEnum):
    """What is known about the money when a generation did not end in pictures."""

    NOTHING = auto()
    POSSIBLE = auto()


class FailureReason(StrEnum):
    """The closed list of reasons; each has an explanation that people can read."""

    NO_CAPACITY = auto()
    NO_USABLE_RESULT = auto()
    NOT_ACCEPTED = auto()
    CONTENT_POLICY = auto()
    IMAGE_PIXELS = auto()
    IMAGE_RATIO = auto()
    IMAGE_ENCODING = auto()
    INVALID_REQUEST = auto()
    AUTHENTICATION = auto()
    BALANCE = auto()
    ACCESS_DENIED = auto()
    BUSY = auto()
    UNKNOWN_OUTCOME = auto()
    LOST = auto()
    DEADLINE = auto()
    UNREADABLE_ANSWER = auto()
    NO_PICTURES = auto()
    PICTURES_UNAVAILABLE = auto()
    REFERENCE_MISSING = auto()
    UNEXPECTED = auto()

    @property
    def charge(self) -> Charge:
        """Say whether money may be gone when the provider reported no cost."""
        return Charge.POSSIBLE if self in _POSSIBLY_CHARGED else Charge.NOTHING


_POSSIBLY_CHARGED = frozenset(
    {
        FailureReason.UNKNOWN_OUTCOME,
        FailureReason.LOST,
        FailureReason.DEADLINE,
        FailureReason.UNREADABLE_ANSWER,
        FailureReason.NO_PICTURES,
        FailureReason.PICTURES_UNAVAILABLE,
        FailureReason.UNEXPECTED,
    }
)
