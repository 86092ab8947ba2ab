"""What the stages need of the picture provider."""

from __future__ import annotations

from typing import Protocol

from kirin.model import GenerationRequest, TaskSnapshot


class Provider(Protocol):
    """One account; every method returns a snapshot or raises a `ProviderError`."""

    async def create(
        self,
        request: GenerationRequest,
        *,
        external_task_id: str,
        image: bytes | None = None,
        callback_url: str | None = None,
    ) -> TaskSnapshot:
        """Send a wish once; `KirinClient.create` says after which errors it may have arrived."""

    async def read(self, task_id: str) -> TaskSnapshot:
        """Read a task by the provider's id."""

    async def look_up(self, external_task_id: str) -> TaskSnapshot:
        """Read a task by the id that we chose."""
