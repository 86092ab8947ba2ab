"""What goes back over HTTP, as a value that a fault can still change."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

from aiohttp import web

from simulator import answers
from simulator.contract import RefusedError


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A whole HTTP answer that has not been sent."""

    status: int = HTTPStatus.OK
    body: bytes = b""
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_ok(self) -> bool:
        """Tell whether the call did what it was asked to."""
        return self.status == HTTPStatus.OK

    def to_response(self) -> web.Response:
        """Turn it into what aiohttp sends."""
        return web.Response(
            status=self.status,
            body=self.body,
            content_type=self.content_type,
            headers=self.headers,
        )


def json_reply(
    payload: object, *, status: int = 200, headers: Mapping[str, str] | None = None
) -> Reply:
    """Answer with JSON, letters of every script as they are."""
    body = json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()
    return Reply(status=status, body=body, headers=headers or {})


def refusal(error: RefusedError) -> Reply:
    """Answer with the reason for a no."""
    return json_reply(answers.error(error.code, error.reason), status=error.status)
