"""The only SQL: tables, migrations, and `GenerationStore`."""

from kirin.store.database import Database
from kirin.store.facts import FactStore
from kirin.store.generations import Claim, GenerationStore
from kirin.store.work import Work

__all__ = ["Claim", "Database", "FactStore", "GenerationStore", "Work"]
