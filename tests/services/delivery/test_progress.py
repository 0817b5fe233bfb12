"""How far a publication is, told from the rows that the send path leaves."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any, get_args
from uuid import UUID

import pytest
from sqlalchemy import text, update
from sqlmodel import col

from adapters.facebook_page.channel import StepName
from adapters.zalo_oa.publishing import Move
from services.channels.registry import Registry
from services.content.forms import ItemChanges
from services.content.tables import Item
from services.delivery import fan_out, hurry, progress
from services.delivery.progress import STAGES, STEPS, Progress
from services.delivery.tables import Attempt, Publication
from shared.clock import utc_now
from shared.errors import ConflictError, ForbiddenError, NotFoundError
from tests.support.hub import Bench, Team, make_bench


@pytest.fixture(scope="module")
async def bench(
    database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Bench]:
    made = make_bench(
        database_url, Path(tmp_path_factory.mktemp("media")), Registry.load({})
    ).ruled(hold=timedelta(seconds=10))
    yield made
    await made.engine.dispose()


@pytest.fixture(scope="module")
async def team(bench: Bench) -> Team:
    return await bench.team()


async def _publication(bench: Bench, team: Team) -> UUID:
    """An agreed publication on a portal, waiting for the end of its hold."""
    slug = f"cong-{utc_now().timestamp():.6f}".replace(".", "-")
    account = await bench.account(
        team, "portal_rss", {"slug": slug, "title": "Tin", "link": "https://cong.example/"}, {}
    )
    item = await bench.published(team, [account])
    async with bench.hub.open_work() as session:
        found = await session.scalar(
            text("SELECT id FROM publication WHERE item_id = :id"), {"id": item.id}
        )
    assert isinstance(found, UUID)
    return found


async def _move(bench: Bench, id_: UUID, *states: str, **values: object) -> None:
    async with bench.hub.open_work() as session:
        for state in states:
            await session.execute(
                update(Publication).where(col(Publication.id) == id_).values(state=state)
            )
        if values:
            await session.execute(
                update(Publication).where(col(Publication.id) == id_).values(**values)
            )


async def _attempt(bench: Bench, id_: UUID, **facts: Any) -> None:
    async with bench.hub.open_work() as session:
        row = await session.get_one(Publication, id_)
        session.add(
            Attempt(
                **{
                    "publication_id": id_,
                    "account_id": row.account_id,
                    "generation": row.generation,
                    "no": 1,
                    "operation": "publish",
                    "fence": 0,
                    "started_at": utc_now(),
                    **facts,
                }
            )
        )


async def _progress(bench: Bench, team: Team, id_: UUID) -> Progress:
    async with bench.hub.open_work() as session:
        row = await session.get_one(Publication, id_)
        found = await progress.of_item(session, bench.hub, row.item_id, staff_id=team.editor)
    return found[id_]


def _told(found: Progress) -> list[tuple[str, str]]:
    return [(stage.name, stage.standing) for stage in found.stages]


def test_every_step_that_our_adapters_name_has_its_stage() -> None:
    assert {move.value for move in Move} | set(get_args(StepName)) <= STEPS
    assert all(vi and en for vi, en in STAGES.values())


async def test_what_waits_for_its_time_has_only_been_prepared(bench: Bench, team: Team) -> None:
    id_ = await _publication(bench, team)
    found = await _progress(bench, team, id_)
    assert _told(found) == [("prepare", "done"), ("feed", "next"), ("fetch", "next")]
    assert found.started_at is None
    assert not found.may_hurry


async def test_the_step_that_is_called_is_the_one_under_way(bench: Bench, team: Team) -> None:
    id_ = await _publication(bench, team)
    await _move(bench, id_, "sending")
    begun = utc_now()
    await _attempt(
        bench, id_, phase="token", calling="verify", called_at=begun, handle={"token": "x"}
    )
    found = await _progress(bench, team, id_)
    assert _told(found)[:5] == [
        ("prepare", "done"),
        ("post", "done"),
        ("processing", "now"),
        ("show", "next"),
        ("fetch", "next"),
    ]
    assert found.stages[1].at == begun


async def test_each_stage_has_the_time_at_which_its_phase_was_reached(
    bench: Bench, team: Team
) -> None:
    id_ = await _publication(bench, team)
    began = utc_now()
    reached = [began + timedelta(seconds=no) for no in (1, 20, 31)]
    steps = [
        {"phase": phase, "at": at.isoformat()}
        for phase, at in zip(("token", "id", "show_token"), reached, strict=True)
    ]
    await _attempt(
        bench, id_, phase="show_token", handle={"show_token": "x"}, steps=steps,
        started_at=began, ended_at=began + timedelta(seconds=40), outcome="done",
    )  # fmt: skip
    await _move(bench, id_, "sending", "live", seen_at=began, next_at=None)
    found = await _progress(bench, team, id_)
    told = {stage.name: stage.at for stage in found.stages}
    assert (told["post"], told["processing"]) == (reached[0], reached[1])
    assert told["show"] == began + timedelta(seconds=40)


async def test_a_video_that_is_still_being_taken_in_is_under_way(bench: Bench, team: Team) -> None:
    id_ = await _publication(bench, team)
    await _move(bench, id_, "sending")
    await _attempt(bench, id_, phase="video", handle={"videos": {"a": {"token": "x"}}})
    assert _told(await _progress(bench, team, id_))[1] == ("media", "now")
    other = await _publication(bench, team)
    await _move(bench, other, "sending")
    await _attempt(bench, other, phase="video", handle={"video": "17", "words": "x"})
    found = await _progress(bench, team, other)
    assert _told(found)[1:3] == [("post", "done"), ("processing", "now")]


async def test_pictures_are_a_stage_only_where_there_were_some(bench: Bench, team: Team) -> None:
    id_ = await _publication(bench, team)
    await _move(bench, id_, "sending")
    handle = {"photos": {"abc": {"id": "1", "at": utc_now().isoformat()}}}
    await _attempt(bench, id_, phase="photos", calling="post", handle=handle)
    assert [name for name, _ in _told(await _progress(bench, team, id_))][1:3] == ["media", "post"]


async def test_steps_that_nobody_here_knows_are_told_plainly(bench: Bench, team: Team) -> None:
    id_ = await _publication(bench, team)
    await _move(bench, id_, "sending", "failed", problem_code="rejected", problem_at=utc_now())
    await _attempt(bench, id_, phase="dance", ended_at=utc_now(), outcome="rejected")
    async with bench.hub.open_work() as session:
        await session.execute(
            text(
                "UPDATE account SET channel = 'of_strangers' WHERE id ="
                " (SELECT account_id FROM publication WHERE id = :id)"
            ),
            {"id": id_},
        )
    assert _told(await _progress(bench, team, id_)) == [("prepare", "done"), ("post", "failed")]


async def test_a_writer_may_cut_the_waiting_short_and_nothing_else(
    bench: Bench, team: Team
) -> None:
    id_ = await _publication(bench, team)
    editor = await bench.caller(team.editor)
    async with bench.hub.open_work() as session:
        with pytest.raises(ConflictError, match="not_waiting"):
            await hurry.hurry(session, editor, id_)
    later = utc_now() + timedelta(minutes=5)
    await _move(
        bench, id_, "pending", problem_code="unreachable", tries=1, next_at=later, problem_at=later
    )
    assert (await _progress(bench, team, id_)).may_hurry
    async with bench.hub.open_work() as session:
        with pytest.raises(ForbiddenError):
            await hurry.hurry(session, await bench.caller(team.admin), id_)
    stranger = await bench.caller((await bench.team()).editor)
    async with bench.hub.open_work() as session:
        with pytest.raises(NotFoundError):
            await hurry.hurry(session, stranger, id_)
    async with bench.hub.open_work() as session:
        await hurry.hurry(session, editor, id_)
    async with bench.hub.open_work() as session:
        row = await session.get_one(Publication, id_)
        due = await session.scalar(
            text("SELECT next_due_at <= now() FROM lane WHERE account_id = :id AND NOT urgent"),
            {"id": row.account_id},
        )
        acts = await session.scalar(
            text("SELECT count(*) FROM audit_entry WHERE object = :id AND act = :act"),
            {"id": f"publication:{id_}", "act": "publication.retried"},
        )
    assert row.next_at is not None
    assert row.next_at <= utc_now()
    assert (due, acts) == (True, 1)


async def test_an_account_that_holds_calls_back_cannot_be_hurried(bench: Bench, team: Team) -> None:
    id_ = await _publication(bench, team)
    later = utc_now() + timedelta(minutes=5)
    await _move(bench, id_, "pending", problem_code="rate_limited", tries=1, next_at=later)
    async with bench.hub.open_work() as session:
        await session.execute(
            text(
                "UPDATE account SET rate_until = :later WHERE id ="
                " (SELECT account_id FROM publication WHERE id = :id)"
            ),
            {"later": later, "id": id_},
        )
    found = await _progress(bench, team, id_)
    assert (found.retries, found.may_hurry, found.held_until) == (True, False, later)


async def test_the_journal_tells_acts_and_ends_newest_first(bench: Bench, team: Team) -> None:
    id_ = await _publication(bench, team)
    await _move(bench, id_, "sending", "live", observed_at=utc_now())
    async with bench.hub.open_work() as session:
        row = await session.get_one(Publication, id_)
        lines = await progress.journal(session, row.item_id)
        head = await progress.agreed(session, row.item_id)
    assert [line.act or line.state for line in lines] == [
        "live",
        "sending",
        "item.approved",
        "item.submitted",
    ]
    assert lines[2].who == "approver"
    assert head is not None
    assert (head.author, head.approver, head.no) == ("editor", "approver", 1)
    assert team.editor in head.hands


async def test_what_was_agreed_stands_over_a_newer_draft(bench: Bench, team: Team) -> None:
    id_ = await _publication(bench, team)
    await _move(bench, id_, "sending", "live")
    editor = await bench.caller(team.editor)
    async with bench.hub.open_work() as session:
        row = await session.get_one(Publication, id_)
        item = await session.get_one(Item, row.item_id)
        await fan_out.edit(
            session,
            editor,
            item.id,
            ItemChanges.model_validate({"title": "Bản nháp mới"}),
            version=item.version,
        )
    async with bench.hub.open_work() as session:
        head = await progress.agreed(session, row.item_id)
    assert head is not None
    assert (head.no, head.title) == (1, "Thông báo lịch tiếp dân")
