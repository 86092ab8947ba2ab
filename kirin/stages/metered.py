"""A provider whose calls are measured."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from kirin.errors import ProviderError
from kirin.metrics import Metrics
from kirin.model import GenerationRequest, TaskSnapshot
from kirin.stages.provider import Provider


class MeteredProvider:
    """Passes every call on; `seconds` is a clock that never goes back."""

    def __init__(
        self, provider: Provider, *, metrics: Metrics, seconds: Callable[[], float]
    ) -> None:
        self._provider = provider
        self._metrics = metrics
        self._seconds = seconds

    async def create(
        self,
        request: GenerationRequest,
        *,
        external_task_id: str,
        image: bytes | None = None,
        callback_url: str | None = None,
    ) -> TaskSnapshot:
        """Send a wish once."""
        with self._measured("create"):
            return await self._provider.create(
                request, external_task_id=external_task_id, image=image, callback_url=callback_url
            )

    async def read(self, task_id: str) -> TaskSnapshot:
        """Read a task by the provider's id."""
        with self._measured("read"):
            return await self._provider.read(task_id)

    async def look_up(self, external_task_id: str) -> TaskSnapshot:
        """Read a task by the id that we chose."""
        with self._measured("look_up"):
            return await self._provider.look_up(external_task_id)

    @contextmanager
    def _measured(self, call: str) -> Iterator[None]:
        began = self._seconds()
        try:
            yield
        except ProviderError as error:
            self._metrics.called(call, self._seconds() - began, error)
            raise
        self._metrics.called(call, self._seconds() - began)
