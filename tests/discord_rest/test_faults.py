"""Whatever Discord answers to an outcome, it takes its branch: no loop, and no second answer."""

from typing import Any

import pytest

from cogs.ui.discord_errors import MEANINGS
from kirin.model import Generation
from tests.discord_rest.model import SERVER, Message
from tests.discord_rest.town import Town

_HOUR = 3600.0


async def outcome(
    town: Town, faults: dict[str, dict[str, Any]], seconds: float = 900, **options: Any
) -> tuple[Message, Generation]:
    """Make a picture while Discord answers its delivery wrongly, and live for some time."""
    message = await town.imagine(SERVER, "a rude fox", **options)
    await town.work()
    town.clock.advance(40)
    (create,) = town.sim.creates
    town.sim.finish(create.external_task_id or "")
    town.discord.edits.clear()
    for route, fault in faults.items():
        town.discord.fail(route, **fault)
    await town.work()
    await town.pass_time(seconds)
    assert len(town.sim.creates) == 1
    assert town.discord.overlaps == 0
    assert town.discord.without_mentions == []
    return message, await town.generation()


def routes(town: Town) -> list[str]:
    return [edit.route for edit in town.discord.edits]


PASSING: dict[str, dict[str, Any]] = {
    "429 with a time": {"status": 429, "headers": {"Retry-After": "7.5"}},
    "429 that the library waits for": {
        "status": 429,
        "headers": {"Via": "1.1 google"},
        "body": {"retry_after": 3.0, "global": False},
    },
    "429 without a time": {"status": 429},
    "429 without a time that the library trips over": {
        "status": 429,
        "headers": {"Via": "1.1 google"},
    },
    "500": {"status": 500},
    "503": {"status": 503},
    "a dropped connection": {"drop": True},
    "too many edits of an old message": {"status": 400, "code": 30046},
}


@pytest.mark.parametrize("name", PASSING)
async def test_trouble_that_passes_is_waited_for(town: Town, name: str) -> None:
    message, generation = await outcome(town, {"token": PASSING[name] | {"times": 2}})
    assert generation.delivered_at is not None
    assert len(message.pictures) == 1
    assert set(routes(town)) == {"token"}
    assert [edit.status for edit in town.discord.edits][-1] == 200
    assert [edit.status for edit in town.discord.edits].count(200) == 1


@pytest.mark.parametrize("name", ["500", "a dropped connection", "429 without a time"])
async def test_trouble_on_the_bots_own_route_is_waited_for_too(town: Town, name: str) -> None:
    closed = {"status": 401, "code": 50027, "times": None}
    message, generation = await outcome(
        town, {"token": closed, "bot": PASSING[name] | {"times": 2}}
    )
    assert generation.delivered_at is not None
    assert len(message.pictures) == 1


async def test_retry_time_is_kept(town: Town) -> None:
    fault = {"status": 429, "headers": {"Retry-After": "300"}}
    _, generation = await outcome(town, {"token": fault}, seconds=290)
    assert generation.delivered_at is None
    assert len(town.discord.edits) == 1
    await town.pass_time(20)
    assert (await town.generation()).delivered_at is not None


@pytest.mark.parametrize(
    ("status", "code"),
    [(401, 50027), (404, 10015), (404, 10062), (403, 50001), (403, 50013), (403, 50083)],
)
async def test_closed_token_route_gives_way_to_the_bots_own_at_once(
    town: Town, status: int, code: int
) -> None:
    message, generation = await outcome(
        town, {"token": {"status": status, "code": code, "times": None}}
    )
    assert generation.delivered_at is not None
    assert len(message.pictures) == 1
    assert routes(town) == ["token", "bot"]


