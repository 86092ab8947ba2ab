"""Pure translation between our words and the provider's JSON; no I/O."""

from kirin.wire.decode import parse_created, parse_snapshot
from kirin.wire.encode import create_body
from kirin.wire.refusal import NO_EXPLANATION, classify_failure, error_from, reason_for

__all__ = [
    "NO_EXPLANATION",
    "classify_failure",
    "create_body",
    "error_from",
    "parse_created",
    "parse_snapshot",
    "reason_for",
]
