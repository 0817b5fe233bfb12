"""The library: what stands in it, how it is found, how files come in and what is said of them."""

import asyncio
import html
import io
import json
import random
import re
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import httpx
from PIL import Image
from playwright.async_api import Browser, FilePayload, Route, expect
from pydantic import JsonValue
from sqlalchemy import text

from services.content import library, uploads
from services.content.withdrawn_media import withdrawn
from services.delivery import preview
from services.staff import agency
from tests.services.console.outlets import portal
from tests.services.content.test_media import VIDEO
from tests.support import people
from tests.support.browser import NARROW, WIDE, window
from tests.support.console import Console, Visitor
from tests.support.hub import Team
from tests.support.pictures import jpeg

_PDF = b"%PDF-1.4\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n"


async def _add(
    visitor: Visitor, *, alt: str = "Bà con làm thủ tục ở bộ phận một cửa", credit: str = ""
) -> UUID:
    answer = await _send(visitor, jpeg(1600, 900), alt=alt, credit=credit)
    assert answer.status_code == 201, answer.text
    return UUID(answer.json()["id"])


async def _send(
    visitor: Visitor, data: bytes, *, name: str = "anh.jpg", json_wanted: bool = True, **fields: str
) -> httpx.Response:
    headers = {"Accept": "application/json"} if json_wanted else {"Accept": "text/html"}
    form = {"csrf": visitor.csrf, **fields}
    return await visitor.client.post(
        "/media", data=form, files={"file": (name, data)}, headers=headers
    )


async def test_an_empty_library_says_how_pictures_come_in(console: Console) -> None:
    other = await console.bench.team()
    visitor = await console.visitor(other.editor)
    page = await visitor.client.get("/media")
    assert page.status_code == 200
    assert "Kho chưa có gì." in page.text
    assert 'enctype="multipart/form-data"' in page.text


async def test_a_picture_is_added_by_a_plain_form_and_by_script(editor: Visitor) -> None:
    plain = await _send(
        editor, jpeg(800, 600), json_wanted=False, alt="Sân ủy ban", credit="Ảnh: Nguyễn Lan"
    )
    assert plain.status_code == 303
    page = await editor.client.get(plain.headers["location"])
    assert "Sân ủy ban" in page.text
    assert "Ảnh: Nguyễn Lan" in page.text

    by_script = await _send(editor, jpeg(400, 300), alt="Cổng chào phường Hoa Sen")
    told = by_script.json()
    assert by_script.status_code == 201
    assert (told["kind"], told["alt"], told["width"]) == ("image", "Cổng chào phường Hoa Sen", 400)
    seen = await editor.client.get(told["src"], follow_redirects=True)
    assert seen.headers["content-type"] == "image/jpeg"


async def test_what_is_wrong_is_told_beside_its_field_and_nothing_is_lost(editor: Visitor) -> None:
    plain = await _send(editor, jpeg(80, 60), json_wanted=False, alt=" ", credit="Ảnh: Quân")
    assert plain.status_code == 422
    assert 'id="alt-error"' in plain.text
    assert 'value="Ảnh: Quân"' in plain.text
    assert "xin chọn lại tệp" in plain.text

    by_script = await _send(editor, b"GIF89a....", name="anh.gif", alt="Ảnh động")
    assert by_script.status_code == 422
    assert by_script.json()["faults"].keys() == {"file"}
    assert "JPEG" in by_script.json()["told"]

    nothing = await editor.post("/media", alt="Không có tệp")
    assert nothing.status_code == 422
    assert "Hãy chọn tệp trước." in nothing.text


