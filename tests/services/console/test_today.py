"""Hôm nay over HTTP: what each role finds, what stands where nothing waits, what fails alone."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from playwright.async_api import Browser, expect
from sqlalchemy import text

from services.console.drawing import Demo, DemoPerson
from shared.clock import utc_now
from tests.services.delivery.desk import Desk, open_desk
from tests.support.browser import NARROW, WIDE, window
from tests.support.console import Console, Visitor, open_console
from tests.support.days import within_a_day


@pytest.fixture
async def desk(console: Console) -> Desk:
    return await open_desk(console.bench)


async def seen(visitor: Visitor, path: str = "/") -> str:
    answer = await visitor.client.get(path)
    assert answer.status_code == 200
    return answer.text


async def test_where_nothing_waits_it_says_so_and_what_still_goes_out(
    console: Console, desk: Desk
) -> None:
    editor = await console.visitor(desk.team.editor)
    assert "Không có việc chờ." in await seen(editor)
    assert "Hôm nay không còn bài nào hẹn giờ." in await seen(editor)
    await desk.scheduled("Sắp đăng", await within_a_day() + timedelta(seconds=100))
    told = await seen(editor)
    assert "Hôm nay còn 1 bài sẽ đăng." in told
    assert "Sắp đăng" in told


async def test_an_approver_reads_who_asks_and_how_much_time_is_left(
    console: Console, desk: Desk
) -> None:
    item = await desk.review("Thông báo cắt điện", utc_now() + timedelta(hours=12, minutes=30))
    late = await desk.review("Đã trễ", utc_now() + timedelta(hours=1))
    async with console.hub.open_work() as session:
        # As a replica, the guard that keeps a submitted revision does not ask.
        await session.execute(text("SET LOCAL session_replication_role = replica"))
        await session.execute(
            text(
                "UPDATE revision SET publish_at = now() - interval '1 second' WHERE item_id = :id"
            ),
            {"id": late},
        )
    told = await seen(await console.visitor(desk.team.approver))
    assert f'href="/posts/{item}/review"' in told
    assert "editor gửi duyệt" in told
    assert "còn 12 giờ" in told
    assert "đã quá giờ hẹn" in told
    assert told.count("Đọc và duyệt") == 2


async def test_an_editor_reads_the_reason_and_finds_drafts_again(
    console: Console, desk: Desk
) -> None:
    item = await desk.returned("Cần sửa gấp", "Sai <b>số</b> điện thoại")
    draft = await desk.draft("Viết dở")
    told = await seen(await console.visitor(desk.team.editor))
    assert "Sai &lt;b&gt;số&lt;/b&gt; điện thoại" in told
    assert f'href="/posts/{item}/edit"' in told
    assert f'href="/posts/{draft}/edit"' in told


async def test_failures_and_open_questions_lead_to_where_they_are_settled(
    console: Console, desk: Desk
) -> None:
    failed = await desk.failed("Không đăng được", accounts=2)
    await desk.undecided("Chưa rõ")
    approver = await seen(await console.visitor(desk.team.approver))
    assert f'href="/posts/{failed}/delivery"' in approver
    assert "và 1 kênh khác" in approver
    assert "/decide" in approver
    editor = await seen(await console.visitor(desk.team.editor))
    assert "/decide" not in editor


async def test_a_leader_sees_failures_and_an_auditor_begins_at_the_record(
    console: Console, desk: Desk
) -> None:
    await desk.failed("Không đăng được")
    leader = await console.with_role(desk.team, "leader")
    assert "Xem cách xử lý" in await seen(leader)
    auditor = await console.with_role(desk.team, "auditor")
    answer = await auditor.client.get("/")
    assert (answer.status_code, answer.headers["location"]) == (303, "/audit")


async def test_an_admin_finds_the_channel_that_is_cut_off(console: Console, desk: Desk) -> None:
    await desk.run(
        "UPDATE account SET state = 'paused', paused_at = now() WHERE id = :id", desk.accounts[0]
    )
    told = await seen(await console.visitor(desk.team.admin))
    assert f'href="/channels/{desk.accounts[0]}"' in told
    assert "Nối lại" in told


async def test_one_part_that_cannot_be_read_leaves_the_others_standing(
    fresh_database_url: str, tmp_path: Path
) -> None:
    async with open_console(fresh_database_url, tmp_path) as console:
        desk = await open_desk(console.bench)
        await desk.review("Vẫn thấy")
        async with console.hub.open_work() as session:
            # The plan reads when an item was published; the list of tasks does not.
            await session.execute(text("ALTER TABLE item RENAME published_at TO elsewhere"))
        told = await seen(await console.visitor(desk.team.approver))
    assert "Vẫn thấy" in told
    assert "Chưa đọc được phần này" in told


async def test_it_says_the_lunar_day_in_both_languages(console: Console, desk: Desk) -> None:
    editor = await console.visitor(desk.team.editor)
    assert "âm lịch " in await seen(editor)
    await editor.client.get("/language?to=en")
    told = await seen(editor)
    assert "lunar " in told
    assert "Nothing waits for you." in told


async def test_the_part_that_lives_is_drawn_alone_for_the_stream(
    console: Console, desk: Desk
) -> None:
    editor = await console.visitor(desk.team.editor)
    async with (
        asyncio.timeout(180),
        editor.client.stream("GET", "/events?topics=today") as stream,
    ):
        lines = stream.aiter_lines()
        assert (await anext(lines)).startswith("retry:")
        await seen(editor, "/help")  # what reads the news has begun by the time that this is drawn
        await desk.returned("Vừa bị trả lại")
        async for line in lines:
            if "Vừa bị trả lại" in line:
                break
            assert "<html" not in line


# ── The tour ─────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
async def rehearsal(fresh_database_url: str, tmp_path: Path) -> AsyncIterator[tuple[Console, Desk]]:
    person = DemoPerson(
        name="Trần Minh Quân",
        email="quan@hoasen.example",
        roles=("approver",),
        unit="HOASEN",
        password="loa-demo",
    )
    demo = Demo(
        people=(person,),
        ledger_url="http://127.0.0.1:9/ledger",
        faults_url="http://127.0.0.1:9/faults",
        portal_url="http://127.0.0.1:9/portal",
    )
    async with open_console(fresh_database_url, tmp_path, demo=demo) as console:
        yield console, await open_desk(console.bench)


async def test_the_tour_walks_on_step_by_step_and_can_be_closed(
    rehearsal: tuple[Console, Desk],
) -> None:
    console, desk = rehearsal
    editor = await console.visitor(desk.team.editor)
    assert "Ba phút với Loa" in await seen(editor)
    answer = await editor.post("/tour", step="write")
    assert answer.headers["location"] == "/posts/new"
    await editor.post("/tour", step="submit")
    told = await seen(editor)
    assert "Vào bằng Trần Minh Quân" in told
    assert 'value="quan@hoasen.example"' in told
    await editor.post("/tour", step="closed")
    assert "Mở lại Ba phút với Loa" in await seen(editor)
    await editor.post("/tour", step="open")
    assert "Vào bằng Trần Minh Quân" in await seen(editor)


async def test_the_second_person_comes_in_where_it_is_their_turn(
    rehearsal: tuple[Console, Desk],
) -> None:
    console, desk = rehearsal
    approver = await console.visitor(desk.team.approver)
    assert "Tôi đã duyệt" in await seen(approver)
    for step in ("approve", "watch", "ledger"):
        await approver.post("/tour", step=step)
    assert "Bạn đã đi hết vòng đời của một tin" in await seen(approver)


async def test_nobody_tours_outside_a_rehearsal(console: Console, desk: Desk) -> None:
    editor = await console.visitor(desk.team.editor)
    assert "Ba phút với Loa" not in await seen(editor)
    assert (await editor.post("/tour", step="nonsense")).status_code == 403


@pytest.mark.parametrize("size", [WIDE, NARROW])
async def test_the_page_has_no_barrier(
    rehearsal: tuple[Console, Desk], browser: Browser, size: tuple[int, int]
) -> None:
    console, desk = rehearsal
    await desk.review("Tin khẩn bão gần bờ", urgent=True)
    await desk.review("Chờ duyệt", utc_now() + timedelta(hours=5))
    await desk.failed("Không đăng được")
    await desk.live("Đã đăng", utc_now())
    approver = await console.visitor(desk.team.approver)
    async with window(browser, console, approver, size=size) as opened:
        page = opened.page
        await page.goto(console.url)
        await expect(page.get_by_role("heading", name="Việc của tôi")).to_be_visible()
        assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        await opened.axe()
        opened.check()
