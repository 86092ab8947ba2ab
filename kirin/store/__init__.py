"""The only SQL: tables, migrations, and `GenerationStore`."""

from kirin.store.account import AccountStore
from kirin.store.bans import Ban, BanStore
from kirin.store.budgets import BudgetStore
from kirin.store.census import Census, CensusStore
from kirin.store.database import Database
from kirin.store.drafts import DraftStore
from kirin.store.due_polls import DuePolls
from kirin.store.facts import FactStore
from kirin.store.forecasts import ForecastStore
from kirin.store.generations import Claim, GenerationStore
from kirin.store.kept import Kept
from kirin.store.ledger import Booking
from kirin.store.moving import move
from kirin.store.names import hold_name
from kirin.store.notices import listening
from kirin.store.people import PeopleStore
from kirin.store.queue import QueueStore, Survey
from kirin.store.servers import ServerStore, SettingChange
from kirin.store.standing import Standing, StandingStore
from kirin.store.work import Work
from kirin.store.workers import Worker, WorkerStore

__all__ = [
    "AccountStore",
    "Ban",
    "BanStore",
    "Booking",
    "BudgetStore",
    "Census",
    "CensusStore",
    "Claim",
    "Database",
    "DraftStore",
    "DuePolls",
    "FactStore",
    "ForecastStore",
    "GenerationStore",
    "Kept",
    "PeopleStore",
    "QueueStore",
    "ServerStore",
    "SettingChange",
    "Standing",
    "StandingStore",
    "Survey",
    "Work",
    "Worker",
    "WorkerStore",
    "hold_name",
    "listening",
    "move",
]
