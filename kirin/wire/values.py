"""Careful reading of single values out of JSON that may hold anything."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from kirin.errors import UnreadableAnswer
from kirin.model.text import storable

TEXT_LIMIT = 1000
"""Characters kept of any text that the provider sends."""

URL_LIMIT = 4096
"""Characters in the longest address that is accepted."""

METADATA_LIMIT = 16_384
"""Bytes of JSON kept as metadata; more is dropped whole."""

_TASK_CODE_DIGITS = 9
_SHORTEST_TASK_CODE = 7
_COST_LIMIT = Decimal(1_000_000)
_COST_PLACES = 20
_METADATA_PARTS = 256


def load_object(body: bytes) -> dict[str, Any]:
    """Decode a JSON object, or raise `UnreadableAnswer` and nothing else."""
    try:
        data = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise UnreadableAnswer(f"not JSON ({len(body)} bytes)") from error
    if not isinstance(data, dict):
        raise UnreadableAnswer(f"JSON, but not an object: {type(data).__name__}")
    return data


def as_text(value: object) -> str | None:
    """Read a non-empty text that any database can store."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    try:
        text = str(value)
    except ValueError:  # an integer with thousands of digits
        return None
    return storable(text, instead="?")[:TEXT_LIMIT] or None


def as_url(value: object) -> str | None:
    """Read a web address; one too long to be kept whole is none."""
    text = value.strip() if isinstance(value, str) else ""
    if not text.startswith(("https://", "http://")) or len(text) > URL_LIMIT:
        return None
    return text if text.isascii() and text.isprintable() else None


def as_code(value: object) -> str | None:
    """Read an error code; a task code that came as an integer gets its leading zeros back."""
    text = as_text(value)
    if text is None:
        return None
    text = text.strip()
    if text.isdigit() and _SHORTEST_TASK_CODE <= len(text) < _TASK_CODE_DIGITS:
        return text.zfill(_TASK_CODE_DIGITS)
    return text


def as_fraction(value: object) -> float | None:
    """Read a progress from 0 to 1."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if 0 <= value <= 1 else None


def as_decimal(value: object) -> Decimal | None:
    """Read an amount that may come as a text, a number, empty, or not at all."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    try:
        amount = Decimal(str(value).strip())
    except (InvalidOperation, ValueError):
        return None
    if not amount.is_finite() or not 0 <= amount < _COST_LIMIT:
        return None
    return amount if abs(int(amount.as_tuple().exponent)) <= _COST_PLACES else None


def as_metadata(value: object) -> Mapping[str, Any]:
    """Read a small JSON object that any database can store."""
    if not isinstance(value, dict):
        return {}
    try:
        encoded = json.dumps(value, allow_nan=False, ensure_ascii=False).encode()
    except (ValueError, RecursionError):  # NaN, half a surrogate pair, or too deep
        return {}
    is_deep = encoded.count(b"{") + encoded.count(b"[") > _METADATA_PARTS
    return {} if len(encoded) > METADATA_LIMIT or is_deep or b"\\u0000" in encoded else value