async def test_decoration_needs_no_words_and_a_cover_is_none(
    console: Console, team: Team, editor: Visitor
) -> None:
    await portal(console.bench, team)
    added = await _send(editor, jpeg(400, 300), alt="", decorative="1")
    assert added.status_code == 201, added.text
    kept = UUID(added.json()["id"])
    assert "Ảnh trang trí" in (await editor.client.get(f"/media/{kept}")).text
    document = await _send(editor, _PDF, name="tb.pdf", alt="", decorative="1")
    assert document.json()["faults"].keys() == {"alt"}

    item = await console.bench.draft(team, body=f"Chữ.\n\n![](media:{kept})", cover=kept)
    async with console.hub.open_work() as session:
        shown = (await preview.render(session, console.hub, item.id, None)).renditions
    payload = next(one.payload for one in shown if "html" in one.payload)
    codes = {(one.code, one.blocking) for rendition in shown for one in rendition.problems}
    assert ("cover_decorative", True) in codes
    assert "alt_missing" not in {code for code, _ in codes}
    assert 'alt=""' in str(payload["html"])
    # Whoever writes words for it where it stands wants it told there.
    told = await console.bench.draft(team, body=f"![Hoa văn](media:{kept})")
    async with console.hub.open_work() as session:
        shown = (await preview.render(session, console.hub, told.id, None)).renditions
    assert any('alt="Hoa văn"' in str(one.payload.get("html")) for one in shown)

    described = await editor.post(f"/media/{kept}", alt="", focal_x="50", focal_y="50")
    assert described.status_code == 422
    assert "data-tone" not in described.text
    mended = await editor.post(f"/media/{kept}", alt="Hoa sen", focal_x="50", focal_y="50")
    assert mended.status_code == 303


async def test_a_file_in_pieces_goes_on_where_it_stopped(editor: Visitor, team: Team) -> None:
    assert (await editor.client.get("/media/pieces/motteplon1")).json() == {"size": 0}
    for offset, data, size in (
        (0, _PDF[:20], 20),
        (0, _PDF[:20], 20),
        (20, _PDF[20:], len(_PDF)),
    ):
        answer = await editor.client.post(
            "/media/pieces/motteplon1",
            data={"csrf": editor.csrf, "offset": str(offset)},
            files={"piece": ("piece", data)},
        )
        assert answer.json() == {"size": size}
    words = {"alt": "Thông báo", "filename": "tb.pdf", "pieces": "motteplon1"}
    headers = {"Accept": "application/json"}
    form = {"csrf": editor.csrf, **words}
    added = await editor.client.post("/media", data=form, headers=headers)
    assert (added.status_code, added.json()["kind"]) == (201, "document")
    assert (await editor.client.get("/media/pieces/motteplon1")).json() == {"size": 0}


async def test_a_video_and_a_document_are_taken_too(editor: Visitor) -> None:
    document = await _send(editor, _PDF, name="tb.pdf", alt="Thông báo lịch tiếp dân tháng 12")
    assert document.json()["kind"] == "document"
    page = await editor.client.get(document.json()["page"])
    assert 'name="issued_on"' in page.text
    assert 'name="focal_x"' not in page.text


async def test_only_an_editor_adds_and_changes(approver: Visitor, editor: Visitor) -> None:
    kept = await _add(editor)
    page = await approver.client.get("/media")
    assert page.status_code == 200
    assert "data-uploads" not in page.text
    assert (await approver.post("/media", alt="Ảnh")).status_code == 403
    detail = await approver.client.get(f"/media/{kept}")
    assert detail.status_code == 200
    assert 'name="alt"' not in detail.text
    assert (await approver.post(f"/media/{kept}", alt="Khác")).status_code == 403


async def test_search_finds_with_and_without_marks(editor: Visitor) -> None:
    kept = await _add(editor, alt="Đường Nguyễn Huệ ngập sau mưa", credit="Ảnh: Trần Quân")
    for asked in ("duong nguyen hue", "Đường", "NGẬP mưa", "tran quan ngap", "ngập 50%"):
        page = await editor.client.get("/media", params={"q": asked})
        assert (f'id="media-{kept}"' in page.text) == ("%" not in asked), asked
    page = await editor.client.get("/media", params={"q": "khongcogi"})
    assert "Không có tệp nào khớp." in page.text
    assert f'id="media-{kept}"' not in (await editor.client.get("/media?kind=video")).text


async def test_script_gets_only_the_shelf(editor: Visitor) -> None:
    answer = await editor.client.get(
        "/media?q=x", headers={"HX-Request": "true", "HX-Request-Type": "partial"}
    )
    assert answer.text.strip().startswith('<section id="shelf"')
    assert "<html" not in answer.text


