"""Feeds by category, kind and unit, and their archives: found by index among a million entries."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_ORDER: tuple[sa.ColumnElement[object], ...] = (
    sa.literal_column("published_at DESC"),
    sa.literal_column("publication_id DESC"),
)

# What a reader should notice: a change of anything else leaves `changed_at` where it was.
_NOTICED = "payload - 'tags' - 'category' - 'kind'"

# Two entries of one feed never bear the same second: a validator of Atom warns of equal `updated`,
# and an order by time is then the same everywhere. A burst is spread over two minutes at most.
_FREE = """
    CREATE FUNCTION free_feed_second(feed uuid, asked timestamptz) RETURNS timestamptz
    LANGUAGE plpgsql AS $$
    DECLARE
      at timestamptz := asked;
      second timestamptz;
    BEGIN
      FOR step IN 1..120 LOOP
        second := date_trunc('second', at);
        IF NOT EXISTS (SELECT 1 FROM feed_entry
                        WHERE account_id = feed AND published_at >= second
                          AND published_at < second + interval '1 second')
           AND NOT EXISTS (SELECT 1 FROM feed_entry
                            WHERE account_id = feed AND changed_at > published_at
                              AND changed_at >= second
                              AND changed_at < second + interval '1 second')
        THEN
          RETURN at;
        END IF;
        at := at + interval '1 second';
      END LOOP;
      RETURN at;
    END $$
"""

_NOTE = f"""
    CREATE FUNCTION note_feed_entry() RETURNS trigger LANGUAGE plpgsql AS $$
    DECLARE
      before feed_entry;
      noticed boolean;
      moved timestamptz := greatest(coalesce(NEW.observed_at, NEW.first_observed_at),
                                    NEW.first_observed_at);
    BEGIN
      SELECT * INTO before FROM feed_entry WHERE publication_id = NEW.id;
      IF NEW.observed_rendition_id IS NULL THEN
        IF FOUND THEN
          UPDATE feed_entry
             SET changed_at = CASE WHEN live
                                   THEN free_feed_second(NEW.account_id,
                                                         greatest(moved, published_at))
                                   ELSE changed_at END,
                 live = false, seen = NEW.seen_at IS NOT NULL
           WHERE publication_id = NEW.id;
        END IF;
        RETURN NULL;
      END IF;
      IF FOUND THEN
        noticed := NOT before.live OR before.rendition_id <> NEW.observed_rendition_id
          AND (SELECT {_NOTICED} FROM rendition WHERE id = before.rendition_id)
              <> (SELECT {_NOTICED} FROM rendition WHERE id = NEW.observed_rendition_id);
        UPDATE feed_entry e
           SET rendition_id = r.id, kind = i.kind, unit_id = i.unit_id,
               category = coalesce(r.payload ->> 'category', ''), live = true,
               seen = NEW.seen_at IS NOT NULL,
               changed_at = CASE WHEN noticed THEN free_feed_second(NEW.account_id,
                                                                greatest(moved, e.published_at))
                                 ELSE e.changed_at END
          FROM rendition r JOIN item i ON i.id = NEW.item_id
         WHERE e.publication_id = NEW.id AND r.id = NEW.observed_rendition_id;
        RETURN NULL;
      END IF;
      PERFORM 1 FROM account WHERE id = NEW.account_id AND channel = 'portal_rss';
      IF NOT FOUND THEN
        RETURN NULL;
      END IF;
      INSERT INTO feed_entry (publication_id, account_id, rendition_id, unit_id, guid, kind,
                              category, published_at, changed_at, live, seen)
      SELECT NEW.id, NEW.account_id, r.id, i.unit_id, coalesce(r.payload ->> 'guid', NEW.id::text),
             i.kind, coalesce(r.payload ->> 'category', ''), f.free, greatest(f.free, moved), true,
             NEW.seen_at IS NOT NULL
        FROM rendition r JOIN item i ON i.id = NEW.item_id
             CROSS JOIN free_feed_second(NEW.account_id, NEW.first_observed_at) AS f(free)
       WHERE r.id = NEW.observed_rendition_id
      ON CONFLICT (publication_id) DO NOTHING;
      RETURN NULL;
    END $$
