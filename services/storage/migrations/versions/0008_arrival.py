"""arrival: filled in by H2."""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '1s'")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '1s'")