async def test_a_full_library_goes_on_page_by_page(console: Console) -> None:
    team = await console.bench.team()
    visitor = await console.visitor(team.editor)
    first = await _add(visitor, alt="Ảnh đầu tiên của cả kho")
    async with console.hub.open_work() as session:
        await session.execute(
            text(
                "INSERT INTO media (id, unit_id, kind, mime, ext, sha256, original_sha256,"
                " size_bytes, alt, caption, credit, focal_x, focal_y, licence, number, issued_on,"
                " by, at) SELECT gen_random_uuid(), unit_id, kind, mime, ext, sha256,"
                " original_sha256, size_bytes, 'Ảnh số ' || n, '', '', 50, 50, '', '', '', by, at"
                " FROM media, generate_series(1, 60) n WHERE id = :id"
            ),
            {"id": first},
        )
    seen: set[str] = set()
    path: str | None = "/media"
    pages = 0
    while path:
        page = await visitor.client.get(path)
        found = re.findall(r'id="media-([0-9a-f-]{36})"', page.text)
        assert seen.isdisjoint(found)
        seen.update(found)
        pages += 1
        older = re.search(r'href="([^"]+)" rel="next"', page.text)
        path = html.unescape(older[1]) if older else None
    assert (len(seen), pages) == (61, 3)


async def test_a_file_tells_where_it_is_used(console: Console, team: Team, editor: Visitor) -> None:
    kept = await _add(editor)
    covered = await console.bench.draft(team, title="Bài có ảnh bìa", cover=str(kept))
    await console.bench.draft(
        team, title="Bài có ảnh trong chữ", body=f"Chữ.\n\n![Một cửa](media:{kept})"
    )
    async with console.hub.open_work() as session:
        assert await library.use_counts(session, [kept]) == {kept: 2}
    page = await editor.client.get(f"/media/{kept}")
    assert "Bài có ảnh bìa" in page.text
    assert "Bài có ảnh trong chữ" in page.text
    assert f"/posts/{covered.id}" in page.text
    assert "Dùng ở 2 bài" in (await editor.client.get("/media")).text


async def test_words_and_the_focal_point_are_kept_and_told_to_the_forms_of_a_picture(
    console: Console, editor: Visitor
) -> None:
    kept = await _add(editor)
    await editor.client.get(f"/media/{kept}/small")
    words = {
        "alt": "Cán bộ hướng dẫn người dân ở quầy số 3",
        "credit": "Ảnh: Nguyễn Lan",
        "licence": "Của cơ quan",
        "focal_x": "20",
        "focal_y": "80",
    }
    answer = await editor.post(f"/media/{kept}", **words)
    assert answer.status_code == 303
    page = await editor.client.get(f"/media/{kept}")
    assert "focal-x-20 focal-y-80" in page.text
    assert "Của cơ quan" in page.text
    async with console.hub.open_work() as session:
        rows = await session.execute(
            text("SELECT alt, focal_x, focal_y FROM media WHERE id = :id OR made_from = :id"),
            {"id": kept},
        )
        assert {tuple(row) for row in rows} == {(words["alt"], 20, 80)}
        acts = await session.scalars(
            text("SELECT act FROM audit_entry WHERE object = :object ORDER BY seq"),
            {"object": f"media:{kept}"},
        )
        assert list(acts) == ["media.added", "media.changed"]


async def test_a_document_keeps_its_number_and_day(editor: Visitor) -> None:
    added = await _send(editor, _PDF, name="qd.pdf", alt="Quyết định về giá nước sạch")
    page = added.json()["page"]
    await editor.post(page, alt="Quyết định", number="18/2026/QĐ-UBND", issued_on="2026-11-03")
    found = await editor.client.get("/media", params={"q": "18/2026"})
    assert "18/2026/QĐ-UBND, 03/11/2026" in found.text


async def test_a_wrong_change_keeps_what_was_typed(editor: Visitor) -> None:
    kept = await _add(editor)
    answer = await editor.post(
        f"/media/{kept}", alt="", credit="Ảnh: Lan", focal_x="140", focal_y="x", issued_on="32/13"
    )
    assert answer.status_code == 422
    for field in ("alt", "focal_x", "focal_y"):
        assert f'href="#{field}"' in answer.text
    assert 'value="Ảnh: Lan"' in answer.text
    assert 'value="140"' in answer.text


