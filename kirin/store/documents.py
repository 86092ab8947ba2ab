"""JSON columns: what goes into them can be read by every database."""

from __future__ import annotations

import json
from typing import Any

from kirin.model.text import storable

_SUSPECTS = ("\\u0000", "\\ud")  # as `json` escapes NUL, and surrogates (whole pairs too)


def to_json(value: object) -> str:
    """Write a document without any text that PostgreSQL would not look into."""
    text = json.dumps(value)
    if any(suspect in text for suspect in _SUSPECTS):
        return json.dumps(_cleaned(value))
    return text


def _cleaned(value: Any) -> Any:  # noqa: ANN401
    match value:
        case str():
            return storable(value)
        case dict():
            return {_cleaned(key): _cleaned(each) for key, each in value.items()}
        case list() | tuple():
            return [_cleaned(each) for each in value]
        case _:
            return value
