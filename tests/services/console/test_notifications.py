"""Notifications as their reader sees them, the bell, and what one wants to be told."""

import asyncio
import re

import pytest
from playwright.async_api import Browser, expect

from services.console import live
from services.delivery import fan_out, notices
from shared.clock import utc_now
from tests.services.console.test_delivery import _accounts, _item, _move
from tests.support.browser import NARROW, WIDE, window
from tests.support.console import Console, Visitor
from tests.support.hub import Team


def _bell(page: str) -> str:
    found = re.search(r'id="bell".*?data-title-count="(\d+)"', page, re.DOTALL)
    assert found is not None
    return found[1]


async def _people(console: Console) -> tuple[Team, Visitor, Visitor]:
    team = await console.bench.team()
    return team, await console.visitor(team.editor), await console.visitor(team.approver)


async def test_without_notifications_the_page_says_where_they_will_be(console: Console) -> None:
    _, editor, _ = await _people(console)
    page = (await editor.client.get("/notifications")).text
    assert "Chưa có thông báo nào." in page
    assert _bell(page) == "0"


async def test_a_waiting_item_leads_to_its_review_and_counts_until_then(console: Console) -> None:
    team, _, approver = await _people(console)
    item = await console.bench.draft(team, title="Lịch tiếp dân <b>")
    await console.bench.submitted(team, item.id, await _accounts(console, team))
    page = (await approver.client.get("/notifications")).text
    assert "Lịch tiếp dân &lt;b&gt;" in page
    assert "Chờ bạn duyệt." in page
    assert _bell(page) == "1"
    link = re.search(r'href="(/notifications/[0-9a-f-]{36})"', page)
    assert link is not None
    opened = await approver.client.get(link[1])
    assert (opened.status_code, opened.headers["location"]) == (303, f"/posts/{item.id}/review")
    assert _bell((await approver.client.get("/notifications")).text) == "0"


async def test_a_return_tells_its_reason(console: Console) -> None:
    team, editor, approver = await _people(console)
    item = await console.bench.draft(team)
    await console.bench.submitted(team, item.id, await _accounts(console, team))
    async with console.hub.open_work() as session:
        await fan_out.send_back(session, approver.caller, item.id, reason="Sai ngày")
    page = (await editor.client.get("/notifications")).text
    assert "Bài được trả lại để sửa." in page
    assert "Sai ngày" in page
    assert "đã có người xử lý" in (await approver.client.get("/notifications")).text


async def test_a_failure_is_one_line_for_all_channels_and_seeing_the_board_reads_it(
    console: Console,
) -> None:
    team, editor, _ = await _people(console)
    item = await _item(console, team, count=2)
    await _move(console, item, "failed", problem_code="above_limit", problem_at=utc_now())
    page = (await editor.client.get("/notifications")).text
    (line,) = re.findall(r"Chưa đăng được trên ([^<]*)\.<", page)
    assert line.count("Cổng") == 2
    assert "Bài vượt giới hạn của kênh." in page
    board = (await editor.client.get(f"/posts/{item.id}/delivery")).text
    assert _bell(board) == "0"


async def test_a_failure_on_many_channels_names_a_few_and_is_tried_again_on_all(
    console: Console,
) -> None:
    team, _, approver = await _people(console)
    item = await _item(console, team, count=5)
    await _move(console, item, "failed", problem_code="above_limit", problem_at=utc_now())
    page = (await approver.client.get("/notifications")).text
    assert re.search(r"Chưa đăng được trên [^.]+ và 2 kênh khác\.", page)
    link = re.search(r'action="(/notifications/[0-9a-f-]{36}/retry)"', page)
    assert link is not None
    assert (await approver.post(link[1])).status_code == 303
    assert "failed" not in set((await console.bench.states(item.id)).values())