async def test_files_of_another_unit_do_not_exist(console: Console, editor: Visitor) -> None:
    kept = await _add(editor)
    stranger = await console.visitor((await console.bench.team()).editor)
    assert (await stranger.client.get(f"/media/{kept}")).status_code == 404
    assert (await stranger.client.get(f"/media/{kept}/small")).status_code == 404
    assert (await stranger.post(f"/media/{kept}", alt="Của tôi")).status_code == 404
    assert str(kept) not in (await stranger.client.get("/media")).text
    known = await stranger.client.get("/media/known", params={"id": [str(kept), "odd"]})
    assert known.json() == {"media": []}


async def test_the_editor_asks_for_many_files_at_once(editor: Visitor) -> None:
    both = [await _add(editor), await _add(editor, alt="Ảnh thứ hai trong bài")]
    known = await editor.client.get("/media/known", params={"id": [str(one) for one in both]})
    assert {one["id"] for one in known.json()["media"]} == {str(one) for one in both}


async def test_the_dialog_holds_pictures_to_choose_from(editor: Visitor) -> None:
    kept = await _add(editor, alt='Biển "Một cửa" & quầy <số 1>')
    answer = await editor.client.get(
        "/media/pick?kind=image&q=mot cua", headers={"HX-Request": "true"}
    )
    told = [
        json.loads(html.unescape(one)) for one in re.findall(r'data-media="([^"]*)"', answer.text)
    ]
    assert str(kept) in {one["id"] for one in told}
    assert "<html" not in answer.text
    assert (await editor.client.get("/media/pick")).headers["location"] == "/media"


async def test_public_addresses_of_files_stay_what_they_were(
    editor: Visitor, console: Console
) -> None:
    kept = await _add(editor)
    small = await editor.client.get(f"/media/{kept}/small")
    assert (small.status_code, small.headers["content-type"]) == (200, "image/jpeg")
    page = (await editor.client.get(f"/media/{kept}")).text
    whole = re.search(r'href="/media/full/([0-9a-f]{64}\.jpg)"', page)
    assert whole is not None
    async with console.client() as nobody:
        assert (await nobody.get(f"/media/{whole[1]}")).status_code == 200
        assert (await nobody.get(f"/media/full/{whole[1]}")).status_code == 303
        assert (await nobody.get("/media/0000.jpg")).status_code == 404
        assert (await nobody.get(f"/media/{kept}")).status_code == 303


async def test_what_was_withdrawn_is_gone_for_the_public_and_not_for_the_team(
    console: Console, team: Team, editor: Visitor, approver: Visitor
) -> None:
    kept = (await _send(editor, jpeg(1234, 777), alt="Ảnh sẽ bị gỡ")).json()["id"]
    outlet = await portal(console.bench, team)
    body = f"![Ảnh sẽ bị gỡ](media:{kept})"
    item = await console.bench.published(team, [outlet], body=body)
    page = (await approver.client.get(f"/posts/{item.id}")).text
    shown = re.search(r'src="/media/full/([0-9a-f]{64}\.jpg)"', page)
    assert shown is not None
    await console.bench.withdrawn(team, item.id)
    async with console.client() as nobody:
        assert (await nobody.get(f"/media/{shown[1]}")).status_code == 410
    seen = await approver.client.get(f"/media/full/{shown[1]}")
    with Image.open(io.BytesIO(seen.content)) as picture:
        assert picture.size == (1234, 777)
    assert seen.headers["cache-control"].startswith("private")
    assert "sandbox" in seen.headers["content-security-policy"]
    again = {"If-None-Match": seen.headers["etag"]}
    asked = await approver.client.get(f"/media/full/{shown[1]}", headers=again)
    assert (asked.status_code, asked.content) == (304, b"")
    stranger = await console.visitor((await console.bench.team()).approver)
    assert (await stranger.client.get(f"/media/full/{shown[1]}")).status_code == 404


