"""How much of reference images is in memory at once."""

import asyncio
from contextlib import suppress

import pytest

from kirin.stages.memory import MemoryRoom


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


class Holder:
    """Holds room until it is told to leave."""

    def __init__(self, room: MemoryRoom, size: int) -> None:
        self.is_in = False
        self.leave = asyncio.Event()
        self.task = asyncio.create_task(self._hold(room, size))

    async def _hold(self, room: MemoryRoom, size: int) -> None:
        async with room.holding(size):
            self.is_in = True
            await self.leave.wait()
            self.is_in = False


async def test_no_more_bytes_are_let_in_than_there_is_room_for() -> None:
    room = MemoryRoom(10)
    holders = [Holder(room, size) for size in (4, 4, 4, 1)]
    await settle()
    assert [each.is_in for each in holders] == [True, True, False, False]
    holders[0].leave.set()
    await settle()
    assert [each.is_in for each in holders] == [False, True, True, True]
    for each in holders:
        each.leave.set()
        await each.task


async def test_what_is_too_large_for_the_room_goes_in_alone() -> None:
    room = MemoryRoom(10)
    small, huge, empty = Holder(room, 1), Holder(room, 99), Holder(room, 0)
    await settle()
    assert (small.is_in, huge.is_in, empty.is_in) == (True, False, True)
    small.leave.set()
    await settle()
    assert huge.is_in
    for each in (huge, empty):
        each.leave.set()
        await each.task


@pytest.mark.parametrize("place", [0, 1])
async def test_room_of_one_that_was_cancelled_is_free_again(place: int) -> None:
    room = MemoryRoom(10)
    holders = [Holder(room, 10), Holder(room, 10), Holder(room, 10)]
    await settle()
    holders[place].task.cancel()
    with suppress(asyncio.CancelledError):
        await holders[place].task
    first, last = holders[1 - place], holders[2]
    await settle()
    assert (first.is_in, last.is_in) == (True, False)
    first.leave.set()
    await settle()
    assert last.is_in
    last.leave.set()
    await asyncio.gather(first.task, last.task)
