"""Fifty deaths of the real program: nothing lost, nothing paid twice, nothing left behind."""

import random
import time
from pathlib import Path
from typing import Any

import pytest

import simulator
from tests.discord_rest.model import SERVER
from tests.discord_rest.stand_in import StandIn
from tests.program import kills
from tests.program.gateway import Gateway


@pytest.mark.parametrize("seed", [1, 2])
async def test_every_wish_of_a_program_that_is_killed_25_times_is_paid_once_and_ends_in_its_message(
    tmp_path: Path, seed: int
) -> None:
    toll = await kills.run(tmp_path, kills=25, seed=seed)
    assert toll.violations == []
    assert toll.undelivered == toll.repeats == 0
    assert toll.effects == toll.wishes >= 15
    assert toll.creates > toll.wishes, "no create was sent again: the faults have not struck"
    assert toll.caught["submitting"], "no death fell into a create"
    assert toll.died_starting < toll.kills


async def test_what_is_wrong_with_a_wish_is_told_in_words(tmp_path: Path) -> None:
    row: dict[str, Any] = {
        "external_task_id": "wish-1",
        "status": "submitting",
        "failure": None,
        "n": 1,
        "delivered_at": None,
        "lease": "lease",
        "message_lease": None,
        "due_at": 1,
        "message_due_at": None,
        "token": "token",
    }
    async with simulator.serve() as sim:
        discord = StandIn(time.time)
        row["message_id"] = discord._new_message(SERVER, ephemeral=False).id
        sim.account.effects["stranger"] = 1
        hazards = kills.Hazards(
            folder=tmp_path,
            luck=random.Random(1),
            discord=discord,
            gateway=Gateway(),
            sim=sim,
            nursery=kills.Nursery(process=None),  # type: ignore[arg-type] # nothing is started
        )
        assert hazards.violations([row]) == [
            "wish-1: 0 creates took effect",
            "wish-1: it ended as submitting (None)",
            "wish-1: its message does not show its picture",
            "wish-1: it is not delivered",
            "wish-1: a lease is left",
            "wish-1: it is still due",
            "wish-1: its token is left",
            "stranger: no wish is known",
        ]
