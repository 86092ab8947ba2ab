"""What the stages need of Discord, and all that they know of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum, auto
from typing import Protocol

from kirin.images import Picture
from kirin.model import Generation


class Notice(StrEnum):
    """What everybody who waits should know, whatever the state of their wish."""

    PROVIDER_DOWN = auto()
    RESTARTING = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """What can be said about the time that a waiting wish still needs.

    `position` (1 goes out next) and `total` are those of the queue, for a wish that is in it.
    `eta` lies in the future; without one there is nothing to promise. `fraction` is the part
    done, always below 1. `is_late` where it takes longer than most of its kind. A `notice` takes
    the place of all that; `notice_since` says since when it holds, where that is known.
    """

    position: int | None = None
    total: int | None = None
    eta: datetime | None = None
    fraction: float | None = None
    is_late: bool = False
    notice: Notice | None = None
    notice_since: datetime | None = None


class Messenger(Protocol):
    """Puts a generation into the message that belongs to it.

    All methods raise `DeliveryDelayed` for trouble that passes and `DeliveryImpossible` where no
    route to the message is left, `show_outcome` also `UploadTooLarge`. Doing the same again must
    change nothing.
    """

    async def show_waiting(self, generation: Generation, outlook: Outlook) -> None:
        """Show what is happening to a wish that has not ended."""

    async def offer_result(self, generation: Generation) -> None:
        """Show, while it can be shown, the button that brings the result later."""

    async def show_outcome(self, generation: Generation, pictures: Sequence[Picture]) -> None:
        """Show how a wish ended, with the pictures that could be fetched.

        Those that do not fit are linked to.
        """
