"""A strict stand-in for the Kirin V3 Image API, for tests, demos and benchmarks.

async with simulator.serve(now=clock, sleep=clock.sleep) as sim:
    ...  # point a client at sim.base_url with sim.key
"""

from simulator.account import CreateRecord
from simulator.catalogue import FAULTS
from simulator.clock import ManualClock
from simulator.server import serve
from simulator.state import Reads, Simulator
from simulator.tasks import Task

__all__ = ["FAULTS", "CreateRecord", "ManualClock", "Reads", "Simulator", "Task", "serve"]