@pytest.mark.parametrize(("status", "code"), [(404, 10008), (404, 10003)])
async def test_message_that_is_gone_ends_in_the_list_after_one_try(
    town: Town, status: int, code: int
) -> None:
    fault = {"status": status, "code": code, "times": None}
    message, generation = await outcome(town, {"token": fault}, seconds=_HOUR)
    assert generation.is_stranded
    assert routes(town) == ["token"]
    assert message.pictures == []
    town.discord.faults.clear()
    listed = await town.ask_for_results(SERVER)
    await town.choose(listed, generation.external_task_id)
    await town.work()
    assert len(listed.pictures) == 1


async def test_message_that_somebody_has_deleted_is_not_made_anew(town: Town) -> None:
    message = await town.imagine(SERVER)
    await town.work()
    message.is_deleted = True
    town.discord.edits.clear()
    await town.pass_time(_HOUR)
    assert (await town.generation()).is_stranded
    assert len(town.discord.messages) == 1
    assert [edit.status for edit in town.discord.edits].count(200) == 0
    assert len(town.discord.edits) <= 4
    assert len(town.sim.creates) == 1


@pytest.mark.parametrize(
    ("status", "code"), [(403, 50001), (403, 50013), (403, 50083), (404, 10008), (404, 10003)]
)
async def test_both_routes_closed_end_in_the_list_after_one_try_of_each(
    town: Town, status: int, code: int
) -> None:
    closed = {"status": 401, "code": 50027, "times": None}
    own = {"status": status, "code": code, "times": None}
    _, generation = await outcome(town, {"token": closed, "bot": own}, seconds=_HOUR)
    assert generation.is_stranded
    assert routes(town) == ["token", "bot"]


@pytest.mark.parametrize(("status", "code"), [(413, 0), (413, 40005), (400, 40005), (400, 50045)])
async def test_upload_that_is_too_large_ends_in_links(town: Town, status: int, code: int) -> None:
    fault = {"status": status, "code": code, "times": 2}
    message, generation = await outcome(town, {"token": fault})
    assert generation.delivered_at is not None
    assert message.pictures == []
    assert any(button.get("url") for button in message.buttons)
    assert [edit.status for edit in town.discord.edits] == [status, status, 200]


async def test_automod_gets_the_card_without_the_prompt(town: Town) -> None:
    message, generation = await outcome(town, {"token": {"status": 400, "code": 200000}})
    assert generation.delivered_at is not None
    assert "rude" not in message.text
    assert len(message.pictures) == 1
    assert [edit.status for edit in town.discord.edits] == [400, 200]


async def test_invalid_card_is_logged_and_gives_way_to_a_plain_one(
    town: Town, caplog: pytest.LogCaptureFixture
) -> None:
    tree = {"components": {"0": {"_errors": [{"code": "BASE", "message": "much too odd"}]}}}
    fault = {"status": 400, "code": 50035, "body": {"errors": tree}}
    message, generation = await outcome(town, {"token": fault})
    assert generation.delivered_at is not None
    assert len(message.pictures) == 1
    assert "Your wish is ready" in message.text
    assert "much too odd" in caplog.text


@pytest.mark.parametrize("code", [50035, 200000])
async def test_card_that_is_never_accepted_ends_after_the_plainer_one(
    town: Town, code: int
) -> None:
    fault = {"status": 400, "code": code, "times": None}
    _, generation = await outcome(town, {"token": fault}, seconds=_HOUR)
    assert generation.is_stranded
    assert len(town.discord.edits) == 2


async def test_trouble_that_never_passes_ends_in_the_list_after_a_day(town: Town) -> None:
    fault = {"status": 429, "headers": {"Retry-After": "600"}, "times": None}
    _, generation = await outcome(town, {"token": fault, "bot": fault}, seconds=2 * _HOUR)
    assert not generation.is_stranded
    town.clock.advance(24 * _HOUR)
    await town.pass_time(1200)
    assert (await town.generation()).is_stranded


def test_every_error_worth_a_branch_has_one() -> None:
    named = {10062, 50027, 10015, 10008, 10003, 50001, 50013, 50083, 40005, 50045, 50035, 30046}
    assert set(MEANINGS) == named | {200000}
