"""Entries become drafts with their source's credit; rules never approve; edits never overwrite."""

from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text

from services.audit.verify import verify
from services.content import queries
from services.content.forms import ItemChanges
from services.content.hashing import content_hash
from services.content.tables import Item, Revision
from services.delivery import fan_out, notices, preview
from services.sources import collecting, making, managing
from services.sources.forms import SourceChanges
from services.staff import people
from services.storage.columns import new_id
from services.worker import sourcing
from shared.clock import utc_now
from shared.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError
from tests.services.sources.conftest import Desk
from tests.support.people import add_person
from tests.support.pictures import jpeg
from tests.support.sister_site import Answer, item

_ZONE = ZoneInfo("Asia/Ho_Chi_Minh")
_TEXT = "<p>Kính gửi <b>bà con</b>: giờ làm việc từ <a href='https://a.vn/1'>7 giờ</a>.</p>"


async def drafted(desk: Desk, entry_id: UUID, *, by: UUID | None = None, **more: object) -> Item:
    caller = await desk.bench.caller(by or desk.team.editor)
    async with desk.bench.hub.open_work() as session:
        return await making.draft(session, caller, entry_id, zone=_ZONE, **more)  # type: ignore[arg-type]


async def newest(desk: Desk, item_id: UUID) -> Revision:
    async with desk.bench.hub.open_work() as session:
        found = await session.get_one(Item, item_id)
        return (await queries.newest(session, (found,)))[item_id]


async def portal(desk: Desk) -> UUID:
    slug = f"cong-{new_id().hex[-12:]}"
    settings = {"slug": slug, "title": "Cổng", "link": "https://cong.example/"}
    return await desk.bench.account(desk.team, "portal_rss", settings, {})


async def ruled(desk: Desk, rule: str, *, by: UUID | None = None) -> UUID:
    """The site's feed, read once, with a rule of the editor's from now on."""
    desk.site.feed(item("1"))
    source_id = await desk.source(makes="draft")
    await desk.read(source_id)
    accounts = [await portal(desk)] if rule == "submit" else []
    caller = await desk.bench.caller(by or desk.team.editor)
    changes = SourceChanges.model_validate({"rule": rule, "accounts": accounts})
    async with desk.bench.hub.open_work() as session:
        await managing.change(session, caller, source_id, changes, now=utc_now())
    return source_id


# ── Drafts ───────────────────────────────────────────────────────────────────────────────────────


async def test_a_draft_carries_the_words_and_their_source(desk: Desk) -> None:
    desk.site.feed(item("1", title="Giờ làm việc mới", text=_TEXT))
    source_id = await desk.source(makes="draft", category="tin-tuc")
    await desk.read(source_id)
    (entry,) = await desk.entries(source_id)
    made = await drafted(desk, entry.id)
    revision = await newest(desk, made.id)
    assert (made.kind, revision.state, revision.category) == ("news", "draft", "tin-tuc")
    assert revision.title == "Giờ làm việc mới"
    assert revision.body == "Kính gửi **bà con**: giờ làm việc từ [7 giờ](https://a.vn/1)."
    assert revision.source_name == "Sở Y tế"
    assert revision.source_url == "https://soyte.example.vn/tin/1.html"
    again = await drafted(desk, entry.id)
    assert again.id == made.id, "one entry, one draft"


async def test_others_entries_are_bulletins_by_default(desk: Desk) -> None:
    desk.site.feed(item("1", text=_TEXT))
    source_id = await desk.source()
    await desk.read(source_id)
    (entry,) = await desk.entries(source_id)
    made = await drafted(desk, entry.id)
    revision = await newest(desk, made.id)
    assert made.kind == "bulletin"
    assert revision.body == "[Đọc toàn văn tại Sở Y tế](https://soyte.example.vn/tin/1.html)"
    assert revision.summary == "Kính gửi bà con: giờ làm việc từ 7 giờ."


