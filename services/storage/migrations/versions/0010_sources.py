"""sources: filled in by H5."""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '1s'")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '1s'")
