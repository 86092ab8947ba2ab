import asyncio
import json
from collections.abc import Awaitable
from typing import Any

import aiohttp
import pytest

from simulator import FAULTS
from simulator.faults import Moment
from tests.simulator.simulator_kit import LONG_ENOUGH, Answer, Provider, provider, urls

# aiohttp's client asks once more by itself when a GET is not answered at all.
AIOHTTP_TRIES = 2

# Status and body of every fault that answers a call with something else than its true answer.
REFUSALS: dict[str, tuple[int, Any]] = {
    "401": (401, {"error": {"code": "1000", "error_message": "invalid api key"}}),
    "402": (402, {"status": {"code": 402, "message": "no balance", "error_code": 40201}}),
    "403": (403, {"code": 1103, "message": "no permission", "request_id": "req-0000"}),
    "429-1302": (429, {"code": 1302, "message": "too many requests", "request_id": "req-0000"}),
    "429-1303": (429, {"code": 1303, "message": "too many tasks", "request_id": "req-0000"}),
    "429-1101": (429, {"error": {"code": "1101", "error_message": "in arrears"}}),
    "429-1304": (429, {"error": {"code": "1304", "error_message": "ip refused"}}),
    "400-1301": (400, {"error": {"code": "1301", "error_message": "risk control"}}),
    "500": (500, {"error": "internal error"}),
    "502": (502, None),
    "503": (503, {"message": "unavailable"}),
    "504": (504, None),
}

ERRORS: dict[str, Any] = {
    "task-006001094": {"code": "006001094", "error_message": "task resource insufficient"},
    "task-006001095": {"code": "006001095", "error_message": "task response error"},
    "task-006001099": {"code": "006001099", "error_message": "task creation error"},
    "task-risk-control": {"code": "006001095", "error_message": "risk control"},
    "task-image-pixel": {"code": "006001099", "error_message": "Image pixel is invalid"},
    "task-image-ratio": {
        "code": "006001099",
        "error_message": "The aspect ratio of the input image is invalid",
    },
    "task-image-base64": {
        "code": "006001099",
        "error_message": "File is not in a valid base64 format",
    },
    "task-error-text": "task response error",
    "task-error-integer": {"code": 6001094, "error_message": "task resource insufficient"},
    "task-error-message": {"code": "006001095", "message": "task response error"},
}

ANSWERS: dict[str, dict[str, Any]] = {
    "answer-succeeded": {"status": "succeeded"},
    "answer-output-null": {"output": None},
    "answer-cost-number": {"usage": {"cost": 0.028, "discount": 1}},
    "answer-cost-empty": {"usage": {"cost": "", "discount": 1}},
    "answer-cost-null": {"usage": {"cost": None, "discount": 1}},
    "answer-cost-absent": {"usage": {"discount": 1}},
    "answer-usage-null": {"usage": None},
    "answer-extra-keys": {"trace": {"id": 1}, "data": None},
}


def of_moment(moment: Moment) -> list[str]:
    return [fault.name for fault in FAULTS.values() if fault.moment is moment]


async def one_task(p: Provider, **params: object) -> str:
    return str((await p.create(**params)).json["id"])


async def losing_connection(call: Awaitable[Answer]) -> None:
    with pytest.raises(aiohttp.ClientError):
        await call


@pytest.mark.parametrize("suffix", REFUSALS)
async def test_a_create_fails_once_without_effect_and_then_goes_well(suffix: str) -> None:
    async with provider() as p:
        p.sim.inject(f"create-{suffix}")
        refused = await p.create(external_task_id="ours")
        assert (refused.status, refused.json) == REFUSALS[suffix]
        assert not p.sim.tasks

        assert (await p.create(external_task_id="ours")).status == 200
        assert [record.fault for record in p.sim.creates] == [f"create-{suffix}", None]
        assert p.sim.effects["ours"] == 1


@pytest.mark.parametrize("suffix", REFUSALS)
async def test_a_poll_fails_once_and_then_goes_well(suffix: str) -> None:
    async with provider() as p:
        task_id = await one_task(p)
        p.sim.inject(f"poll-{suffix}")
        refused = await p.poll(task_id)

        assert (refused.status, refused.json) == REFUSALS[suffix]
        assert (await p.poll(task_id)).status == 200


