"""Choices kept in a draft, free moments, and what previews of unsaved words show and mend."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text

from services.content import media, queries
from services.content.forms import ItemChanges
from services.content.imagining import Typed, imagined
from services.content.tables import Item, Revision
from services.delivery import composing, preview
from services.delivery.composing import Choices
from shared.clock import utc_now
from shared.errors import ConflictError, InvalidError
from tests.services.console import outlets
from tests.support.hub import Bench, Team
from tests.support.pictures import jpeg

_HANOI = ZoneInfo("Asia/Ho_Chi_Minh")


@pytest.fixture
async def team(bench: Bench) -> Team:
    return await bench.team()


async def _saved(bench: Bench, team: Team, item: Item, choices: Choices) -> tuple[Item, Revision]:
    editor = await bench.caller(team.editor)
    async with bench.hub.open_work() as session:
        known = await queries.item(session, item.id, editor.unit_ids)
        saved = await composing.save(
            session,
            editor,
            item.id,
            ItemChanges(),
            choices,
            version=known.version,
            now=utc_now(),
        )
    async with bench.hub.open_work() as session:
        return saved, (await queries.newest(session, (saved,)))[item.id]


async def test_choices_stay_in_the_draft_and_the_same_again_leaves_no_trace(
    bench: Bench, team: Team
) -> None:
    account = await outlets.portal(bench, team)
    item = await bench.draft(team)
    at = utc_now() + timedelta(days=2)
    choices = Choices(accounts=(account,), publish_at=at, note="Nhờ chị xem")
    saved, revision = await _saved(bench, team, item, choices)
    assert (revision.accounts, revision.publish_at, revision.note) == ([account], at, "Nhờ chị xem")
    again, _ = await _saved(bench, team, item, choices)
    assert again.version == saved.version


async def test_a_version_that_is_over_is_refused(bench: Bench, team: Team) -> None:
    item = await bench.draft(team)
    editor = await bench.caller(team.editor)
    async with bench.hub.open_work() as session:
        with pytest.raises(ConflictError, match="stale_version"):
            await composing.save(
                session,
                editor,
                item.id,
                ItemChanges(title="Mới"),
                Choices(accounts=()),
                version=item.version + 1,
                now=utc_now(),
            )


async def test_other_channels_for_what_waits_agreed_take_the_agreement_back(
    bench: Bench, team: Team
) -> None:
    first, second = await outlets.portal(bench, team), await outlets.portal(bench, team)
    item = await bench.draft(team)
    at = utc_now() + timedelta(days=2)
    seen = await bench.submitted(team, item.id, [first], publish_at=at)
    await bench.approved(team, item.id, seen)
    _, revision = await _saved(bench, team, item, Choices(accounts=(first, second), publish_at=at))
    assert (revision.no, revision.state, revision.accounts) == (2, "draft", [first, second])
    assert set((await bench.states(item.id)).values()) == {"withdrawn"}


async def test_free_moments_keep_half_an_hour_from_what_is_scheduled(
    bench: Bench, team: Team
) -> None:
    now = datetime(2031, 6, 2, 0, 0, tzinfo=UTC)
    async with bench.hub.open_work() as session:
        free = await composing.free_moments(session, [team.unit_id], now=now, zone=_HANOI, most=3)
    assert [f"{one.astimezone(_HANOI):%d %H:%M}" for one in free] == [
        "02 08:00",
        "02 11:30",
        "02 17:00",
    ]
    account = await outlets.portal(bench, team)
    item = await bench.draft(team)
    seen = await bench.submitted(
        team, item.id, [account], publish_at=free[1] + timedelta(minutes=10)
    )
    await bench.approved(team, item.id, seen)
    async with bench.hub.open_work() as session:
        left = await composing.free_moments(session, [team.unit_id], now=now, zone=_HANOI, most=3)
    assert free[1] not in left
    assert len(left) == 3


async def test_a_picture_that_is_too_large_is_told_and_made_ready_step_by_step(
    bench: Bench, team: Team
) -> None:
    zalo, facebook, _ = await outlets.three(bench, team)
    editor = await bench.caller(team.editor)
    async with bench.hub.open_work() as session:
        large = await media.add(
            session,
            editor,
            bench.hub.media,
            data=jpeg(4000, 3000),
            filename="to.jpg",
            alt="Toàn cảnh",
        )
        await session.execute(
            text("UPDATE media SET size_bytes = 1400000 WHERE id = :id"), {"id": large.id}
        )
    item = await bench.draft(team, cover=str(large.id))
    typed = Typed(title="Một tin", body="Chữ.", cover=large.id)

    async def unsaved() -> preview.Unsaved:
        async with bench.hub.open_work() as session:
            imagined_item, revision = await imagined(
                session, editor, typed, item_id=item.id, now=utc_now()
            )
            return await preview.render_unsaved(
                session,
                bench.hub,
                imagined_item,
                revision,
                [zalo, facebook],
                unit_ids=editor.unit_ids,
            )

    before = await unsaved()
    assert [(one.account_id, one.to_bytes) for one in before.fixes] == [(zalo, None)]
    async with bench.hub.open_work() as session:
        left = await preview.prepare(session, bench.hub, item.id, [zalo, facebook], most=1)
    assert left == 1
    async with bench.hub.open_work() as session:
        left = await preview.prepare(session, bench.hub, item.id, [zalo, facebook], most=5)
    assert left == 0
    made = (await unsaved()).fixes[0].to_bytes
    assert made is not None
    assert made <= 1_000_000


async def test_a_picture_on_a_foreign_site_holds_the_submission(bench: Bench, team: Team) -> None:
    account = await outlets.portal(bench, team)
    item = await bench.draft(team, body="Xem\n\n![Ảnh](https://example.vn/a.jpg)")
    async with bench.hub.open_work() as session:
        shown = await preview.render(session, bench.hub, item.id, [account])
    told = {one.code: one.blocking for one in shown.renditions[0].problems}
    assert told["picture_foreign"] is True
    assert shown.renditions[0].blocked


async def test_a_gap_that_a_template_left_holds_the_submission(bench: Bench, team: Team) -> None:
    account, other = await outlets.portal(bench, team), await outlets.portal(bench, team)
    item = await bench.draft(
        team,
        title="Cảnh báo {{loại thiên tai}}",
        body="Từ {{ ngày }}, {{ nơi }}, {{giờ}} và {{nguồn tin}}.",
        overrides={str(other): {"title": "Cảnh báo bão", "text": "Bão vào {{nơi}}."}},
    )
    async with bench.hub.open_work() as session:
        shown = await preview.render(session, bench.hub, item.id, [account, other])
    told = {
        one.account_id: {
            problem.field: problem.detail for problem in one.problems if problem.code == "gap_left"
        }
        for one in shown.renditions
    }
    assert set(told[account]) == {"title", "body"}
    assert "“ngày”, “nơi”, “giờ” và 1 chỗ khác" in told[account]["body"]
    assert set(told[other]) == {"text"}
    with pytest.raises(InvalidError) as refused:
        await bench.submitted(team, item.id, [account])
    assert {one.code for one in refused.value.fields} == {"gap_left"}
