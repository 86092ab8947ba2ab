"""The JSON the provider answers with."""

import math
from decimal import Decimal
from typing import Any

from simulator.contract import MODEL
from simulator.tasks import Failure, Success, Task

COST_PER_PICTURE = Decimal("0.028")

JsonObject = dict[str, Any]


def accepted(task: Task) -> JsonObject:
    """Answer a create whose task has just begun."""
    return {
        "id": task.id,
        "created_at": math.floor(task.created_at),
        "status": "in_progress",
        "model": MODEL,
    }


def snapshot(task: Task, now: float, origin: str) -> JsonObject:
    """Answer a poll; the pictures' addresses begin with `origin`."""
    head = accepted(task) | {"status": task.status(now)}
    if not task.has_ended(now):
        return head | {"progress": task.progress(now)}
    match task.outcome:
        case Success(pictures=count):
            return head | _completed(task, count, origin)
        case Failure(error=error):
            return head | {"error": error}


def picture_path(task_id: str, number: int, *, watermarked: bool = False) -> str:
    """Name the path of a picture; numbers begin at 1."""
    return f"/results/{task_id}/{number}{'.watermark' if watermarked else ''}.png"


def error(code: str, message: str) -> JsonObject:
    """Build the body of a refusal, in the commonest of its shapes."""
    return {"error": {"code": code, "error_message": message}}


def _completed(task: Task, count: int, origin: str) -> JsonObject:
    content = [_content(task, number, origin) for number in range(1, count + 1)]
    return {
        "output": [{"content": content}] if content else [],
        "usage": {"cost": str(COST_PER_PICTURE * count), "discount": 1},
        "metadata": {},
    }


def _content(task: Task, number: int, origin: str) -> JsonObject:
    content = {
        "type": "image",
        "url": origin + picture_path(task.id, number),
        "jobId": f"{task.id}-{number}",
    }
    if task.wish.watermark_info:
        content["watermark_url"] = origin + picture_path(task.id, number, watermarked=True)
    return content