"""  # noqa: S608  # a constant of this file

# Adds the rows that no trigger has written: those from before, and those of a set-based seed.
_FILL = """
    CREATE FUNCTION fill_feed_entries() RETURNS bigint LANGUAGE plpgsql AS $$
    DECLARE
      added bigint;
    BEGIN
      INSERT INTO feed_entry (publication_id, account_id, rendition_id, unit_id, guid, kind,
                              category, published_at, changed_at, live, seen)
      SELECT p.id, p.account_id, r.id, i.unit_id, coalesce(r.payload ->> 'guid', p.id::text),
             i.kind, coalesce(r.payload ->> 'category', ''), p.first_observed_at,
             greatest(coalesce(p.observed_at, p.first_observed_at), p.first_observed_at),
             p.observed_rendition_id IS NOT NULL, p.seen_at IS NOT NULL
        FROM publication p
        JOIN account a ON a.id = p.account_id AND a.channel = 'portal_rss'
        JOIN item i ON i.id = p.item_id
        JOIN rendition r ON r.id = coalesce(p.observed_rendition_id, (
               SELECT d.id FROM rendition d JOIN revision v ON v.id = d.revision_id
                WHERE v.item_id = p.item_id AND d.account_id = p.account_id
                  AND v.no <= i.released_no
                ORDER BY v.no DESC LIMIT 1))
       WHERE p.first_observed_at IS NOT NULL
      ON CONFLICT (publication_id) DO NOTHING;
      GET DIAGNOSTICS added = ROW_COUNT;
      RETURN added;
    END $$
"""


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '1s'")
    op.create_table(
        "feed_entry",
        sa.Column("publication_id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("rendition_id", sa.Uuid(), nullable=False),
        sa.Column("unit_id", sa.Uuid(), nullable=False),
        sa.Column("guid", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("category", sa.String(), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("live", sa.Boolean(), nullable=False),
        sa.Column("seen", sa.Boolean(), nullable=False),
        # No further key: checking one would lock rows of others while an outcome is recorded.
        sa.ForeignKeyConstraint(
            ["publication_id"], ["publication.id"], name=op.f("fk_feed_entry_publication_id")
        ),
        sa.PrimaryKeyConstraint("publication_id", name=op.f("pk_feed_entry")),
    )
    op.create_table(
        "feed_document",
        sa.Column("place", sa.String(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("place", name=op.f("pk_feed_document")),
    )
    op.create_table(
        "old_category",
        sa.Column("slug", sa.String(), nullable=False),
        sa.Column("now", sa.String(), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("slug", name=op.f("pk_old_category")),
    )
    op.execute(_FREE)
    op.execute(_NOTE)
    op.execute(_FILL)
    op.execute("SELECT fill_feed_entries()")
    # A feed that was read before must not seem older than it was.
    op.execute(
        "INSERT INTO feed_document (place, digest, changed_at)"
        " SELECT '/feeds/' || a.remote_id, '', max(f.changed_at) FROM portal_fetch f"
        " JOIN account a ON a.id = f.account_id WHERE f.changed_at IS NOT NULL GROUP BY a.remote_id"
    )
    _indexes()
    op.execute(
        "CREATE TRIGGER publication_enters_feed AFTER INSERT ON publication FOR EACH ROW"
        " WHEN (NEW.first_observed_at IS NOT NULL) EXECUTE FUNCTION note_feed_entry()"
    )
    # A portal's publications have the item's address for an id, or none: whoever has an id of
    # another kind is spared the question what channel this is.
    op.execute(
        "CREATE TRIGGER publication_moves_in_feed AFTER UPDATE ON publication FOR EACH ROW"
        " WHEN (NEW.first_observed_at IS NOT NULL"
        " AND (NEW.remote_id IS NULL OR NEW.remote_id LIKE 'http%')"
        " AND (NEW.observed_rendition_id, NEW.first_observed_at, NEW.seen_at IS NULL)"
        " IS DISTINCT FROM"
        " (OLD.observed_rendition_id, OLD.first_observed_at, OLD.seen_at IS NULL))"
        " EXECUTE FUNCTION note_feed_entry()"
    )


def _indexes() -> None:
    for name, column in (
        ("all", None),
        ("category", "category"),
        ("kind", "kind"),
        ("unit", "unit_id"),
    ):
        columns: list[str | sa.ColumnElement[object]] = ["account_id"]
        columns += [*([column] if column else []), *_ORDER]
        op.create_index(f"ix_feed_entry_{name}", "feed_entry", columns)
    changed = "changed_at > published_at"
    for name, order, where in (
        ("changed", "changed_at DESC", changed),
        ("changed_unseen", "published_at DESC", f"{changed} AND NOT seen"),
        ("unseen", "published_at DESC", "NOT seen"),
    ):
        op.create_index(
            f"ix_feed_entry_{name}",
            "feed_entry",
            ["account_id", sa.literal_column(order)],
            postgresql_where=sa.text(where),
        )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '1s'")
    op.execute("DROP TRIGGER publication_moves_in_feed ON publication")
    op.execute("DROP TRIGGER publication_enters_feed ON publication")
    op.execute("DROP FUNCTION note_feed_entry()")
    op.execute("DROP FUNCTION free_feed_second(uuid, timestamptz)")
    op.execute("DROP FUNCTION fill_feed_entries()")
    op.drop_table("old_category")
    op.drop_table("feed_document")
    op.drop_table("feed_entry")
