"""The tables of what a community decides, spends and keeps; the wishes' own are in `tables`."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
)

from kirin.store.tables import ExactDecimal, UtcDateTime, metadata

servers = Table(
    "servers",
    metadata,
    Column("guild_id", BigInteger, primary_key=True, autoincrement=False),
    Column("settings", JSON, nullable=False),
)

setting_changes = Table(
    "setting_changes",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("guild_id", BigInteger, nullable=False),
    Column("changed_at", UtcDateTime, nullable=False),
    Column("changed_by", BigInteger, nullable=False),
    Column("name", String(32), nullable=False),
    Column("old", JSON),
    Column("new", JSON),
    Index("ix_setting_changes_guild", "guild_id", "changed_at"),
)

budgets = Table(
    "budgets",
    metadata,
    Column("guild_id", BigInteger, primary_key=True, autoincrement=False),
    Column("scope", String(16), primary_key=True),
    Column("target_id", BigInteger, primary_key=True, autoincrement=False),
    Column("period", String(8), primary_key=True),
    Column("unit", String(16), primary_key=True),
    Column("amount", ExactDecimal, nullable=False),
)

ledger = Table(
    "ledger",
    metadata,
    Column("external_task_id", String(64), primary_key=True),
    Column("guild_id", BigInteger),
    Column("channel_id", BigInteger, nullable=False),
    Column("user_id", BigInteger, nullable=False),
    Column("booked_at", UtcDateTime, nullable=False),
    Column("state", String(16), nullable=False),
    Column("pictures", Integer, nullable=False),
    Column("micros", BigInteger, nullable=False),  # millionths of a US dollar: these can be summed
    Column("is_certain", Boolean, nullable=False),
    Index("ix_ledger_guild", "guild_id", "booked_at"),
    Index("ix_ledger_user", "user_id", "booked_at"),
    Index("ix_ledger_booked", "booked_at"),
)

ledger_roles = Table(
    "ledger_roles",
    metadata,
    Column(
        "external_task_id",
        String(64),
        ForeignKey("ledger.external_task_id", ondelete="CASCADE"),
        primary_key=True,
    ),
    Column("role_id", BigInteger, primary_key=True, autoincrement=False),
    Index("ix_ledger_roles_role", "role_id"),
)

bans = Table(
    "bans",
    metadata,
    Column("guild_id", BigInteger, primary_key=True, autoincrement=False),
    Column("user_id", BigInteger, primary_key=True, autoincrement=False),
    Column("reason", Text),
    Column("until", UtcDateTime),
    Column("banned_at", UtcDateTime, nullable=False),
    Column("banned_by", BigInteger, nullable=False),
)
