"""The screen on which a named person says what became of an unclear call."""

import json
from uuid import UUID

import pytest
from playwright.async_api import Browser
from sqlalchemy import text

from services.content.tables import Item
from services.delivery.tables import Publication
from shared.clock import utc_now
from tests.services.console.test_delivery import _attempt, _item, _move
from tests.support.browser import NARROW, WIDE, window
from tests.support.console import Console, Visitor
from tests.support.hub import Team

_CANDIDATES = [
    {
        "remote_id": "101",
        "remote_url": "https://kenh.example/101",
        "text": "Thông báo lịch tiếp dân <i>",
        "at": "2026-11-20T03:00:00+00:00",
        "similarity": 0.97,
    },
    {"remote_id": "102", "remote_url": None, "text": "Bài khác", "at": None, "similarity": 0.55},
]


async def _undecided(console: Console, team: Team) -> tuple[Item, UUID]:
    item = await _item(console, team)
    id_ = await _move(
        console, item, "sending", "undecided", problem_code="undecided", problem_at=utc_now(),
        next_at=None, may_be_visible=True,
    )  # fmt: skip
    mark = {"link": "https://loa.example/tin/1", "text": "Thông báo lịch tiếp dân", "n": None}
    await _attempt(console, id_, calling="post", called_at=utc_now(), fingerprint=mark)
    async with console.hub.open_work() as session:
        await session.execute(
            text("UPDATE publication SET candidates = CAST(:all AS jsonb) WHERE id = :id"),
            {"id": id_, "all": json.dumps(_CANDIDATES)},
        )
    return item, id_


async def _state(console: Console, id_: UUID) -> str:
    async with console.hub.open_work() as session:
        return (await session.get_one(Publication, id_)).state


async def test_both_sides_stand_beside_each_other_in_words(
    console: Console, team: Team, approver: Visitor
) -> None:
    item, id_ = await _undecided(console, team)
    board = (await approver.client.get(f"/posts/{item.id}/delivery")).text
    assert f"/publications/{id_}/decide" in board
    page = (await approver.client.get(f"/publications/{id_}/decide")).text
    for part in (
        "Thông báo lịch tiếp dân",
        "Gần như giống hệt",
        "Giống một phần",
        "https://kenh.example/101",
        "Thông báo lịch tiếp dân &lt;i&gt;",
        "Chắc chắn không có",
        "người dân sẽ thấy hai bài giống nhau",
        "Dừng, tôi sẽ theo dõi",
    ):
        assert part in page


async def test_who_may_not_decide_reads_who_may(
    console: Console, team: Team, editor: Visitor
) -> None:
    item, id_ = await _undecided(console, team)
    page = (await editor.client.get(f"/publications/{id_}/decide")).text
    assert "Chỉ người duyệt xác nhận được." in page
    assert 'name="outcome"' not in page
    answer = await editor.post(f"/publications/{id_}/decide", outcome="absent")
    assert answer.status_code == 403
    assert await _state(console, id_) == "undecided"
    board = (await editor.client.get(f"/posts/{item.id}/delivery")).text
    assert "Đã báo cho người duyệt" in board


@pytest.mark.parametrize(("outcome", "becomes"), [("absent", "pending"), ("stop", "failed")])
async def test_a_verdict_leads_back_to_the_board(
    console: Console, team: Team, approver: Visitor, outcome: str, becomes: str
) -> None:
    item, id_ = await _undecided(console, team)
    sent = await approver.post(f"/publications/{id_}/decide", outcome=outcome)
    assert (sent.status_code, sent.headers["location"]) == (303, f"/posts/{item.id}/delivery")
    assert await _state(console, id_) == becomes
    assert "Xác nhận kết quả trên" in (await approver.client.get(f"/posts/{item.id}/delivery")).text
    late = await approver.post(f"/publications/{id_}/decide", outcome=outcome)
    assert late.status_code == 303
    assert "vừa được giải quyết" in (await approver.client.get(late.headers["location"])).text


async def test_a_post_that_cannot_be_read_is_not_believed_and_what_was_typed_stays(
    console: Console, team: Team, approver: Visitor
) -> None:
    _, id_ = await _undecided(console, team)
    for typed in ("12345", "../../etc", "   "):
        answer = await approver.post(f"/publications/{id_}/decide", outcome="found", typed_id=typed)
        assert answer.status_code == 422
        assert typed.strip() in answer.text
        assert 'role="alert"' in answer.text
    assert await _state(console, id_) == "undecided"


async def test_an_unknown_verdict_changes_nothing(
    console: Console, team: Team, approver: Visitor
) -> None:
    _, id_ = await _undecided(console, team)
    answer = await approver.post(f"/publications/{id_}/decide", outcome="perhaps")
    assert answer.status_code == 422
    assert await _state(console, id_) == "undecided"


async def test_what_is_settled_leads_to_the_board(
    console: Console, team: Team, approver: Visitor
) -> None:
    item = await _item(console, team)
    id_ = await _move(console, item, "sending")
    answer = await approver.client.get(f"/publications/{id_}/decide")
    assert (answer.status_code, answer.headers["location"]) == (303, f"/posts/{item.id}/delivery")


@pytest.mark.parametrize("size", [WIDE, NARROW])
async def test_the_screen_has_no_barriers(
    console: Console, team: Team, approver: Visitor, browser: Browser, size: tuple[int, int]
) -> None:
    _, id_ = await _undecided(console, team)
    async with window(browser, console, approver, size=size) as opened:
        await opened.page.goto(f"{console.url}/publications/{id_}/decide")
        await opened.axe()
        assert not await opened.page.evaluate(
            "document.documentElement.scrollWidth > document.documentElement.clientWidth"
        )
        opened.check()
