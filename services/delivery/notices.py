"""What people are told of by themselves: a row for each person, cause and item (or account).

What a person did is told in the transaction of the act. What the channels did is derived from the
rows by `collect`: it may run at any time, twice or late, and tells nothing twice. A notice that
nobody has read yet takes in what follows it; one that was handled counts as read.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final
from uuid import UUID

from sqlalchemy import Row, TextClause, text
from sqlalchemy.ext.asyncio import AsyncSession

from services.content.tables import Item, Revision
from services.staff.caller import Caller
from shared.errors import ConflictError, NotFoundError


class Cause(StrEnum):
    """Why somebody is told."""

    URGENT = "urgent"  # an urgent item waits for an approval
    SUBMITTED = "submitted"  # an item waits for an approval
    RETURNED = "returned"  # an item was sent back to its author
    FAILED = "failed"  # a channel does not show it, and will not by itself
    UNDECIDED = "undecided"  # a person must say what became of it
    WITHDRAWAL = "withdrawal"  # it should be gone from a channel, and is not yet
    DRIFT = "drift"  # a channel shows something else than was agreed
    MENDED = "mended"  # and now it shows what was agreed again, or nothing any more
    SETTLED = "settled"  # something that was watched has come to its end
    CONSENT = "consent"  # an account must be connected anew
    PAUSED = "paused"  # Loa itself paused an account
    SOURCE = "source"  # a source is not read any more until a person has looked
    UPSTREAM = "upstream"  # the source of an item edited it since, or took it back
    LINKS = "links"  # a published item carries a link that opens no more


# What channels did to publications of one item.
_OF_CHANNELS: Final = (Cause.FAILED, Cause.UNDECIDED, Cause.WITHDRAWAL)
# What a look at a settled post found; the board shows both.
_OF_LOOKS: Final = (Cause.DRIFT, Cause.MENDED)
# What became of where items come from.
_OF_SOURCES: Final = (Cause.SOURCE, Cause.UPSTREAM)
# An alert is told to everybody who may approve it, whatever they chose.
ALWAYS: Final = frozenset({Cause.URGENT})

# `cases` names, for each thing to tell: key, cause, about, item_id, account_id, unit_id, role of
# those to tell (the nearest at or above the unit, or `everyone` above), `hands` who must not be
# told by their role, `people` who are told by name, and details. Units form a tree; UNION ends a
# circle that nobody should make.
_TELL = """
    above AS (
      SELECT DISTINCT unit_id, unit_id AS over, 0 AS depth FROM cases
      UNION
      SELECT above.unit_id, unit.parent_id, above.depth + 1
        FROM above JOIN unit ON unit.id = above.over
       WHERE unit.parent_id IS NOT NULL AND above.depth < 20),
    by_role AS (
      SELECT cases.key, staff.id AS staff_id, cases.everyone, above.depth,
             min(above.depth) OVER (PARTITION BY cases.key) AS nearest
        FROM cases JOIN above ON above.unit_id = cases.unit_id
        JOIN staff ON staff.unit_id = above.over AND staff.active
        JOIN staff_role ON staff_role.staff_id = staff.id AND staff_role.role = cases.role
       WHERE staff.id <> ALL(cases.hands)),
    told AS (
      SELECT key, staff_id FROM by_role WHERE everyone OR depth = nearest
      UNION
      SELECT cases.key, staff.id FROM cases JOIN staff ON staff.id = ANY(cases.people)
       WHERE staff.active)
    INSERT INTO notification (id, staff_id, cause, about, item_id, account_id, details, at)
    SELECT gen_random_uuid(), told.staff_id, cases.cause, cases.about, cases.item_id,
           min(CAST(cases.account_id AS text))::uuid,
           jsonb_build_object('marks', jsonb_object_agg(cases.key, cases.mark),
                              'accounts', jsonb_object_agg(cases.key, cases.account_name)
                                FILTER (WHERE cases.account_name IS NOT NULL))
             || coalesce((array_agg(cases.more))[1], '{}'),
           clock_timestamp()
      FROM told JOIN cases ON cases.key = told.key
     WHERE cases.cause = ANY(:always)
        OR coalesce((SELECT chosen.value ->> cases.cause <> 'false' FROM staff_preference chosen
                      WHERE chosen.staff_id = told.staff_id AND chosen.name = 'notify'), true)
     GROUP BY told.staff_id, cases.cause, cases.about, cases.item_id
    ON CONFLICT (staff_id, cause, about) WHERE read_at IS NULL DO UPDATE SET
      at = excluded.at, account_id = excluded.account_id,
      details = notification.details || excluded.details || jsonb_build_object(
        'marks', coalesce(notification.details -> 'marks', '{}') || (excluded.details -> 'marks'),
        'accounts', CASE WHEN jsonb_typeof(excluded.details -> 'accounts') = 'object'
          THEN CASE WHEN jsonb_typeof(notification.details -> 'accounts') = 'object'
                    THEN notification.details -> 'accounts' ELSE '{}' END
               || (excluded.details -> 'accounts') END)