async def test_the_source_is_shown_and_part_of_what_is_agreed_to(desk: Desk) -> None:
    account = await portal(desk)
    made = await desk.bench.draft(
        desk.team, source_name="Sở <Y tế>", source_url="https://soyte.example.vn/tin/1?a=1&b=2"
    )
    plain = await desk.bench.draft(desk.team)
    async with desk.bench.hub.open_work() as session:
        shown = await preview.render(session, desk.bench.hub, made.id, [account])
        html = str(shown.renditions[0].payload["html"])
        items = {one.id: one for one in (made, plain)}
        revisions = await queries.newest(session, items.values())
        before = await content_hash(session, made, revisions[made.id])
        revisions[made.id].source_url = "https://khac.example.vn/"
        after = await content_hash(session, made, revisions[made.id])
        await session.rollback()
    link = '<a href="https://soyte.example.vn/tin/1?a=1&amp;b=2">Sở &lt;Y tế&gt;</a>'
    assert html.endswith(f"<p>Nguồn: {link}</p>")
    assert before != after


async def test_only_an_editor_makes_drafts_and_only_of_their_units_sources(desk: Desk) -> None:
    desk.site.feed(item("1"))
    source_id = await desk.source()
    await desk.read(source_id)
    (entry,) = await desk.entries(source_id)
    with pytest.raises(ForbiddenError, match="role_needed"):
        await drafted(desk, entry.id, by=desk.team.admin)
    with pytest.raises(ForbiddenError, match="role_needed"):
        await drafted(desk, entry.id, by=desk.team.approver)
    stranger = await desk.bench.team()
    with pytest.raises(NotFoundError, match="entry_not_found"):
        await drafted(desk, entry.id, by=stranger.editor)


async def test_an_item_of_our_own_is_never_drafted_again(desk: Desk) -> None:
    ours = await desk.bench.draft(desk.team)
    desk.site.feed(item("1", link=f"{desk.bench.hub.public_url}/tin/{ours.code}"))
    source_id = await desk.source()
    await desk.read(source_id)
    (entry,) = await desk.entries(source_id)
    with pytest.raises(ConflictError, match="entry_ours"):
        await drafted(desk, entry.id)


async def test_pictures_are_copied_only_when_asked_for(desk: Desk) -> None:
    desk.site.pages["/anh.jpg"] = Answer(body=jpeg(320, 180))
    desk.site.pages["/la.jpg"] = Answer(body=b"<html>khong phai anh")
    pictures = (
        f'<img src="{desk.site.url}/anh.jpg" alt="Trạm y tế"><img src="{desk.site.url}/la.jpg">'
    )
    desk.site.feed(item("1", text=f"<p>Chữ.</p>{pictures}<img src='{desk.site.url}/mat.jpg'>"))
    source_id = await desk.source(makes="draft")
    await desk.read(source_id)
    (entry,) = await desk.entries(source_id)
    assert [one["url"].rpartition("/")[2] for one in entry.pictures] == [
        "anh.jpg",
        "la.jpg",
        "mat.jpg",
    ]
    assert desk.site.asked_for("/anh.jpg") == [], "reading a feed loads no picture"
    hub = desk.bench.hub
    assert await collecting.pictures(hub.open_work, desk.site.guard, entry.id, own_only=True) == ()
    files = await collecting.pictures(hub.open_work, desk.site.guard, entry.id)
    editor = await desk.bench.caller(desk.team.editor)
    async with hub.open_work() as session:
        kept = await collecting.added(session, editor, hub.media, files)
        made = await making.draft(session, editor, entry.id, zone=_ZONE, pictures=kept)
    assert [(one.alt, one.credit) for one in kept] == [("Trạm y tế", "Sở Y tế")]
    assert (await newest(desk, made.id)).cover == kept[0].id


# ── Edits at the source ──────────────────────────────────────────────────────────────────────────


async def test_an_untouched_draft_follows_its_source(desk: Desk) -> None:
    desk.site.feed(item("1", text="<p>Từ 7 giờ.</p>"))
    source_id = await desk.source(makes="draft")
    await desk.read(source_id)
    (entry,) = await desk.entries(source_id)
    made = await drafted(desk, entry.id)
    for hour in (8, 9):
        desk.site.feed(item("1", text=f"<p>Từ {hour} giờ.</p>"))
        await desk.read(source_id)
        assert (await newest(desk, made.id)).body == f"Từ {hour} giờ."
    (entry,) = await desk.entries(source_id)
    assert entry.taken_hash == entry.content_hash


