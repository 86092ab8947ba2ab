"""When to ask whether a task has ended: few polls, little delay. Pure functions of numbers."""

from kirin.polling.budget import Candidate, Load, most_promising, price_within, rate
from kirin.polling.distribution import Distribution
from kirin.polling.learning import MEMORY, Observation, assumed, learn
from kirin.polling.plan import Plan
from kirin.polling.progress import sharpened

__all__ = [
    "MEMORY",
    "Candidate",
    "Distribution",
    "Load",
    "Observation",
    "Plan",
    "assumed",
    "learn",
    "most_promising",
    "price_within",
    "rate",
    "sharpened",
]