"""

_ITEM_ACT = text(
    f"""
    WITH RECURSIVE cases AS (
      SELECT i.id::text AS key, CAST(:cause AS text) AS cause, i.id AS about, i.id AS item_id,
             NULL::uuid AS account_id, NULL::text AS account_name, i.unit_id,
             CAST(:role AS text) AS role, CAST(:everyone AS boolean) AS everyone,
             CAST(:hands AS uuid[]) AS hands, CAST(:people AS uuid[]) AS people,
             CAST(:mark AS bigint) AS mark, CAST(:more AS jsonb) AS more
        FROM item i WHERE i.id = :item),
    {_TELL}
    """  # noqa: S608  # a constant of this file
)

# What the channels did, found by what stands now: only what became so within two days, so that an
# old failure that everybody knows costs nothing. `mark` names the very occurrence.
_OUTCOMES = text(
    f"""
    WITH RECURSIVE now_bad AS (
      SELECT p.id, p.item_id, p.account_id, p.approval_id,
             CASE WHEN p.desired_rendition_id IS NULL THEN 'withdrawal'
                  WHEN p.state = 'undecided' THEN 'undecided' ELSE 'failed' END AS cause,
             p.problem_code AS code,
             (SELECT max(e.id) FROM publication_event e WHERE e.publication_id = p.id) AS mark
        FROM publication p
       WHERE p.state IN ('failed','expired','undecided')
         AND (p.problem_at IS NULL OR p.problem_at > now() - interval '2 days')
      UNION ALL
      SELECT p.id, p.item_id, p.account_id, p.approval_id, 'withdrawal', p.problem_code,
             p.generation
        FROM publication p
       WHERE p.state IN ('pending','sending','uncertain') AND p.desired_rendition_id IS NULL
         AND p.not_before BETWEEN now() - interval '2 days' AND now() - interval '2 minutes'),
    fresh AS (
      SELECT now_bad.* FROM now_bad
        -- With a limit it is asked item by item; a planner may else read every notice ever told.
        LEFT JOIN LATERAL (
          SELECT n.id FROM notification n
           WHERE n.item_id = now_bad.item_id AND n.cause = now_bad.cause
             AND (n.details -> 'marks' ->> now_bad.id::text)::bigint >= now_bad.mark
           LIMIT 1) AS known ON true
       WHERE known.id IS NULL),
    cases AS (
      SELECT fresh.id::text AS key, fresh.cause, fresh.item_id AS about, fresh.item_id,
             fresh.account_id, account.name AS account_name, i.unit_id, 'approver' AS role,
             false AS everyone, '{{}}'::uuid[] AS hands,
             CASE WHEN fresh.cause = 'undecided' THEN '{{}}'::uuid[]
                  ELSE array_remove(ARRAY[r.submitted_by], NULL) END AS people,
             fresh.mark::bigint AS mark, jsonb_build_object('code', fresh.code) AS more
        FROM fresh JOIN item i ON i.id = fresh.item_id
        JOIN account ON account.id = fresh.account_id
        LEFT JOIN LATERAL (
          SELECT v.submitted_by FROM revision v
           WHERE v.item_id = i.id AND v.submitted_by IS NOT NULL
           ORDER BY v.no DESC LIMIT 1) AS r ON true),
    {_TELL}
    """  # noqa: S608  # a constant of this file
)

_ACCOUNTS = text(
    f"""
    WITH RECURSIVE now_bad AS (
      SELECT a.id, a.name, a.unit_id, a.pause_code,
             CASE WHEN a.token_state = 'consent' OR a.pause_code IN ('needs_consent','consent_lost')
                  THEN 'consent' ELSE 'paused' END AS cause,
             CASE WHEN a.token_state = 'consent' OR a.pause_code IN ('needs_consent','consent_lost')
                  THEN a.credentials_version
                  ELSE (extract(epoch FROM a.paused_at) * 1000)::bigint END AS mark
        FROM account a
       WHERE a.stage <> 'closed'
         AND (a.token_state = 'consent'
              OR (a.state = 'paused' AND a.pause_code IS NOT NULL
                  AND a.paused_at > now() - interval '2 days'))),
    cases AS (
      SELECT b.id::text AS key, b.cause, b.id AS about, NULL::uuid AS item_id, b.id AS account_id,
             b.name AS account_name, b.unit_id, 'admin' AS role, false AS everyone,
             '{{}}'::uuid[] AS hands, '{{}}'::uuid[] AS people, b.mark::bigint AS mark,
             jsonb_build_object('code', b.pause_code) AS more
        FROM now_bad b
       WHERE NOT EXISTS (
         SELECT 1 FROM notification n
          WHERE n.about = b.id AND n.account_id = b.id AND n.cause = b.cause
            AND n.at > now() - interval '90 days'
            AND (n.details -> 'marks' ->> b.id::text)::bigint >= b.mark)),
    {_TELL}
    """  # noqa: S608  # a constant of this file
)

# Whoever had a hand in the item, and the admins who see to its channels. A drift begins once, at
# `drift_at`: that instant is its mark.
_DRIFTED = text(
    f"""
    WITH RECURSIVE fresh AS (
      SELECT p.id, p.item_id, p.account_id, p.drift,
             (extract(epoch FROM p.drift_at) * 1000)::bigint AS mark
        FROM publication p
       WHERE p.drift IS NOT NULL AND p.drift_at > now() - interval '2 days'
         AND NOT EXISTS (
           SELECT 1 FROM notification n
            WHERE n.item_id = p.item_id AND n.cause = 'drift'
              AND (n.details -> 'marks' ->> p.id::text)::bigint
                  >= (extract(epoch FROM p.drift_at) * 1000)::bigint)),
    cases AS (
      SELECT fresh.id::text AS key, 'drift' AS cause, fresh.item_id AS about, fresh.item_id,
             fresh.account_id, account.name AS account_name, i.unit_id, 'admin' AS role,
             false AS everyone, '{{}}'::uuid[] AS hands,
             array_remove(ARRAY[i.created_by, r.last_editor, r.submitted_by, r.by], NULL) AS people,
             fresh.mark, jsonb_build_object('code', fresh.drift) AS more
        FROM fresh JOIN item i ON i.id = fresh.item_id
        JOIN account ON account.id = fresh.account_id
        LEFT JOIN LATERAL (
          SELECT v.last_editor, v.submitted_by, y.by
            FROM revision v JOIN approval y ON y.revision_id = v.id
           WHERE v.item_id = i.id ORDER BY v.no DESC, y.at DESC LIMIT 1) AS r ON true),
    {_TELL}
    """  # noqa: S608  # a constant of this file
)

# Told to exactly those who were told of the drift, once for each occurrence.
_MENDED = text(
    f"""
    WITH RECURSIVE over AS (
      SELECT n.staff_id, p.id, p.item_id, p.account_id, told.value::bigint AS mark
        FROM notification n
        CROSS JOIN LATERAL jsonb_each_text(n.details -> 'marks') AS told
        JOIN publication p ON p.id = told.key::uuid
       WHERE n.cause = 'drift' AND n.at > now() - interval '90 days'
         AND p.drift IS NULL AND p.state IN ('live','withdrawn')
         AND NOT EXISTS (
           SELECT 1 FROM notification m
            WHERE m.staff_id = n.staff_id AND m.item_id = n.item_id AND m.cause = 'mended'
              AND (m.details -> 'marks' ->> (p.id::text || n.staff_id::text))::bigint
                  >= told.value::bigint)),
    cases AS (
      SELECT over.id::text || over.staff_id::text AS key, 'mended' AS cause, over.item_id AS about,
             over.item_id, over.account_id, account.name AS account_name, i.unit_id, '' AS role,
             false AS everyone, '{{}}'::uuid[] AS hands, ARRAY[over.staff_id] AS people,
             over.mark, '{{}}'::jsonb AS more
        FROM over JOIN item i ON i.id = over.item_id JOIN account ON account.id = over.account_id),
    {_TELL}
    """  # noqa: S608  # a constant of this file
)

# A source that Loa stopped: to who added it and whose rule it follows, and to the admins.
_SOURCES = text(
    f"""
    WITH RECURSIVE now_bad AS (
      SELECT s.id, s.title, s.unit_id, s.result, array_remove(ARRAY[s.added_by, s.rule_by], NULL)
               AS people, (extract(epoch FROM s.result_at) * 1000)::bigint AS mark
        FROM source s
       WHERE s.state = 'stopped' AND s.removed_at IS NULL
         AND s.result_at > now() - interval '2 days'),
    cases AS (
      SELECT b.id::text AS key, 'source' AS cause, b.id AS about, NULL::uuid AS item_id,
             NULL::uuid AS account_id, b.title AS account_name, b.unit_id, 'admin' AS role,
             false AS everyone, '{{}}'::uuid[] AS hands, b.people, b.mark,
             jsonb_build_object('state', b.result) AS more
        FROM now_bad b
       WHERE NOT EXISTS (
         SELECT 1 FROM notification n
          WHERE n.about = b.id AND n.cause = 'source'
            AND (n.details -> 'marks' ->> b.id::text)::bigint >= b.mark)),
    {_TELL}
    """  # noqa: S608  # a constant of this file
)

# What the source of an item did to it since: to whoever wrote the item, who alone may act.
_UPSTREAM = text(
    f"""
    WITH RECURSIVE fresh AS (
      SELECT e.id, e.item_id, s.title AS source,
             CASE WHEN e.gone_at IS NOT NULL THEN 'gone' ELSE 'edited' END AS what,
             (extract(epoch FROM greatest(e.gone_at, e.edited_at)) * 1000)::bigint AS mark
        FROM source_entry e JOIN source s ON s.id = e.source_id
       WHERE e.item_id IS NOT NULL AND e.state = 'drafted'
         AND (e.gone_at > now() - interval '2 days'
              OR (e.edited_at > now() - interval '2 days' AND e.taken_hash <> e.content_hash))),
    cases AS (
      SELECT f.id::text AS key, 'upstream' AS cause, f.item_id AS about, f.item_id,
             NULL::uuid AS account_id, f.source AS account_name, i.unit_id, '' AS role,
             false AS everyone, '{{}}'::uuid[] AS hands,
             ARRAY[i.created_by, r.last_editor] AS people, f.mark,
             jsonb_build_object('state', f.what) AS more
        FROM fresh f JOIN item i ON i.id = f.item_id
        JOIN revision r ON r.item_id = i.id AND r.no = i.revision_no
       WHERE i.withdrawn_at IS NULL
         AND NOT EXISTS (
           SELECT 1 FROM notification n
            WHERE n.item_id = f.item_id AND n.cause = 'upstream'
              AND (n.details -> 'marks' ->> f.id::text)::bigint >= f.mark)),
    {_TELL}
    """  # noqa: S608  # a constant of this file
)

_LINKS = text(
    f"""
    WITH RECURSIVE fresh AS (
      SELECT c.id, u.item_id, (extract(epoch FROM c.broken_at) * 1000)::bigint AS mark
        FROM link_check c JOIN link_use u ON u.link_id = c.id
       WHERE c.state = 'broken' AND c.broken_at > now() - interval '2 days'),
    cases AS (
      SELECT f.id::text || f.item_id::text AS key, 'links' AS cause, f.item_id AS about, f.item_id,
             NULL::uuid AS account_id, NULL::text AS account_name, i.unit_id, '' AS role,
             false AS everyone, '{{}}'::uuid[] AS hands,
             array_remove(ARRAY[i.created_by, r.last_editor, r.submitted_by], NULL) AS people,
             f.mark, '{{}}'::jsonb AS more
        FROM fresh f JOIN item i ON i.id = f.item_id
        JOIN revision r ON r.item_id = i.id AND r.no = i.released_no
       WHERE i.withdrawn_at IS NULL
         AND NOT EXISTS (
           SELECT 1 FROM notification n
            WHERE n.item_id = f.item_id AND n.cause = 'links'
              AND (n.details -> 'marks' ->> (f.id::text || f.item_id::text))::bigint >= f.mark)),
    {_TELL}
    """  # noqa: S608  # a constant of this file
)

_WATCHED = text(
    f"""
    WITH RECURSIVE ended AS (
      DELETE FROM watch USING publication p
       WHERE p.id = watch.publication_id
         AND p.state IN ('live','withdrawn','failed','expired','undecided')
      RETURNING watch.staff_id, p.id, p.item_id, p.account_id, p.state),
    cases AS (
      SELECT e.id::text || e.staff_id::text AS key, 'settled' AS cause, e.item_id AS about,
             e.item_id, e.account_id, account.name AS account_name, i.unit_id, '' AS role,
             false AS everyone, '{{}}'::uuid[] AS hands, ARRAY[e.staff_id] AS people,
             0::bigint AS mark, jsonb_build_object('state', e.state) AS more
        FROM ended e JOIN item i ON i.id = e.item_id JOIN account ON account.id = e.account_id),
    {_TELL}
    """  # noqa: S608  # a constant of this file
)

# Two at once would find the same things fresh; the second waits, and then finds nothing.
_ONE_AT_A_TIME = text("SELECT pg_advisory_xact_lock(hashtext('loa.notices'))")

# What is over needs nobody's look any more. Found from the newest ends alone: a notice that is
# missed here merely stays unread. The first steps are set apart, or a planner that cannot guess
# how few they are reads every publication.
_OVER = text(
    """
    WITH ended AS MATERIALIZED (
      SELECT publication_id FROM publication_event WHERE to_state IN ('live','withdrawn')
       ORDER BY id DESC LIMIT 1000),
    over AS MATERIALIZED (
      SELECT DISTINCT p.item_id FROM ended JOIN publication p ON p.id = ended.publication_id)
    UPDATE notification n SET read_at = clock_timestamp() FROM over
     WHERE n.item_id = over.item_id AND n.read_at IS NULL
       AND n.cause IN ('failed','undecided','withdrawal')
       AND NOT EXISTS (
         SELECT 1 FROM publication x
          WHERE x.item_id = n.item_id AND x.state NOT IN ('live','withdrawn')
            AND (x.state IN ('failed','expired','undecided') OR x.desired_rendition_id IS NULL))
    """
)

_DRIFT_OVER = text(
    """
    UPDATE notification n SET read_at = clock_timestamp()
     WHERE n.read_at IS NULL AND n.cause = 'drift'
       AND NOT EXISTS (SELECT 1 FROM publication x
                        WHERE x.item_id = n.item_id AND x.drift IS NOT NULL)
    """
)

_HANDLED = text(
    "UPDATE notification SET read_at = clock_timestamp()"
    " WHERE item_id = :item AND cause = ANY(:causes) AND read_at IS NULL"
)


async def submitted(session: AsyncSession, item: Item, revision: Revision) -> None:
    """Tells those who may approve: the nearest ones; for an urgent item all of them."""
    hands = [item.created_by, revision.created_by, revision.last_editor, revision.submitted_by]
    await handled(session, item.id, Cause.RETURNED)
    await _tell(
        session,
        _ITEM_ACT,
        {
            "item": item.id,
            "cause": Cause.URGENT if revision.urgent else Cause.SUBMITTED,
            "role": "approver",
            "everyone": revision.urgent,
            "hands": [one for one in hands if one is not None],
            "people": [],
            "mark": revision.no,
            "more": "{}",
        },
    )


async def returned(session: AsyncSession, item: Item, revision: Revision) -> None:
    """Tells whoever submitted it, and whoever wrote it last; the approvers have nothing to do."""
    await handled(session, item.id, Cause.SUBMITTED, Cause.URGENT)
    people = {revision.submitted_by, revision.last_editor} - {None}
    await _tell(
        session,
        _ITEM_ACT,
        {
            "item": item.id,
            "cause": Cause.RETURNED,
            "role": "",
            "everyone": False,
            "hands": [],
            "people": list(people),
            "mark": revision.no,
            "more": "{}",
        },
    )


async def handled(session: AsyncSession, item_id: UUID, *causes: Cause) -> None:
    """Marks what was told of an item for these causes as read: somebody has dealt with it."""
    await session.execute(_HANDLED, {"item": item_id, "causes": list(causes)})


async def collect(session: AsyncSession) -> None:
    """Tells what the channels did since: failures, open questions, ends. Safe to repeat."""
    await session.execute(_ONE_AT_A_TIME)
    told = (_OUTCOMES, _ACCOUNTS, _DRIFTED, _MENDED, _SOURCES, _UPSTREAM, _LINKS, _WATCHED)
    for statement in told:
        await _tell(session, statement, {})
    await session.execute(_OVER)
    await session.execute(_DRIFT_OVER)


async def _tell(session: AsyncSession, statement: TextClause, values: Mapping[str, object]) -> None:
    await session.flush()
    await session.execute(statement, {**values, "always": list(ALWAYS)})


# ── One person's notices ─────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One notice as its reader sees it.

    `accounts` are the names of the channels it speaks of, the first three of `account_count`;
    `publications` what it is about there, `origins` the sources, or the entries of one, that it is
    about: of these a list tells two at most, `one` all. `open` tells that it still stands. `code`
    is that of the newest problem, `state` that of a publication which was watched; `reason` and
    `by` tell who returned or submitted the item, and why.
    """

    id: UUID
    cause: str
    at: datetime
    read: bool
    item_id: UUID | None
    title: str | None
    account_id: UUID | None
    accounts: tuple[str, ...]
    account_count: int
    publications: tuple[UUID, ...]
    origins: tuple[UUID, ...]
    code: str | None
    state: str | None
    open: bool
    by: str | None
    reason: str | None
    publish_at: datetime | None


