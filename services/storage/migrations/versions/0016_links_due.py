"""What became public is searched for links once, told by its event: no turn looks at every item."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

# Of each item the newest event, where the links that are noted are not those that the public sees.
_STILL_DUE = """
    UPDATE public_event SET links_due = true
     WHERE id IN (
       SELECT max(e.id) FROM public_event e
         JOIN item i ON i.id = e.item_id
         LEFT JOIN link_scan s ON s.item_id = e.item_id
        WHERE CASE WHEN i.withdrawn_at IS NULL THEN s.revision_no IS DISTINCT FROM i.released_no
                   ELSE s.item_id IS NOT NULL END
        GROUP BY e.item_id)
"""


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '1s'")
    # What was public before is not due: a constant default touches no row.
    op.execute("ALTER TABLE public_event ADD COLUMN links_due boolean NOT NULL DEFAULT false")
    op.execute("ALTER TABLE public_event ALTER COLUMN links_due SET DEFAULT true")
    op.execute(_STILL_DUE)
    op.create_index(
        "ix_public_event_links_due",
        "public_event",
        ["id"],
        postgresql_where=sa.text("links_due"),
    )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '1s'")
    op.execute("ALTER TABLE public_event DROP COLUMN links_due")
