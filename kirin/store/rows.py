"""A `Generation` as a row, and back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

from kirin.model import (
    AspectRatio,
    FailureReason,
    Generation,
    GenerationRequest,
    LinkedImage,
    Placement,
    Reference,
    Resolution,
    ResultImage,
    Status,
    UploadedImage,
)

_PLACEMENT = tuple(field.name for field in fields(Placement))
_PLAIN = tuple(
    field.name
    for field in fields(Generation)
    if field.name not in {"request", "placement", "status", "failure", "output", "metadata"}
)


def to_row(generation: Generation) -> dict[str, Any]:
    """Return every column that belongs to the generation itself (not to those who work on it)."""
    reference = generation.request.reference
    return {
        **{name: getattr(generation, name) for name in _PLAIN},
        **{name: getattr(generation.placement, name) for name in _PLACEMENT},
        "request": _request_to_json(generation.request),
        "n": generation.request.n,
        "reference_sha256": reference.sha256 if isinstance(reference, UploadedImage) else None,
        "status": generation.status.value,
        "failure": generation.failure.value if generation.failure else None,
        "output": [asdict(image) for image in generation.output],
        "metadata": dict(generation.metadata),
    }


def from_row(row: Mapping[str, Any]) -> Generation:
    """Read a whole row."""
    return Generation(
        **{name: row[name] for name in _PLAIN},
        placement=Placement(**{name: row[name] for name in _PLACEMENT}),
        request=_request_from_json(row["request"]),
        status=Status(row["status"]),
        failure=FailureReason(row["failure"]) if row["failure"] else None,
        output=tuple(ResultImage(**image) for image in row["output"]),
        metadata=row["metadata"],
    )


def changes(old: Generation, new: Generation) -> dict[str, Any]:
    """Return the columns that differ, so that two lanes of work never overwrite each other.

    A new status makes the message out of date, whatever the lane of messages has planned since.
    """
    before, after = to_row(old), to_row(new)
    changed = {name: value for name, value in after.items() if before[name] != value}
    if new.status is not old.status and new.status is not Status.SUBMITTING:
        changed["message_due_at"] = after["message_due_at"]
    return changed


def _request_to_json(request: GenerationRequest) -> dict[str, Any]:
    return {
        "prompt": request.prompt,
        "negative_prompt": request.negative_prompt,
        "reference": asdict(request.reference) if request.reference else None,
        "element_ids": list(request.element_ids),
        "aspect_ratio": request.aspect_ratio.value,
        "resolution": request.resolution.value,
        "n": request.n,
        "watermark": request.watermark,
    }


def _request_from_json(data: Mapping[str, Any]) -> GenerationRequest:
    return GenerationRequest(
        prompt=data["prompt"],
        negative_prompt=data["negative_prompt"],
        reference=_reference_from_json(data["reference"]),
        element_ids=tuple(data["element_ids"]),
        aspect_ratio=AspectRatio(data["aspect_ratio"]),
        resolution=Resolution(data["resolution"]),
        n=data["n"],
        watermark=data["watermark"],
    )


def _reference_from_json(data: Mapping[str, str] | None) -> Reference | None:
    if data is None:
        return None
    return UploadedImage(**data) if "sha256" in data else LinkedImage(**data)
