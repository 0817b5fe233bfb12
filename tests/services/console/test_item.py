"""One item's page: every tab in every state, its acts, and text that stays text. Over HTTP."""

import asyncio
import re
from contextlib import suppress
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import text
from typing_extensions import override

from services.content import comments
from services.content.tables import Item
from shared.errors import InvalidError
from tests.services.console.hostile import ALL, ODD
from tests.services.console.outlets import portal
from tests.services.console.test_review import edited, submitted
from tests.services.delivery.walls import turning, until
from tests.support.console import Console, Visitor, open_console
from tests.support.hub import Team

TABS = ("", "?tab=content", "?tab=revisions", "?tab=channels", "?tab=comments", "?tab=log")


async def live(console: Console, team: Team, **fields: object) -> Item:
    """An item that a portal shows."""
    account = await portal(console.bench, team)
    item = await console.bench.published(team, [account], **fields)
    async with turning(console.bench):
        await until(console.bench, item.id, "live")
    return item


async def test_every_tab_stands_for_everybody_who_may_see_the_item(
    console: Console, team: Team
) -> None:
    item = await live(console, team, title="Lịch tiếp dân")
    for role in ("editor", "approver", "admin", "leader", "auditor", "responder"):
        visitor = await console.with_role(team, role)
        for tab in TABS:
            page = await visitor.client.get(f"/posts/{item.id}{tab}")
            assert page.status_code == 200, (role, tab)
            assert page.text.count("<h1") == 1
            assert "Lịch tiếp dân" in page.text
    leader = await console.with_role(team, "leader")
    odd = await leader.client.get(f"/posts/{item.id}?tab=khong-co")
    assert "Lịch tiếp dân" in odd.text


async def test_what_a_person_may_not_do_is_not_offered(console: Console, team: Team) -> None:
    item = await live(console, team)
    offered = {
        "editor": {"correct", "duplicate"},
        "approver": {"withdraw"},
        "leader": set(),
        "auditor": set(),
    }
    for role, wanted in offered.items():
        visitor = await console.with_role(team, role)
        page = await visitor.client.get(f"/posts/{item.id}")
        found = {
            act
            for act in ("edit", "correct", "duplicate", "withdraw", "stop", "review")
            if f"/posts/{item.id}/{act}" in page.text
        }
        assert found == wanted, role


async def test_a_draft_is_edited_and_a_review_is_read(
    console: Console, team: Team, editor: Visitor, approver: Visitor
) -> None:
    draft = await console.bench.draft(team)
    page = await editor.client.get(f"/posts/{draft.id}")
    assert f'href="/posts/{draft.id}/edit"' in page.text
    assert "Bản nháp" in page.text
    item, _ = await submitted(console, team)
    page = await approver.client.get(f"/posts/{item.id}")
    assert f'href="/posts/{item.id}/review"' in page.text
    assert "chờ một người khác duyệt" in page.text


async def test_an_agreed_item_is_stopped_before_its_first_call(
    console: Console, team: Team, editor: Visitor
) -> None:
    item, seen = await submitted(console, team)
    await console.bench.approved(team, item.id, seen)
    page = await editor.client.get(f"/posts/{item.id}")
    assert f'action="/posts/{item.id}/stop"' in page.text
    answer = await editor.post(f"/posts/{item.id}/stop")
    assert (answer.status_code, answer.headers["location"]) == (303, f"/posts/{item.id}")
    page = await editor.client.get(f"/posts/{item.id}")
    assert "Đã dừng. Bản này không được đăng ở đâu." in page.text
    assert f'action="/posts/{item.id}/stop"' not in page.text
    again = await editor.post(f"/posts/{item.id}/stop")
    assert again.status_code == 409
    assert "không có gì để dừng" in again.text


async def test_a_copy_is_a_new_draft_with_the_same_words(
    console: Console, team: Team, editor: Visitor, approver: Visitor
) -> None:
    cover = await console.bench.picture(team)
    account = await portal(console.bench, team)
    item = await console.bench.draft(
        team,
        kind="document",
        title="Thông báo số 12",
        body="Nội dung **đậm**.",
        tags=["một", "hai"],
        cover=str(cover),
        document={"number": "12/TB", "signer": "Lê Thu Hà"},
        overrides={str(account): {"title": "Ngắn"}},
    )
    answer = await editor.post(f"/posts/{item.id}/duplicate")
    found = re.fullmatch(r"/posts/([0-9a-f-]{36})/edit", answer.headers["location"])
    assert found is not None
    assert found[1] != str(item.id)
    async with console.hub.open_work() as session:
        rows = (
            await session.execute(
                text(
                    "SELECT i.kind, r.title, r.body, r.tags, r.cover, r.document, r.overrides,"
                    " r.state FROM item i JOIN revision r ON r.item_id = i.id"
                    " WHERE i.id = ANY(:ids)"
                ),
                {"ids": [item.id, UUID(found[1])]},
            )
        ).all()
    assert len(rows) == 2
    assert rows[0] == rows[1]
    assert (await approver.post(f"/posts/{item.id}/duplicate")).status_code == 403


