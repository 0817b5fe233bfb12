"""Server time of the console's pages over a grown hub: 50,000 items, 200 accounts, 500 staff."""

import time
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from uuid import UUID

from sqlalchemy import text

from tests.bench.ground import Ground, percentile
from tests.support.console import Console, Visitor, open_console
from tests.support.hub import Team

ITEMS: Final = 50_000
ACCOUNTS: Final = 200
STAFF: Final = 500
_EACH: Final = 20

# Rows as years of work would leave them; triggers are off, since nothing of it happened.
_FILL: Final = (
    """
    INSERT INTO staff (id, email, name, unit_id, locale, active, created_at)
    SELECT gen_random_uuid(), 's' || g || '@loa.example', 'Nguyễn Văn ' || g, :unit, 'vi', true,
           now() FROM generate_series(1, :staff) g
    """,
    """
    INSERT INTO account (id, unit_id, channel, name, remote_id, settings, sealed_credentials, stage,
                         state, credentials_version, token_state, breaker_failures, created_at)
    SELECT gen_random_uuid(), :unit, 'portal_rss', 'Kênh số ' || g, 'r' || g,
           jsonb_build_object('slug', 'kenh-' || g, 'title', 'Kênh', 'link', 'https://cong.example/'),
           '', 'official', 'active', 1, 'ok', 0, now() FROM generate_series(1, :accounts) g
    """,
    """
    INSERT INTO item (id, code, unit_id, kind, revision_no, version, created_by, created_at,
                      updated_at, published_at, search)
    SELECT gen_random_uuid(), 'X-' || g, :unit, (ARRAY['news','document','warning'])[1 + g % 3], 1,
           1, CASE WHEN g % 100 = 0 THEN CAST(:editor AS uuid)
                   ELSE (SELECT id FROM staff WHERE email = 's' || (1 + g % 500) || '@loa.example')
              END,
           now() - g * interval '10 minutes', now() - g * interval '10 minutes',
           CASE WHEN g > 500 THEN now() - g * interval '10 minutes' END,
           to_tsvector('simple', 'thong bao so ' || g || ' lich tiep dan cat dien '
                                 || md5(g::text) || repeat(md5((g * 7)::text) || ' ', 12))
      FROM generate_series(1, :items) g
    """,
    """
    INSERT INTO revision (id, item_id, no, state, title, summary, body, author, category, tags,
                          overrides, media, correction_note, note, accounts, publish_at, urgent,
                          content_hash, created_by, last_editor, submitted_by, created_at,
                          updated_at, submitted_at)
    SELECT gen_random_uuid(), i.id, 1,
           CASE WHEN x.g <= 40 THEN 'draft' WHEN x.g <= 90 THEN 'review'
                WHEN x.g <= 110 THEN 'returned' ELSE 'approved' END,
           'Thông báo số ' || x.g || ' về lịch tiếp dân và cắt điện', 'Tóm tắt',
           repeat('Nội dung dài của tin để bảng rộng như thật. ', 45), '', '', ARRAY['điện'], '{}',
           '{}', '', '',
           (SELECT array_agg(id) FROM (SELECT id FROM account ORDER BY id OFFSET x.g % 190 LIMIT 4)
                                   AS a),
           CASE WHEN x.g <= 300 THEN now() + x.g * interval '2 hours' END, false, 'h', i.created_by,
           i.created_by, i.created_by, i.created_at, i.updated_at, i.created_at
      FROM item i JOIN (SELECT id, substr(code, 3)::int AS g FROM item) x ON x.id = i.id
    """,
    """
    INSERT INTO rendition (id, revision_id, account_id, payload, hash, problems, made_at)
    SELECT gen_random_uuid(), r.id, a.a, '{"title": "Thông báo"}', md5(r.id::text || a.a::text),
           '[]', r.created_at FROM revision r, unnest(r.accounts) a(a)
    """,
    """
    INSERT INTO publication (id, item_id, account_id, generation, desired_rendition_id,
                             observed_generation, observed_rendition_id, state, not_before, next_at,
                             urgent, in_urgent_lane, tries, resends, final, looks, absences,
                             candidates, may_be_visible, created_at, first_observed_at, remote_id,
                             problem_at, problem_code, drift)
    SELECT gen_random_uuid(), r.item_id, d.account_id, 1, d.id, 1,
           CASE WHEN x.g > 500 THEN d.id END,
           CASE WHEN x.g <= 300 THEN 'scheduled' WHEN x.g <= 330 THEN 'failed'
                WHEN x.g <= 500 THEN 'pending' WHEN x.g % 2000 = 0 THEN 'undecided'
                ELSE 'live' END,
           coalesce(r.publish_at, r.created_at), NULL, false, false, 0, 0, false, 0, 0, '[]', false,
           r.created_at, CASE WHEN x.g > 500 THEN r.created_at END, gen_random_uuid()::text,
           CASE WHEN x.g BETWEEN 301 AND 330 THEN now() END,
           CASE WHEN x.g BETWEEN 301 AND 330 THEN 'rejected' END,
           CASE WHEN x.g % 5000 = 1 THEN 'text' END
      FROM revision r JOIN rendition d ON d.revision_id = r.id
      JOIN (SELECT id, substr(code, 3)::int AS g FROM item) x ON x.id = r.item_id WHERE x.g > 110
    """,
    """
    INSERT INTO attempt (id, publication_id, account_id, generation, no, operation, repeatable,
                         handle, urgent, fence, waits, started_at, ended_at, outcome)
    SELECT gen_random_uuid(), id, account_id, 1, 1, 'publish', false, '{}', false, 1, 0, created_at,
           created_at, 'done' FROM publication WHERE state = 'live'
    """,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Paged:
    """The console over the grown hub, with the people who open its pages."""

    console: Console
    people: Mapping[str, Visitor]
    item: UUID
    waiting: UUID

    async def measure(self) -> list[tuple[str, float, float]]:
        """Each page's address, its median and its 95th percentile in seconds."""
        told = []
        for who, path in self._paths():
            client = self.people[who].client
            times = []
            for turn in range(_EACH + 2):
                began = time.monotonic()
                answer = await client.get(path)
                if turn >= 2:
                    times.append(time.monotonic() - began)
                assert answer.status_code == 200, f"{path}: {answer.status_code}"
            told.append(
                (
                    path.replace(str(self.item), "…").replace(str(self.waiting), "…"),
                    percentile(times, 50),
                    percentile(times, 95),
                )
            )
        return told

    def _paths(self) -> tuple[tuple[str, str], ...]:
        return (
            ("editor", "/"),
            ("approver", "/"),
            ("editor", "/posts"),
            ("editor", "/posts?view=published"),
            ("editor", "/posts?q=lich+tiep+dan"),
            ("editor", "/calendar"),
            ("editor", "/calendar?view=list"),
            ("editor", "/search?q=777"),
            ("editor", f"/posts/{self.item}"),
            ("editor", f"/posts/{self.item}/delivery"),
            ("approver", f"/posts/{self.waiting}/review"),
            ("editor", "/posts/new"),
            ("editor", "/media"),
            ("editor", "/notifications"),
            ("admin", "/channels"),
            ("admin", "/admin/users"),
            ("admin", "/audit"),
        )


async def open_pages(place: Ground) -> Paged:
    """Fills a database of its own and opens the console over it."""
    stack: AsyncExitStack = place.stack
    console = await stack.enter_async_context(
        open_console(await place.database("pages"), Path(place.folder) / "pages")
    )
    team = await console.bench.team()
    await _fill(console, team)
    people = {
        "editor": await console.visitor(team.editor),
        "approver": await console.visitor(team.approver),
        "admin": await console.visitor(team.admin),
    }
    async with console.hub.open_work() as session:
        live, waiting = [
            await session.scalar(text("SELECT id FROM item WHERE code = :code"), {"code": code})
            for code in ("X-1000", "X-60")
        ]
    return Paged(console=console, people=people, item=live, waiting=waiting)


async def _fill(console: Console, team: Team) -> None:
    values = {
        "unit": team.unit_id,
        "editor": team.editor,
        "staff": STAFF,
        "accounts": ACCOUNTS,
        "items": ITEMS,
    }
    async with console.bench.engine.begin() as connection:
        await connection.execute(text("SET LOCAL session_replication_role = replica"))
        for statement in _FILL:
            names = {name: value for name, value in values.items() if f":{name}" in statement}
            await connection.execute(text(statement), names)
    async with console.bench.engine.connect() as connection:
        lonely = await connection.execution_options(isolation_level="AUTOCOMMIT")
        await lonely.execute(text("VACUUM ANALYZE"))
