"""Sources: feeds brought in, the links of published items, and the credit that an item carries."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_CREDIT = ("source_name", "source_url")
# In the order in which they can be taken away again.
_TABLES = ("link_scan", "link_use", "link_check", "source_entry", "source")


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '1s'")
    # The default stays: processes of the old code go on adding rows while this runs.
    for name in _CREDIT:
        op.add_column("revision", sa.Column(name, sa.Text(), nullable=False, server_default=""))
    op.create_table(
        "source",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("unit_id", sa.Uuid(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("site", sa.Text(), nullable=False),
        sa.Column("whose", sa.Text(), nullable=False),
        sa.Column("makes", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("rule_by", sa.Uuid(), nullable=True),
        sa.Column("rule_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("accounts", postgresql.ARRAY(sa.UUID()), nullable=False),
        sa.Column("licence", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("etag", sa.Text(), nullable=False),
        sa.Column("last_modified", sa.Text(), nullable=False),
        sa.Column("body_hash", sa.Text(), nullable=False),
        sa.Column("pace", postgresql.JSONB(), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("changed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("result", sa.Text(), nullable=False),
        sa.Column("result_details", postgresql.JSONB(), nullable=False),
        sa.Column("result_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("fail_count", sa.Integer(), nullable=False),
        sa.Column("missing_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("gone_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("moved_to", sa.Text(), nullable=False),
        sa.Column("moved_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("accept_churn", sa.Boolean(), nullable=False),
        sa.Column("added_by", sa.Uuid(), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "kind IN ('news','document','bulletin','multimedia','warning','rebuttal')",
            name=op.f("ck_source_kind"),
        ),
        sa.CheckConstraint("makes IN ('draft','bulletin')", name=op.f("ck_source_makes")),
        sa.CheckConstraint("rule IN ('ask','draft','submit')", name=op.f("ck_source_rule")),
        sa.CheckConstraint("state IN ('active','paused','stopped')", name=op.f("ck_source_state")),
        sa.CheckConstraint("whose IN ('sister','own')", name=op.f("ck_source_whose")),
        sa.ForeignKeyConstraint(["added_by"], ["staff.id"], name=op.f("fk_source_added_by")),
        sa.ForeignKeyConstraint(["rule_by"], ["staff.id"], name=op.f("fk_source_rule_by")),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"], name=op.f("fk_source_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_source")),
    )
    op.create_index(
        "ix_source_next_at",
        "source",
        ["next_at"],
        unique=False,
        postgresql_where=sa.text("state = 'active' AND removed_at IS NULL"),
    )
    op.create_index(op.f("ix_source_unit_id"), "source", ["unit_id"], unique=False)
    op.create_index(
        "uq_source_unit_id_url",
        "source",
        ["unit_id", "url"],
        unique=True,
        postgresql_where=sa.text("removed_at IS NULL"),
    )
    op.create_table(
        "source_entry",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("source_id", sa.Uuid(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("guid", sa.Text(), nullable=False),
        sa.Column("link", sa.Text(), nullable=False),
        sa.Column("canonical_link", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.Column("html", sa.Text(), nullable=False),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("categories", postgresql.ARRAY(sa.String()), nullable=False),
        sa.Column("pictures", postgresql.JSONB(), nullable=False),
        sa.Column("warnings", postgresql.ARRAY(sa.String()), nullable=False),
        sa.Column("content_hash", sa.Text(), nullable=False),
        sa.Column("legacy", sa.Text(), nullable=False),
        sa.Column("converted", sa.Text(), nullable=False),
        sa.Column("date_text", sa.Text(), nullable=False),
        sa.Column("published_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("first_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("edited_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("item_id", sa.Uuid(), nullable=True),
        sa.Column("item_version", sa.Integer(), nullable=False),
        sa.Column("taken_hash", sa.Text(), nullable=False),
        sa.Column("problem", sa.Text(), nullable=False),
        sa.Column("gone_seen_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("gone_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('history','new','drafted','dismissed','ours')",
            name=op.f("ck_source_entry_state"),
        ),
        sa.ForeignKeyConstraint(["item_id"], ["item.id"], name=op.f("fk_source_entry_item_id")),
        sa.ForeignKeyConstraint(
            ["source_id"], ["source.id"], name=op.f("fk_source_entry_source_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_source_entry")),
        sa.UniqueConstraint("source_id", "key", name=op.f("uq_source_entry_source_id_key")),
    )
    op.create_index(
        "ix_source_entry_item_id",
        "source_entry",
        ["item_id"],
        unique=False,
        postgresql_where=sa.text("item_id IS NOT NULL"),
    )
    op.create_index(
        "ix_source_entry_new",
        "source_entry",
        ["source_id"],
        unique=False,
        postgresql_where=sa.text("state = 'new'"),
    )
    op.create_index(
        op.f("ix_source_entry_source_id_canonical_link"),
        "source_entry",
        ["source_id", "canonical_link"],
        unique=False,
    )
    op.create_index(
        op.f("ix_source_entry_source_id_first_seen_at_position"),
        "source_entry",
        ["source_id", "first_seen_at", "position"],
        unique=False,
    )
    op.create_table(
        "link_check",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("status", sa.Integer(), nullable=True),
        sa.Column("problem", sa.Text(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("failing_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("broken_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('waiting','good','suspect','broken','unknown')",
            name=op.f("ck_link_check_state"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_link_check")),
        sa.UniqueConstraint("url", name=op.f("uq_link_check_url")),
    )
    op.create_index(
        "ix_link_check_broken",
        "link_check",
        ["broken_at"],
        unique=False,
        postgresql_where=sa.text("state = 'broken'"),
    )
    op.create_index(op.f("ix_link_check_next_at"), "link_check", ["next_at"], unique=False)
    op.create_table(
        "link_use",
        sa.Column("item_id", sa.Uuid(), nullable=False),
        sa.Column("link_id", sa.Uuid(), nullable=False),
        sa.ForeignKeyConstraint(["item_id"], ["item.id"], name=op.f("fk_link_use_item_id")),
        sa.ForeignKeyConstraint(["link_id"], ["link_check.id"], name=op.f("fk_link_use_link_id")),
        sa.PrimaryKeyConstraint("item_id", "link_id", name=op.f("pk_link_use")),
    )
    op.create_index(op.f("ix_link_use_link_id"), "link_use", ["link_id"], unique=False)
    op.create_table(
        "link_scan",
        sa.Column("item_id", sa.Uuid(), nullable=False),
        sa.Column("revision_no", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["item_id"], ["item.id"], name=op.f("fk_link_scan_item_id")),
        sa.PrimaryKeyConstraint("item_id", name=op.f("pk_link_scan")),
    )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '1s'")
    for name in _TABLES:
        op.drop_table(name)
    for name in _CREDIT:
        op.drop_column("revision", name)
