"""The page: simcord's preview, made to follow the bot by itself and to welcome newcomers.

simcord 3.2.1 publishes only after an action in the browser, allows one operation at a time and
refuses actions made against an older publication. The private parts overridden here are why that
version is pinned exactly.
"""

import asyncio
import io
from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal
from zoneinfo import ZoneInfo

from aiohttp import web
from PIL import Image
from simcord import Env
from simcord.actors import MemberActor
from simcord.builders import ChannelHandle
from simcord.components import walk_components
from simcord.preview import Preview, _assets, _pages
from simcord.preview._actions import ACTION_SPECS
from simcord.preview._media import MediaInfo, MediaWorker
from simcord.preview._server import PreviewServer

Reason = Literal[
    "initial", "refresh", "snapshot", "navigation", "query", "presentation", "action", "capture"
]

_DEBOUNCE = 0.25  # seconds; a burst of edits is shown once
_REMEMBERED = 32  # publications a browser may lag behind

# The original hashes every picture on the page at each publication and each poll, twice a second.
# Python remembers the hash of a bytes object, so looking it up here costs nothing.
_QUICK_HASHES = SimpleNamespace(sha256=lru_cache(maxsize=4096)(sha256))
for _module in (_assets, _pages):
    vars(_module)["hashlib"] = _QUICK_HASHES

_HERE = Path(__file__)
_ADDED = {"/preview.css": _HERE.with_name("page.css"), "/app.js": _HERE.with_name("page.js")}
_RENAMED = {
    "<title>SimCord Preview</title>": "<title>Kirin demo (simulation)</title>",
    "<strong>SimCord</strong><small>Preview</small>": (
        "<strong>Simulation</strong><small>shown by SimCord</small>"
    ),
}


class LivePage(Preview):
    """A channel in the browser that shows the bot's edits as they happen."""

    _MAX_MEDIA_BYTES = 4 * 1024**3  # the 128 MiB of the original last for a few results only

    def __init__(
        self,
        env: Env,
        channel: ChannelHandle,
        viewers: Sequence[MemberActor],
        *,
        assets: Mapping[str, tuple[str, bytes]],
        port: int,
    ) -> None:
        super().__init__(
            env,
            channel,
            tuple(viewers),
            layout="channel",
            display="responsive",
            width=960,
            height=720,
            locale="en-US",
            timezone=_local_timezone(),
            presentation_time=None,
            assets=assets,
            port=port,
        )
        self._server = _Server(self, port)
        self._media_worker = _QuickMedia()
        self._turn = asyncio.Lock()
        self._changed = asyncio.Event()
        self._shown: defaultdict[str, deque[tuple[int, dict[str, str]]]] = defaultdict(
            lambda: deque(maxlen=_REMEMBERED)
        )

    async def follow(self) -> None:
        """Publish whatever the bot does on its own, until cancelled."""
        self.env.backend.subscribers.append(self._note_change)
        try:
            while True:
                await self._changed.wait()
                await asyncio.sleep(_DEBOUNCE)
                self._changed.clear()
                async with self._turn:
                    self._republish()
        finally:
            self.env.backend.subscribers.remove(self._note_change)

    def _note_change(self, _event: str, _payload: Mapping[str, Any]) -> None:
        self._changed.set()

    def _republish(self) -> None:
        """Do what `refresh()` does, at once: that one waits for the bot and blocks visitors."""
        self._advance_presentation_time()
        for page in tuple(self._pages.values()):
            if page.id in self._pages and page is not self._python:
                self._publish(page, reason="refresh")

    def _publish(self, page: _pages._Page, *, reason: Reason = "action") -> None:
        super()._publish(page, reason=reason)
        self._shown[page.id].append((page.revision, self._controls(page)))

    async def _action(self, context_id: str | None, body: Mapping[str, Any]) -> dict[str, Any]:
        """Let visitors take turns; the original turns away whoever comes second."""
        async with self._turn:
            return await super()._action(context_id, self._forgive_lag(context_id, body))

    def _forgive_lag(self, context_id: str | None, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """Accept an action on a slightly older view, unless it presses what is gone by now."""
        page = self._get_page(context_id)
        spec = ACTION_SPECS.get(str(body.get("kind")))
        if spec is None or not spec.revision_bound:
            return body
        if "control_key" in body and body["kind"] in {"click", "select"}:
            key, now = str(body["control_key"]), self._controls(page)
            seen = dict(self._shown[page.id]).get(int(body.get("published_revision") or 0), {})
            if key not in seen or seen[key] != now.get(key):
                return body
        return {**body, "published_revision": page.revision}

    def _controls(self, page: _pages._Page) -> dict[str, str]:
        """Map what the browser calls each control to what the bot calls it."""
        messages = self.env.backend.messages.get(page.channel_id, {})
        return {
            f"message:{message.id}:component:{component['id']}": component["custom_id"]
            for message in messages.values()
            for component in walk_components(message.components)
            if "custom_id" in component and "id" in component
        }


class _Server(PreviewServer):
    """The original's files, with the developer's tools put away and the name changed."""

    async def _static(self, request: web.Request) -> web.Response:
        response: web.Response = await super()._static(request)
        if (addition := _ADDED.get(request.path)) is not None:
            response.text = f"{response.text}{addition.read_text(encoding='utf-8')}"
        elif request.path == "/":
            response.text = _renamed(response.text or "")
        return response


def _renamed(html: str) -> str:
    for old, new in _RENAMED.items():
        html = html.replace(old, new)
    return html


class _QuickMedia(MediaWorker):
    """Shows pictures as they are; the original starts a process to re-encode each one.

    That sandbox guards against hostile files. Here all of them come from the simulator or from
    the visitor's own disk.
    """

    async def validate(
        self, key: str, blob: bytes, *, media_time: float | None = None
    ) -> MediaInfo:
        return _as_is(blob) or await super().validate(key, blob, media_time=media_time)


def _as_is(blob: bytes) -> MediaInfo | None:
    """Describe a plain still picture without decoding it; None for anything else."""
    try:
        image = Image.open(io.BytesIO(blob))
    except OSError:
        return None
    kind = image.format or ""
    still = getattr(image, "n_frames", 1) == 1
    # With EXIF data it may have to be turned upright first.
    if not still or "exif" in image.info or kind not in {"PNG", "JPEG", "WEBP"}:
        return None
    mime = Image.MIME[kind]
    return MediaInfo(kind, *image.size, 1, len(blob), blob, mime, capture=blob, poster=blob)


def _local_timezone() -> str:
    """Return the machine's time zone where its name can be found out, else UTC."""
    name = str(Path("/etc/localtime").resolve()).rpartition("zoneinfo/")[2]
    try:
        return ZoneInfo(name).key
    except (ValueError, OSError, KeyError):
        return "UTC"
