"""Puts the simulator on a socket."""

import asyncio
import hmac
import ipaddress
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware

from simulator import outage
from simulator.app import MOST_BODY_BYTES, Api
from simulator.contract import RefusedError
from simulator.control import Control
from simulator.replies import refusal
from simulator.state import Options, Simulator
from simulator.striking import Sleep


@asynccontextmanager
async def serve(
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    key: str = "demo-key",
    speed: float = 1.0,
    seed: int = 0,
    slots: int | None = None,
    lookup_by_external_id: bool = True,
    prompt_faults: bool = False,
    strict_images: bool = False,
    coarse_grain: bool = False,
    now: Callable[[], float] = time.time,
    sleep: Sleep = asyncio.sleep,
) -> AsyncIterator[Simulator]:
    """Run a simulator inside this process; port 0 picks a free one.

    `speed` divides the time a task takes. `slots` limits the pictures in progress. With
    `prompt_faults` a prompt containing `#fault:NAME` gets that fault, and `#outage` brings one over
    everybody. `strict_images` refuses a bad reference image at once instead of failing its task.
    `coarse_grain` makes the pictures' files as large as those of photos. A `ManualClock` as `now`,
    with its `sleep`, makes the whole of it run in virtual time.
    """
    sim = Simulator(
        Options(
            key=key,
            speed=speed,
            seed=seed,
            slots=slots,
            lookup_by_external_id=lookup_by_external_id,
            prompt_faults=prompt_faults,
            strict_images=strict_images,
            coarse_grain=coarse_grain,
            now=now,
            sleep=sleep,
        )
    )
    runner = web.AppRunner(_build_app(sim), access_log=None, shutdown_timeout=0.2)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port, backlog=1024).start()
        sim.base_url = f"http://{_bracketed(host)}:{runner.addresses[0][1]}"
        yield sim
    finally:
        await sim.callbacks.close()
        await runner.cleanup()


def _build_app(sim: Simulator) -> web.Application:
    app = web.Application(client_max_size=MOST_BODY_BYTES, middlewares=[_guard(sim)])
    app.add_routes([*Control(sim).routes(), *Api(sim).routes()])
    return app


def _guard(sim: Simulator) -> Middleware:
    expected = f"Bearer {sim.key}".encode()

    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        if request.path.startswith("/model/"):
            if sim.outage.is_on:
                return outage.ANSWER.to_response()
            given = request.headers.get("Authorization", "")
            if not hmac.compare_digest(given.encode(errors="replace"), expected):
                return refusal(_unauthorized(given)).to_response()
        if request.path.startswith("/control") and not _is_local(request.remote):
            return web.Response(status=403, text="control is for this machine only\n")
        return await handler(request)

    return guard


def _unauthorized(given: str) -> RefusedError:
    reason = "invalid api key" if given else "the Authorization header is missing"
    return RefusedError(reason, status=401, code="1000")


def _is_local(address: str | None) -> bool:
    return address is not None and ipaddress.ip_address(address).is_loopback


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
