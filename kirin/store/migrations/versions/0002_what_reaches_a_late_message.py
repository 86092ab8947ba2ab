"""Where the bot is a member, and the wishes of one person."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Of older wishes nobody knows where the bot is a member, so their cards get the button."""
    with op.batch_alter_table("generations") as table:
        table.add_column(
            sa.Column("bot_is_member", sa.Boolean(), nullable=False, server_default=sa.false())
        )
        table.create_index("ix_generations_user", ["user_id", "created_at"])
