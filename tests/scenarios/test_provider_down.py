"""A provider that cannot be reached at all: no ambiguity, so the wish simply waits."""

import pytest

import simulator
from tests.scenarios.world import World, card, gallery


@pytest.fixture
def changes(unused_tcp_port: int) -> dict[str, str]:
    return {"KIRIN_BASE_URL": f"http://127.0.0.1:{unused_tcp_port}"}


async def test_wish_waits_for_a_provider_that_is_down_and_is_sent_once_it_is_back(
    world: World, unused_tcp_port: int
) -> None:
    sent = await world.imagine()
    await world.work()
    await world.pass_time(60)
    assert "The provider is busy or out of reach" in card(sent)
    async with simulator.serve(
        port=unused_tcp_port, now=world.clock, sleep=world.clock.sleep
    ) as back:
        await world.finish()
        assert len(gallery(sent)) == 1
        assert len(back.creates) == 1
