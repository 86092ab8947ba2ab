"""What the stages need of Discord, and all that they know of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from kirin.images import Picture
from kirin.model import Generation


class Messenger(Protocol):
    """Puts a generation into the message that belongs to it.

    Both methods raise `DeliveryDelayed` for trouble that passes and `DeliveryImpossible` where no
    route to the message is left. Doing the same again must change nothing.
    """

    async def show_waiting(self, generation: Generation) -> None:
        """Show what is happening to a wish that has not ended."""

    async def show_outcome(self, generation: Generation, pictures: Sequence[Picture]) -> None:
        """Show how a wish ended, with those of its pictures that could be fetched."""
