"""The calls to the provider: create a task, read it, look it up by our own id."""

from __future__ import annotations

import asyncio
import io
import logging
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from urllib.parse import quote

import aiohttp
from tenacity import (
    AsyncRetrying,
    retry_if_exception_type,
    stop_after_attempt,
    wait_incrementing,
)

from kirin import wire
from kirin.errors import (
    NoAnswer,
    NotSent,
    ProviderTrouble,
    RequestRefused,
    TaskNotFound,
    UnreadableAnswer,
)
from kirin.model import GenerationRequest, TaskSnapshot
from kirin.settings import Settings

log = logging.getLogger(__name__)

MOST_ANSWER_BYTES = 4 * 1024 * 1024
"""A larger answer is no answer of the contract."""

_READ_ATTEMPTS = 3
_FIRST_READ_WAIT = 0.5
_LARGE_BODY = 256 * 1024
_PASSING = (NoAnswer, UnreadableAnswer, ProviderTrouble)  # not a 429: more would be no help


class KirinClient:
    """One provider account.

    Every method returns a `TaskSnapshot` or raises a `ProviderError`. Reads that got no usable
    answer are tried up to three times within two seconds; a create is sent once and never again
    from here. `on_repeat` is called before each read that is made again: it costs a request too.
    """

    def __init__(
        self,
        *,
        session: aiohttp.ClientSession,
        settings: Settings,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._session = session
        self._settings = settings
        self._sleep = sleep
        self._unknown_statuses: set[str] = set()
        self.on_repeat: Callable[[], None] = lambda: None

    async def create(
        self,
        request: GenerationRequest,
        *,
        external_task_id: str,
        image: bytes | None = None,
        callback_url: str | None = None,
    ) -> TaskSnapshot:
        """Send a wish once.

        `NoAnswer` (but for `NotSent`), `UnreadableAnswer`, `ProviderTrouble` and `DuplicateTask`
        leave open whether the provider has it; after every other error it certainly has not.
        """
        body = await asyncio.to_thread(
            wire.create_body,
            request,
            external_task_id=external_task_id,
            image=image,
            callback_url=callback_url,
        )
        try:
            answer = await self._call(
                "POST",
                self._settings.kirin_create_path,
                body=body,
                seconds=self._settings.create_timeout_seconds,
            )
        except TaskNotFound as error:  # of the create path itself
            raise RequestRefused(
                error.text, http_status=error.http_status, code=error.code
            ) from error
        return self._noted(wire.parse_created(answer))

    async def read(self, task_id: str) -> TaskSnapshot:
        """Read a task by the provider's id."""
        path = self._settings.kirin_read_path.replace("{id}", quote(task_id, safe=""))
        return await self._read(path)

    async def look_up(self, external_task_id: str) -> TaskSnapshot:
        """Read a task by the id that we chose; whether that works is for the provider to show."""
        template = self._settings.kirin_lookup_path
        path = template.replace("{external_task_id}", quote(external_task_id, safe=""))
        return await self._read(path)

    async def _read(self, path: str) -> TaskSnapshot:
        async for attempt in AsyncRetrying(
            retry=retry_if_exception_type(_PASSING),
            stop=stop_after_attempt(_READ_ATTEMPTS),
            wait=wait_incrementing(start=_FIRST_READ_WAIT, increment=_FIRST_READ_WAIT),
            sleep=self._sleep,
            reraise=True,
        ):
            if attempt.retry_state.attempt_number > 1:
                self.on_repeat()
            with attempt:
                answer = await self._call("GET", path, seconds=self._settings.read_timeout_seconds)
                return self._noted(wire.parse_snapshot(answer))
        raise AssertionError("unreachable: the last attempt returns or raises")

    async def _call(
        self, method: str, path: str, *, body: bytes | None = None, seconds: float
    ) -> bytes:
        headers = {
            "Authorization": f"Bearer {self._settings.kirin_api_key.get_secret_value()}",
            "Accept": "application/json",
        }
        if body is not None:
            headers["Content-Type"] = "application/json"
        try:
            async with self._session.request(
                method,
                self._settings.kirin_base_url + path,
                data=_payload(body),
                headers=headers,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=seconds),
            ) as response:
                answer = await _read_capped(response)
                if not HTTPStatus.OK <= response.status < HTTPStatus.MULTIPLE_CHOICES:
                    raise wire.error_from(response.status, response.headers, answer)
                return answer
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            no_answer = _no_answer(error)
        # raised out here, unchained: such errors hold the request, and its headers hold the key
        raise no_answer

    def _noted(self, snapshot: TaskSnapshot) -> TaskSnapshot:
        """Tell the operator, once for each, about a status that the contract does not know."""
        word = snapshot.unknown_status
        if word and word not in self._unknown_statuses:
            self._unknown_statuses.add(word)
            log.warning("unknown task status %r, treated as not finished", word)
        return snapshot


def _no_answer(error: Exception) -> NoAnswer:
    never_left = aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError | aiohttp.InvalidURL
    kind = NotSent if isinstance(error, never_left) else NoAnswer
    return kind(type(error).__name__)


def _payload(body: bytes | None) -> bytes | io.BytesIO | None:
    """Stream a large body: aiohttp warns of raw bytes that hold up the event loop."""
    return io.BytesIO(body) if body is not None and len(body) > _LARGE_BODY else body


async def _read_capped(response: aiohttp.ClientResponse) -> bytes:
    chunks = bytearray()
    async for chunk in response.content.iter_chunked(64 * 1024):
        chunks += chunk
        if len(chunks) > MOST_ANSWER_BYTES:
            response.close()
            raise UnreadableAnswer("an answer without end", http_status=response.status)
    return bytes(chunks)
