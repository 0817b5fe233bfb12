"""Words of media to search by, the times of an attempt's steps, and what a drifted post shows."""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '1s'")
    op.execute("ALTER TABLE attempt ADD COLUMN steps jsonb NOT NULL DEFAULT '[]'")
    op.execute("ALTER TABLE publication ADD COLUMN drift_text text")
    op.execute("ALTER TABLE publication ADD COLUMN compared_at timestamptz")
    op.execute(
        "CREATE INDEX ix_publication_drift_at ON publication (drift_at) WHERE drift IS NOT NULL"
    )
    op.execute("CREATE INDEX ix_notification_drift ON notification (at) WHERE cause = 'drift'")
    op.execute("CREATE INDEX ix_notification_open ON notification (item_id) WHERE read_at IS NULL")
    op.execute("ALTER TABLE media ADD COLUMN search tsvector")
    # As `content.search` folds, for Vietnamese and other Latin letters; what was written in another
    # script is found by it once somebody has changed its words.
    op.execute(
        r"""
        UPDATE media SET search = to_tsvector('simple', regexp_replace(lower(translate(
          regexp_replace(normalize(concat_ws(' ', alt, caption, credit, licence, number), NFD),
                         '[\u0300-\u036f]', '', 'g'), 'Đđ', 'dd')), '[^a-z0-9]+', ' ', 'g'))
         WHERE made_from IS NULL
        """
    )
    op.execute("CREATE INDEX ix_media_search ON media USING gin (search)")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '1s'")
    op.drop_index("ix_media_search", table_name="media")
    op.execute("ALTER TABLE media DROP COLUMN search")
    op.drop_index("ix_notification_open", table_name="notification")
    op.drop_index("ix_notification_drift", table_name="notification")
    op.drop_index("ix_publication_drift_at", table_name="publication")
    op.execute("ALTER TABLE publication DROP COLUMN compared_at")
    op.execute("ALTER TABLE publication DROP COLUMN drift_text")
    op.execute("ALTER TABLE attempt DROP COLUMN steps")
