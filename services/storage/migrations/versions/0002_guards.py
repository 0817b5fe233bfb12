"""What the database itself refuses, and the rows it writes so that none can be forgotten.

Rules: architecture.md section 3 and section 9 ("R63 here").
"""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

# Tables whose rows may be added and never taken away.
_KEPT = (
    "audit_entry",
    "attempt",
    "approval",
    "evidence",
    "publication_event",
    "publication",
    "revision",
    "item",
    "item_code",
)

# Of these, nothing may change either.
_FROZEN = ("audit_entry", "evidence", "publication_event")

# From state → states it may become. `scheduled` and `pending` may be settled without a call:
# stopped, withdrawn before anything was sent, or an outlet that pulls from us.
TRANSITIONS = {
    "scheduled": ("pending", "sending", "live", "withdrawn", "failed", "expired", "uncertain"),
    "pending": ("scheduled", "sending", "live", "withdrawn", "failed", "expired", "uncertain"),
    "sending": ("pending", "uncertain", "undecided", "live", "withdrawn", "failed"),
    "uncertain": ("pending", "undecided", "live", "withdrawn", "failed"),
    "undecided": ("pending", "live", "withdrawn", "failed"),
    "live": ("pending", "scheduled", "uncertain"),
    "withdrawn": ("pending", "scheduled", "uncertain"),
    "failed": ("pending", "scheduled", "live", "withdrawn", "uncertain"),
    "expired": ("pending", "scheduled", "live", "withdrawn", "uncertain"),
}


def upgrade() -> None:
    op.execute(
        """
        CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          RAISE EXCEPTION '% on % is refused: these rows are kept', TG_OP, TG_TABLE_NAME
            USING ERRCODE = 'integrity_constraint_violation';
        END $$
        """
    )
    for table in _KEPT:
        events = "DELETE OR UPDATE" if table in _FROZEN else "DELETE"
        op.execute(
            f"CREATE TRIGGER {table}_kept BEFORE {events} ON {table}"
            " FOR EACH ROW EXECUTE FUNCTION refuse()"
        )
        op.execute(
            f"CREATE TRIGGER {table}_not_emptied BEFORE TRUNCATE ON {table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION refuse()"
        )
    _only_some_columns_change()
    _publications_move_by_rule()
    op.execute(
        """
        CREATE FUNCTION make_lanes() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          INSERT INTO lane (account_id, urgent, fence, until)
          VALUES (NEW.id, false, 0, now()), (NEW.id, true, 0, now());
          RETURN NULL;
        END $$
        """
    )
    op.execute(
        "CREATE TRIGGER account_lanes AFTER INSERT ON account"
        " FOR EACH ROW EXECUTE FUNCTION make_lanes()"
    )
    op.execute(
        "INSERT INTO audit_head (id, seq, hash) VALUES (1, 0, decode(repeat('00', 32), 'hex'))"
    )


def _each(statements: str) -> None:
    """Runs functions one by one: the driver prepares each statement and takes no two at once."""
    for statement in statements.split("$$;"):
        if statement.strip():
            op.execute(statement + ("$$" if "AS $$" in statement else ""))