async def test_a_file_of_the_ministry_is_seen_by_whoever_works_with_an_item_of_it(
    console: Console, team: Team, editor: Visitor
) -> None:
    digest = (await _send(editor, jpeg(901, 601), alt="Ảnh của bộ")).json()
    async with console.hub.open_work() as session:
        ward = await people.add_unit(session, f"P{digest['id'][-10:]}".upper(), team.unit_id)
        clerk = (await people.add_person(session, ward, "approver")).staff_id
    theirs = await console.visitor(clerk)
    page = (await editor.client.get(f"/media/{digest['id']}")).text
    path = re.search(r"/media/full/[0-9a-f]{64}\.jpg", page)
    assert path is not None
    assert (await theirs.client.get(path[0])).status_code == 404
    item = await console.bench.draft(team, cover=digest["id"])
    async with console.hub.open_work() as session:
        moved = text("UPDATE item SET unit_id = :unit WHERE id = :id")
        await session.execute(moved, {"unit": ward, "id": item.id})
    assert (await theirs.client.get(path[0])).status_code == 200


async def test_a_video_is_played_from_any_point(editor: Visitor) -> None:
    film = (await _send(editor, VIDEO, name="a.mp4", alt="Phim về phường")).json()
    assert film["src"].startswith("/media/full/")
    part = await editor.client.get(film["src"], headers={"Range": "bytes=4-11"})
    assert (part.status_code, part.content) == (206, VIDEO[4:12])
    assert part.headers["content-type"] == "video/mp4"
    assert f'src="{film["src"]}"' in (await editor.client.get(film["page"])).text
    small = await editor.client.get(f"/media/{film['id']}/small")
    assert small.headers["location"] == film["src"]


async def test_the_mark_of_the_house_outlives_an_item_that_showed_it(
    console: Console, team: Team, editor: Visitor
) -> None:
    kept = (await _send(editor, jpeg(222, 111), alt="Dấu hiệu của phường")).json()["id"]
    item = await console.bench.published(
        team, [await portal(console.bench, team)], body=f"![Dấu hiệu](media:{kept})"
    )
    await console.bench.withdrawn(team, item.id)
    async with console.hub.open_work() as session:
        mark = await library.one(session, UUID(kept), [team.unit_id])
        assert await withdrawn(session, mark.sha256)
        logo: dict[str, JsonValue] = {
            "sha256": mark.sha256,
            "ext": "jpg",
            "width": 222,
            "height": 111,
        }
        top = replace(editor.caller, roles=frozenset({"admin"}))
        await agency.change(session, top, "logo", logo)
        assert not await withdrawn(session, mark.sha256)
        await session.rollback()


async def test_the_pages_have_no_barriers(
    console: Console, editor: Visitor, browser: Browser
) -> None:
    kept = await _add(editor)
    for size in (WIDE, NARROW):
        async with window(browser, console, editor, size=size) as seen:
            for path in ("/media", f"/media/{kept}", "/media?q=khongcogi"):
                await seen.page.goto(console.url + path)
                await seen.axe()
                width = await seen.page.evaluate("document.documentElement.scrollWidth")
                assert width <= size[0], path
            seen.check()


async def test_the_focal_point_moves_by_mouse_and_by_numbers(
    console: Console, editor: Visitor, browser: Browser
) -> None:
    kept = await _add(editor)
    async with window(browser, console, editor) as seen:
        page = seen.page
        await page.goto(f"{console.url}/media/{kept}")
        stage = page.locator("[data-focal] img")
        box = await stage.bounding_box()
        assert box is not None
        await page.mouse.click(box["x"] + box["width"] * 0.25, box["y"] + box["height"] * 0.75)
        await expect(page.locator("#focal_x")).to_have_value("25")
        await expect(page.locator("#focal_y")).to_have_value("75")
        crop = page.locator(".crop.square img")
        await expect(crop).to_have_css("object-position", "25% 75%")
        await page.locator("#focal_x").fill("90")
        await expect(crop).to_have_css("object-position", "90% 75%")
        await page.get_by_role("button", name="Lưu").click()
        await expect(page.get_by_text("Đã lưu thông tin tệp")).to_be_visible()
        await expect(crop).to_have_css("object-position", "90% 75%")
        seen.check()


