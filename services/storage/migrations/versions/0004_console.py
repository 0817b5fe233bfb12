"""The console: settings, notifications, templates, remarks, links for readers outside."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '1s'")
    op.create_table(
        "agency_setting",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", postgresql.JSONB(), nullable=False),
        sa.Column("by", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["by"], ["staff.id"], name=op.f("fk_agency_setting_by")),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_agency_setting")),
    )
    op.create_table(
        "item_template",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("unit_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("tags", postgresql.ARRAY(sa.String()), nullable=False),
        sa.Column("accounts", postgresql.ARRAY(sa.UUID()), nullable=False),
        sa.Column("by", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "kind IN ('news','document','bulletin','multimedia','warning','rebuttal')",
            name=op.f("ck_item_template_kind"),
        ),
        sa.ForeignKeyConstraint(["by"], ["staff.id"], name=op.f("fk_item_template_by")),
        sa.ForeignKeyConstraint(["unit_id"], ["unit.id"], name=op.f("fk_item_template_unit_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_item_template")),
    )
    op.create_index(op.f("ix_item_template_unit_id"), "item_template", ["unit_id"], unique=False)
    op.create_table(
        "comment",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("item_id", sa.Uuid(), nullable=False),
        sa.Column("revision_no", sa.Integer(), nullable=False),
        sa.Column("by", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["by"], ["staff.id"], name=op.f("fk_comment_by")),
        sa.ForeignKeyConstraint(["item_id"], ["item.id"], name=op.f("fk_comment_item_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_comment")),
    )
    op.create_index(op.f("ix_comment_item_id_at"), "comment", ["item_id", "at"], unique=False)
    op.create_table(
        "editing",
        sa.Column("item_id", sa.Uuid(), nullable=False),
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["item_id"], ["item.id"], name=op.f("fk_editing_item_id")),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_editing_staff_id")),
        sa.PrimaryKeyConstraint("item_id", name=op.f("pk_editing")),
    )
    op.create_table(
        "notification",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("about", sa.Uuid(), nullable=False),
        sa.Column("item_id", sa.Uuid(), nullable=True),
        sa.Column("account_id", sa.Uuid(), nullable=True),
        sa.Column("details", postgresql.JSONB(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_notification_account_id")
        ),
        sa.ForeignKeyConstraint(["item_id"], ["item.id"], name=op.f("fk_notification_item_id")),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_notification_staff_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notification")),
    )
    op.create_index(op.f("ix_notification_item_id"), "notification", ["item_id"], unique=False)
    op.create_index(
        op.f("ix_notification_staff_id_at"), "notification", ["staff_id", "at"], unique=False
    )
    op.create_index(
        "uq_notification_unread",
        "notification",
        ["staff_id", "cause", "about"],
        unique=True,
        postgresql_where=sa.text("read_at IS NULL"),
    )
    op.create_table(
        "preview_link",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("revision_id", sa.Uuid(), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(), nullable=False),
        sa.Column("by", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["by"], ["staff.id"], name=op.f("fk_preview_link_by")),
        sa.ForeignKeyConstraint(
            ["revision_id"], ["revision.id"], name=op.f("fk_preview_link_revision_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_preview_link")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_preview_link_token_hash")),
    )
    op.create_index(
        op.f("ix_preview_link_revision_id"), "preview_link", ["revision_id"], unique=False
    )
    op.create_table(
        "preview_view",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("link_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("comment", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["link_id"], ["preview_link.id"], name=op.f("fk_preview_view_link_id")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_preview_view")),
    )
    op.create_index(op.f("ix_preview_view_link_id"), "preview_view", ["link_id"], unique=False)
    op.create_table(
        "watch",
        sa.Column("publication_id", sa.Uuid(), nullable=False),
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["publication_id"], ["publication.id"], name=op.f("fk_watch_publication_id")
        ),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_watch_staff_id")),
        sa.PrimaryKeyConstraint("publication_id", "staff_id", name=op.f("pk_watch")),
    )
    op.add_column("media", sa.Column("focal_x", sa.Integer(), nullable=False, server_default="50"))
    op.add_column("media", sa.Column("focal_y", sa.Integer(), nullable=False, server_default="50"))
    op.add_column("media", sa.Column("licence", sa.Text(), nullable=False, server_default=""))
    op.add_column("media", sa.Column("number", sa.Text(), nullable=False, server_default=""))
    op.add_column("media", sa.Column("issued_on", sa.Text(), nullable=False, server_default=""))
    # New rows say these themselves; the default was for those that were there.
    for column in ("focal_x", "focal_y", "licence", "number", "issued_on"):
        op.alter_column("media", column, server_default=None)


def downgrade() -> None:
    op.drop_column("media", "issued_on")
    op.drop_column("media", "number")
    op.drop_column("media", "licence")
    op.drop_column("media", "focal_y")
    op.drop_column("media", "focal_x")
    op.drop_table("watch")
    op.drop_index(op.f("ix_preview_view_link_id"), table_name="preview_view")
    op.drop_table("preview_view")
    op.drop_index(op.f("ix_preview_link_revision_id"), table_name="preview_link")
    op.drop_table("preview_link")
    op.drop_index(
        "uq_notification_unread",
        table_name="notification",
        postgresql_where=sa.text("read_at IS NULL"),
    )
    op.drop_index(op.f("ix_notification_staff_id_at"), table_name="notification")
    op.drop_index(op.f("ix_notification_item_id"), table_name="notification")
    op.drop_table("notification")
    op.drop_table("editing")
    op.drop_index(op.f("ix_comment_item_id_at"), table_name="comment")
    op.drop_table("comment")
    op.drop_index(op.f("ix_item_template_unit_id"), table_name="item_template")
    op.drop_table("item_template")
    op.drop_table("agency_setting")