def _only_some_columns_change() -> None:
    _each(
        """
        CREATE FUNCTION guard_revision() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          IF OLD.state <> 'draft'
             AND to_jsonb(NEW) - 'state' - 'return_reason'
                 <> to_jsonb(OLD) - 'state' - 'return_reason'
          THEN
            RAISE EXCEPTION 'revision % was submitted: only its state may move', OLD.id
              USING ERRCODE = 'integrity_constraint_violation';
          END IF;
          IF OLD.return_reason IS NOT NULL AND NEW.return_reason IS DISTINCT FROM OLD.return_reason
          THEN
            RAISE EXCEPTION 'the reason of revision % stands', OLD.id
              USING ERRCODE = 'integrity_constraint_violation';
          END IF;
          RETURN NEW;
        END $$;
        CREATE FUNCTION guard_approval() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          IF OLD.voided_at IS NOT NULL
             OR to_jsonb(NEW) - 'voided_at' <> to_jsonb(OLD) - 'voided_at' THEN
            RAISE EXCEPTION 'approval % may only be voided, once', OLD.id
              USING ERRCODE = 'integrity_constraint_violation';
          END IF;
          RETURN NEW;
        END $$;
        CREATE FUNCTION guard_attempt() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          IF OLD.ended_at IS NOT NULL THEN
            RAISE EXCEPTION 'attempt % is closed', OLD.id
              USING ERRCODE = 'integrity_constraint_violation';
          END IF;
          IF (NEW.publication_id, NEW.generation, NEW.no, NEW.operation, NEW.rendition_id,
              NEW.rendition_hash, NEW.fingerprint, NEW.started_at)
             IS DISTINCT FROM
             (OLD.publication_id, OLD.generation, OLD.no, OLD.operation, OLD.rendition_id,
              OLD.rendition_hash, OLD.fingerprint, OLD.started_at)
             OR NEW.fence < OLD.fence THEN
            RAISE EXCEPTION 'attempt % keeps what it set out to do', OLD.id
              USING ERRCODE = 'integrity_constraint_violation';
          END IF;
          RETURN NEW;
        END $$;
        CREATE FUNCTION guard_rendition() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          IF (SELECT state FROM revision WHERE id = OLD.revision_id) <> 'draft' THEN
            RAISE EXCEPTION 'rendition % belongs to a submitted revision', OLD.id
              USING ERRCODE = 'integrity_constraint_violation';
          END IF;
          RETURN NEW;
        END $$;
        CREATE FUNCTION guard_item() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          IF NEW.code <> OLD.code OR NEW.revision_no < OLD.revision_no THEN
            RAISE EXCEPTION 'item % keeps its code, and its revisions only grow', OLD.id
              USING ERRCODE = 'integrity_constraint_violation';
          END IF;
          RETURN NEW;
        END $$;
        CREATE FUNCTION guard_lane() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          IF NEW.fence < OLD.fence THEN
            RAISE EXCEPTION 'the fence of a lane only grows'
              USING ERRCODE = 'integrity_constraint_violation';
          END IF;
          RETURN NEW;
        END $$;
        """
    )
    for table in ("revision", "approval", "attempt", "rendition", "item", "lane"):
        op.execute(
            f"CREATE TRIGGER {table}_guard BEFORE UPDATE ON {table}"
            f" FOR EACH ROW EXECUTE FUNCTION guard_{table}()"
        )


def _publications_move_by_rule() -> None:
    legal = " OR ".join(
        f"(OLD.state = '{old}' AND NEW.state IN ({', '.join(repr(new) for new in news)}))"
        for old, news in TRANSITIONS.items()
    )
    _each(
        f"""
        CREATE FUNCTION guard_publication() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          IF NEW.state <> OLD.state AND NOT ({legal}) THEN
            RAISE EXCEPTION 'publication % may not go from % to %', OLD.id, OLD.state, NEW.state
              USING ERRCODE = 'integrity_constraint_violation';
          END IF;
          IF NEW.generation < OLD.generation
             OR NEW.observed_generation < OLD.observed_generation
             OR NEW.item_id <> OLD.item_id OR NEW.account_id <> OLD.account_id THEN
            RAISE EXCEPTION 'publication %: generations only grow', OLD.id
              USING ERRCODE = 'integrity_constraint_violation';
          END IF;
          RETURN NEW;
        END $$;
        CREATE FUNCTION tell_publication() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
          IF TG_OP = 'INSERT' THEN
            INSERT INTO publication_event (publication_id, at, generation, to_state, code)
            VALUES (NEW.id, clock_timestamp(), NEW.generation, NEW.state, NEW.problem_code);
          ELSIF (NEW.state, NEW.generation) IS DISTINCT FROM (OLD.state, OLD.generation) THEN
            INSERT INTO publication_event
              (publication_id, at, generation, from_state, to_state, code)
            VALUES
              (NEW.id, clock_timestamp(), NEW.generation, OLD.state, NEW.state, NEW.problem_code);
          END IF;
          RETURN NULL;
        END $$;
        """  # noqa: S608  # built from the table above, nothing from outside
    )
    op.execute(
        "CREATE TRIGGER publication_guard BEFORE UPDATE ON publication"
        " FOR EACH ROW EXECUTE FUNCTION guard_publication()"
    )
    op.execute(
        "CREATE TRIGGER publication_told AFTER INSERT OR UPDATE ON publication"
        " FOR EACH ROW EXECUTE FUNCTION tell_publication()"
    )


def downgrade() -> None:
    for table in _KEPT:
        op.execute(f"DROP TRIGGER {table}_kept ON {table}")
        op.execute(f"DROP TRIGGER {table}_not_emptied ON {table}")
    for table in ("revision", "approval", "attempt", "rendition", "item", "lane", "publication"):
        op.execute(f"DROP TRIGGER {table}_guard ON {table}")
        op.execute(f"DROP FUNCTION guard_{table}()")
    op.execute("DROP TRIGGER publication_told ON publication")
    op.execute("DROP FUNCTION tell_publication()")
    op.execute("DROP TRIGGER account_lanes ON account")
    op.execute("DROP FUNCTION make_lanes()")
    op.execute("DROP FUNCTION refuse()")
    op.execute("DELETE FROM audit_head")
