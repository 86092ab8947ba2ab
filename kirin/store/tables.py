"""The tables as they are now; `migrations/` tells how they became so."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    false,
    text,
)


class UtcDateTime(TypeDecorator[datetime]):
    """An aware moment, kept in UTC."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Refuse naive times: they mean something else on every machine."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("naive datetime")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """SQLite gives the time back without its zone."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class ExactDecimal(TypeDecorator[Decimal]):
    """An amount of money, kept as text: SQLite would make a float of it."""

    impl = String(40)
    cache_ok = True

    def process_bind_param(self, value: Decimal | None, dialect: Dialect) -> str | None:
        """Write all digits."""
        return None if value is None else format(value, "f")

    def process_result_value(self, value: str | None, dialect: Dialect) -> Decimal | None:
        """Read all digits."""
        return None if value is None else Decimal(value)


metadata = MetaData()

reference_images = Table(
    "reference_images",
    metadata,
    Column("sha256", String(64), primary_key=True),
    Column("data", LargeBinary, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
)

generations = Table(
    "generations",
    metadata,
    Column("external_task_id", String(64), primary_key=True),
    # the wish
    Column("request", JSON, nullable=False),
    Column("n", Integer, nullable=False, server_default="1"),
    Column("reference_sha256", String(64), ForeignKey("reference_images.sha256")),
    # where its answer goes
    Column("application_id", BigInteger, nullable=False),
    Column("interaction_id", BigInteger, nullable=False),
    Column("token", Text),
    Column("token_expires_at", UtcDateTime, nullable=False),
    Column("channel_id", BigInteger, nullable=False),
    Column("message_id", BigInteger, nullable=False),
    Column("guild_id", BigInteger),
    Column("user_id", BigInteger, nullable=False),
    Column("ephemeral", Boolean, nullable=False),
    Column("spoiler", Boolean, nullable=False),
    Column("locale", String(16), nullable=False),
    Column("guild_locale", String(16)),
    Column("upload_limit", BigInteger, nullable=False),
    Column("bot_is_member", Boolean, nullable=False, server_default=false()),
    # what it came from
    Column("parent_id", String(64)),
    Column("parent_url", Text),
    # its life
    Column("created_at", UtcDateTime, nullable=False),
    Column("status", String(16), nullable=False),
    Column("task_id", Text),
    Column("attempts", Integer, nullable=False),
    Column("polls", Integer, nullable=False),
    Column("setbacks", Integer, nullable=False),
    Column("misses", Integer, nullable=False, server_default="0"),
    Column("submitted_at", UtcDateTime),
    Column("passed_at", UtcDateTime),
    Column("seen_running_at", UtcDateTime),
    Column("hinted_at", UtcDateTime),
    Column("finished_at", UtcDateTime),
    Column("progress", Float),
    # its outcome
    Column("output", JSON, nullable=False),
    Column("cost", ExactDecimal),
    Column("discount", ExactDecimal),
    Column("error_code", Text),
    Column("error_text", Text),
    Column("metadata", JSON, nullable=False),
    Column("failure", String(32)),
    # its message
    Column("shown", String(64)),
    Column("delivery_attempts", Integer, nullable=False),
    Column("delivered_at", UtcDateTime),
    # who works on it: one lane for the provider, one for the message
    Column("due_at", UtcDateTime),
    Column("lease", String(128)),
    Column("lease_until", UtcDateTime),
    Column("message_due_at", UtcDateTime),
    Column("message_lease", String(128)),
    Column("message_lease_until", UtcDateTime),
    Index("ix_generations_due", "status", "due_at"),
    Index(
        "ix_generations_lease",
        "lease_until",
        sqlite_where=text("lease_until IS NOT NULL"),
        postgresql_where=text("lease_until IS NOT NULL"),
    ),
    Index(
        "ix_generations_message_due",
        "message_due_at",
        sqlite_where=text("message_due_at IS NOT NULL"),
        postgresql_where=text("message_due_at IS NOT NULL"),
    ),
    Index(
        "ix_generations_message_lease",
        "message_lease_until",
        sqlite_where=text("message_lease_until IS NOT NULL"),
        postgresql_where=text("message_lease_until IS NOT NULL"),
    ),
    Index("ix_generations_submitted", "submitted_at", "status", "guild_id", "user_id", "n"),
    Index(
        "ix_generations_open",
        *("status", "guild_id", "user_id", "n", "submitted_at", "created_at", "finished_at"),
        sqlite_where=text("finished_at IS NULL"),
        postgresql_where=text("finished_at IS NULL"),
    ),
    Index("ix_generations_user", "user_id", "created_at"),
    Index("ix_generations_message", "message_id"),
    Index("ix_generations_finished", "status", "finished_at"),
    Index(
        "ix_generations_token",
        "token_expires_at",
        sqlite_where=text("token IS NOT NULL"),
        postgresql_where=text("token IS NOT NULL"),
    ),
)

facts = Table(
    "facts",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("value", Text, nullable=False),
    Column("learned_at", UtcDateTime, nullable=False),
)

workers = Table(
    "workers",
    metadata,
    Column("name", String(64), primary_key=True),
    Column("role", String(16), nullable=False),
    Column("started_at", UtcDateTime, nullable=False),
    Column("seen_at", UtcDateTime, nullable=False),
)

people = Table(
    "people",
    metadata,
    Column("user_id", BigInteger, primary_key=True, autoincrement=False),
    Column("references_allowed", Boolean, nullable=False),
)

drafts = Table(
    "drafts",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("content", JSON, nullable=False),
    Column("created_at", UtcDateTime, nullable=False, index=True),
)
