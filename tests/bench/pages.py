"""Server time of the console's pages over a grown hub.

50,000 items with 200,000 publications, 200 accounts, 500 staff, 50,000 files, 150,000 acts.
"""

import json
import re
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from uuid import UUID

from sqlalchemy import text

from shared.collector import spare_collector
from shared.contract.samples import sample_revision
from tests.bench.ground import Ground, percentile
from tests.support.console import Console, Visitor, open_console
from tests.support.hub import Team

ITEMS: Final = 50_000
ACCOUNTS: Final = 200
STAFF: Final = 500
MEDIA: Final = 50_000
_EACH: Final = 20
_UUID: Final = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")

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
    INSERT INTO media (id, unit_id, kind, mime, ext, sha256, original_sha256, size_bytes, width,
                       height, alt, caption, credit, focal_x, focal_y, licence, number, issued_on,
                       by, at, search)
    SELECT CAST('018f0000-0000-7000-8000-' || lpad(to_hex(g), 12, '0') AS uuid), :unit,
           CASE WHEN g % 20 = 0 THEN 'document' ELSE 'image' END, 'image/jpeg', 'jpg',
           md5(g::text) || md5((g + 1)::text), md5(g::text), 90000, 800, 450,
           'Ảnh số ' || g || ' chụp lễ ra quân ở xã ' || g % 300, 'Chú thích', 'Ảnh: Văn phòng',
           50, 50, '', CASE WHEN g % 20 = 0 THEN g || '/QĐ-UBND' ELSE '' END, '', :editor,
           now() - g * interval '10 minutes',
           to_tsvector('simple', 'anh so ' || g || ' chup le ra quan o xa ' || g % 300
                                 || ' chu thich anh van phong ' || g || ' qd ubnd')
      FROM generate_series(1, :media) g
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
                          media, overrides, correction_note, note, accounts, publish_at, urgent,
                          content_hash, created_by, last_editor, submitted_by, created_at,
                          updated_at, submitted_at)
    SELECT gen_random_uuid(), i.id, 1,
           CASE WHEN x.g <= 40 THEN 'draft' WHEN x.g <= 90 THEN 'review'
                WHEN x.g <= 110 THEN 'returned' ELSE 'approved' END,
           'Thông báo số ' || x.g || ' về lịch tiếp dân và cắt điện', 'Tóm tắt',
           repeat('Nội dung dài của tin để bảng rộng như thật. ', 45), '', '', ARRAY['điện'],
           ARRAY[CAST('018f0000-0000-7000-8000-' || lpad(to_hex(x.g), 12, '0') AS uuid)], '{}',
           '', '',
           (SELECT array_agg(id) FROM (SELECT id FROM account ORDER BY id OFFSET x.g % 190 LIMIT 4)
                                   AS a),
           CASE WHEN x.g <= 300 THEN now() + x.g * interval '2 hours' END, false, 'h', i.created_by,
           i.created_by, i.created_by, i.created_at, i.updated_at, i.created_at
      FROM item i JOIN (SELECT id, substr(code, 3)::int AS g FROM item) x ON x.id = i.id
    """,
    """
    INSERT INTO rendition (id, revision_id, account_id, payload, hash, problems, made_at)
    SELECT gen_random_uuid(), r.id, a.a, CAST(:payload AS jsonb), md5(r.id::text || a.a::text),
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
    """
    INSERT INTO publication_event (publication_id, at, generation, from_state, to_state)
    SELECT id, created_at, 1, 'pending', state FROM publication
    """,
    """
    INSERT INTO audit_entry (seq, at, actor, act, object, unit, details, prev_hash, hash)
    SELECT row_number() OVER (ORDER BY i.created_at, a.no), i.created_at,
           'staff:' || i.created_by, a.act, 'item:' || i.id,
           CAST(CAST(:unit AS uuid) AS text), '{"revision": 1}', '', ''
      FROM item i, (VALUES (1, 'item.created'), (2, 'item.submitted'), (3, 'item.approved'))
                     AS a(no, act)
    """,
    """
    UPDATE audit_head SET seq = (SELECT max(seq) FROM audit_entry)
    """,
    """
    INSERT INTO notification (id, staff_id, cause, about, item_id, details, at, read_at)
    SELECT gen_random_uuid(), s.id, CASE WHEN i.n % 2 = 0 THEN 'failed' ELSE 'submitted' END, i.id,
           i.id, '{"marks": {}, "accounts": {}}', i.created_at,
           CASE WHEN i.n > 5 THEN i.created_at END
      FROM staff s, (SELECT id, created_at, row_number() OVER () AS n FROM item LIMIT 200) i
    """,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Paged:
    """The console over the grown hub, with the people who open its pages."""

    console: Console
    people: Mapping[str, Visitor]
    item: UUID
    waiting: UUID
    draft: UUID
    account: UUID
    person: UUID
    file: UUID

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
                    _UUID.sub("…", path),
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
            ("editor", "/posts?q=777"),
            ("editor", "/posts?view=review"),
            ("editor", "/posts?view=upcoming"),
            ("editor", "/posts?view=trouble"),
            ("editor", "/calendar"),
            ("editor", "/calendar?view=list"),
            ("editor", "/search?q=777"),
            ("editor", "/search?q=thong+bao"),
            ("editor", "/calendar?view=week"),
            ("editor", f"/posts/{self.item}"),
            ("editor", f"/posts/{self.item}?tab=revisions"),
            ("editor", f"/posts/{self.item}?tab=channels"),
            ("editor", f"/posts/{self.item}?tab=log"),
            ("approver", f"/posts/{self.item}/withdraw"),
            ("editor", f"/posts/{self.item}/delivery"),
            ("approver", f"/posts/{self.waiting}/review"),
            ("editor", "/posts/new"),
            ("editor", f"/posts/{self.draft}/edit"),
            ("editor", "/urgent"),
            ("editor", "/media"),
            ("editor", "/media?q=ra+quan"),
            ("editor", "/media?q=777"),
            ("editor", f"/media/{self.file}"),
            ("editor", "/notifications"),
            ("admin", "/channels"),
            ("admin", f"/channels/{self.account}"),
            ("admin", "/admin"),
            ("admin", "/admin/users"),
            ("admin", f"/admin/users/{self.person}"),
            ("admin", "/admin/workflow"),
            ("admin", "/audit"),
            ("admin", "/audit?group=item"),
            ("admin", f"/audit?actor={self.person}"),
            ("admin", f"/audit?object=item:{self.item}"),
            ("editor", "/templates"),
            ("editor", "/account"),
            ("editor", "/help"),
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
        live, waiting, draft, account, person, file = [
            await session.scalar(text(f"SELECT id FROM {what}"))
            for what in (
                "item WHERE code = 'X-1000'",
                "item WHERE code = 'X-60'",
                "item WHERE code = 'X-40'",
                "account WHERE remote_id = 'r7'",
                "staff WHERE email = 's7@loa.example'",
                "media WHERE alt LIKE 'Ảnh số 777 %'",
            )
        ]
    spare_collector()  # as `loa web` does before it serves
    return Paged(
        console=console,
        people=people,
        item=live,
        waiting=waiting,
        draft=draft,
        account=account,
        person=person,
        file=file,
    )


async def _fill(console: Console, team: Team) -> None:
    values = {
        "unit": team.unit_id,
        "editor": team.editor,
        "staff": STAFF,
        "accounts": ACCOUNTS,
        "items": ITEMS,
        "media": MEDIA,
        "payload": _payload(console),
    }
    async with console.bench.engine.begin() as connection:
        await connection.execute(text("SET LOCAL session_replication_role = replica"))
        for statement in _FILL:
            names = {name: value for name, value in values.items() if f":{name}" in statement}
            await connection.execute(text(statement), names)
    async with console.bench.engine.connect() as connection:
        lonely = await connection.execution_options(isolation_level="AUTOCOMMIT")
        await lonely.execute(text("VACUUM ANALYZE"))


def _payload(console: Console) -> str:
    """What a portal shows of an item, as its adapter draws it."""
    portal = console.hub.registry.get("portal_rss")
    settings = portal.settings_form.model_validate(
        {"slug": "kenh", "title": "Kênh", "link": "https://cong.example/"}
    )
    return json.dumps(portal.render(sample_revision(), settings).payload)
