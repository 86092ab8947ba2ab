"""Makers of effects: the bricks from which the catalogue of faults is built."""

import json
import math
from collections.abc import Callable
from dataclasses import replace

from simulator.answers import JsonObject, error
from simulator.faults import Change, Fate, Instead
from simulator.replies import Reply, json_reply
from simulator.tasks import Outcome, Success, Task, failure


def says(status: int, payload: object) -> Instead:
    """Answer this JSON instead."""
    return Instead(reply=lambda _: json_reply(payload, status=status))


def refuses(status: int, code: str, message: str) -> Instead:
    """Answer an error in the shape of the provider's own refusals."""
    return says(status, error(code, message))


def refuses_flatly(status: int, code: int, message: str) -> Instead:
    """Answer an error in the shape of the underlying service."""
    return says(status, {"code": code, "message": message, "request_id": "req-0000"})


def bare(status: int, body: bytes, content_type: str, *, takes_effect: bool = False) -> Instead:
    """Answer something that is not the provider's JSON."""
    reply = Reply(status=status, body=body, content_type=content_type)
    return Instead(reply=lambda _: reply, takes_effect=takes_effect)


def too_many_requests(seconds: float) -> Reply:
    """Answer 429 with the time after which to come again."""
    payload = {"code": 1302, "message": "too many requests", "request_id": "req-0000"}
    return json_reply(payload, status=429, headers={"Retry-After": str(math.ceil(seconds))})


def halved(reply: Reply) -> Reply:
    """Keep the first half of the body, as a complete answer."""
    return replace(reply, body=reply.body[: len(reply.body) // 2])


def alters(alter: Callable[[JsonObject], JsonObject]) -> Change:
    """Alter the JSON of the true answer."""

    def change(reply: Reply) -> Reply:
        return replace(reply, body=json_reply(alter(json.loads(reply.body))).body)

    return Change(alter=change)


def sets(**values: object) -> Change:
    """Set some keys of the true answer."""
    return alters(lambda answer: answer | values)


def sets_cost(cost: object) -> Change:
    """Set the cost, leaving the discount as it is."""
    return alters(lambda answer: answer | {"usage": answer["usage"] | {"cost": cost}})


def drops_key(key: str) -> Change:
    """Leave out one key of the true answer."""
    return alters(lambda answer: {name: answer[name] for name in answer if name != key})


def each_apart(answer: JsonObject) -> JsonObject:
    """Give each picture an output of its own."""
    contents = [item for output in answer["output"] for item in output["content"]]
    return answer | {"output": [{"content": [item]} for item in contents]}


def all_marked(answer: JsonObject) -> JsonObject:
    """Give every picture a `watermark_url`, whether one was asked for or not."""
    contents = [
        item | {"watermark_url": item["url"].removesuffix(".png") + ".watermark.png"}
        for output in answer["output"]
        for item in output["content"]
    ]
    return answer | {"output": [{"content": contents}]}


def with_video(answer: JsonObject) -> JsonObject:
    """Put a content of another type before the pictures."""
    video = {"type": "video", "url": "https://video.invalid/1.mp4", "jobId": "video"}
    return answer | {"output": [{"content": [video]}, *answer["output"]]}


def ends_as(outcome: Outcome) -> Fate:
    """Let the task end this way, at its time."""
    return Fate(decide=lambda task, _: replace(task, outcome=outcome))


def fails(code: str, message: str) -> Fate:
    """Let the task fail with the documented shape of error."""
    return ends_as(failure(code, message))


def one_picture_short(task: Task, _: float) -> Task:
    """Let one picture be missing."""
    return replace(task, outcome=Success(pictures=task.wish.n - 1))


def at_once(task: Task, _: float) -> Task:
    """End at the moment of creation."""
    return replace(task, ends_at=task.created_at)


def failed_at_once(task: Task, _: float) -> Task:
    """Fail at the moment of creation."""
    outcome = failure("006001094", "task resource insufficient")
    return replace(task, ends_at=task.created_at, outcome=outcome)


def later(task: Task, seconds: float) -> Task:
    """Take that much longer."""
    return replace(task, ends_at=task.ends_at + seconds)


def never(task: Task, _: float) -> Task:
    """Stay in progress for ever."""
    return replace(task, ends_at=math.inf)
