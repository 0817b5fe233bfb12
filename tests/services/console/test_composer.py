"""The composer over HTTP: what its form keeps, shows, refuses and sends on."""

import re
import time
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import text

from services.content.tables import Revision
from shared.clock import utc_now
from tests.services.console import outlets
from tests.support.compose import held, item_of, send
from tests.support.console import Console, Visitor
from tests.support.hub import Team
from tests.support.pictures import jpeg

_WORDS = {"title": "Lịch tiếp công dân", "summary": "Thứ Năm hằng tuần.", "body": "Mời bà con."}


@pytest.fixture(scope="module")
async def accounts(console: Console, team: Team) -> tuple[UUID, UUID, UUID]:
    return await outlets.three(console.bench, team)


async def _newest(console: Console, item_id: UUID) -> Revision:
    async with console.hub.open_work() as session:
        found = await session.scalar(
            text(
                "SELECT r.id FROM revision r JOIN item i ON i.id = r.item_id"
                " AND r.no = i.revision_no WHERE i.id = :id"
            ),
            {"id": item_id},
        )
        revision = await session.get(Revision, found)
    assert revision is not None
    return revision


async def _made(editor: Visitor, **fields: object) -> UUID:
    page = (await editor.client.get("/posts/new")).text
    answer = await send(editor, "/posts/new", page, {**_WORDS, **fields})
    assert answer.status_code == 303, answer.text
    return item_of(answer.headers["location"])


async def test_the_empty_form_has_every_channel_of_the_unit_chosen(
    editor: Visitor, accounts: tuple[UUID, UUID, UUID]
) -> None:
    page = await editor.client.get("/posts/new")
    assert page.status_code == 200
    for one in accounts:
        assert re.search(rf'name="accounts" value="{one}" checked', page.text)
    assert "Viết đến đâu, bản xem trước hiện ra đến đó" in page.text
    assert "việc phải sửa" not in page.text


async def test_only_editors_write(console: Console, team: Team, approver: Visitor) -> None:
    assert (await approver.client.get("/posts/new")).status_code == 403
    leader = await console.with_role(team, "leader")
    assert (await leader.client.get("/urgent")).status_code == 403


async def test_saving_without_script_makes_the_item_and_goes_to_its_address(
    console: Console, editor: Visitor, accounts: tuple[UUID, UUID, UUID]
) -> None:
    item_id = await _made(
        editor,
        accounts=[str(accounts[2])],
        tags="công dân, lịch",
        note="Nhờ anh xem giúp",
        **{f"own.{accounts[2]}.title": "Riêng cho cổng"},
    )
    stored = await _newest(console, item_id)
    assert (stored.title, stored.tags) == ("Lịch tiếp công dân", ["công dân", "lịch"])
    assert stored.accounts == [accounts[2]]
    assert stored.note == "Nhờ anh xem giúp"
    assert stored.overrides == {str(accounts[2]): {"title": "Riêng cho cổng"}}
    page = (await editor.client.get(f"/posts/{item_id}/edit")).text
    assert "Mời bà con." in page
    assert "Riêng cho cổng" in page


async def test_the_mark_for_artificial_intelligence_is_kept_and_can_be_taken_away(
    console: Console, editor: Visitor
) -> None:
    item_id = await _made(editor, ai_made="1")
    marked = await _newest(console, item_id)
    page = (await editor.client.get(f"/posts/{item_id}/edit")).text
    await send(editor, f"/posts/{item_id}/edit", page, _WORDS)
    unmarked = await _newest(console, item_id)
    assert (marked.ai_made, unmarked.ai_made) == (True, False)
    assert 'name="ai_made" value="1" checked' in page


async def test_a_form_sent_twice_makes_one_item(editor: Visitor, console: Console) -> None:
    page = (await editor.client.get("/posts/new")).text
    first = await send(editor, "/posts/new", page, _WORDS)
    second = await send(editor, "/posts/new", page, {**_WORDS, "title": "Lịch mới"})
    assert first.headers["location"] == second.headers["location"]
    assert (await _newest(console, item_of(first.headers["location"]))).title == "Lịch mới"


async def test_an_empty_title_is_said_beside_its_field_and_nothing_is_lost(editor: Visitor) -> None:
    page = (await editor.client.get("/posts/new")).text
    answer = await send(editor, "/posts/new", page, {"title": " ", "body": "Chữ <b>đã</b> gõ"})
    assert answer.status_code == 422
    assert 'href="#title"' in answer.text
    assert 'id="title-error"' in answer.text
    assert "Chữ &lt;b&gt;đã&lt;/b&gt; gõ" in answer.text
    auto = await send(editor, "/posts/new", page, {"title": "", "body": "Chữ"}, do="autosave")
    assert auto.status_code == 422
    assert "Cần có tiêu đề. Chưa lưu được; chữ vẫn còn trên máy này." in auto.text


