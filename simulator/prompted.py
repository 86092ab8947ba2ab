"""Faults and outages asked for inside a prompt: a person can see every such card by typing."""

import re
from collections.abc import Iterator

from simulator.account import CreateRecord
from simulator.catalogue import FAULTS
from simulator.outage import Outage
from simulator.pending import PendingFaults

PATTERN = re.compile(r"#fault:([a-z0-9-]+)(?::([1-9][0-9]{0,3}))?")

OUTAGE = re.compile(r"#outage(?::([1-9][0-9]{0,3}))?\b")
OUTAGE_SECONDS = 60.0


def asked_for(prompt: str) -> Iterator[tuple[str, int]]:
    """Find the known faults in a prompt, each written `#fault:NAME` or `#fault:NAME:COUNT`."""
    for name, count in PATTERN.findall(prompt):
        if name in FAULTS:
            yield name, int(count or 1)


def outage_asked_for(prompt: str) -> float:
    """Read the seconds of an outage in a prompt, written `#outage` or `#outage:SECONDS`; or 0."""
    found = OUTAGE.search(prompt)
    return float(found[1] or OUTAGE_SECONDS) if found else 0.0


class PromptedFaults:
    """Arms what a prompt asks for, once for each `external_task_id`, so that a retry goes well."""

    def __init__(self, faults: PendingFaults, outage: Outage) -> None:
        self._faults = faults
        self._outage = outage
        self._seen: set[str] = set()

    def arm(self, record: CreateRecord) -> None:
        """Arm the faults of an arriving create, for its own calls only; an outage is for all."""
        prompt = record.params.get("prompt")
        if not isinstance(prompt, str) or record.external_task_id in self._seen:
            return
        if record.external_task_id is not None:
            self._seen.add(record.external_task_id)
        for name, count in asked_for(prompt):
            self._faults.arm(name, count=count, containing=record.external_task_id or prompt)
        if seconds := outage_asked_for(prompt):
            self._outage.begin(seconds)
