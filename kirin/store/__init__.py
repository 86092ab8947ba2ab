"""The only SQL: tables, migrations, and `GenerationStore`."""

from kirin.store.database import Database
from kirin.store.drafts import DraftStore
from kirin.store.facts import FactStore
from kirin.store.forecasts import ForecastStore
from kirin.store.generations import Claim, GenerationStore
from kirin.store.people import PeopleStore
from kirin.store.work import Work

__all__ = [
    "Claim",
    "Database",
    "DraftStore",
    "FactStore",
    "ForecastStore",
    "GenerationStore",
    "PeopleStore",
    "Work",
]
