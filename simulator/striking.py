"""Carries out a call together with the fault that strikes it."""

from collections.abc import Awaitable, Callable
from typing import assert_never

from aiohttp import web

from simulator.faults import BreakOff, Change, Drop, Fate, Instead, Notice, Wait
from simulator.pending import PendingFault
from simulator.replies import Reply

Act = Callable[[], Awaitable[Reply]]
Sleep = Callable[[float], Awaitable[None]]


async def carry_out(
    request: web.Request, act: Act, struck_by: PendingFault | None, sleep: Sleep
) -> web.StreamResponse:
    """Do what was asked and answer, or whatever the fault makes of it.

    A refusal is answered as it is by faults that come after the effect, so that a client's own
    mistake is never hidden by one.
    """
    if struck_by is None:
        return (await act()).to_response()
    seconds = struck_by.seconds
    match struck_by.fault.effect:
        case Instead(reply=instead, takes_effect=False):
            return instead(seconds).to_response()
        case Drop(takes_effect=False):
            return _hang_up(request)
        case Wait(takes_effect_first=False):
            await sleep(seconds)
            return (await act()).to_response()
        case Fate() | Notice():
            raise AssertionError("it strikes a task, not a call")
        case effect:
            reply = await act()
            if not reply.is_ok:
                return reply.to_response()
            return await _afterwards(request, reply, effect, seconds, sleep)


async def _afterwards(
    request: web.Request,
    reply: Reply,
    effect: Instead | Drop | Wait | Change | BreakOff,
    seconds: float,
    sleep: Sleep,
) -> web.StreamResponse:
    match effect:
        case Instead(reply=instead):
            return instead(seconds).to_response()
        case Drop():
            return _hang_up(request)
        case Wait():
            await sleep(seconds)
            return reply.to_response()
        case Change(alter=alter):
            return alter(reply).to_response()
        case BreakOff(promised_bytes=promised):
            return await _break_off(request, reply, promised)
        case _:
            assert_never(effect)


def _hang_up(request: web.Request) -> web.Response:
    """Close the connection; what is returned finds nobody left to read it."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


async def _break_off(
    request: web.Request, reply: Reply, promised_bytes: int | None
) -> web.StreamResponse:
    response = web.StreamResponse(headers=reply.headers)
    response.content_type = reply.content_type
    response.content_length = promised_bytes or len(reply.body)
    await response.prepare(request)
    await response.write(reply.body[: len(reply.body) // 2])
    if request.transport is not None:
        request.transport.close()
    return response