async def test_too_many_requests_says_when_to_come_again() -> None:
    async with provider() as p:
        p.sim.inject("create-429-1302", seconds=6.5)

        assert (await p.create()).headers["Retry-After"] == "7"


async def test_an_html_page_is_html_and_an_empty_body_is_empty() -> None:
    async with provider() as p:
        p.sim.inject("create-502")
        p.sim.inject("create-504")
        page, empty = await p.create(), await p.create()

    assert page.body.startswith(b"<html>")
    assert page.headers["Content-Type"].startswith("text/html")
    assert empty.body == b""


async def test_a_create_may_answer_200_without_an_id() -> None:
    async with provider() as p:
        p.sim.inject("create-no-id")
        answer = await p.create()

        assert answer.status == 200
        assert "id" not in answer.json
        assert answer.json["error"]
        assert not p.sim.tasks


@pytest.mark.parametrize(
    ("fault", "effects"), [("create-drop-before", 0), ("create-drop-after", 1)]
)
async def test_a_create_may_lose_its_connection_before_or_after_its_effect(
    fault: str, effects: int
) -> None:
    async with provider() as p:
        p.sim.inject(fault)
        await losing_connection(p.create(external_task_id="ours"))

        assert len(p.sim.creates) == 1
        assert p.sim.effects["ours"] == effects
        assert (await p.poll("ours")).status == (200 if effects else 404)


@pytest.mark.parametrize("fault", ["create-504-after", "create-truncated", "create-garbage"])
async def test_a_create_may_take_effect_behind_an_answer_that_does_not_say_so(fault: str) -> None:
    async with provider() as p:
        p.sim.inject(fault)
        answer = await p.create(external_task_id="ours")

        assert answer.json is None
        assert p.sim.creates[0].took_effect
        assert (await p.poll("ours")).status == 200


@pytest.mark.parametrize("fault", ["create-drop-after", "create-truncated", "create-garbage"])
async def test_an_own_mistake_is_never_hidden_by_a_fault_after_the_effect(fault: str) -> None:
    async with provider() as p:
        p.sim.inject(fault)

        assert (await p.create(n=0)).json["error"]["error_message"].startswith("n must be")


@pytest.mark.parametrize(("fault", "effects"), [("create-slow", 0), ("create-slow-answer", 1)])
async def test_a_slow_create_waits_before_or_after_its_effect(fault: str, effects: int) -> None:
    async with provider() as p:
        p.sim.inject(fault, seconds=30)
        creating = asyncio.create_task(p.create(external_task_id="ours"))
        await p.clock.until_someone_sleeps()
        assert p.sim.effects["ours"] == effects

        p.clock.advance(30)

        assert (await creating).status == 200
        assert p.sim.effects["ours"] == 1


async def test_a_create_may_answer_with_a_task_that_has_already_ended() -> None:
    async with provider() as p:
        p.sim.inject("task-completed-at-once")
        p.sim.inject("task-failed-at-once")
        completed, failed = await p.create(n=2), await p.create()

    assert completed.json["status"] == "completed"
    assert len(urls(completed)) == 2
    assert failed.json["status"] == "failed"
    assert failed.json["error"]["code"] == "006001094"


@pytest.mark.parametrize("fault", ERRORS)
async def test_a_task_fails_with_its_error(fault: str) -> None:
    async with provider() as p:
        p.sim.inject(fault)
        answer = await p.complete()

        assert answer.status == 200
        assert (answer.json["status"], answer.json["error"]) == ("failed", ERRORS[fault])
        assert p.sim.creates[0].fault == fault


async def test_a_task_may_bring_fewer_pictures_or_none() -> None:
    async with provider() as p:
        p.sim.inject("task-one-short")
        p.sim.inject("task-no-pictures")
        short, empty = await p.complete(n=4), await p.complete(n=4)

    assert len(urls(short)) == 3
    assert (empty.json["status"], empty.json["output"]) == ("completed", [])


async def test_a_task_may_never_end() -> None:
    async with provider() as p:
        p.sim.inject("task-never-ends")
        task_id = await one_task(p)
        p.clock.advance(1_000_000)
        assert (await p.poll(task_id)).json["status"] == "in_progress"

        p.sim.finish(task_id)
        assert (await p.poll(task_id)).json["status"] == "completed"


