"""Where an item stands is found by a few steps into indexes, however many accounts it has."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '1s'")
    op.create_index(
        "ix_publication_item_on_its_way",
        "publication",
        ["item_id"],
        postgresql_where=sa.text("state NOT IN ('live','withdrawn')"),
    )
    op.create_index(
        "ix_publication_item_live",
        "publication",
        ["item_id", sa.text("observed_revision_no DESC NULLS LAST")],
        postgresql_where=sa.text("state = 'live'"),
    )
    op.create_index(
        "ix_publication_item_first_shown",
        "publication",
        ["item_id", "first_observed_at"],
        postgresql_where=sa.text("first_observed_at IS NOT NULL"),
    )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '1s'")
    op.drop_index("ix_publication_item_first_shown", "publication")
    op.drop_index("ix_publication_item_live", "publication")
    op.drop_index("ix_publication_item_on_its_way", "publication")
