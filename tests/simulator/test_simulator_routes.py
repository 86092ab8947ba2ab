import aiohttp
import pytest

from tests.simulator.simulator_kit import LONG_ENOUGH, create_body, provider, urls

CREATE = "/model/v1/generation"
POLL = "/model/v1/generation/task/x"


async def test_a_create_is_answered_with_the_id_and_in_progress() -> None:
    async with provider() as p:
        created = await p.create(external_task_id="ours")

        assert created.status == 200
        assert created.json == {
            "id": p.sim.task("ours").id,
            "created_at": 1760000000,
            "status": "in_progress",
            "model": "kirin_v3_image",
        }


async def test_a_completed_task_has_its_pictures_and_their_price() -> None:
    async with provider() as p:
        answer = await p.complete(n=3)

    assert answer.json["status"] == "completed"
    assert "progress" not in answer.json
    assert len(answer.json["output"]) == 1
    assert {item["type"] for item in answer.json["output"][0]["content"]} == {"image"}
    assert len(urls(answer)) == 3
    assert answer.json["usage"] == {"cost": "0.084", "discount": 1}
    assert answer.json["metadata"] == {}


async def test_progress_grows_with_the_clock_and_stays_below_one() -> None:
    async with provider() as p:
        task_id = (await p.create()).json["id"]
        seen = []
        while (answer := await p.poll(task_id)).json["status"] == "in_progress":
            seen.append(answer.json["progress"])
            p.clock.advance(1)

    assert seen[0] == 0
    assert seen == sorted(seen)
    assert seen[-1] < 1
    assert 3 <= len(seen) <= 120


async def test_times_are_spread_around_twenty_seconds_and_divided_by_the_speed() -> None:
    async with provider(speed=10) as p:
        for _ in range(60):
            await p.create()
        spans = sorted(task.ends_at - task.created_at for task in p.sim.tasks.values())

    assert 1.5 < spans[30] < 2.7
    assert spans[0] < 1.2
    assert spans[-1] > 3


async def test_the_same_seed_gives_the_same_ids() -> None:
    ids = []
    for seed in (1, 1, 2):
        async with provider(seed=seed) as p:
            ids.append((await p.create()).json["id"])

    assert ids[0] == ids[1] != ids[2]


async def test_a_task_is_found_by_either_id() -> None:
    async with provider() as p:
        created = await p.create(external_task_id="ours")
        by_own = await p.poll("ours")
        by_theirs = await p.poll(created.json["id"])

        assert by_own.json == by_theirs.json
        assert (p.sim.reads.polls, p.sim.reads.lookups) == (2, 1)
        assert p.sim.reads.polls_of == {"ours": 1, created.json["id"]: 1}


async def test_lookup_by_the_own_id_can_be_unsupported() -> None:
    async with provider(lookup_by_external_id=False) as p:
        created = await p.create(external_task_id="ours")

        assert (await p.poll("ours")).status == 404
        assert (await p.poll(created.json["id"])).status == 200


async def test_an_unknown_id_is_not_found() -> None:
    async with provider() as p:
        assert (await p.poll("nobody")).status == 404


async def test_an_external_task_id_is_taken_once() -> None:
    async with provider() as p:
        await p.create(external_task_id="ours")
        again = await p.create(external_task_id="ours")

        assert again.status == 400
        assert "'ours' is already used" in again.json["error"]["error_message"]
        assert [record.took_effect for record in p.sim.creates] == [True, False]
        assert p.sim.effects["ours"] == 1
        assert p.sim.effects["other"] == 0


async def test_a_refused_create_is_recorded_with_its_reason() -> None:
    async with provider() as p:
        await p.create(external_task_id="ours", n=10)

        assert p.sim.creates[0].external_task_id == "ours"
        assert p.sim.creates[0].params["n"] == 10
        assert p.sim.creates[0].refusal == "n must be an integer from 1 to 9"
        assert not p.sim.tasks


@pytest.mark.parametrize(
    "headers", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": "🦊"}]
)
@pytest.mark.parametrize(("method", "path"), [("POST", CREATE), ("GET", POLL), ("GET", "/model/x")])
async def test_every_call_needs_the_key(method: str, path: str, headers: dict[str, str]) -> None:
    async with provider() as p:
        answer = await p.call(method, path, headers=headers)

        assert answer.status == 401
        assert answer.json["error"]["code"] == "1000"
        assert not p.sim.creates


async def test_what_is_not_json_is_refused() -> None:
    async with provider() as p:
        answer = await p.call(
            "POST", CREATE, data=b"{", headers={"Authorization": "Bearer demo-key"}
        )

    assert answer.status == 400


async def test_what_is_not_simulated_says_so() -> None:
    async with provider() as p:
        other = await p.call("GET", "/model/v1/models/skill/search")
        elements = await p.post(create_body() | {"model": "kirin_custom_elements"})

    assert (other.status, elements.status) == (501, 501)
    assert "not simulated" in other.json["error"]["error_message"]
    assert "not simulated yet" in elements.json["error"]["error_message"]


async def test_running_tasks_hold_a_slot_for_each_picture() -> None:
    async with provider(slots=4) as p:
        first = await p.create(n=3)
        refused = await p.create(n=2)
        fitting = await p.create(n=1)
        p.clock.advance(LONG_ENOUGH)
        later = await p.create(n=4)

    assert (first.status, fitting.status, later.status) == (200, 200, 200)
    assert refused.status == 429
    assert refused.json["error"]["code"] == "1303"


async def test_a_task_can_be_finished_at_once_by_either_id() -> None:
    async with provider() as p:
        created = await p.create(external_task_id="ours")
        p.sim.finish("ours")

        assert (await p.poll(created.json["id"])).json["status"] == "completed"
        with pytest.raises(KeyError):
            p.sim.finish("nobody")


async def test_pictures_are_there_only_when_the_task_has_completed() -> None:
    async with provider() as p:
        task_id = (await p.create(n=2)).json["id"]
        early = await p.call("GET", f"/results/{task_id}/1.png")
        p.sim.finish(task_id)
        second = await p.call("GET", f"/results/{task_id}/2.png", headers={})
        third = await p.call("GET", f"/results/{task_id}/3.png")

        assert (early.status, second.status, third.status) == (404, 200, 404)
        assert second.headers["Content-Type"] == "image/png"
        assert p.sim.reads.downloads == 3
        assert p.sim.reads.polls == 0


async def test_a_watermarked_variant_is_there_when_asked_for() -> None:
    async with provider() as p:
        plain = await p.complete(watermark_info={"enabled": False})
        marked = await p.complete(watermark_info={"enabled": True})
        content = marked.json["output"][0]["content"][0]
        clean = await p.call("GET", content["url"])
        stamped = await p.call("GET", content["watermark_url"])

    assert "watermark_url" not in plain.json["output"][0]["content"][0]
    assert clean.status == stamped.status == 200
    assert clean.body != stamped.body


async def test_the_front_door_is_friendly() -> None:
    async with provider() as p:
        assert b"simulator" in (await p.call("GET", "/")).body


async def test_hundreds_of_tasks_run_at_once() -> None:
    async with provider() as p, aiohttp.ClientSession() as http:
        headers = {"Authorization": "Bearer demo-key"}
        for number in range(300):
            body = create_body(external_task_id=f"e{number}")
            async with http.post(p.sim.base_url + CREATE, json=body, headers=headers) as answer:
                assert answer.status == 200

        assert len(p.sim.tasks) == 300
