from simulator import FAULTS
from tests.simulator.simulator_kit import provider


async def test_control_tells_what_arrived_and_lists_every_fault() -> None:
    async with provider() as p:
        await p.create(external_task_id="ours", n=2)
        await p.poll("ours")
        state = (await p.call("GET", "/control", headers={})).json

    assert (state["creates"], state["creates_in_effect"], state["polls"]) == (1, 1, 1)
    assert (state["lookups"], state["downloads"], state["slots_in_use"]) == (1, 0, 2)
    assert state["faults"].keys() == FAULTS.keys()
    assert state["pending"] == []


async def test_faults_are_armed_and_disarmed_over_http() -> None:
    async with provider() as p:
        wanted = {"fault": "create-500", "count": 2, "containing": "owl", "seconds": 1}
        armed = (await p.call("POST", "/control/faults", json=wanted)).json
        assert armed["pending"] == [
            {"fault": "create-500", "left": 2, "containing": "owl", "seconds": 1}
        ]
        assert (await p.create(prompt="an owl")).status == 500
        assert (await p.create(prompt="a fox")).status == 200
        disarmed = (await p.call("DELETE", "/control/faults")).json
        assert disarmed["pending"] == []
        assert (await p.create(prompt="an owl")).status == 200


async def test_a_task_is_finished_over_http() -> None:
    async with provider() as p:
        created = await p.create(external_task_id="ours")
        finished = await p.call("POST", "/control/finish", json={"id": "ours"})
        unknown = await p.call("POST", "/control/finish", json={"id": "nobody"})

        assert finished.json == {"id": created.json["id"], "status": "completed"}
        assert unknown.status == 404


async def test_what_cannot_be_armed_is_refused_with_the_reason() -> None:
    wrong: list[object] = [
        {"fault": "create-418"},
        {"fault": None},
        {},
        [],
        {"fault": "create-500", "count": 0},
        {"fault": "create-500", "count": "many"},
        {"fault": "create-500", "seconds": -1},
        {"fault": "create-500", "seconds": "long"},
        {"fault": "create-500", "containing": 5},
        {"fault": "create-500", "colour": "red"},
    ]
    async with provider() as p:
        for body in wrong:
            answer = await p.call("POST", "/control/faults", json=body)
            assert answer.status == 400, body
            assert answer.json["error"], body

        assert (await p.create()).status == 200