async def test_a_task_may_take_longer() -> None:
    async with provider() as p:
        p.sim.inject("task-slow", seconds=LONG_ENOUGH)
        task_id = await one_task(p)
        p.clock.advance(LONG_ENOUGH)
        assert (await p.poll(task_id)).json["status"] == "in_progress"
        p.clock.advance(LONG_ENOUGH)
        assert (await p.poll(task_id)).json["status"] == "completed"


async def test_a_new_task_may_not_be_visible_for_some_polls() -> None:
    async with provider() as p:
        p.sim.inject("poll-404", count=3, containing="ours")
        task_id = await one_task(p, external_task_id="ours")
        other_id = await one_task(p)

        assert (await p.poll(other_id)).status == 200
        assert [(await p.poll(task_id)).status for _ in range(4)] == [404, 404, 404, 200]


async def test_a_poll_may_lose_its_connection() -> None:
    async with provider() as p:
        task_id = await one_task(p)
        p.sim.inject("poll-drop", count=AIOHTTP_TRIES)
        await losing_connection(p.poll(task_id))

        assert (await p.poll(task_id)).status == 200
        assert p.sim.reads.polls == AIOHTTP_TRIES + 1


@pytest.mark.parametrize("fault", ["poll-truncated", "poll-garbage"])
async def test_a_poll_may_be_unreadable(fault: str) -> None:
    async with provider() as p:
        task_id = await one_task(p)
        p.sim.inject(fault)
        answer = await p.poll(task_id)

    assert answer.status == 200
    assert answer.body
    with pytest.raises(json.JSONDecodeError):
        json.loads(answer.body)


async def test_a_poll_may_say_an_unknown_word_or_no_progress() -> None:
    async with provider() as p:
        task_id = await one_task(p)
        p.sim.inject("poll-unknown-status")
        p.sim.inject("poll-no-progress")
        unknown, bare = await p.poll(task_id), await p.poll(task_id)

    assert unknown.json["status"] == "polishing"
    assert bare.json["status"] == "in_progress"
    assert "progress" not in bare.json


@pytest.mark.parametrize("fault", ANSWERS)
async def test_a_completed_answer_has_another_form_once(fault: str) -> None:
    async with provider() as p:
        task_id = await one_task(p)
        p.sim.inject(fault)
        assert (await p.poll(task_id)).json["status"] == "in_progress"
        p.sim.finish(task_id)
        odd, usual = (await p.poll(task_id)).json, (await p.poll(task_id)).json

    assert odd == usual | ANSWERS[fault]
    assert odd != usual


async def test_every_picture_may_have_an_output_of_its_own() -> None:
    async with provider() as p:
        p.sim.inject("answer-outputs-apart")
        answer = await p.complete(n=3)

    assert [len(output["content"]) for output in answer.json["output"]] == [1, 1, 1]


async def test_a_content_of_another_type_may_come_first() -> None:
    async with provider() as p:
        p.sim.inject("answer-other-content")
        answer = await p.complete(n=2)

    contents = [item for output in answer.json["output"] for item in output["content"]]
    assert [item["type"] for item in contents] == ["video", "image", "image"]


async def test_a_watermark_that_nobody_asked_for_can_be_fetched_too() -> None:
    async with provider() as p:
        p.sim.inject("answer-watermark-url")
        answer = await p.complete()
        marked = answer.json["output"][0]["content"][0]["watermark_url"]

        assert (await p.call("GET", marked)).status == 200


async def downloading(p: Provider) -> str:
    return urls(await p.complete(aspect_ratio="21:9"))[0]


@pytest.mark.parametrize("status", [403, 404, 500])
async def test_a_download_is_refused_once(status: int) -> None:
    async with provider() as p:
        url = await downloading(p)
        p.sim.inject(f"download-{status}")

        assert (await p.call("GET", url)).status == status
        assert (await p.call("GET", url)).status == 200


async def test_a_download_may_be_half_a_file_or_a_page() -> None:
    async with provider() as p:
        url = await downloading(p)
        p.sim.inject("download-half-file")
        p.sim.inject("download-wrong-type")
        half, page, whole = [await p.call("GET", url) for _ in range(3)]

    assert whole.body.startswith(half.body)
    assert len(half.body) == len(whole.body) // 2
    assert (page.status, page.body[:6]) == (200, b"<html>")


