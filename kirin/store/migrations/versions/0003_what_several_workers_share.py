"""How many slots a wish holds, what is known of its end, and who is working."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """The number of pictures of older wishes is read from what they asked for."""
    with op.batch_alter_table("generations") as table:
        table.add_column(sa.Column("n", sa.Integer(), nullable=False, server_default="1"))
        table.add_column(sa.Column("misses", sa.Integer(), nullable=False, server_default="0"))
        table.add_column(sa.Column("seen_running_at", sa.DateTime(timezone=True)))
        table.add_column(sa.Column("hinted_at", sa.DateTime(timezone=True)))
        table.add_column(sa.Column("passed_at", sa.DateTime(timezone=True)))
        table.create_index(
            "ix_generations_submitted", ["submitted_at", "status", "guild_id", "user_id", "n"]
        )
        table.create_index(
            "ix_generations_open",
            ["status", "guild_id", "user_id", "n", "submitted_at", "created_at", "finished_at"],
            sqlite_where=sa.text("finished_at IS NULL"),
            postgresql_where=sa.text("finished_at IS NULL"),
        )
        table.create_index(
            "ix_generations_lease",
            ["lease_until"],
            sqlite_where=sa.text("lease_until IS NOT NULL"),
            postgresql_where=sa.text("lease_until IS NOT NULL"),
        )
    op.create_table(
        "workers",
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
    )
    generations = sa.table("generations", sa.column("request", sa.JSON()), sa.column("n"))
    asked_for = generations.c.request["n"].as_integer()
    op.execute(generations.update().values(n=sa.func.coalesce(asked_for, 1)))