# One that speaks of thousands of channels names a few. Urgent ones that wait come first, whenever
# they were told.
_COLUMNS = """
    SELECT n.id, n.cause, n.at, n.read_at IS NOT NULL AS read, n.item_id, n.account_id,
           n.details ->> 'code' AS code, n.details ->> 'state' AS state,
           named.some AS accounts, named.many AS account_count,
           ARRAY(SELECT jsonb_object_keys(CASE jsonb_typeof(n.details -> 'marks')
                   WHEN 'object' THEN n.details -> 'marks' ELSE '{}' END)
                  LIMIT CAST(:marks AS int)) AS marks,
           n.cause = 'urgent' AND n.read_at IS NULL AS first, r.title, r.publish_at,
           CASE n.cause WHEN 'returned' THEN r.return_reason END AS reason,
           CASE WHEN n.cause IN ('submitted','urgent') THEN author.name END AS by,
           CASE WHEN n.cause IN ('submitted','urgent') THEN r.state = 'review'
                WHEN n.cause = 'returned' THEN r.state = 'returned'
                WHEN n.cause IN ('consent','paused')
                  THEN a.stage <> 'closed' AND (a.state = 'paused' OR a.token_state = 'consent')
                WHEN n.cause IN ('settled','mended') THEN true
                WHEN n.cause = 'source'
                  THEN EXISTS (SELECT 1 FROM source s
                                WHERE s.id = n.about AND s.state = 'stopped'
                                  AND s.removed_at IS NULL)
                WHEN n.cause = 'upstream'
                  THEN i.withdrawn_at IS NULL AND EXISTS (
                    SELECT 1 FROM source_entry e
                     WHERE e.item_id = n.item_id AND e.state = 'drafted'
                       AND (e.gone_at IS NOT NULL OR e.taken_hash <> e.content_hash))
                WHEN n.cause = 'links'
                  THEN i.withdrawn_at IS NULL AND EXISTS (
                    SELECT 1 FROM link_use u JOIN link_check c ON c.id = u.link_id
                     WHERE u.item_id = n.item_id AND c.state = 'broken')
                WHEN n.cause = 'drift'
                  THEN EXISTS (SELECT 1 FROM publication x
                                WHERE x.item_id = n.item_id AND x.drift IS NOT NULL)
                ELSE EXISTS (
                  SELECT 1 FROM publication x WHERE x.item_id = n.item_id
                     AND (x.state IN ('failed','expired','undecided')
                          OR (x.desired_rendition_id IS NULL AND x.state <> 'withdrawn')))
                END AS open
      FROM notification n
      LEFT JOIN account a ON a.id = n.account_id
      LEFT JOIN item i ON i.id = n.item_id
      LEFT JOIN revision r ON r.item_id = i.id AND r.no = i.revision_no
      LEFT JOIN staff author ON author.id = r.submitted_by
      CROSS JOIN LATERAL (
        SELECT coalesce((array_agg(DISTINCT told.value ORDER BY told.value))[1:3], '{}') AS some,
               count(DISTINCT told.value) AS many
          FROM jsonb_each_text(CASE jsonb_typeof(n.details -> 'accounts')
                 WHEN 'object' THEN n.details -> 'accounts' ELSE '{}' END) AS told
         WHERE told.value <> '') AS named
     WHERE n.staff_id = :staff
"""
_LIST = text(
    f"""
    {_COLUMNS}
       AND (CAST(:before AS timestamptz) IS NULL OR n.at < :before)
     ORDER BY first DESC, n.at DESC LIMIT :most
    """  # a constant of this file
)
_ONE = text(f"{_COLUMNS} AND n.id = :id")
_UNREAD = text("SELECT count(*) FROM notification WHERE staff_id = :staff AND read_at IS NULL")
_READ = text(
    """
    UPDATE notification SET read_at = clock_timestamp()
     WHERE staff_id = :staff AND read_at IS NULL
       AND (CAST(:ids AS uuid[]) IS NULL OR id = ANY(:ids))
    """
)
_READ_ITEM = text(
    "UPDATE notification SET read_at = clock_timestamp()"
    " WHERE staff_id = :staff AND item_id = :item AND cause = ANY(:causes) AND read_at IS NULL"
)


