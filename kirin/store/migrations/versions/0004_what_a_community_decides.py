"""Servers' settings, budgets, the books, and who is kept from the bot."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Wishes from before have no entry in the books: they count against nothing."""
    op.create_table(
        "servers",
        sa.Column("guild_id", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("settings", sa.JSON(), nullable=False),
    )
    op.create_table(
        "setting_changes",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("guild_id", sa.BigInteger(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_by", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(32), nullable=False),
        sa.Column("old", sa.JSON()),
        sa.Column("new", sa.JSON()),
    )
    op.create_index("ix_setting_changes_guild", "setting_changes", ["guild_id", "changed_at"])
    op.create_table(
        "budgets",
        sa.Column("guild_id", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("scope", sa.String(16), primary_key=True),
        sa.Column("target_id", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("period", sa.String(8), primary_key=True),
        sa.Column("unit", sa.String(16), primary_key=True),
        sa.Column("amount", sa.String(40), nullable=False),
    )
    op.create_table(
        "ledger",
        sa.Column("external_task_id", sa.String(64), primary_key=True),
        sa.Column("guild_id", sa.BigInteger()),
        sa.Column("channel_id", sa.BigInteger(), nullable=False),
        sa.Column("user_id", sa.BigInteger(), nullable=False),
        sa.Column("booked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("pictures", sa.Integer(), nullable=False),
        sa.Column("micros", sa.BigInteger(), nullable=False),
        sa.Column("is_certain", sa.Boolean(), nullable=False),
    )
    op.create_index("ix_ledger_guild", "ledger", ["guild_id", "booked_at"])
    op.create_index("ix_ledger_user", "ledger", ["user_id", "booked_at"])
    op.create_index("ix_ledger_booked", "ledger", ["booked_at"])
    op.create_table(
        "ledger_roles",
        sa.Column(
            "external_task_id",
            sa.String(64),
            sa.ForeignKey("ledger.external_task_id", ondelete="CASCADE"),
            primary_key=True,
        ),
        sa.Column("role_id", sa.BigInteger(), primary_key=True, autoincrement=False),
    )
    op.create_index("ix_ledger_roles_role", "ledger_roles", ["role_id"])
    op.create_table(
        "bans",
        sa.Column("guild_id", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("user_id", sa.BigInteger(), primary_key=True, autoincrement=False),
        sa.Column("reason", sa.Text()),
        sa.Column("until", sa.DateTime(timezone=True)),
        sa.Column("banned_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("banned_by", sa.BigInteger(), nullable=False),
    )
