"""Posts that were there before: read once, known by their ids, corrected and withdrawn as ours."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from time import process_time
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from services.channels import accounts
from services.content import drafting
from services.content.forms import ItemChanges
from services.delivery import adopting, fan_out
from services.delivery.turn import Loop
from services.queue.bell import listening
from shared.errors import ForbiddenError
from tests.support.hub import Bench, Team
from tests.support.sandbox import Sandbox
from tests.support.simulated import simulated_hub


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlet:
    """An account that showed something before it was connected."""

    team: Team
    channel: str
    remote: str
    account: UUID


@pytest.fixture(scope="module")
async def bench(
    sandbox: Sandbox, database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Bench]:
    media = Path(tmp_path_factory.mktemp("media"))
    async with simulated_hub(sandbox, database_url, media) as made:
        # Without a budget of calls the reading needs no pauses.
        yield made.ruled(calls_per_minute=0)


async def test_hundreds_of_posts_are_known_and_none_is_made(bench: Bench, sandbox: Sandbox) -> None:
    team = await bench.team()
    zalo = await _outlet(bench, sandbox, team, "zalo_oa", [_post(no) for no in range(70)])
    page = await _outlet(
        bench, sandbox, team, "facebook_page", [_post(no) for no in range(50, 120)]
    )
    before = [await _shown(sandbox, one) for one in (zalo, page)]

    await _adopt(bench, zalo)
    await _adopt(bench, page)

    assert [await _shown(sandbox, one) for one in (zalo, page)] == before
    first, second = await _reading(bench, zalo), await _reading(bench, page)
    assert (first.state, first.read, first.made) == ("done", 70, 70)
    assert first.views is not None
    # Twenty stood on both channels in the same words: each is one item.
    assert (second.state, second.read, second.made, second.matched) == ("done", 70, 50, 20)
    rows = await _publications(bench, team)
    assert len(rows) == 140
    assert len({row.item_id for row in rows}) == 120
    assert {(row.state, row.generation, row.observed_generation) for row in rows} == {
        ("live", 1, 1)
    }
    assert {row.remote_id for row in rows} == {one["remote_id"] for told in before for one in told}
    assert all(row.next_at is None and row.attempts == 0 for row in rows)
    assert all(row.released_no is None for row in rows), "no page of ours shows them yet"


async def test_reading_again_makes_nothing_twice(bench: Bench, sandbox: Sandbox) -> None:
    outlet = await _outlet(bench, sandbox, await bench.team(), "zalo_oa", [_post(1), _post(2)])
    await _adopt(bench, outlet)
    once = await _publications(bench, outlet.team)

    await _adopt(bench, outlet)

    assert await _publications(bench, outlet.team) == once
    assert (await _reading(bench, outlet)).read == 2


async def test_whoever_sends_to_the_account_waits_for_one_post_at_most(
    bench: Bench, sandbox: Sandbox
) -> None:
    posts = [_post(no) for no in range(5)]
    outlet = await _outlet(bench, sandbox, await bench.team(), "zalo_oa", posts)

    await _adopt(bench, outlet)

    async with bench.hub.open_work() as session:
        transactions = await session.scalar(
            text("SELECT count(DISTINCT xmin::text) FROM adopted_post WHERE account_id = :id"),
            {"id": outlet.account},
        )
    assert transactions == len(posts)


async def test_two_workers_and_a_broken_off_reading_make_each_item_once(
    bench: Bench, sandbox: Sandbox
) -> None:
    posts = [_post(no) for no in range(35)]
    outlet = await _outlet(bench, sandbox, await bench.team(), "zalo_oa", posts)
    await _ask(bench, outlet)
    await adopting.read_on(bench.hub, pages=1)
    assert (await _reading(bench, outlet)).read == 10
    halfway = asyncio.create_task(adopting.read_on(bench.hub))
    await asyncio.sleep(0.05)
    halfway.cancel()
    await asyncio.gather(halfway, return_exceptions=True)
    await _lapse(bench, outlet)

    await asyncio.gather(*(adopting.read_on(bench.hub) for _ in range(4)))
    await _until_read(bench, outlet)

    assert (await _reading(bench, outlet)).made == 35
    assert len({row.remote_id for row in await _publications(bench, outlet.team)}) == 35


async def test_a_post_is_corrected_under_its_own_id_and_withdrawn(
    bench: Bench, sandbox: Sandbox
) -> None:
    outlet = await _outlet(bench, sandbox, await bench.team(), "zalo_oa", [_post(7)])
    await _adopt(bench, outlet)
    (row,) = await _publications(bench, outlet.team)
    await _correct(bench, outlet, row.item_id, "Giờ mới: 8 giờ sáng.")

    loop = Loop(bench.hub)
    async with listening(bench.url, loop.ring):
        turning = asyncio.create_task(loop.run())
        try:
            await _until(bench, outlet, "live", generation=2)
            (shown,) = await _shown(sandbox, outlet)
            assert shown["remote_id"] == row.remote_id
            assert "Giờ mới" in shown["text"]
            approver = await bench.caller(outlet.team.approver)
            async with bench.hub.open_work() as session:
                await fan_out.withdraw(session, approver, row.item_id, reason="Đã hết hạn")
            await _until(bench, outlet, "withdrawn", generation=3)
        finally:
            loop.stop()
            await turning
    assert await _shown(sandbox, outlet) == []


async def test_a_post_that_leads_to_our_page_joins_its_item(bench: Bench, sandbox: Sandbox) -> None:
    team = await bench.team()
    item = await bench.draft(team, title="Lịch tiếp công dân quý IV")
    async with bench.hub.open_work() as session:
        await session.execute(
            text("UPDATE item SET released_no = 1, published_at = now() WHERE id = :id"),
            {"id": item.id},
        )
        await session.execute(
            text("UPDATE revision SET state = 'approved' WHERE item_id = :id"), {"id": item.id}
        )
        await session.execute(
            text(
                "INSERT INTO publication (id, item_id, account_id, generation,"
                " observed_generation, observed_revision_no, state, not_before, urgent,"
                " in_urgent_lane, tries, resends, final, looks, absences, candidates,"
                " may_be_visible, created_at) SELECT gen_random_uuid(), :item, :account, 1, 1, 1,"
                " 'live', now(), false, false, 0, 0, false, 0, 0, '[]', false, now()"
            ),
            {"item": item.id, "account": await _portal(bench, team)},
        )
    words = f"Mời bà con xem lịch tại {bench.hub.item_url(item.code)}"
    outlet = await _outlet(bench, sandbox, team, "facebook_page", [{"text": words}])

    await _adopt(bench, outlet)

    (post,) = await _posts(bench, outlet)
    assert (post.matched_by, post.item_code) == ("link", item.code)


def test_items_of_another_length_cost_no_comparison() -> None:
    post = "phường thông báo lịch cấp nước " * 40
    longer = post * 40
    same, other = UUID(int=1), UUID(int=2)
    alike = [(UUID(int=no), f"{longer} {no}") for no in range(3, 203)]
    began = process_time()

    found = adopting._closest([*alike, (same, post.upper()), (other, longer)], post)

    assert found == same
    assert process_time() - began < 3  # all of them compared: ten seconds, while sending waits
    assert adopting._closest(alike, post) is None


async def test_what_is_hidden_is_known_but_no_item(bench: Bench, sandbox: Sandbox) -> None:
    hidden = {**_post(3), "status": "hide"}
    outlet = await _outlet(bench, sandbox, await bench.team(), "zalo_oa", [_post(2), hidden])

    await _adopt(bench, outlet)

    assert sorted(
        (one.skipped or "", one.matched_by or "") for one in await _posts(bench, outlet)
    ) == [
        ("", "new"),
        ("hidden", ""),
    ]


async def test_what_was_posted_after_connecting_is_left_alone(
    bench: Bench, sandbox: Sandbox
) -> None:
    outlet = await _outlet(bench, sandbox, await bench.team(), "facebook_page", [_post(1)])
    await asyncio.sleep(1.1)  # Graph tells whole seconds
    await _foreign(sandbox, outlet.channel, outlet.remote, _post(2))

    await _adopt(bench, outlet)

    assert (await _reading(bench, outlet)).read == 1


async def test_a_channel_that_does_not_answer_is_asked_again_and_then_said_so(
    bench: Bench, sandbox: Sandbox
) -> None:
    outlet = await _outlet(bench, sandbox, await bench.team(), "zalo_oa", [_post(1)])
    await sandbox.fault(outlet.remote, operation="list", kind="http_500", count=50)
    await _ask(bench, outlet)
    for _ in range(6):
        await _lapse(bench, outlet)
        await adopting.read_on(bench.hub)
    told = await _reading(bench, outlet)
    assert (told.state, told.read) == ("failed", 0)
    assert told.problem_code
    async with bench.hub.open_work() as session:
        assert await session.scalar(text("SELECT count(*) FROM item WHERE unit_id = :u"), {
            "u": outlet.team.unit_id
        }) == 0  # fmt: skip

    (await sandbox.http.delete("/faults")).raise_for_status()
    await _adopt(bench, outlet)
    assert (await _reading(bench, outlet)).made == 1


@pytest.mark.parametrize("broken", ["listing", "keeping"])
async def test_what_nobody_foresaw_is_given_up_and_goes_on_when_a_person_asks(
    bench: Bench, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    outlet = await _outlet(bench, sandbox, await bench.team(), "zalo_oa", [_post(1)])

    async def breaks(*_: object, **__: object) -> None:
        raise KeyError("nobody foresaw this")

    if broken == "listing":
        monkeypatch.setattr(type(bench.hub.registry.get("zalo_oa")), "listing", breaks)
    else:
        monkeypatch.setattr(drafting, "take_over", breaks)
    await _ask(bench, outlet)
    for _ in range(6):
        assert (await _reading(bench, outlet)).state == "reading"
        await _lapse(bench, outlet)
        await adopting.read_on(bench.hub)
    told = await _reading(bench, outlet)
    assert (told.state, told.problem_code) == ("failed", "reading_broke")

    monkeypatch.undo()
    await _adopt(bench, outlet)
    told = await _reading(bench, outlet)
    assert (told.state, told.made, told.problem_code) == ("done", 1, None)


async def test_a_paused_account_is_left_alone_until_it_goes_on(
    bench: Bench, sandbox: Sandbox
) -> None:
    outlet = await _outlet(bench, sandbox, await bench.team(), "zalo_oa", [_post(1)])
    admin = await bench.caller(outlet.team.admin)
    async with bench.hub.open_work() as session:
        await accounts.pause(session, admin, outlet.account, "Bảo trì")
    await _ask(bench, outlet)

    # It waits a minute: nobody asks for it again and again meanwhile.
    assert await asyncio.wait_for(adopting.read_on(bench.hub), 30) == 0
    assert (await _reading(bench, outlet)).problem_code == "account_paused"

    async with bench.hub.open_work() as session:
        await accounts.resume(session, admin, outlet.account)
    await _lapse(bench, outlet)
    await _until_read(bench, outlet)
    assert (await _reading(bench, outlet)).made == 1


async def test_only_an_admin_may_ask(bench: Bench, sandbox: Sandbox) -> None:
    outlet = await _outlet(bench, sandbox, await bench.team(), "zalo_oa", [])
    editor = await bench.caller(outlet.team.editor)
    with pytest.raises(ForbiddenError):
        async with bench.hub.open_work() as session:
            await adopting.ask(session, bench.hub, editor, outlet.account)


# ── Words for the tests ──────────────────────────────────────────────────────────────────────────


def _post(no: int) -> dict[str, Any]:
    return {
        "title": f"Thông báo số {no} về lịch tiếp công dân",
        "text": f"Kỳ tiếp công dân thứ {no} diễn ra tại nhà văn hóa tổ {no}, kính mời bà con.",
    }


async def _foreign(sandbox: Sandbox, channel: str, remote: str, told: dict[str, Any]) -> None:
    if channel == "facebook_page" and "title" in told:
        told = {"text": f"{told['title']}\n{told['text']}"}
    await sandbox.post("/admin/foreign", {"channel": channel, "account": remote, **told})


async def _outlet(
    bench: Bench, sandbox: Sandbox, team: Team, channel: str, posts: list[dict[str, Any]]
) -> Outlet:
    made = await sandbox.account(channel)
    for one in posts:
        await _foreign(sandbox, channel, made["id"], one)
    if posts:
        await asyncio.sleep(1.1)  # Graph tells whole seconds
    account = await bench.account(team, channel, made["settings"], made["credentials"])
    return Outlet(team=team, channel=channel, remote=made["id"], account=account)


async def _shown(sandbox: Sandbox, outlet: Outlet) -> list[dict[str, Any]]:
    visible: list[dict[str, Any]] = (await sandbox.ledger(outlet.remote))["visible"]
    return visible


async def _portal(bench: Bench, team: Team) -> UUID:
    slug = f"cong-{team.unit_code.lower()}"
    settings = {"slug": slug, "title": "Cổng", "link": "https://cong.example"}
    return await bench.account(team, "portal_rss", settings, {})


async def _ask(bench: Bench, outlet: Outlet) -> None:
    admin = await bench.caller(outlet.team.admin)
    async with bench.hub.open_work() as session:
        await adopting.ask(session, bench.hub, admin, outlet.account)


async def _adopt(bench: Bench, outlet: Outlet) -> None:
    await _ask(bench, outlet)
    await _until_read(bench, outlet)


async def _until_read(bench: Bench, outlet: Outlet) -> None:
    async with asyncio.timeout(60):
        while (await _reading(bench, outlet)).state == "reading":
            if not await adopting.read_on(bench.hub, pages=50):
                await asyncio.sleep(0.05)


async def _lapse(bench: Bench, outlet: Outlet) -> None:
    async with bench.hub.open_work() as session:
        await session.execute(
            text("UPDATE adoption SET until = now() WHERE account_id = :id"),
            {"id": outlet.account},
        )


async def _reading(bench: Bench, outlet: Outlet) -> adopting.Reading:
    async with bench.hub.open_work() as session:
        return await adopting.reading(session, outlet.account)


async def _posts(bench: Bench, outlet: Outlet) -> list[adopting.Post]:
    async with bench.hub.open_work() as session:
        return await adopting.posts(session, outlet.account)


async def _publications(bench: Bench, team: Team) -> list[Any]:
    async with bench.hub.open_work() as session:
        rows = await session.execute(
            text(
                "SELECT p.item_id, p.remote_id, p.state, p.generation, p.observed_generation,"
                " p.next_at, i.released_no,"
                " (SELECT count(*) FROM attempt a WHERE a.publication_id = p.id) AS attempts"
                " FROM publication p JOIN item i ON i.id = p.item_id"
                " WHERE i.unit_id = :unit ORDER BY p.id"
            ),
            {"unit": team.unit_id},
        )
        return list(rows)


async def _correct(bench: Bench, outlet: Outlet, item_id: UUID, body: str) -> None:
    team = outlet.team
    cover = await bench.picture(team)
    editor = await bench.caller(team.editor)
    async with bench.hub.open_work() as session:
        version = await session.scalar(
            text("SELECT version FROM item WHERE id = :id"), {"id": item_id}
        )
        changes = ItemChanges(
            body=body, cover=cover, summary="Đổi giờ tiếp.", correction_note="Đổi giờ."
        )
        await drafting.edit(session, editor, item_id, changes, version=version)
    seen = await bench.submitted(team, item_id, [outlet.account])
    approver = await bench.caller(team.approver)
    async with bench.hub.open_work() as session:
        await fan_out.approve(session, bench.hub, approver, item_id, revision=2, seen=seen)


async def _until(bench: Bench, outlet: Outlet, state: str, *, generation: int) -> None:
    async with asyncio.timeout(60):
        while True:
            async with bench.hub.open_work() as session:
                row = (
                    await session.execute(
                        text(
                            "SELECT state, observed_generation FROM publication"
                            " WHERE account_id = :id"
                        ),
                        {"id": outlet.account},
                    )
                ).one()
            if (row.state, row.observed_generation) == (state, generation):
                return
            await asyncio.sleep(timedelta(milliseconds=50).total_seconds())