async def test_an_alert_stands_first_whatever_came_after(console: Console) -> None:
    team, _, approver = await _people(console)
    accounts = await _accounts(console, team)
    for title, urgent in (("Bão gần bờ", True), ("Tin thường", False)):
        item = await console.bench.draft(team, title=title)
        await console.bench.submitted(team, item.id, accounts, urgent=urgent)
    page = (await approver.client.get("/notifications")).text
    assert page.index("Bão gần bờ") < page.index("Tin thường")
    assert "Tin khẩn chờ bạn duyệt." in page


async def test_everything_can_be_marked_as_read_and_only_ones_own(console: Console) -> None:
    team, _, approver = await _people(console)
    other = await console.visitor(team.second_approver)
    item = await console.bench.draft(team)
    await console.bench.submitted(team, item.id, await _accounts(console, team))
    assert (await approver.post("/notifications/read")).status_code == 303
    assert _bell((await approver.client.get("/notifications")).text) == "0"
    page = (await other.client.get("/notifications")).text
    assert _bell(page) == "1"
    link = re.search(r'href="(/notifications/[0-9a-f-]{36})"', page)
    assert link is not None
    assert (await approver.client.get(link[1])).status_code == 404
    assert (await approver.post("/notifications/read", id="not an id")).status_code == 404


async def test_a_choice_is_kept_and_obeyed(console: Console) -> None:
    team, editor, approver = await _people(console)
    page = (await approver.client.get("/notifications")).text
    assert 'value="submitted" checked' in page
    assert 'value="returned"' not in page  # nothing that never reaches this reader
    assert 'value="returned" checked' in (await editor.client.get("/notifications")).text
    saved = await approver.post("/notifications/choices", cause=["failed", "settled", "made up"])
    assert saved.status_code == 303
    page = (await approver.client.get("/notifications")).text
    assert 'value="submitted" checked' not in page
    assert 'value="failed" checked' in page
    item = await console.bench.draft(team)
    await console.bench.submitted(team, item.id, await _accounts(console, team))
    assert _bell((await approver.client.get("/notifications")).text) == "0"


async def test_an_odd_place_to_go_on_from_is_refused(console: Console) -> None:
    _, editor, _ = await _people(console)
    for odd in ("yesterday", "2026-11-22T10:00:00", "\x00"):
        answer = await editor.client.get("/notifications", params={"before": odd})
        assert answer.status_code == (200 if odd == "\x00" else 422)


async def test_the_bell_of_any_page_follows_also_what_makes_no_news(
    console: Console, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "_RECHECK_SECONDS", 0.2)
    team, editor, _ = await _people(console)
    item = await _item(console, team)
    page = (await editor.client.get("/help")).text
    assert page.count("hx-sse:connect") == 1
    assert "/events?topics=bell" in page
    async with asyncio.timeout(180), editor.client.stream("GET", "/events?topics=bell") as stream:
        lines = stream.aiter_lines()
        await anext(lines)
        # The stream has counted what is there by the time that a further page is drawn.
        await editor.client.get("/help")
        await _move(console, item, drift="hidden", drift_at=utc_now())
        async with console.hub.open_work() as session:
            await notices.collect(session)  # as the worker does every few seconds
        async for line in lines:
            if 'data-title-count="1"' in line:
                break
    page = (await editor.client.get("/notifications")).text
    assert "không còn như bản đã duyệt." in page


@pytest.mark.parametrize("size", [WIDE, NARROW])
async def test_the_page_has_no_barriers(
    console: Console, browser: Browser, size: tuple[int, int]
) -> None:
    team, _, approver = await _people(console)
    accounts = await _accounts(console, team)
    for urgent in (True, False):
        item = await console.bench.draft(team, title="Một tiêu đề rất dài " * 6)
        await console.bench.submitted(team, item.id, accounts, urgent=urgent)
    async with window(browser, console, approver, size=size) as opened:
        await opened.page.goto(f"{console.url}/notifications")
        await expect(opened.page).to_have_title(re.compile(r"^\(2\) "))
        await opened.page.locator("#choices summary").click()
        await opened.axe()
        assert not await opened.page.evaluate(
            "document.documentElement.scrollWidth > document.documentElement.clientWidth"
        )
        opened.check()
