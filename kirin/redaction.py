"""Keeping secrets out of the log, whoever writes them there."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable

BLACKED_OUT = "[secret]"

_SHORTEST_SECRET = 8
_SHAPES = (
    re.compile(r"(?<=/webhooks/)(\d+)/[\w.~+=%-]+"),
    re.compile(r"(?<=/interactions/)(\d+)/[\w.~+=%-]+"),
)
_CREDENTIALS = re.compile(r"\b(Bearer|Bot)\s+[\w.~+/=-]{8,}")
_TOKEN_FIELDS = re.compile(r"""(['"]token['"]\s*:\s*['"])[^'"]+""")


class RedactingFormatter(logging.Formatter):
    """Formats a record as usual, then blacks out every secret in it, tracebacks included.

    Blacks out the given values, and by their shape: interaction and webhook tokens in paths and
    payloads, and Authorization headers.
    """

    def __init__(self, *, secrets: Iterable[str]) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(name)s: %(message)s")
        long_enough = [secret for secret in secrets if len(secret) >= _SHORTEST_SECRET]
        self._secrets = sorted(long_enough, key=len, reverse=True)  # one may contain another

    def format(self, record: logging.LogRecord) -> str:
        """Format a record without its secrets."""
        return self.redact(super().format(record))

    def redact(self, text: str) -> str:
        """Black out the secrets in a text."""
        for secret in self._secrets:
            text = text.replace(secret, BLACKED_OUT)
        for shape in _SHAPES:
            text = shape.sub(rf"\1/{BLACKED_OUT}", text)
        text = _CREDENTIALS.sub(rf"\1 {BLACKED_OUT}", text)
        return _TOKEN_FIELDS.sub(rf"\1{BLACKED_OUT}", text)