async def test_saving_by_itself_tells_the_new_version_and_the_address(
    editor: Visitor, console: Console
) -> None:
    page = (await editor.client.get("/posts/new")).text
    made = await send(editor, "/posts/new", page, _WORDS, do="autosave")
    assert made.status_code == 200
    assert 'data-tone="saved"' in made.text
    edit = re.search(r'data-edit="([^"]+)"', made.text)
    assert edit is not None
    again = await send(
        editor,
        edit[1],
        page,
        {**_WORDS, "body": "Mời bà con đến.", "version": held(made.text, "version")},
        do="autosave",
    )
    assert again.status_code == 200
    assert int(held(again.text, "version")) > int(held(made.text, "version"))
    assert (await _newest(console, item_of(edit[1]))).body == "Mời bà con đến."


async def test_saving_what_has_not_changed_leaves_no_trace(editor: Visitor) -> None:
    item_id = await _made(editor)
    path = f"/posts/{item_id}/edit"
    page = (await editor.client.get(path)).text
    version = held(page, "version")
    fields = {**_WORDS, "accounts": re.findall(r'name="accounts" value="([^"]+)" checked', page)}
    saved = await send(editor, path, page, fields, do="autosave")
    first = held(saved.text, "version")
    again = await send(editor, path, page, {**fields, "version": first}, do="autosave")
    assert held(again.text, "version") == first
    assert int(first) - int(version) <= 1


async def test_a_picture_without_script_needs_its_description(editor: Visitor) -> None:
    page = (await editor.client.get("/posts/new")).text
    data = {
        "csrf": editor.csrf,
        **{name: held(page, name) for name in ("fresh_id", "version", "base")},
        **_WORDS,
    }
    file = {"picture": ("anh.jpg", jpeg(640, 360), "image/jpeg")}
    missing = await editor.client.post("/posts/new", data=data, files=file)
    assert missing.status_code == 422
    assert "alt-error" in missing.text
    assert "Lịch tiếp công dân" in missing.text
    made = await editor.client.post("/posts/new", data={**data, "alt": "Trụ sở"}, files=file)
    assert made.status_code == 303
    shown = (await editor.client.get(made.headers["location"])).text
    assert "<span>Trụ sở</span>" in shown
    picture = re.search(r'<img src="(/media/[^"]+)" width="160"', shown)
    assert picture is not None
    assert (await editor.client.get(picture[1])).status_code == 200


async def test_submitting_stops_at_what_a_channel_cannot_take_and_keeps_the_draft(
    console: Console, editor: Visitor, accounts: tuple[UUID, UUID, UUID]
) -> None:
    page = (await editor.client.get("/posts/new")).text
    sent = await send(
        editor, "/posts/new", page, {**_WORDS, "accounts": [str(accounts[0])]}, do="submit"
    )
    assert sent.status_code == 422
    assert "Chưa gửi duyệt: 1 việc phải sửa trước" in sent.text
    assert 'href="#cover"' in sent.text
    item_id = item_of(sent.text)
    assert (await _newest(console, item_id)).state == "draft"
    mended = await send(
        editor,
        f"/posts/{item_id}/edit",
        sent.text,
        {**_WORDS, "accounts": [str(accounts[2])]},
        do="submit",
    )
    assert mended.status_code == 303
    assert mended.headers["location"] == f"/posts/{item_id}"
    assert (await _newest(console, item_id)).state == "review"


async def test_submitting_twice_ends_where_submitting_once_does(
    editor: Visitor, accounts: tuple[UUID, UUID, UUID]
) -> None:
    page = (await editor.client.get("/posts/new")).text
    fields = {**_WORDS, "accounts": [str(accounts[2])]}
    first = await send(editor, "/posts/new", page, fields, do="submit")
    second = await send(editor, "/posts/new", page, fields, do="submit")
    assert first.headers["location"] == second.headers["location"]
    assert second.status_code == 303


async def test_no_channel_chosen_is_said_at_the_channels(editor: Visitor) -> None:
    page = (await editor.client.get("/posts/new")).text
    sent = await send(editor, "/posts/new", page, _WORDS, do="submit")
    assert sent.status_code == 422
    assert 'href="#accounts"' in sent.text
    assert "Chọn ít nhất một kênh" in sent.text


async def test_a_moment_that_is_over_holds_a_submission_but_no_draft(
    editor: Visitor, accounts: tuple[UUID, UUID, UUID]
) -> None:
    page = (await editor.client.get("/posts/new")).text
    past = {"when": "other", "publish_at": "2020-01-01T08:00", "accounts": [str(accounts[2])]}
    saved = await send(editor, "/posts/new", page, {**_WORDS, **past}, do="autosave")
    assert saved.status_code == 200
    sent = await send(editor, "/posts/new", page, {**_WORDS, **past}, do="submit")
    assert sent.status_code == 422
    assert "Giờ đăng này đã qua" in sent.text


