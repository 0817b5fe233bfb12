"""What arrived at a portal, who uses a picture, and a bell that every change of a feed rings."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

# What stands in a feed beside its entries: words of the account, the agency and its units. A feed's
# entries are portals' only, so no outcome of another channel ever rings.
_SHOWN = {
    "feed_entry": "AFTER INSERT OR UPDATE OR DELETE ON feed_entry FOR EACH ROW",
    "account": (
        "AFTER INSERT OR UPDATE OF name, stage, settings, remote_id, sealed_credentials ON account"
        " FOR EACH ROW WHEN (NEW.channel = 'portal_rss')"
    ),
    "agency_setting": "AFTER INSERT OR UPDATE OR DELETE ON agency_setting FOR EACH STATEMENT",
    "unit": "AFTER INSERT OR UPDATE OF code, name ON unit FOR EACH STATEMENT",
}


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '1s'")
    op.create_table(
        "arrival",
        sa.Column("publication_id", sa.Uuid(), nullable=False),
        sa.Column("fetched_revision_no", sa.Integer(), nullable=True),
        sa.Column("fetched_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("looks", sa.Integer(), nullable=False),
        sa.Column("look_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("looked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("found", sa.String(), nullable=True),
        sa.Column("shown_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "found IN ('shown','gone','old','absent','unreadable')", name=op.f("ck_arrival_found")
        ),
        sa.ForeignKeyConstraint(
            ["publication_id"], ["publication.id"], name=op.f("fk_arrival_publication_id")
        ),
        sa.PrimaryKeyConstraint("publication_id", name=op.f("pk_arrival")),
    )
    # Which items use a picture: asked whenever somebody opens it, for what is withdrawn is gone.
    op.create_index("ix_revision_media", "revision", ["media"], postgresql_using="gin")
    op.create_index(
        "ix_revision_cover", "revision", ["cover"], postgresql_where=sa.text("cover IS NOT NULL")
    )
    op.execute(
        """
        CREATE FUNCTION tell_feeds() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          PERFORM pg_notify('loa_feeds', '');
          RETURN NULL;
        END $$
        """
    )
    for table, when in _SHOWN.items():
        op.execute(f"CREATE TRIGGER {table}_shown {when} EXECUTE FUNCTION tell_feeds()")


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '1s'")
    for table in _SHOWN:
        op.execute(f"DROP TRIGGER {table}_shown ON {table}")
    op.execute("DROP FUNCTION tell_feeds()")
    op.drop_index("ix_revision_cover", table_name="revision")
    op.drop_index("ix_revision_media", table_name="revision")
    op.drop_table("arrival")
