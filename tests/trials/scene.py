"""A real engine in virtual time, with a provider that does what a test says."""

import asyncio
import shutil
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from random import Random

from kirin.images import Picture
from kirin.model import Generation, GenerationRequest, ResultImage, TaskSnapshot, TaskState
from kirin.settings import Settings
from kirin.stages import Outlook
from kirin.store import GenerationStore
from tests.kirin.kirin_factories import a_generation, a_placement
from trials import process
from trials.life import Life, follow_tasks
from trials.loop import run
from trials.process import Ground, Process, StoreType
from trials.sqlite import WriteTurn
from trials.world import START

PICTURES = (ResultImage(url="https://pictures/1"),)


def seconds() -> float:
    return asyncio.get_running_loop().time()


def now() -> datetime:
    return START + timedelta(seconds=seconds())


def running(task_id: str) -> TaskSnapshot:
    return TaskSnapshot(task_id=task_id, state=TaskState.RUNNING)


def finished(task_id: str) -> TaskSnapshot:
    return TaskSnapshot(task_id=task_id, state=TaskState.COMPLETED, images=PICTURES)


def a_wish(name: str = "wish-1", *, user: int = 600, **changes: object) -> Generation:
    placement = a_placement(token_expires_at=now() + timedelta(minutes=14), user_id=user)
    values = {"created_at": now(), "due_at": now(), "message_due_at": None, "placement": placement}
    return a_generation(name, **values | changes)


@dataclass(kw_only=True)
class Provider:
    """Takes every wish as task `t-…` and is never finished, unless a test says otherwise."""

    calls: list[tuple[str, str, float]] = field(default_factory=list)

    async def create(
        self,
        request: GenerationRequest,
        *,
        external_task_id: str,
        image: bytes | None = None,
        callback_url: str | None = None,
    ) -> TaskSnapshot:
        self.calls.append(("create", external_task_id, seconds()))
        return await self.on_create(external_task_id)

    async def read(self, task_id: str) -> TaskSnapshot:
        self.calls.append(("read", task_id, seconds()))
        return await self.on_read(task_id)

    async def look_up(self, external_task_id: str) -> TaskSnapshot:
        self.calls.append(("look_up", external_task_id, seconds()))
        return await self.on_look_up(external_task_id)

    async def on_create(self, name: str) -> TaskSnapshot:
        return running(f"t-{name}")

    async def on_read(self, task_id: str) -> TaskSnapshot:
        return running(task_id)

    async def on_look_up(self, name: str) -> TaskSnapshot:
        return running(f"t-{name}")

    def moments(self, kind: str) -> list[float]:
        return [moment for call, _, moment in self.calls if call == kind]


class Cards:
    """Shows whatever it is asked to."""

    async def show_waiting(self, generation: Generation, outlook: Outlook) -> None:
        pass

    async def offer_result(self, generation: Generation) -> None:
        pass

    async def show_outcome(self, generation: Generation, pictures: Sequence[Picture]) -> None:
        pass


class Basket:
    async def save(self, url: str, path: Path, *, number: int) -> Picture:
        path.write_bytes(b"picture")  # noqa: ASYNC240 - into memory
        return Picture(number=number, path=path, size=7, extension="png")


@dataclass(frozen=True, kw_only=True)
class Scene:
    """Plays acts on one database; each act has a process of its own, and so a restart between."""

    folder: Path
    provider: Provider

    def play(
        self,
        act: Callable[[Process], Awaitable[None]],
        *,
        store: StoreType = GenerationStore,
        **settings: str,
    ) -> None:
        """Put a process together and let the act happen, in virtual time from its start on."""
        run(self._play(act, store, settings))

    async def _play(
        self,
        act: Callable[[Process], Awaitable[None]],
        store: StoreType,
        settings: dict[str, str],
    ) -> None:
        follow_tasks(asyncio.get_running_loop())
        life = Life("bot", is_fatal=lambda *_: False, on_death=lambda *_: None)
        bot = process.start(
            life,
            self._ground(store, settings),
            provider=self.provider,
            messenger=Cards(),
            downloader=Basket(),
            on_work=lambda _work: None,
        )

        async def whole() -> None:
            await act(bot)
            await bot.connections.dispose()

        await life.start(whole(), name="act")

    def _ground(self, store: StoreType, settings: dict[str, str]) -> Ground:
        secrets = {"DISCORD_TOKEN": "token", "KIRIN_API_KEY": "key"}
        return Ground(
            folder=self.folder,
            turn=WriteTurn(),
            settings=Settings.load(secrets, settings),
            now=now,
            new_id=lambda: "unused",
            jitter=Random("scene"),
            trouble=lambda: None,
            store_type=store,
        )


def a_scene(template: Path, folder: Path, provider: Provider) -> Scene:
    shutil.copy(template, folder / "kirin.sqlite3")
    return Scene(folder=folder, provider=provider)


async def run_for(bot: Process, duration: float) -> None:
    """Run the engine for so many seconds, then stop it."""
    engine = asyncio.create_task(bot.engine.run())
    await asyncio.sleep(duration)
    bot.engine.stop()
    await engine


async def wish_of(bot: Process, name: str = "wish-1") -> Generation:
    found = await bot.desk.store.get(name)
    assert found is not None
    return found