async def test_the_moment_is_said_in_words(editor: Visitor) -> None:
    fields = {**_WORDS, "csrf": editor.csrf, "when": "other", "publish_at": "2031-12-05T08:00"}
    answer = await editor.client.post("/posts/new/preview", data=fields)
    assert "Thứ Sáu, 05/12/2031, 08:00 giờ Việt Nam" in answer.text


async def test_a_preview_stores_nothing(
    console: Console, editor: Visitor, accounts: tuple[UUID, UUID, UUID]
) -> None:
    item_id = await _made(editor)
    answer = await editor.client.post(
        f"/posts/{item_id}/preview",
        data={
            "csrf": editor.csrf,
            "title": "Chưa lưu",
            "body": "## Mục một\n\n- **việc** một\n\n<script>alert(1)</script>",
            "accounts": [str(one) for one in accounts],
        },
    )
    assert answer.status_code == 200
    assert "Chưa lưu" in answer.text
    assert '<p class="preview-h2">Mục một</p>' in answer.text
    assert "<strong>việc</strong>" in answer.text
    assert "<script" not in answer.text
    assert (await _newest(console, item_id)).title == "Lịch tiếp công dân"
    async with console.hub.open_work() as session:
        assert (
            await session.scalar(
                text(
                    "SELECT count(*) FROM rendition r JOIN revision v ON v.id = r.revision_id"
                    " WHERE v.item_id = :id"
                ),
                {"id": item_id},
            )
            == 0
        )


async def test_a_preview_of_a_stranger_s_item_or_picture_shows_nothing(
    console: Console, editor: Visitor, accounts: tuple[UUID, UUID, UUID]
) -> None:
    other = await console.bench.team()
    foreign = await console.bench.draft(other)
    picture = await console.bench.picture(other)
    fields = {"csrf": editor.csrf, **_WORDS}
    refused = await editor.client.post(f"/posts/{foreign.id}/preview", data=fields)
    assert refused.status_code == 404
    shown = await editor.client.post(
        "/posts/new/preview",
        data={**fields, "cover": str(picture), "accounts": [str(accounts[0])]},
    )
    assert "Trụ sở tiếp công dân" not in shown.text
    assert "Chưa có ảnh bìa" in shown.text
    assert (await editor.client.get(f"/posts/{foreign.id}/edit")).status_code == 404


async def test_two_writers_choose_field_by_field_and_nothing_is_lost(
    console: Console, team: Team, editor: Visitor
) -> None:
    item_id = await _made(editor)
    path = f"/posts/{item_id}/edit"
    page = (await editor.client.get(path)).text
    fields = {**_WORDS, "accounts": re.findall(r'name="accounts" value="([^"]+)" checked', page)}
    colleague = await console.with_role(team, "editor")
    theirs = (await colleague.client.get(path)).text
    await send(colleague, path, theirs, {**fields, "title": "Của đồng nghiệp", "note": "x"})
    auto = await send(editor, path, page, {**fields, "title": "Của tôi"}, do="autosave")
    assert auto.status_code == 409
    assert 'data-tone="held"' in auto.text or 'data-tone="stale"' in auto.text
    stale = await send(editor, path, page, {**fields, "title": "Của tôi", "body": "Thân tôi."})
    assert stale.status_code == 409
    for told in ("Của tôi", "Của đồng nghiệp", "Lịch tiếp công dân", "Lê Thu Hà đã sửa tin này"):
        assert told in stale.text
    merged = await editor.post(
        path,
        do="merge",
        **{
            name: held(stale.text, name) for name in ("version", "mine", "theirs", "base", "before")
        },
        **{"pick.title": "theirs", "pick.body": "mine", "pick.note": "theirs"},
    )
    assert merged.status_code == 303
    stored = await _newest(console, item_id)
    assert (stored.title, stored.body, stored.note) == ("Của đồng nghiệp", "Thân tôi.", "x")


async def test_who_writes_is_told_and_can_be_relieved(
    console: Console, team: Team, editor: Visitor
) -> None:
    item_id = await _made(editor)
    path = f"/posts/{item_id}/edit"
    page = (await editor.client.get(path)).text
    colleague = await console.with_role(team, "editor")
    seen = (await colleague.client.get(path)).text
    assert "editor đang sửa" in seen
    held_up = await send(colleague, path, seen, {**_WORDS, "title": "Chen ngang"}, do="autosave")
    assert held_up.status_code == 409
    assert 'data-tone="held"' in held_up.text
    taken = await send(colleague, path, seen, {**_WORDS, "title": "Chen ngang"}, do="take")
    assert taken.status_code == 200
    assert "Chen ngang" in taken.text
    assert "đang sửa (từ" not in taken.text
    told = await editor.post(f"/posts/{item_id}/here")
    assert "Lê Thu Hà đang sửa" in told.text
    await colleague.post(f"/posts/{item_id}/leave")
    assert "đang sửa" not in (await editor.post(f"/posts/{item_id}/here")).text
    assert held(page, "version")