@pytest.mark.parametrize("how", ["edited", "submitted"])
async def test_what_a_person_has_touched_is_never_overwritten(desk: Desk, how: str) -> None:
    desk.site.feed(item("1", text="<p>Từ 7 giờ.</p>"))
    source_id = await desk.source(makes="draft")
    await desk.read(source_id)
    (entry,) = await desk.entries(source_id)
    made = await drafted(desk, entry.id)
    if how == "submitted":
        await desk.bench.submitted(desk.team, made.id, [await portal(desk)])
    else:
        editor = await desk.bench.caller(desk.team.editor)
        async with desk.bench.hub.open_work() as session:
            changes = ItemChanges.model_validate({"body": "Từ 7 giờ 30."})
            await fan_out.edit(session, editor, made.id, changes, version=made.version)
    before = (await newest(desk, made.id)).body
    desk.site.feed(item("1", text="<p>Từ 8 giờ.</p>"))
    await desk.read(source_id)
    assert (await newest(desk, made.id)).body == before
    (entry,) = await desk.entries(source_id)
    assert entry.taken_hash != entry.content_hash
    async with desk.bench.hub.open_work() as session:
        await notices.collect(session)
    async with desk.bench.hub.open_work() as session:
        told = await notices.notices(session, desk.team.editor, limit=10)
    assert [(one.cause, one.origins, one.state) for one in told] == [
        ("upstream", (entry.id,), "edited")
    ]


# ── Rules ────────────────────────────────────────────────────────────────────────────────────────


async def test_a_rule_makes_drafts_of_what_comes_after_it(desk: Desk) -> None:
    source_id = await ruled(desk, "draft")
    desk.site.feed(item("2"), item("1"))
    await desk.read(source_id)
    await sourcing.follow_rules(desk.bench.hub)
    await sourcing.follow_rules(desk.bench.hub)
    found = {one.title: (one.state, one.item_id) for one in await desk.entries(source_id)}
    assert found["Tin 1"] == ("history", None)
    state, item_id = found["Tin 2"]
    assert state == "drafted"
    assert item_id is not None
    async with desk.bench.hub.open_work() as session:
        made = await session.get_one(Item, item_id)
        acts = await session.execute(
            text("SELECT actor, act FROM audit_entry WHERE object = :it"),
            {"it": f"item:{item_id}"},
        )
        assert [tuple(row) for row in acts] == [("system:sources", "item.created")]
        assert (await verify(session)).ok
    assert made.created_by == desk.team.editor


async def test_a_rule_submits_and_never_approves(desk: Desk) -> None:
    """Four eyes stay two: whoever set the rule is the author, and somebody else must agree."""
    both = await _person(desk, "editor", "approver")
    source_id = await ruled(desk, "submit", by=both)
    desk.site.feed(item("2"), item("1"))
    await desk.read(source_id)
    await sourcing.follow_rules(desk.bench.hub)
    entry = await desk.named(source_id, "Tin 2")
    assert entry.item_id is not None
    revision = await newest(desk, entry.item_id)
    assert (revision.state, revision.submitted_by) == ("review", both)
    assert await desk.bench.states(entry.item_id) == {}, "nothing is published by itself"
    async with desk.bench.hub.open_work() as session:
        shown = await preview.render(session, desk.bench.hub, entry.item_id, None)
        told = await notices.notices(session, desk.team.approver, limit=10)
    assert [one.cause for one in told] == ["submitted"]
    seen = {one.account_id: one.hash for one in shown.renditions}
    with pytest.raises(ForbiddenError, match="four_eyes"):
        await desk.bench.approved(desk.team, entry.item_id, seen, by=both)
    await desk.bench.approved(desk.team, entry.item_id, seen)
    assert (await newest(desk, entry.item_id)).state == "approved"


