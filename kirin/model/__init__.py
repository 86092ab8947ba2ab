"""The words of this project, as values: frozen, keyword-only, and free of any I/O."""

from kirin.model.failure import Charge, FailureReason
from kirin.model.generation import Generation, Status
from kirin.model.placement import Placement
from kirin.model.request import (
    AspectRatio,
    GenerationRequest,
    LinkedImage,
    Reference,
    Resolution,
    UploadedImage,
)
from kirin.model.snapshot import ResultImage, TaskSnapshot, TaskState

__all__ = [
    "AspectRatio",
    "Charge",
    "FailureReason",
    "Generation",
    "GenerationRequest",
    "LinkedImage",
    "Placement",
    "Reference",
    "Resolution",
    "ResultImage",
    "Status",
    "TaskSnapshot",
    "TaskState",
    "UploadedImage",
]
