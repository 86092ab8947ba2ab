"""The three things that this process answers over HTTP; everything else is not found."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from http import HTTPStatus

from aiohttp import web

from kirin.callbacks import PATH, CallbackAddresses
from kirin.errors import SettingsError
from kirin.metrics import CONTENT_TYPE, Metrics
from kirin.settings import Settings
from kirin.stages import Hints
from kirin.store import CensusStore
from kirin.web.connections import FewConnections
from kirin.web.health import Health
from kirin.web.lag import lag_watched

log = logging.getLogger(__name__)

_REFUSED = "refused"
_LONGEST_PATH = 256
_BACKLOG = 1024


class Site:
    """Answers callbacks, `/healthz` and `/metrics`, at the address that the settings name.

    A callback's body is never looked at, and a wrong address costs neither a look at the database
    nor a line in the log.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        hints: Hints,
        health: Health,
        metrics: Metrics,
        census: CensusStore,
        now: Callable[[], datetime],
    ) -> None:
        self._settings = settings
        self._addresses = CallbackAddresses.of(settings)
        self._hints = hints
        self._health = health
        self._metrics = metrics
        self._census = census
        self._now = now

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Answer until the block ends; without LISTEN_PORT nothing listens.

        Raises `SettingsError` where the address cannot be listened on.
        """
        if not self._settings.listen_port:
            if self._settings.public_url:
                log.warning("PUBLIC_URL is set, but not LISTEN_PORT: nothing listens here")
            yield
            return
        runner = web.ServerRunner(FewConnections(self._answer), shutdown_timeout=1.0)
        await runner.setup()
        try:
            await self._bind(runner)
            async with lag_watched(self._metrics):
                yield
        finally:
            await runner.cleanup()

    async def _bind(self, runner: web.ServerRunner) -> None:
        host, port = self._settings.listen_host, self._settings.listen_port
        try:
            await web.TCPSite(runner, host, port, backlog=_BACKLOG).start()
        except OSError as error:
            reason = error.strerror or error
            raise SettingsError(
                [f"LISTEN_HOST and LISTEN_PORT: cannot listen on {host}:{port} ({reason})."]
            ) from error
        log.info("listening on %s:%d", host, port)

    async def _answer(self, request: web.BaseRequest) -> web.Response:
        path = request.rel_url.raw_path
        try:
            if path.startswith(PATH):
                response = await self._call_back(path)
            elif path == "/healthz":
                response = await self._healthz()
            elif path == "/metrics":
                response = await self._show_metrics()
            else:
                response = _not_found()
        except Exception:
            log.exception("a request could not be answered")
            response = web.Response(status=HTTPStatus.INTERNAL_SERVER_ERROR)
        response.force_close()
        return response

    async def _call_back(self, path: str) -> web.Response:
        external_task_id = None if len(path) > _LONGEST_PATH else self._addresses.read(path)
        if external_task_id is None:
            self._metrics.called_back(_REFUSED)
            return _not_found()
        self._metrics.called_back(await self._hints.take(external_task_id))
        return web.Response(status=HTTPStatus.NO_CONTENT)

    async def _healthz(self) -> web.Response:
        problems = await self._health.problems()
        status = HTTPStatus.SERVICE_UNAVAILABLE if problems else HTTPStatus.OK
        return web.Response(status=status, text="\n".join(problems or ["all is well"]) + "\n")

    async def _show_metrics(self) -> web.Response:
        self._metrics.observe_rows(await self._census.census(), self._now())
        return web.Response(body=self._metrics.exposition(), headers={"Content-Type": CONTENT_TYPE})


def _not_found() -> web.Response:
    return web.Response(status=HTTPStatus.NOT_FOUND)
