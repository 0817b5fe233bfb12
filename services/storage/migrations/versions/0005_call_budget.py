"""The budget of calls of each account (reliability-security.md R29)."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "call_budget",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("full_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_call_budget_account_id")
        ),
        sa.PrimaryKeyConstraint("account_id", name=op.f("pk_call_budget")),
    )
    # Each call moves one instant: let every page keep room for it.
    op.execute("ALTER TABLE call_budget SET (fillfactor = 50)")


def downgrade() -> None:
    op.drop_table("call_budget")