async def notices(
    session: AsyncSession, staff_id: UUID, *, limit: int, before: datetime | None = None
) -> list[Notice]:
    """A person's notices, newest first; go on with the `at` of the last one as `before`."""
    asked = {"staff": staff_id, "before": before, "most": limit, "marks": 2}
    rows = await session.execute(_LIST, asked)
    return [_notice(row) for row in rows]


async def one(session: AsyncSession, staff_id: UUID, notice_id: UUID) -> Notice | None:
    """One notice of a person's own; None otherwise."""
    asked = {"staff": staff_id, "id": notice_id, "marks": None}
    row = (await session.execute(_ONE, asked)).one_or_none()
    return _notice(row) if row is not None else None


def _notice(row: "Row[tuple[object, ...]]") -> Notice:
    return Notice(
        id=row.id,
        cause=row.cause,
        at=row.at,
        read=row.read,
        item_id=row.item_id,
        title=row.title,
        account_id=row.account_id,
        accounts=tuple(row.accounts),
        account_count=row.account_count,
        publications=tuple(map(UUID, row.marks)) if row.cause in _OF_CHANNELS else (),
        origins=tuple(map(UUID, row.marks)) if row.cause in _OF_SOURCES else (),
        code=row.code,
        state=row.state,
        open=bool(row.open),
        by=row.by,
        reason=row.reason,
        publish_at=row.publish_at,
    )


