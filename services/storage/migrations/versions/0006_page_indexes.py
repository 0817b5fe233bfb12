"""Indexes for the pages of a hub that has grown: measured with 50,000 items (`make bench`)."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '1s'")
    op.execute(
        "CREATE INDEX ix_item_published_at ON item (published_at DESC, id DESC)"
        " WHERE published_at IS NOT NULL"
    )
    op.execute(
        "CREATE INDEX ix_item_created_by_updated_at ON item (created_by, updated_at DESC, id DESC)"
    )
    op.execute(
        "CREATE INDEX ix_revision_publish_at ON revision (publish_at)"
        " WHERE publish_at IS NOT NULL AND state IN ('draft','review','returned')"
    )
    op.execute("CREATE INDEX ix_revision_returned ON revision (item_id) WHERE state = 'returned'")
    op.execute(
        "CREATE INDEX ix_publication_drift ON publication (item_id)"
        " WHERE drift IS NOT NULL AND state = 'live'"
    )
    op.execute(
        "CREATE INDEX ix_inbound_event_account_id_received_at"
        " ON inbound_event (account_id, received_at DESC)"
    )


def downgrade() -> None:
    op.drop_index("ix_inbound_event_account_id_received_at", table_name="inbound_event")
    op.drop_index("ix_publication_drift", table_name="publication")
    op.drop_index("ix_revision_returned", table_name="revision")
    op.drop_index("ix_revision_publish_at", table_name="revision")
    op.drop_index("ix_item_created_by_updated_at", table_name="item")
    op.drop_index("ix_item_published_at", table_name="item")
