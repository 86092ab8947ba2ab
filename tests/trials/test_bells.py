import asyncio

from kirin.store.notices import Bells
from kirin.store.work import Work
from trials.loop import run


def test_a_storm_of_notices_rings_five_times_a_second_and_its_last_one_is_heard() -> None:
    rung: list[tuple[float, Work]] = []

    async def storm() -> None:
        loop = asyncio.get_running_loop()
        start = loop.time()
        bells = Bells(lambda work: rung.append((loop.time() - start, work)))
        for _ in range(100):
            bells.ring(Work.POLL)
            await asyncio.sleep(0.01)
        bells.ring(Work.SUBMIT)
        await asyncio.sleep(1)

    run(storm())
    polls = [round(at, 2) for at, work in rung if work is Work.POLL]
    assert polls == [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    assert [round(at, 2) for at, work in rung if work is Work.SUBMIT] == [1.0]