async def test_choosing_another_moment_for_what_was_agreed_asks_for_a_new_agreement(
    console: Console, team: Team, editor: Visitor, accounts: tuple[UUID, UUID, UUID]
) -> None:
    item = await console.bench.draft(team)
    seen = await console.bench.submitted(
        team, item.id, [accounts[2]], publish_at=utc_now() + timedelta(days=3)
    )
    await console.bench.approved(team, item.id, seen)
    path = f"/posts/{item.id}/edit"
    page = (await editor.client.get(path)).text
    answer = await send(
        editor,
        path,
        page,
        {
            "title": item_title(page),
            "body": "Nội dung.",
            "accounts": [str(accounts[2])],
            "when": "now",
        },
    )
    assert answer.status_code == 303
    stored = await _newest(console, item.id)
    assert (stored.no, stored.state, stored.publish_at) == (2, "draft", None)


def item_title(page: str) -> str:
    """What stands in the title's field."""
    found = re.search(r'<textarea id="title"[^>]*>\n?([^<]*)</textarea>', page)
    assert found is not None
    return found[1]


async def test_a_correction_has_its_note_to_readers(
    console: Console, team: Team, editor: Visitor, accounts: tuple[UUID, UUID, UUID]
) -> None:
    item = await console.bench.published(team, [accounts[2]])
    async with console.hub.open_work() as session:
        await session.execute(
            text("UPDATE item SET released_no = 1, published_at = now() WHERE id = :id"),
            {"id": item.id},
        )
    page = (await editor.client.get(f"/posts/{item.id}/edit")).text
    assert "Nội dung đính chính" in page
    assert "<h1>Đính chính</h1>" in page


async def test_the_session_s_end_carries_the_form_to_the_sign_in_page(
    console: Console, team: Team
) -> None:
    async with console.client() as client:
        answer = await client.post("/posts/new", data={"title": "Dở dang", "do": "save"})
    assert answer.status_code == 401
    assert 'name="kept.title" value="Dở dang"' in answer.text


async def test_a_long_text_with_thirty_pictures_is_drawn_in_time(
    console: Console, team: Team, editor: Visitor, accounts: tuple[UUID, UUID, UUID]
) -> None:
    pictures = [await console.bench.picture(team) for _ in range(30)]
    words = "Người dân nộp hồ sơ trực tuyến tại bộ phận một cửa của phường. " * 320
    body = words[:20_000] + "\n\n" + "\n\n".join(f"![Ảnh](media:{one})" for one in pictures)
    fields = {
        "csrf": editor.csrf,
        **_WORDS,
        "body": body,
        "cover": str(pictures[0]),
        "accounts": [str(one) for one in accounts],
    }
    await editor.client.post("/posts/new/preview", data=fields)
    times = []
    for _ in range(5):
        # Of processor time, of the server and its visitor: others run beside this test.
        before = time.process_time()
        answer = await editor.client.post("/posts/new/preview", data=fields)
        times.append(time.process_time() - before)
        assert answer.text.count("<img") >= 50
    assert min(times) < 0.4, times


async def test_urgent_news_is_written_and_submitted_in_one_act(
    console: Console, editor: Visitor, accounts: tuple[UUID, UUID, UUID]
) -> None:
    page = (await editor.client.get("/urgent")).text
    assert "Gửi khẩn" in page
    fields = {
        "csrf": editor.csrf,
        "fresh_id": held(page, "fresh_id"),
        "title": "Bão số 9 đổ bộ tối nay",
        "body": "Bà con không ra khơi. Gọi 112.",
        "accounts": [str(one) for one in accounts],
    }
    refused = await editor.client.post("/urgent", data=fields)
    assert refused.status_code == 422
    assert "Bài viết Zalo bắt buộc có ảnh bìa" in refused.text
    file = {"picture": ("bao.jpg", jpeg(640, 360), "image/jpeg")}
    sent = await editor.client.post("/urgent", data={**fields, "alt": "Đường đi"}, files=file)
    assert sent.status_code == 303
    item_id = item_of(sent.headers["location"])
    stored = await _newest(console, item_id)
    assert (stored.state, stored.urgent) == ("review", True)
    assert sorted(stored.accounts) == sorted(accounts)
    again = await editor.client.post("/urgent", data={**fields, "cover": str(stored.cover)})
    assert again.headers["location"] == sent.headers["location"]