async def test_a_rule_of_somebody_who_writes_no_longer_holds_still(desk: Desk) -> None:
    author = await _person(desk, "editor")
    source_id = await ruled(desk, "draft", by=author)
    admin = await desk.bench.caller(desk.team.admin)
    async with desk.bench.hub.open_work() as session:
        await people.set_roles(session, admin, author, ("leader",))
    desk.site.feed(item("2"), item("1"))
    await desk.read(source_id)
    await sourcing.follow_rules(desk.bench.hub)
    entry = await desk.named(source_id, "Tin 2")
    assert (entry.state, entry.problem) == ("new", "rule_author")


async def test_a_flood_is_left_to_people(desk: Desk) -> None:
    source_id = await ruled(desk, "submit")
    desk.site.feed(*(item(str(number)) for number in range(1, 40)))
    await desk.read(source_id)
    await sourcing.follow_rules(desk.bench.hub)
    assert {one.problem for one in await desk.entries(source_id) if one.state == "new"} == {"many"}


async def test_old_encodings_are_never_drafted_by_themselves(desk: Desk) -> None:
    source_id = await ruled(desk, "draft")
    legacy = "Th«ng b¸o lÞch phun thuèc phßng dÞch sèt xuÊt huyÕt"
    desk.site.feed(item("2", title=legacy, text=f"<p>{legacy}</p>"), item("1"))
    await desk.read(source_id)
    await sourcing.follow_rules(desk.bench.hub)
    entry = await desk.named(source_id, legacy)
    assert (entry.state, entry.legacy) == ("new", "tcvn3")


async def test_what_cannot_be_submitted_stays_a_draft_and_says_so(desk: Desk) -> None:
    """Zalo needs a cover, and a feed without pictures brings none."""
    source_id = await ruled(desk, "draft")
    settings = {"oa_id": new_id().hex[:19], "app_id": "9001"}
    names = ("app_secret", "access_token", "refresh_token", "oa_secret_key")
    secrets = {name: name * 3 for name in names}
    zalo = await desk.bench.account(desk.team, "zalo_oa", settings, secrets)
    editor = await desk.bench.caller(desk.team.editor)
    async with desk.bench.hub.open_work() as session:
        changes = SourceChanges.model_validate({"rule": "submit", "accounts": [zalo]})
        await managing.change(session, editor, source_id, changes, now=utc_now())
    desk.site.feed(item("2"), item("1"))
    await desk.read(source_id)
    await sourcing.follow_rules(desk.bench.hub)
    entry = await desk.named(source_id, "Tin 2")
    assert (entry.state, entry.problem) == ("drafted", "blocking_problems")
    assert entry.item_id is not None
    assert (await newest(desk, entry.item_id)).state == "draft"


@pytest.mark.parametrize(
    ("sent", "field"),
    [
        ({"rule": "submit"}, "accounts"),
        ({"rule": "submit", "accounts": [str(new_id())]}, "accounts"),
    ],
)
async def test_a_rule_that_cannot_be_is_refused(
    desk: Desk, sent: dict[str, object], field: str
) -> None:
    source_id = await desk.source()
    editor = await desk.bench.caller(desk.team.editor)
    async with desk.bench.hub.open_work() as session:
        with pytest.raises(InvalidError) as refused:
            await managing.change(
                session, editor, source_id, SourceChanges.model_validate(sent), now=utc_now()
            )
    assert [one.field for one in refused.value.fields] == [field]


async def test_who_may_not_write_sets_no_rule(desk: Desk) -> None:
    source_id = await desk.source()
    admin = await desk.bench.caller(desk.team.admin)
    changes = SourceChanges.model_validate({"rule": "draft"})
    async with desk.bench.hub.open_work() as session:
        with pytest.raises(InvalidError) as refused:
            await managing.change(session, admin, source_id, changes, now=utc_now())
    assert [one.code for one in refused.value.fields] == ["rule_needs_editor"]
    async with desk.bench.hub.open_work() as session:
        changes = SourceChanges.model_validate({"title": "Tên mới", "licence": "CV 12"})
        renamed = await managing.change(session, admin, source_id, changes, now=utc_now())
    assert renamed.title == "Tên mới"


async def _person(desk: Desk, *roles: str) -> UUID:
    async with desk.bench.hub.open_work() as session:
        return (await add_person(session, desk.team.unit_id, *roles)).staff_id