async def unread(session: AsyncSession, staff_id: UUID) -> int:
    """How many notices a person has not read."""
    return int(await session.scalar(_UNREAD, {"staff": staff_id}) or 0)


async def read(session: AsyncSession, staff_id: UUID, ids: Sequence[UUID] | None = None) -> None:
    """Marks a person's notices as read: these, or all. Ids of others change nothing."""
    await session.execute(_READ, {"staff": staff_id, "ids": list(ids) if ids is not None else None})


async def seen_board(session: AsyncSession, staff_id: UUID, item_id: UUID) -> None:
    """Whoever has the board of an item before them has read what was told of its channels."""
    causes = [*_OF_CHANNELS, *_OF_LOOKS, Cause.SETTLED]
    await session.execute(_READ_ITEM, {"staff": staff_id, "item": item_id, "causes": causes})


# ── Watching ─────────────────────────────────────────────────────────────────────────────────────

_WATCH = text(
    """
    INSERT INTO watch (publication_id, staff_id, at)
    SELECT p.id, :staff, now() FROM publication p JOIN item i ON i.id = p.item_id
     WHERE p.id = :id AND i.unit_id = ANY(:units)
       AND p.state IN ('scheduled','pending','sending','uncertain')
    ON CONFLICT (publication_id, staff_id) DO UPDATE SET at = watch.at
    RETURNING publication_id
    """
)
_SEES = text(
    "SELECT p.state FROM publication p JOIN item i ON i.id = p.item_id"
    " WHERE p.id = :id AND i.unit_id = ANY(:units)"
)
_UNWATCH = text("DELETE FROM watch WHERE publication_id = :id AND staff_id = :staff")