async def test_two_revisions_are_compared_and_one_is_read_word_for_word(
    console: Console, team: Team, approver: Visitor
) -> None:
    item = await live(console, team, body="Gọi số 028 0000 1022.", tags=["cũ"])
    await edited(console, team, item.id, body="Gọi số 028 0000 1023.", tags=["mới"])
    page = await approver.client.get(f"/posts/{item.id}?tab=revisions&from=2&to=1")
    assert "Từ bản 1 đến bản 2" in page.text
    assert re.search(r"<del>.*1022</del><ins>.*1023</ins>", page.text)
    assert re.search(r"<del>.*cũ</del><ins>.*mới</ins>", page.text)
    exact = await approver.client.get(f"/posts/{item.id}?tab=revisions&no=1")
    assert "028 0000 1022" in exact.text
    assert "Bản 1, đúng từng chữ" in exact.text
    assert re.search(r"approver duyệt .+\.", exact.text)
    same = await approver.client.get(f"/posts/{item.id}?tab=revisions&from=1&to=1")
    assert "Hai bản giống hệt nhau." in same.text
    for odd in ("no=99", "no=x", "from=1&to=77", "before=-1"):
        gone = await approver.client.get(f"/posts/{item.id}?tab=revisions&{odd}")
        assert gone.status_code == 404, odd


async def test_the_log_tells_who_did_what_in_words(
    console: Console, team: Team, approver: Visitor, editor: Visitor
) -> None:
    item, seen = await submitted(console, team)
    await editor.post(f"/posts/{item.id}/approve", revision="1", seen=[])
    await console.bench.approved(team, item.id, seen)
    await console.bench.withdrawn(team, item.id)
    page = await approver.client.get(f"/posts/{item.id}?tab=log")
    log = re.sub(r"<[^>]+>", " ", page.text[page.text.index('<ol class="log"') :])
    told = [
        "Gỡ khỏi 1 kênh",
        "Thử gỡ",
        "Duyệt bản 1",
        "Bị từ chối khi duyệt",
        "Gửi duyệt bản 1",
        "Tạo bài",
    ]
    places = [log.index(one) for one in told]
    assert places == sorted(places)


async def test_a_remark_comes_back_where_it_was_written(
    console: Console, team: Team, editor: Visitor
) -> None:
    item = await console.bench.draft(team)
    answer = await editor.post(f"/posts/{item.id}/comments", text="Nhờ xem lại ngày")
    assert answer.headers["location"] == f"/posts/{item.id}?tab=comments"
    page = await editor.client.get(answer.headers["location"])
    assert "Nhờ xem lại ngày" in page.text
    back = f"/posts/{item.id}/review"
    answer = await editor.post(f"/posts/{item.id}/comments", text="Thêm ý", back=back)
    assert answer.headers["location"] == back
    for elsewhere in ("https://evil.example/", "//evil.example", "/\\evil.example"):
        answer = await editor.post(f"/posts/{item.id}/comments", text="x", back=elsewhere)
        assert answer.headers["location"] == "/"


@pytest.mark.parametrize("written", ["", "   ", "y" * 2_001])
async def test_a_remark_that_cannot_be_taken_stays_in_its_field(
    console: Console, team: Team, editor: Visitor, written: str
) -> None:
    item = await console.bench.draft(team)
    answer = await editor.post(f"/posts/{item.id}/comments", text=written)
    assert answer.status_code == 422
    assert 'id="remark-error"' in answer.text
    assert written.strip() in answer.text


async def test_who_only_reads_cannot_remark(console: Console, team: Team) -> None:
    item = await console.bench.draft(team)
    auditor = await console.with_role(team, "auditor")
    page = await auditor.client.get(f"/posts/{item.id}?tab=comments")
    assert "/comments" not in page.text.split("<main")[1].split("tab=comments")[0]
    assert (await auditor.post(f"/posts/{item.id}/comments", text="x")).status_code == 403


async def test_long_lists_go_on_on_further_pages(
    console: Console, team: Team, editor: Visitor
) -> None:
    item = await console.bench.draft(team)
    async with console.hub.open_work() as session:
        for no in range(51):
            await comments.add(session, editor.caller, item.id, f"Ý số {no} của bài")
    page = await editor.client.get(f"/posts/{item.id}?tab=comments")
    assert "Ý số 50 của bài" in page.text
    assert "Ý số 0 của bài" not in page.text
    following = re.search(r'href="([^"]+before=[^"]+)" rel="next"', page.text)
    assert following is not None
    rest = await editor.client.get(following[1].replace("&amp;", "&"))
    assert "Ý số 0 của bài" in rest.text
    assert (await editor.client.get(f"/posts/{item.id}?tab=comments&before=x")).status_code == 404


