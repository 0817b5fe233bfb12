"""An event of the public record may be put off; a portal's fetch keeps no columns of old releases.

A process of the release before this one that still runs cannot note who fetched a feed until it is
started anew; the feed itself is answered all the same.
"""

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '1s'")
    op.execute(
        "ALTER TABLE public_event ADD COLUMN tries integer NOT NULL DEFAULT 0,"
        " ADD COLUMN try_at timestamptz"
    )
    op.execute("ALTER TABLE portal_fetch DROP COLUMN etag, DROP COLUMN changed_at")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '1s'")
    op.execute("ALTER TABLE portal_fetch ADD COLUMN etag bytea, ADD COLUMN changed_at timestamptz")
    op.execute("ALTER TABLE public_event DROP COLUMN try_at, DROP COLUMN tries")
