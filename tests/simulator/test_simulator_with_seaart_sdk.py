"""The simulator as seen by a client of the same protocol that was not written here."""

import asyncio

import pytest
import seaart_sdk as sa

import simulator
from simulator import Simulator
from tests.simulator.simulator_kit import create_body

FAST = 2000.0


def client(sim: Simulator, *, key: str | None = None) -> sa.Client:
    return sa.Client(sa.ClientConfig(api_key=key or sim.key, base_url=sim.base_url, timeout=10))


async def create_and_wait(sim: Simulator, *, key: str | None = None, **params: object) -> sa.Task:
    """The client blocks, so it lives in a thread."""

    def run() -> sa.Task:
        task = client(sim, key=key).modal.create(create_body(**params))
        return task.wait(sa.with_poll_interval(0.003), sa.with_poll_timeout(10))

    return await asyncio.to_thread(run)


@pytest.mark.parametrize("n", [1, 9])
async def test_it_creates_waits_and_finds_every_picture(n: int) -> None:
    async with simulator.serve(speed=FAST) as sim:
        task = await create_and_wait(sim, n=n)

        assert task.status == "completed"
        assert len(set(task.urls())) == n
        assert task.usage.cost_float64() == pytest.approx(0.028 * n)


async def test_it_sees_progress() -> None:
    seen: list[tuple[str, float]] = []

    def run() -> None:
        task = client(sim).modal.create(create_body())
        watch = sa.with_poll_callback(lambda status, part: seen.append((status, part)))
        task.wait(sa.with_poll_interval(0.003), watch)

    async with simulator.serve(speed=500) as sim:
        await asyncio.to_thread(run)

    assert seen[0][0] == "in_progress"
    assert any(0 < part < 1 for _, part in seen)


async def test_it_reads_why_a_task_failed() -> None:
    async with simulator.serve(speed=FAST) as sim:
        sim.inject("task-006001094")

        with pytest.raises(sa.SeaArtError, match="task resource insufficient") as caught:
            await create_and_wait(sim)

    assert caught.value.kind == sa.ERR_TASK_FAILED


async def test_it_is_refused_with_a_wrong_key() -> None:
    async with simulator.serve() as sim:
        with pytest.raises(sa.SeaArtError, match="invalid api key") as caught:
            await create_and_wait(sim, key="wrong")

    assert (caught.value.kind, caught.value.status) == (sa.ERR_AUTH, 401)


async def test_it_is_refused_without_permission() -> None:
    async with simulator.serve() as sim:
        sim.inject("create-403")

        with pytest.raises(sa.SeaArtError) as caught:
            await create_and_wait(sim)

    assert (caught.value.kind, caught.value.status) == (sa.ERR_AUTH, 403)


async def test_it_is_told_of_too_many_running_tasks() -> None:
    async with simulator.serve(slots=2) as sim:
        with pytest.raises(sa.SeaArtError, match="too many running tasks") as caught:
            await create_and_wait(sim, n=3)

    assert (caught.value.kind, caught.value.status) == (sa.ERR_QUOTA, 429)


async def test_it_is_told_that_an_id_is_unknown() -> None:
    async with simulator.serve() as sim:
        with pytest.raises(sa.SeaArtError, match="task not found") as caught:
            await asyncio.to_thread(client(sim).modal.get, "nobody")

    assert caught.value.status == 404


async def test_it_finds_a_task_by_its_own_id() -> None:
    async with simulator.serve() as sim:
        made = await asyncio.to_thread(
            client(sim).modal.create, create_body(external_task_id="ours")
        )
        found = await asyncio.to_thread(client(sim).modal.get, "ours")

    assert found.id == made.id