async def test_files_are_sent_one_by_one_with_their_words_and_may_be_tried_again(
    console: Console, editor: Visitor, browser: Browser
) -> None:
    async with window(browser, console, editor) as seen:
        page = seen.page
        await page.goto(f"{console.url}/media")
        await page.locator("#file").set_input_files(
            [
                FilePayload(name="mot.jpg", mimeType="image/jpeg", buffer=jpeg(640, 360)),
                FilePayload(name="hai.jpg", mimeType="image/jpeg", buffer=b"khong phai anh"),
                FilePayload(name="ba.gif", mimeType="image/gif", buffer=b"GIF89a"),
            ]
        )
        rows = page.locator(".upload-row")
        await expect(rows).to_have_count(3)
        await expect(rows.nth(2)).to_contain_text("Chỉ nhận ảnh")
        await rows.nth(0).get_by_role("button", name="Tải lên").click()
        await expect(rows.nth(0)).to_contain_text("Cần mô tả")
        await rows.nth(0).get_by_label("Mô tả ảnh").fill("Hội nghị triển khai công tác tháng 12")
        await rows.nth(0).get_by_role("button", name="Tải lên").click()
        await rows.nth(0).get_by_text("Đã vào kho.").wait_for()
        await page.locator(".media-grid").get_by_text("Hội nghị triển khai").wait_for()
        await rows.nth(1).get_by_label("Mô tả ảnh").fill("Tệp hỏng")
        await rows.nth(1).get_by_role("button", name="Tải lên").click()
        await rows.nth(1).get_by_role("button", name="Thử lại").wait_for()
        await expect(rows.nth(1).get_by_label("Mô tả ảnh")).to_have_value("Tệp hỏng")
        await seen.axe()
        # The refusal of the broken file is an answer of 422, which browsers write into the console.
        assert [one for one in seen.trouble if "422" not in one] == []


async def test_a_cut_upload_goes_on_by_keys_alone_also_after_a_reload(
    console: Console, editor: Visitor, browser: Browser, tmp_path: Path
) -> None:
    drawn = random.Random(7).randbytes(1400 * 1100 * 3)
    kept = io.BytesIO()
    Image.frombytes("RGB", (1400, 1100), drawn).save(kept, "PNG")
    big = tmp_path / "lon.png"
    big.write_bytes(kept.getvalue())
    assert len(kept.getvalue()) > 2 * uploads.PIECE_BYTES
    offsets: list[str] = []
    cut = True

    async def line(route: Route) -> None:
        found = re.search(rb'name="offset"\r\n\r\n(\d+)', route.request.post_data_buffer or b"")
        if found is not None:
            offsets.append(found[1].decode())
            if cut and found[1] != b"0":
                await route.abort()
                return
        await route.continue_()

    async with window(browser, console, editor) as seen:
        page = seen.page
        await page.add_init_script("Object.defineProperty(navigator, 'onLine', {value: true})")
        await page.route("**/media/pieces/*", line)
        await page.goto(f"{console.url}/media")
        await page.clock.install()
        await page.locator("#file").set_input_files(big)
        await page.keyboard.type("Nhiễu màu cho bài thử")
        await page.keyboard.press("Enter")
        row = page.locator(".upload-row")
        goes_on = row.get_by_role("button", name="Tiếp tục")
        async with asyncio.timeout(180):
            while not await goes_on.count():  # the script waits a little longer before each new try
                await page.clock.run_for(9_000)
                await asyncio.sleep(0.1)
        await expect(row).to_contain_text("Phần đã gửi vẫn còn.")
        await expect(goes_on).to_be_focused()
        assert len(offsets) == 5
        # The browser is closed in between; the same file is chosen again.
        cut = False
        await page.goto(f"{console.url}/media")
        await page.locator("#file").set_input_files(big)
        words = row.get_by_label("Mô tả ảnh")
        await expect(words).to_have_value("Nhiễu màu cho bài thử")
        await expect(words).to_be_focused()
        offsets.clear()
        await page.keyboard.press("Enter")
        await expect(row).to_contain_text("Đã vào kho.")
        assert offsets[0] == str(uploads.PIECE_BYTES)
        await expect(row.get_by_role("link", name="Mở")).to_be_focused()
        assert [one for one in seen.trouble if "ERR_FAILED" not in one] == []
