"""Whatever people stored stays text: every screen that shows stored words is opened with hundreds.

Nothing may run, lead elsewhere, break the policy or push the page sideways on a phone.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from urllib.parse import quote
from uuid import UUID

import pytest
from playwright.async_api import Browser, Dialog, Page, Request
from sqlalchemy import text

from services.audit.actor import SYSTEM
from services.content import comments, preview_links
from services.content.body import problems
from services.content.forms import ItemForm
from services.content.tables import Item, ItemTemplate, Media
from services.delivery.tables import Notification
from services.sources.tables import Source, SourceEntry
from services.staff import agency, units
from services.staff.tables import Staff, StaffRole, Unit
from services.storage.columns import new_id
from shared.clock import utc_now
from shared.errors import InvalidError
from shared.text import clean, one_line
from tests.services.console.hostile import EVERY
from tests.services.console.outlets import portal
from tests.services.delivery.walls import turning, until
from tests.support.browser import NARROW, WIDE, window
from tests.support.console import Console, Visitor
from tests.support.hub import Team

# How the page looks to a reader: its words, and what stands in its fields.
_SAID = (
    "() => [document.body.textContent, ...[...document.querySelectorAll('input')]"
    ".map(one => one.value)].join('\\n').replace(/\\s+/g, ' ')"
)
_SIDEWAYS = (
    "() => { const page = document.documentElement, over = page.scrollWidth - page.clientWidth;"
    " if (over <= 1) return '';"
    " const wide = [...document.querySelectorAll('main *')].filter(one =>"
    " one.getBoundingClientRect().right > page.clientWidth + 1).pop();"
    " return `${over} px: ${wide?.outerHTML.slice(0, 160)}`; }"
)
# A frame, a form or an element of the frame that a text could have brought along.
_STRANGERS = (
    "() => [...document.querySelectorAll('iframe, object, embed, base, marquee, plaintext,"
    ' [onerror], [onload], [onfocus], [ontoggle], form[action*=evil], a[href*="evil.example"],'
    ' [src*="evil.example"], [href^="javascript:" i]\')]'
    ".filter(one => !one.closest('[hx-ignore] a, .prose a'))"
    ".map(one => one.outerHTML.slice(0, 120))"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seed:
    """What was stored, and where it is to be seen."""

    paths: tuple[str, ...]
    public: tuple[str, ...]


def _words(payload: str) -> str:
    return one_line(payload) or "trống"


async def _items(console: Console, team: Team, texts: Sequence[str]) -> list[UUID]:
    """An item for each text, which is its title, its summary, its body and its tag."""
    from services.content import drafting

    editor = await console.bench.caller(team.editor)
    made: list[UUID] = []
    async with console.hub.open_work() as session:
        for payload in texts:
            form = ItemForm(
                kind="news",
                title=_words(payload),
                summary=one_line(payload),
                body=payload,
                tags=[one_line(payload)[:40]] if one_line(payload)[:40] else [],
            )
            made.append((await drafting.create(session, editor, form)).id)
    return made


async def _rows(console: Console, team: Team, texts: Sequence[str]) -> UUID:
    """Files, templates, people, units, channels and notices that say these texts; gives a file."""
    picture = await console.bench.picture(team)
    async with console.hub.open_work() as session:
        shown = await session.get(Media, picture)
        assert shown is not None
        for at in range(0, len(texts), 4):
            four = [_words(one) for one in texts[at : at + 4]]
            four += ["x"] * (4 - len(four))
            given = shown.model_dump(exclude={"id", "search"}) | {
                "alt": four[0],
                "caption": four[1],
                "credit": four[2],
                "licence": four[3],
            }
            session.add(Media(**given))
            session.add(
                ItemTemplate(
                    unit_id=team.unit_id,
                    name=four[0],
                    kind="news",
                    title=four[1],
                    summary=four[2],
                    body=four[3],
                    by=team.editor,
                )
            )
        for no, payload in enumerate(texts):
            if no % 6 == 0:
                person = Staff(
                    id=new_id(),
                    email=f"{new_id().hex}@loa.test",
                    name=_words(payload),
                    unit_id=team.unit_id,
                )
                session.add(person)
                await session.flush()
                session.add(StaffRole(staff_id=person.id, role="editor"))
            if no % 6 == 1:
                session.add(Unit(code=f"X{no:03}", name=_words(payload), parent_id=team.unit_id))
        found = await session.scalar(text("SELECT id FROM media WHERE alt LIKE '<%' LIMIT 1"))
        assert isinstance(found, UUID)
        return found


async def _channels(console: Console, team: Team, texts: Sequence[str]) -> UUID:
    """Outlets of these names, some at rest for a reason; gives one."""
    kept = [
        await console.bench.account(
            team,
            "portal_rss",
            {"slug": f"la-{no}", "title": _words(payload), "link": "https://cong.example/"},
            {"fetch_key": "fetch-secret-of-20-letters"},
            name=f"{_words(payload)[:80]} {no}",
        )
        for no, payload in enumerate(texts[2::6])
    ]
    async with console.hub.open_work() as session:
        await session.execute(
            text(
                "UPDATE account SET state = 'paused', pause_code = 'by_person', paused_at = now(),"
                " pause_reason = name WHERE remote_id LIKE 'la-%' AND remote_id LIKE '%1'"
            )
        )
    return kept[-1]


async def _entries(console: Console, team: Team, texts: Sequence[str]) -> tuple[UUID, UUID]:
    """A site whose entries say these texts, as it told them; gives it and one entry."""
    async with console.hub.open_work() as session:
        site = Source(
            unit_id=team.unit_id,
            url="https://nguon.example/rss",
            title=_words(texts[0]),
            licence=_words(texts[1]),
            added_by=team.admin,
            state="paused",
        )
        session.add(site)
        await session.flush()
        rows = [
            SourceEntry(
                source_id=site.id,
                key=f"muc-{no}",
                title=_words(payload),
                summary=one_line(payload),
                html=payload,
                author=_words(payload)[:80],
                link="javascript:alert(1)" if no == 0 else f"https://nguon.example/{no}",
                content_hash=f"{no:064}",
                state="new",
            )
            for no, payload in enumerate(texts)
        ]
        session.add_all(rows)
        await session.flush()
        return site.id, rows[0].id


async def _notices(console: Console, team: Team, items: Sequence[UUID]) -> None:
    async with console.hub.open_work() as session:
        for item_id in items:
            details: dict[str, object] = {"reason": "<script>alert(1)</script>"}
            session.add(
                Notification(
                    staff_id=team.admin,
                    cause="returned",
                    about=item_id,
                    item_id=item_id,
                    details=details,
                )
            )


@pytest.fixture(scope="module")
async def seed(console: Console, team: Team, everybody: Visitor) -> Seed:
    texts = [clean(one) for one in EVERY]
    bench = console.bench
    outlet = await portal(bench, team)
    items = await _items(console, team, texts)
    file = await _rows(console, team, texts)
    account = await _channels(console, team, texts)
    site, entry = await _entries(console, team, texts[::4])
    await _notices(console, team, items[:120])
    long_word, pictures = "x" * 20_000, [await bench.picture(team) for _ in range(3)]
    many = "\n\n".join(f"![{_words(one)}](media:{pictures[0]})" for one in texts[:30])
    heavy = await bench.draft(team, title="W" * 500, summary="ệ" * 2_000, body=long_word)
    gallery = await bench.draft(team, title="Ba mươi ảnh", body=many)
    empty = await bench.draft(team, title="x", summary="", body="")
    # One page for many texts: what is public, what is discussed, what is compared.
    sendable = [one for one in texts if not any(found.blocking for found in problems(one))]
    bodies = ["\n\n".join(islice(sendable, at, at + 40)) for at in range(0, len(texts), 40)]
    public = []
    async with turning(bench):
        for at, body in enumerate(bodies):
            item = await bench.published(
                team, [outlet], title=_words(texts[at]), summary=one_line(texts[at + 6]), body=body
            )
            await until(bench, item.id, "live")
            public.append(item)
    first = public[0]
    await bench.corrected(
        team, first.id, [outlet], title=_words(texts[7]), correction_note=one_line(texts[0])
    )
    waiting = items[8]
    await bench.submitted(team, waiting, [outlet])
    for no, item_id in enumerate(items[20:44]):
        later = utc_now() + timedelta(hours=1 + no % 5)
        seen = await bench.submitted(team, item_id, [outlet], publish_at=later)
        await bench.approved(team, item_id, seen)
    editor = await bench.caller(team.editor)
    async with console.hub.open_work() as session:
        for payload in texts[:60]:
            try:
                await comments.add(session, editor, first.id, payload)
            except InvalidError:
                continue
        _, secret = await preview_links.make(
            session, editor, first.id, days=preview_links.DAYS[0], now=utc_now()
        )
        for payload in texts[:8]:
            await preview_links.seen(
                session, secret, name=_words(payload)[:80], comment=payload[:900], now=utc_now()
            )
        admin = await bench.caller(team.admin)
        await agency.change(session, admin, "name", "<script>alert(1)</script>")
        await units.add(session, SYSTEM, code="CUOI", name="</title><script>alert(1)</script>")
        code = (await session.get(Item, first.id) or first).code
        person = await session.scalar(text("SELECT id FROM staff WHERE name LIKE '<%' LIMIT 1"))
        template = await session.scalar(text("SELECT id FROM item_template LIMIT 1"))
    one, post = f"/posts/{first.id}", f"/posts/{waiting}"
    return Seed(
        paths=(
            "/",
            *("/posts", "/posts?view=mine", "/posts?view=review", "/posts?view=published"),
            *("/calendar", "/calendar?view=week", "/calendar?view=list"),
            f"/search?q={quote('alert')}",
            f"/search?q={quote('<script>alert(1)</script>')}",
            "/notifications",
            *("/sources", f"/sources/{site}", f"/sources/{site}/edit", f"/sources/entries/{entry}"),
            *("/audit", "/media", f"/media?q={quote('script')}", f"/media/{file}"),
            *("/templates", f"/templates/{template}/use", "/channels", f"/channels/{account}"),
            *("/admin/users", f"/admin/users/{person}", "/admin/workflow", "/admin", "/setup"),
            *("/posts/new", f"{post}/edit", f"{post}/review", f"/posts/{items[3]}/edit"),
            *(f"/posts/{heavy.id}/edit", f"/posts/{gallery.id}/edit", f"/posts/{empty.id}/edit"),
            *(f"{one}{tab}" for tab in ("", "?tab=content", "?tab=revisions", "?tab=channels")),
            *(f"{one}{tab}" for tab in ("?tab=comments", "?tab=log", "/delivery", "/links")),
            *(f"{one}/withdraw", f"{one}/correct", "/account", "/help"),
        ),
        public=(
            *(f"/tin/{item.code}" for item in public[1:]),
            *(f"/tin/{code}", f"/p/{secret}", "/sign-in", "/tin", "/kenh-chinh-thuc", "/feeds"),
            *(f"/tin?q={quote('<script>alert(1)</script>')}", f"/kiem-tra?q={quote(code)}"),
        ),
    )


@pytest.fixture(scope="module")
async def everybody(console: Console, team: Team) -> Visitor:
    """One person with every role, so that each screen shows all that it has."""
    async with console.hub.open_work() as session:
        for role in ("editor", "approver"):
            session.add(StaffRole(staff_id=team.admin, role=role))
    return await console.visitor(team.admin)


async def _opened(page: Page, path: str, trouble: list[str]) -> str:
    """Goes there, tells what is wrong with the page, gives what it says."""
    answer = await page.goto(path)
    assert answer is not None
    if answer.status != 200:
        trouble.append(f"{path}: {answer.status}")
    trouble += [f"{path}: brought along {one}" for one in await page.evaluate(_STRANGERS)]
    if wide := await page.evaluate(_SIDEWAYS):
        trouble.append(f"{path}: sideways {wide}")
    if await page.locator("h1").count() != 1:
        trouble.append(f"{path}: headings")
    return str(await page.evaluate(_SAID))


def test_there_are_two_hundred_different_texts() -> None:
    assert len(set(EVERY)) >= 200


async def test_no_stored_text_does_anything_on_any_screen(
    console: Console, seed: Seed, everybody: Visitor, browser: Browser
) -> None:
    trouble: list[str] = []
    told: set[str] = set()
    wanted = {" ".join(_words(one).split()) for one in EVERY}

    async def no_dialog(dialog: Dialog) -> None:
        trouble.append(f"dialog: {dialog.message}")
        await dialog.dismiss()

    def ours(request: Request) -> None:
        if not request.url.startswith((console.url, "data:", "blob:")):
            trouble.append(f"asked for {request.url}")

    for paths, visitor, size in (
        (seed.paths, everybody, NARROW),
        (seed.public, None, NARROW),
        (("/posts", "/calendar", seed.public[0]), everybody, WIDE),
    ):
        async with window(browser, console, visitor, size=size) as opened:
            page = opened.page
            page.on("dialog", no_dialog)
            page.on("request", ours)
            await page.add_init_script(
                "window.alert = told => { window.ran = told; throw new Error('ran ' + told); }"
            )
            for path in paths:
                said = await _opened(page, path, trouble)
                told |= {one for one in wanted if one in said}
                trouble += [f"{path}: {one}" for one in opened.taken()]
    assert not trouble, "\n".join(trouble)
    # The texts were really there: nearly all of them, word for word.
    assert len(told) >= 200, sorted(wanted - told)
