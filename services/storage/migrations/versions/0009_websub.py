"""WebSub: who is pushed to, requests that wait for their check, other hubs that are pinged."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_TABLES = ("web_sub_subscription", "web_sub_request", "web_sub_ping")


def upgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '1s'")
    op.create_table(
        "web_sub_subscription",
        *_whose("web_sub_subscription"),
        sa.Column("callback", sa.Text(), nullable=False),
        sa.Column("sealed_secret", sa.LargeBinary(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("verified_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=False),
        *_versions(),
        sa.Column("pushed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_status", sa.Integer(), nullable=True),
        sa.Column("failing_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("ended_why", sa.Text(), nullable=True),
        *_lease(),
        sa.CheckConstraint(
            "ended_why IN ('gone','failed')", name=op.f("ck_web_sub_subscription_ended_why")
        ),
    )
    op.create_index("uq_web_sub_subscription_pair", "web_sub_subscription", ["pair"], unique=True)
    op.create_index(op.f("ix_web_sub_subscription_host"), "web_sub_subscription", ["host"])
    op.create_table(
        "web_sub_request",
        *_whose("web_sub_request"),
        sa.Column("callback", sa.Text(), nullable=False),
        sa.Column("mode", sa.Text(), nullable=False),
        sa.Column("lease_seconds", sa.Integer(), nullable=False),
        sa.Column("sealed_secret", sa.LargeBinary(), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        *_lease(),
        sa.CheckConstraint(
            "mode IN ('subscribe','unsubscribe','denied')", name=op.f("ck_web_sub_request_mode")
        ),
    )
    op.create_index(
        "uq_web_sub_request_pair_open",
        "web_sub_request",
        ["pair"],
        unique=True,
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_index(
        op.f("ix_web_sub_request_host_created_at"), "web_sub_request", ["host", "created_at"]
    )
    op.create_table(
        "web_sub_ping",
        *_whose("web_sub_ping"),
        sa.Column("hub", sa.Text(), nullable=False),
        *_versions(),
        sa.Column("pinged_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_status", sa.Integer(), nullable=True),
        *_lease(),
    )
    op.create_index("uq_web_sub_ping_pair", "web_sub_ping", ["pair"], unique=True)
    for table in _TABLES:
        op.create_index(op.f(f"ix_{table}_account_id"), table, ["account_id"])
        op.create_index(
            f"ix_{table}_next_at",
            table,
            ["next_at"],
            postgresql_where=sa.text("next_at IS NOT NULL"),
        )


def downgrade() -> None:
    op.execute("SET LOCAL lock_timeout = '1s'")
    for table in reversed(_TABLES):
        op.drop_table(table)


def _whose(table: str) -> tuple[sa.schema.SchemaItem, ...]:
    return (
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("pair", sa.LargeBinary(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("host", sa.Text(), nullable=False),
        sa.Column("account_id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f(f"pk_{table}")),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f(f"fk_{table}_account_id")
        ),
    )


def _versions() -> tuple[sa.schema.SchemaItem, ...]:
    return (
        sa.Column("wanted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
    )


def _lease() -> tuple[sa.schema.SchemaItem, ...]:
    return (
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("next_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("held_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("fence", sa.BigInteger(), nullable=False),
    )
