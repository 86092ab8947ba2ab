"""The control endpoint: faults and levers over HTTP, for this machine only."""

import json
import math
from collections.abc import Mapping
from types import UnionType
from typing import Any

from aiohttp import web

from simulator.catalogue import FAULTS
from simulator.pending import PendingFault
from simulator.replies import json_reply
from simulator.state import Simulator
from simulator.tasks import Task

_KEYWORDS: Mapping[str, type | UnionType] = {
    "fault": str,
    "count": int | None,
    "containing": str | None,
    "seconds": int | float,
}


class Control:
    """Handles `/control` on behalf of one simulator."""

    def __init__(self, sim: Simulator) -> None:
        self._sim = sim

    def routes(self) -> list[web.RouteDef]:
        """List the control routes."""
        return [
            web.get("/control", self.show),
            web.post("/control/faults", self.arm),
            web.delete("/control/faults", self.disarm),
            web.post("/control/finish", self.finish),
        ]

    async def show(self, _: web.Request) -> web.Response:
        """Tell what arrived, what is armed, and what can be."""
        sim = self._sim
        state = {
            "creates": len(sim.creates),
            "creates_in_effect": len(sim.tasks),
            "slots_in_use": sim.account.slots_in_use(),
            "polls": sim.reads.polls,
            "lookups": sim.reads.lookups,
            "downloads": sim.reads.downloads,
            "tasks": [_told(task) for task in sim.tasks.values()],
            "pending": [_shown(pending) for pending in sim.faults],
            "faults": {name: fault.about for name, fault in FAULTS.items()},
        }
        return json_reply(state).to_response()

    async def arm(self, request: web.Request) -> web.Response:
        """Arm `{"fault": NAME}`, with the keywords of `Simulator.inject` as further keys."""
        wanted = await _read_object(request)
        if reason := _why_not(wanted):
            return _refused(400, reason)
        try:
            self._sim.inject(wanted.pop("fault"), **wanted)
        except ValueError as error:
            return _refused(400, str(error))
        return await self.show(request)

    async def disarm(self, request: web.Request) -> web.Response:
        """Disarm every fault."""
        self._sim.clear_faults()
        return await self.show(request)

    async def finish(self, request: web.Request) -> web.Response:
        """End the task `{"id": EITHER_ID}` now."""
        either_id = (await _read_object(request)).get("id")
        try:
            task = self._sim.finish(str(either_id))
        except KeyError:
            return _refused(404, f"unknown task: {either_id}")
        status = task.status(self._sim.options.now())
        return json_reply({"id": task.id, "status": status}).to_response()


def _why_not(wanted: dict[str, Any]) -> str | None:
    if "fault" not in wanted:
        return "fault is required"
    if stray := sorted(wanted.keys() - _KEYWORDS.keys()):
        return f"unknown: {', '.join(stray)}"
    wrong = [name for name, value in wanted.items() if not isinstance(value, _KEYWORDS[name])]
    return f"of the wrong type: {', '.join(wrong)}" if wrong else None


def _told(task: Task) -> dict[str, Any]:
    return {
        "id": task.id,
        "external_task_id": task.wish.external_task_id,
        "ends_at": task.ends_at if math.isfinite(task.ends_at) else None,
    }


def _shown(pending: PendingFault) -> dict[str, Any]:
    return {
        "fault": pending.fault.name,
        "left": pending.left,
        "containing": pending.containing,
        "seconds": pending.seconds,
    }


async def _read_object(request: web.Request) -> dict[str, Any]:
    try:
        payload = await request.json()
    except json.JSONDecodeError:
        return {}
    return payload if isinstance(payload, dict) else {}


def _refused(status: int, reason: str) -> web.Response:
    return json_reply({"error": reason}, status=status).to_response()
