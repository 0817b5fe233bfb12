"""People of the console: phones to be proved, recovery codes, preferences, no csrf in clear.

The code against forged requests is derived from the cookie, of which only a hash is kept.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '1s'")
    op.drop_column("session", "csrf")
    op.add_column("staff", sa.Column("otp_pending", sa.LargeBinary(), nullable=True))
    op.add_column("staff", sa.Column("otp_pending_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("staff", sa.Column("signed_in_at", sa.DateTime(timezone=True), nullable=True))
    op.create_table(
        "recovery_code",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("code_hash", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["staff_id"], ["staff.id"], name=op.f("fk_recovery_code_staff_id")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_recovery_code")),
    )
    op.create_index(op.f("ix_recovery_code_staff_id"), "recovery_code", ["staff_id"], unique=False)
    op.create_table(
        "staff_preference",
        sa.Column("staff_id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", postgresql.JSONB(), nullable=False),
        sa.ForeignKeyConstraint(
            ["staff_id"], ["staff.id"], name=op.f("fk_staff_preference_staff_id")
        ),
        sa.PrimaryKeyConstraint("staff_id", "name", name=op.f("pk_staff_preference")),
    )


def downgrade() -> None:
    op.drop_table("staff_preference")
    op.drop_index(op.f("ix_recovery_code_staff_id"), table_name="recovery_code")
    op.drop_table("recovery_code")
    op.drop_column("staff", "signed_in_at")
    op.drop_column("staff", "otp_pending_at")
    op.drop_column("staff", "otp_pending")
    # Open sessions get no code that anybody could repeat: their people sign in anew.
    op.add_column("session", sa.Column("csrf", sa.Text(), nullable=False, server_default=""))
    op.alter_column("session", "csrf", server_default=None)