async def watch(session: AsyncSession, caller: Caller, publication_id: UUID) -> None:
    """Will tell the caller when this publication has come to its end, however it ends.

    Raises NotFoundError, ConflictError `already_settled`.
    """
    values: Mapping[str, object] = {
        "id": publication_id,
        "staff": caller.staff_id,
        "units": list(caller.unit_ids),
    }
    if await session.scalar(_WATCH, values) is None:
        state = await session.scalar(_SEES, {k: v for k, v in values.items() if k != "staff"})
        if state is None:
            raise NotFoundError("publication_not_found")
        raise ConflictError("already_settled", state=state)


async def unwatch(session: AsyncSession, caller: Caller, publication_id: UUID) -> None:
    """Takes a watch back; without one nothing changes."""
    await session.execute(_UNWATCH, {"id": publication_id, "staff": caller.staff_id})


# What a person may choose to be told of or not, in the order of a form.
CHOICES: Final[tuple[Cause, ...]] = tuple(one for one in Cause if one not in ALWAYS)
NEEDED_BY: Final[Mapping[Cause, tuple[str, ...]]] = MappingProxyType(
    {
        Cause.SUBMITTED: ("approver",),
        Cause.UNDECIDED: ("approver",),
        Cause.RETURNED: ("editor",),
        Cause.CONSENT: ("admin",),
        Cause.PAUSED: ("admin",),
        Cause.SOURCE: ("admin", "editor"),
        Cause.UPSTREAM: ("editor",),
        Cause.LINKS: ("editor",),
    }
)