@pytest.mark.parametrize("fault", ["download-cut-off", "download-drop", "download-huge"])
async def test_a_download_may_lose_its_connection(fault: str) -> None:
    async with provider() as p:
        url = await downloading(p)
        p.sim.inject(fault, count=AIOHTTP_TRIES if fault == "download-drop" else 1)
        await losing_connection(p.call("GET", url))

        assert (await p.call("GET", url)).status == 200


async def test_a_download_may_promise_fifty_gigabytes() -> None:
    async with provider() as p:
        url = await downloading(p)
        p.sim.inject("download-huge")
        async with p.http.get(url) as response:
            assert response.content_length == 50 * 1024**3


@pytest.mark.parametrize("moment", ["poll", "download"])
async def test_reading_may_be_slow(moment: str) -> None:
    async with provider() as p:
        url = await downloading(p)
        task_id = next(iter(p.sim.tasks))
        p.sim.inject(f"{moment}-slow", seconds=30)
        call = p.poll(task_id) if moment == "poll" else p.call("GET", url)
        reading: asyncio.Task[Answer] = asyncio.create_task(call)
        await p.clock.until_someone_sleeps()
        assert not reading.done()
        p.clock.advance(30)

        assert (await reading).status == 200


async def test_a_fault_can_strike_for_ever_until_it_is_cleared() -> None:
    async with provider() as p:
        p.sim.inject("create-500", count=None)
        assert {(await p.create()).status for _ in range(5)} == {500}

        p.sim.clear_faults()
        assert (await p.create()).status == 200


async def test_an_unknown_fault_cannot_be_injected() -> None:
    async with provider() as p:
        with pytest.raises(ValueError, match="unknown fault: create-418"):
            p.sim.inject("create-418")


async def test_a_prompt_can_ask_for_faults_where_that_is_allowed() -> None:
    prompt = "a fox #fault:create-503 #fault:poll-500:2 #fault:task-risk-control #fault:none"
    async with provider(prompt_faults=True) as p:
        first = await p.create(prompt=prompt, external_task_id="ours")
        second = await p.create(prompt=prompt, external_task_id="ours")
        p.clock.advance(LONG_ENOUGH)
        polls = [await p.poll("ours") for _ in range(3)]
        other = await p.create(prompt="an owl")

    assert (first.status, second.status, other.status) == (503, 200, 200)
    assert [answer.status for answer in polls] == [500, 500, 200]
    assert polls[-1].json["error"]["error_message"] == "risk control"


async def test_a_prompt_cannot_ask_for_faults_unless_that_is_allowed() -> None:
    async with provider() as p:
        assert (await p.create(prompt="a fox #fault:create-503")).status == 200


async def test_an_outage_strikes_every_call_and_ends_by_itself() -> None:
    async with provider() as p:
        await p.create(external_task_id="ours")
        p.sim.go_down(30)
        statuses = [(await p.create()).status, (await p.poll("ours")).status]
        p.clock.advance(29)
        statuses.append((await p.poll("ours")).status)
        p.clock.advance(1)
        statuses.append((await p.poll("ours")).status)
    assert statuses == [503, 503, 503, 200]
    assert len(p.sim.creates) == 1


async def test_a_prompt_can_ask_for_an_outage_that_begins_when_it_is_taken() -> None:
    async with provider(prompt_faults=True) as p:
        asked = await p.create(prompt="a fox #outage:30", external_task_id="ours")
        during = await p.create(prompt="an owl")
        p.clock.advance(30)
        after = await p.create(prompt="an owl")
    assert (asked.status, during.status, after.status) == (200, 503, 200)


async def test_a_prompt_cannot_ask_for_an_outage_unless_that_is_allowed() -> None:
    async with provider() as p:
        await p.create(prompt="a fox #outage")
        assert (await p.create(prompt="an owl")).status == 200


def test_every_fault_has_a_name_of_its_moment_and_a_line_about_it() -> None:
    for name, fault in FAULTS.items():
        assert name == fault.name
        assert name.startswith(f"{fault.moment}-")
        assert fault.about
    assert all(of_moment(moment) for moment in Moment)