class _Reader(HTMLParser):
    """Finds what could act: scripts, handlers, odd addresses, elements of ours from their words."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    @override
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        if tag in {"iframe", "object", "embed", "base", "style", "marquee", "math", "template"}:
            self.found.append(tag)
        if tag == "script" and not (named.get("src") or "").startswith("/static/console/"):
            self.found.append(f"script {named}")
        if tag == "link" and not (named.get("href") or "").startswith("/static/console/"):
            self.found.append(f"link {named}")
        for name, value in attrs:
            told = (value or "").strip().lower()
            if name.startswith(("on", "hx-on")) or name == "style":
                self.found.append(f"{tag} {name}")
            if name in {"href", "src", "action"} and told.startswith(
                ("javascript:", "data:", "vbscript:", "//")
            ):
                self.found.append(f"{tag} {name}={told[:40]}")
            if name == "src" and not told.startswith("/"):
                self.found.append(f"{tag} src={told[:40]}")


def lively(page: str) -> list[str]:
    """What of the page could act and is not ours."""
    reader = _Reader()
    reader.feed(page)
    return reader.found


async def test_whatever_people_write_is_shown_as_text_on_every_page(
    console: Console, team: Team, editor: Visitor, approver: Visitor
) -> None:
    assert len(ALL) >= 60
    account = await portal(console.bench, team)
    for start in range(0, len(ALL), 12):
        some = ALL[start : start + 12]
        body = "\n\n".join(some)
        item = await console.bench.draft(team, title=" ".join(some)[:480], body="Bản trước")
        await console.bench.submitted(team, item.id, [account])
        await edited(
            console, team, item.id, body=body, summary=body[:1_900], tags=[one[:70] for one in some]
        )
        with suppress(InvalidError):  # a foreign picture keeps a text in its draft
            await console.bench.submitted(team, item.id, [account])
        for one in some:
            await editor.post(f"/posts/{item.id}/comments", text=one)
        pages = [f"/posts/{item.id}{tab}" for tab in TABS]
        pages += [f"/posts/{item.id}/review", f"/posts/{item.id}?tab=revisions&from=1&to=2"]
        pages += [f"/posts/{item.id}?tab=revisions&no=2", f"/posts/{item.id}/withdraw"]
        for path in pages:
            page = await approver.client.get(path)
            assert page.status_code == 200, path
            assert lively(page.text) == [], path
            assert not re.search("[\u202a-\u202e\u2066-\u2069\U000e0000-\U000e007f]", page.text)
        answer = await approver.post(f"/posts/{item.id}/return", reason=body[:900])
        assert answer.status_code in (303, 409)
        assert lively(answer.text) == []
        for path in (f"/posts/{item.id}", f"/posts/{item.id}?tab=log"):
            page = await approver.client.get(path)
            assert lively(page.text) == [], path
    assert len(ODD) >= 10


async def test_an_act_of_a_newer_release_is_told_by_its_name(
    console: Console, team: Team, editor: Visitor
) -> None:
    item = await console.bench.draft(team)
    async with console.hub.open_work() as session:
        head = (await session.execute(text("SELECT seq, hash FROM audit_head"))).one()
        await session.execute(
            text(
                "INSERT INTO audit_entry (seq, at, actor, act, object, unit, details, prev_hash,"
                " hash) VALUES (:seq, now(), 'system', 'item.sung', :about, :unit, '{}', :hash, '')"
            ),
            {
                "seq": head.seq + 1,
                "about": f"item:{item.id}",
                "unit": str(team.unit_id),
                "hash": head.hash,
            },
        )
        await session.execute(text("UPDATE audit_head SET seq = seq + 1"))
    page = await editor.client.get(f"/posts/{item.id}?tab=log")
    assert page.status_code == 200
    assert "item.sung" in page.text


async def test_the_headline_is_drawn_anew_with_the_news(
    fresh_database_url: str, tmp_path: Path
) -> None:
    async with open_console(fresh_database_url, tmp_path) as console:
        team = await console.bench.team()
        editor = await console.visitor(team.editor)
        item, seen = await submitted(console, team)
        events = f"/events?topics=item:{item.id}"
        async with asyncio.timeout(180), editor.client.stream("GET", events) as stream:
            lines = stream.aiter_lines()
            await anext(lines)
            # What reads the news has begun by the time that a further page is drawn.
            await editor.client.get("/help")
            await console.bench.approved(team, item.id, seen)
            async for line in lines:
                if "headline-" in line:
                    break
        assert f"headline-{item.id}" in line


async def test_what_came_between_a_page_and_its_stream_is_drawn_at_once(
    fresh_database_url: str, tmp_path: Path
) -> None:
    async with open_console(fresh_database_url, tmp_path) as console:
        team = await console.bench.team()
        editor = await console.visitor(team.editor)
        item, seen = await submitted(console, team)
        page = (await editor.client.get(f"/posts/{item.id}")).text
        await console.bench.approved(team, item.id, seen)
        events = re.search(r'hx-sse:connect="([^"]+)"', page)
        assert events is not None
        async with (
            asyncio.timeout(60),
            editor.client.stream("GET", unescape(events[1])) as stream,
        ):
            async for line in stream.aiter_lines():
                if "headline-" in line:
                    break
        assert f"headline-{item.id}" in line
