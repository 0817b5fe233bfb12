"""What channels showed before they were connected."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '1s'")
    op.create_table(
        "adoption",
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("asked_by", sa.Uuid(), nullable=False),
        sa.Column("asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("cursor", sa.String(), nullable=True),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("problem_code", sa.String(), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("state IN ('reading','done','failed')", name="ck_adoption_state"),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="fk_adoption_account_id"),
        sa.ForeignKeyConstraint(["asked_by"], ["staff.id"], name="fk_adoption_asked_by"),
        sa.PrimaryKeyConstraint("account_id", name="pk_adoption"),
    )
    op.create_table(
        "adopted_post",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.Column("remote_id", sa.String(), nullable=False),
        sa.Column("remote_url", sa.String(), nullable=True),
        sa.Column("title", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("views", sa.Integer(), nullable=True),
        sa.Column("shares", sa.Integer(), nullable=True),
        sa.Column("item_id", sa.Uuid(), nullable=True),
        sa.Column("matched_by", sa.String(), nullable=True),
        sa.Column("skipped", sa.String(), nullable=True),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint(
            "matched_by IN ('id','link','text','new')", name="ck_adopted_post_matched_by"
        ),
        sa.CheckConstraint(
            "skipped IN ('hidden','unreadable','undated')", name="ck_adopted_post_skipped"
        ),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name="fk_adopted_post_account_id"),
        sa.ForeignKeyConstraint(["item_id"], ["item.id"], name="fk_adopted_post_item_id"),
        sa.PrimaryKeyConstraint("id", name="pk_adopted_post"),
        sa.UniqueConstraint("account_id", "remote_id", name="uq_adopted_post_account_id_remote_id"),
    )
    op.create_index("ix_adopted_post_item_id", "adopted_post", ["item_id"])
    op.create_index("ix_adopted_post_account_id_at_id", "adopted_post", ["account_id", "at", "id"])


def downgrade() -> None:
    op.drop_table("adopted_post")
    op.drop_table("adoption")
