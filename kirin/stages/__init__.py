"""The stages of a wish's life, and the engine that runs them.

intake ─► submitter ─► poller ─► deliverer, with the resolver beside the submitter (creates whose
outcome is unknown) and the reporter beside them all (what the message shows meanwhile).
"""

from kirin.stages.assembly import build_engine
from kirin.stages.base import Stage
from kirin.stages.deliverer import Deliverer
from kirin.stages.engine import Engine
from kirin.stages.gate import Gate, GatedProvider
from kirin.stages.hints import Heard, Hints
from kirin.stages.house import House, build_house
from kirin.stages.housekeeper import Housekeeper
from kirin.stages.intake import Intake
from kirin.stages.lookup import Lookup
from kirin.stages.messenger import Messenger, Notice, Outlook
from kirin.stages.metered import MeteredProvider
from kirin.stages.outlook import Oracle
from kirin.stages.poller import Poller
from kirin.stages.presence import Presence
from kirin.stages.provider import Provider
from kirin.stages.reporter import Reporter
from kirin.stages.resolver import Resolver
from kirin.stages.submitter import Submitter
from kirin.stages.wakeups import WakeUps

__all__ = [
    "Deliverer",
    "Engine",
    "Gate",
    "GatedProvider",
    "Heard",
    "Hints",
    "House",
    "Housekeeper",
    "Intake",
    "Lookup",
    "Messenger",
    "MeteredProvider",
    "Notice",
    "Oracle",
    "Outlook",
    "Poller",
    "Presence",
    "Provider",
    "Reporter",
    "Resolver",
    "Stage",
    "Submitter",
    "WakeUps",
    "build_engine",
    "build_house",
]
