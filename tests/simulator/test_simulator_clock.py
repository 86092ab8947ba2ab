import asyncio

from simulator import ManualClock


async def test_sleepers_wake_when_the_clock_reaches_them_and_not_before() -> None:
    clock, woken = ManualClock(start=100), list[float]()

    async def sleeper(seconds: float) -> None:
        await clock.sleep(seconds)
        woken.append(seconds)

    async with asyncio.TaskGroup() as group:
        for seconds in (5, 1, 3, 0):
            group.create_task(sleeper(seconds))
        await settle()
        assert woken == [0]
        clock.advance(3)
        await settle()
        assert woken == [0, 1, 3]
        clock.advance(2)

    assert woken == [0, 1, 3, 5]
    assert clock() == 105


async def test_a_cancelled_sleeper_does_not_trouble_the_clock() -> None:
    clock = ManualClock()
    sleeping = asyncio.create_task(clock.sleep(1))
    await settle()
    sleeping.cancel()
    await asyncio.gather(sleeping, return_exceptions=True)

    clock.advance(2)

    assert sleeping.cancelled()


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)
