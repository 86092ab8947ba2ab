"""The provider's routes."""

import asyncio
import json
from collections.abc import Callable

from aiohttp import web

from simulator import answers, gallery, reference
from simulator.account import CreateRecord
from simulator.contract import RefusedError, Wish, params_as_sent, read_wish
from simulator.faults import Fate, Moment
from simulator.pending import PendingFault
from simulator.pictures import Subject
from simulator.prompted import PromptedFaults
from simulator.reference import Reference
from simulator.replies import Reply, json_reply, refusal
from simulator.state import Simulator
from simulator.striking import carry_out
from simulator.tasks import Task

# Room for 10 MB as base64, and for what is a little too large to be refused in words.
MOST_BODY_BYTES = 32 * 1024 * 1024
QUICK_BODY_BYTES = 64 * 1024


class Api:
    """Handles the provider's calls on behalf of one simulator."""

    def __init__(self, sim: Simulator) -> None:
        self._sim = sim
        self._account = sim.account
        self._options = sim.options
        self._prompted = PromptedFaults(sim.faults, sim.outage)

    def routes(self) -> list[web.RouteDef]:
        """List every route of the provider."""
        return [
            web.get("/", self.greet),
            web.post("/model/v1/generation", self.create),
            web.get("/model/v1/generation/task/{id}", self.poll),
            web.get(r"/results/{id}/{number:[1-9]}{mark:(\.watermark)?}.png", self.download),
            web.route("*", "/model/{rest:.*}", self.refuse_unknown),
        ]

    async def greet(self, _: web.Request) -> web.Response:
        """Say what this is to whoever opens it in a browser."""
        return web.Response(text="This is a simulator of the Kirin V3 Image API, and it is well.\n")

    async def refuse_unknown(self, request: web.Request) -> web.Response:
        """Answer 501 to what the provider may have and the simulator has not."""
        error = RefusedError(f"{request.method} {request.path} is not simulated", status=501)
        return refusal(error).to_response()

    async def create(self, request: web.Request) -> web.StreamResponse:
        """Take a wish and start its task."""
        body = await _read_json(request)
        record = self._account.note(params_as_sent(body))
        if self._options.prompt_faults:
            self._prompted.arm(record)
        struck_by = self._sim.faults.take(Moment.CREATE, record.texts)
        record.fault = struck_by.fault.name if struck_by else None
        origin = str(request.url.origin())

        async def act() -> Reply:
            try:
                task = await self._start(body, record)
            except RefusedError as error:
                record.refusal = error.reason
                return refusal(error)
            record.task_id = task.id
            return self._created(task, origin)

        return await carry_out(request, act, struck_by, self._options.sleep)

    async def poll(self, request: web.Request) -> web.StreamResponse:
        """Tell how a task is."""
        either_id = request.match_info["id"]
        origin = str(request.url.origin())
        self._sim.reads.polls += 1
        self._sim.reads.polls_of[either_id] += 1

        async def act() -> Reply:
            task = self._visible(either_id)
            if task is None:
                return refusal(RefusedError("task not found", status=404, code="1203"))
            self._sim.reads.lookups += task.id != either_id
            return json_reply(answers.snapshot(task, self._options.now(), origin))

        return await carry_out(request, act, self._poll_fault(either_id), self._options.sleep)

    async def download(self, request: web.Request) -> web.StreamResponse:
        """Serve a picture of a completed task."""
        number = int(request.match_info["number"])
        marked = bool(request.match_info["mark"])
        task = self._account.tasks.get(request.match_info["id"])
        self._sim.reads.downloads += 1

        async def act() -> Reply:
            if task is None or number > task.picture_count(self._options.now()):
                return Reply(status=404, body=b"no such picture", content_type="text/plain")
            png = await gallery.fetch(self._subject(task, number, marked=marked))
            return Reply(body=png, content_type="image/png")

        struck_by = self._sim.faults.take(Moment.DOWNLOAD, task.texts if task else ())
        return await carry_out(request, act, struck_by, self._options.sleep)

    def _visible(self, either_id: str) -> Task | None:
        if self._options.lookup_by_external_id:
            return self._account.find(either_id)
        return self._account.tasks.get(either_id)

    async def _start(self, body: object, record: CreateRecord) -> Task:
        wish = read_wish(body)
        self._account.check(wish)
        seen = await self._inspect(wish)
        task = self._account.start(wish, seen, self._fate(record))
        self._sim.callbacks.watch(task)
        return task

    async def _inspect(self, wish: Wish) -> Reference | None:
        if wish.image is None:
            return None
        seen = await asyncio.to_thread(reference.inspect, wish.image)
        if seen.problem is not None and self._options.strict_images:
            raise RefusedError(seen.problem)
        return seen

    def _fate(self, record: CreateRecord) -> Callable[[Task], Task]:
        struck_by = self._sim.faults.take(Moment.TASK, record.texts)
        if struck_by is None or not isinstance(struck_by.fault.effect, Fate):
            return lambda task: task
        record.fault = record.fault or struck_by.fault.name
        decide, seconds = struck_by.fault.effect.decide, struck_by.seconds
        return lambda task: decide(task, seconds)

    def _created(self, task: Task, origin: str) -> Reply:
        now = self._options.now()
        if task.has_ended(now):
            return json_reply(answers.snapshot(task, now, origin))
        return json_reply(answers.accepted(task))

    def _subject(self, task: Task, number: int, *, marked: bool) -> Subject:
        return Subject(
            prompt=task.wish.prompt,
            variant=task.id,
            number=number,
            count=task.wish.n,
            aspect_ratio=task.wish.aspect_ratio,
            resolution=task.wish.resolution,
            thumbnail=task.reference.thumbnail if task.reference else None,
            watermarked=marked,
            coarse=self._options.coarse_grain,
        )

    def _poll_fault(self, either_id: str) -> PendingFault | None:
        task = self._visible(either_id)
        texts = task.texts if task else (either_id,)
        struck_by = self._sim.faults.take(Moment.POLL, texts)
        if struck_by is None and task and task.status(self._options.now()) == "completed":
            return self._sim.faults.take(Moment.ANSWER, texts)
        return struck_by


async def _read_json(request: web.Request) -> object:
    raw = await request.read()
    try:
        if len(raw) > QUICK_BODY_BYTES:
            return await asyncio.to_thread(json.loads, raw)
        return json.loads(raw)
    except (ValueError, RecursionError):
        return None
