"""What the provider said about a task at one moment."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum, auto
from typing import Any


class TaskState(StrEnum):
    """The three states that matter; the provider's many words are read into them."""

    RUNNING = auto()
    COMPLETED = auto()
    FAILED = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultImage:
    """One finished picture at the provider."""

    url: str
    job_id: str | None = None
    watermark_url: str | None = None
    type: str = "image"


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskSnapshot:
    """One answer about one task; `progress` runs from 0 to 1, `cost` is in USD.

    `unknown_status` is the provider's word where it is none that we know.
    """

    task_id: str | None
    state: TaskState
    unknown_status: str | None = None
    progress: float | None = None
    images: tuple[ResultImage, ...] = ()
    cost: Decimal | None = None
    discount: Decimal | None = None
    error_code: str | None = None
    error_text: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
