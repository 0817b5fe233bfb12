from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from services.audit.actor import Actor
from services.channels.tables import Account
from services.content import search
from services.content.tables import Item, Revision
from services.delivery import board, switches, tally
from services.delivery.board import Shown, Standing
from services.delivery.tables import Attempt, Publication, Rendition
from services.storage.columns import new_id
from services.storage.session import make_engine
from shared.clock import utc_now
from shared.errors import InvalidError
from tests.support.newsroom import Newsroom

NOW = datetime(2026, 12, 4, 3, 0, tzinfo=UTC)


@pytest.fixture
async def session(database_url: str) -> AsyncIterator[AsyncSession]:
    """A unit of work that is never committed."""
    engine = make_engine(database_url, size=2)
    async with AsyncSession(engine, expire_on_commit=False) as session:
        yield session
        await session.rollback()
    await engine.dispose()


@dataclass(slots=True, kw_only=True)
class Desk:
    """One item, and what its accounts are made to stand at."""

    session: AsyncSession
    newsroom: Newsroom
    item: Item
    revisions: list[Revision]
    accounts: list[Account] = field(default_factory=list)

    async def next_revision(self, state: str = "approved") -> Revision:
        no = self.item.revision_no + 1
        revision = await self.newsroom.revise(self.item, no=no, title="Tin đã sửa", state=state)
        self.item.revision_no = no
        await self.session.flush()
        self.revisions.append(revision)
        return revision

    async def rendition(self, revision_no: int) -> Rendition:
        account = await self.newsroom.portal(f"cong-{new_id().hex[-8:]}")
        self.accounts.append(account)
        return await self.newsroom.rendition(self.item, self.revisions[revision_no - 1], account)

    async def at(
        self, state: str, *, wanted: int | None = 1, shows: int | None = None, **facts: Any
    ) -> Publication:
        """A publication in this state that wants one revision and shows another (None: nothing)."""
        first = await self.rendition(shows or wanted or 1)
        account = self.accounts[-1]
        desired = first
        if wanted is not None and shows is not None and shows != wanted:
            desired = await self.newsroom.rendition(self.item, self.revisions[wanted - 1], account)
        shown: dict[str, Any] = {}
        if shows is not None:
            shown = {
                "observed_rendition_id": first.id,
                "observed_revision_no": shows,
                "remote_id": new_id().hex,
                "first_observed_at": NOW,
                "observed_at": NOW,
            }
        publication = Publication(
            **{
                "item_id": self.item.id,
                "account_id": account.id,
                "state": state,
                "desired_rendition_id": desired.id if wanted is not None else None,
                **shown,
                **facts,
            }
        )
        self.session.add(publication)
        await self.session.flush()
        return publication

    async def attempt(self, publication: Publication, **facts: Any) -> None:
        self.session.add(
            Attempt(
                **{
                    "publication_id": publication.id,
                    "account_id": publication.account_id,
                    "generation": publication.generation,
                    "no": 1,
                    "operation": "publish",
                    "fence": 1,
                    "started_at": NOW,
                    **facts,
                }
            )
        )
        await self.session.flush()

    async def standing(self) -> Standing:
        return (await board.standing(self.session, [self.item.id]))[self.item.id]

    async def state(self) -> str:
        """The derived state, which the list must find the item under as well."""
        standing = await self.standing()
        state, units = standing.state, [self.newsroom.unit]
        found, _ = await board.items(self.session, state=state, unit_ids=units, limit=10)
        assert found == [self.item.id]
        told, _ = await board.wholes(self.session, state=state, unit_ids=units, limit=10)
        assert [(one.row.id, one.standing) for one in told] == [(self.item.id, standing)]
        return state

    async def shown(self, publication: Publication) -> Shown:
        await self.session.flush()
        found = await board.publication(self.session, publication.id, [self.newsroom.unit])
        assert found is not None
        return found


@pytest.fixture
async def desk(session: AsyncSession) -> Desk:
    newsroom = await Newsroom(session=session).open()
    item, revision = await newsroom.item()
    return Desk(session=session, newsroom=newsroom, item=item, revisions=[revision])


async def revision_is(desk: Desk, state: str) -> None:
    desk.revisions[-1].state = state
    await desk.session.flush()


# ── The derived state ────────────────────────────────────────────────────────────────────────────


async def test_what_was_shown_and_since_lost_its_agreement_is_not_called_withdrawn(
    desk: Desk,
) -> None:
    await desk.at("failed", problem_code="approval_void", first_observed_at=NOW)
    assert await desk.state() == "draft"
    await desk.at("withdrawn", wanted=None, first_observed_at=NOW)
    assert await desk.state() == "withdrawn"


async def test_the_highest_revision_shown_counts_wherever_it_is_on_its_way(desk: Desk) -> None:
    await desk.next_revision()
    await desk.at("live", wanted=1, shows=1)
    await desk.at("sending", wanted=1, shows=2)
    assert (await desk.standing()).live_revision == 2
    assert await desk.state() == "correcting"


@pytest.mark.parametrize("state", ["draft", "review", "returned"])
async def test_what_was_never_agreed_stands_as_its_revision_does(desk: Desk, state: str) -> None:
    await revision_is(desk, state)

    assert await desk.state() == state
    assert (await desk.standing()).open_revision is None


async def test_a_stopped_first_revision_is_a_draft_again(desk: Desk) -> None:
    await desk.at("withdrawn", wanted=None)
    await revision_is(desk, "stopped")

    assert await desk.state() == "draft"


async def test_it_is_scheduled_while_all_wait_for_their_time(desk: Desk) -> None:
    await desk.at("scheduled")
    await desk.at("scheduled")

    assert await desk.state() == "scheduled"


@pytest.mark.parametrize("state", ["pending", "sending", "uncertain", "undecided"])
async def test_it_is_publishing_while_a_first_post_is_on_its_way(desk: Desk, state: str) -> None:
    await desk.at("scheduled")
    await desk.at(state)

    assert await desk.state() == "publishing"


async def test_it_is_publishing_while_one_is_live_and_another_on_its_way(desk: Desk) -> None:
    await desk.at("live", shows=1)
    await desk.at("uncertain")

    assert await desk.state() == "publishing"
    assert (await desk.standing()).live_revision == 1


async def test_it_is_published_when_all_show_what_they_should(desk: Desk) -> None:
    await desk.at("live", shows=1)
    await desk.at("live", shows=1)
    standing = await desk.standing()

    assert await desk.state() == "published"
    assert (standing.live_revision, standing.published_at) == (1, NOW)
    assert standing.approved_by == desk.newsroom.approver


async def test_it_stays_published_while_one_account_takes_it_down(desk: Desk) -> None:
    await desk.at("live", shows=1)
    await desk.at("sending", wanted=None, shows=1)

    assert await desk.state() == "published"


@pytest.mark.parametrize("state", ["failed", "expired", "undecided"])
async def test_it_is_partial_when_some_show_it_and_one_does_not(desk: Desk, state: str) -> None:
    await desk.at("live", shows=1)
    await desk.at(state)
    await desk.at("sending")

    assert await desk.state() == "partial"


@pytest.mark.parametrize("state", ["failed", "undecided"])
async def test_it_is_partial_when_a_correction_did_not_arrive(desk: Desk, state: str) -> None:
    await desk.next_revision()
    await desk.at(state, wanted=2, shows=1)
    standing = await desk.standing()

    assert await desk.state() == "partial"
    assert standing.live_revision == 1


@pytest.mark.parametrize("state", ["failed", "expired"])
async def test_it_is_failed_when_none_shows_it(desk: Desk, state: str) -> None:
    await desk.at(state)
    await desk.at("sending")

    assert await desk.state() == "failed"


@pytest.mark.parametrize("state", ["scheduled", "pending", "sending", "uncertain"])
async def test_it_is_correcting_while_another_text_is_on_its_way(desk: Desk, state: str) -> None:
    await desk.next_revision()
    await desk.at("live", wanted=2, shows=2)
    await desk.at(state, wanted=2, shows=1)
    await desk.at("pending", wanted=2)
    standing = await desk.standing()

    assert await desk.state() == "correcting"
    assert (standing.live_revision, standing.open_revision) == (2, None)


async def test_a_repair_under_way_is_a_correction(desk: Desk) -> None:
    await desk.at("pending", remote_id="1_2", first_observed_at=NOW, observed_revision_no=1)

    assert await desk.state() == "correcting"


async def test_a_hidden_post_that_is_still_being_made_shows_nothing(desk: Desk) -> None:
    publication = await desk.at("sending", remote_id="abc", first_observed_at=NOW)
    await desk.attempt(publication)

    assert await desk.state() == "publishing"


async def test_it_is_withdrawing_until_all_are_proven_gone(desk: Desk) -> None:
    await desk.at("withdrawn", wanted=None, first_observed_at=NOW)
    await desk.at("uncertain", wanted=None, shows=1)

    assert await desk.state() == "withdrawing"
    assert (await desk.standing()).live_revision == 1


async def test_it_is_withdrawn_when_all_are_gone(desk: Desk) -> None:
    await desk.at("withdrawn", wanted=None, first_observed_at=NOW, observed_revision_no=1)
    standing = await desk.standing()

    assert await desk.state() == "withdrawn"
    assert (standing.live_revision, standing.published_at) == (None, NOW)


async def test_it_is_withdrawn_when_a_person_withdrew_it_before_its_first_call(desk: Desk) -> None:
    await desk.at("withdrawn", wanted=None)
    desk.item.withdrawn_at = NOW
    await desk.session.flush()

    assert await desk.state() == "withdrawn"


async def test_a_void_agreement_of_which_nothing_is_seen_counts_as_none(desk: Desk) -> None:
    await desk.at("failed", problem_code="approval_void")
    await revision_is(desk, "review")

    assert await desk.state() == "review"
    assert (await desk.standing()).open_revision is None


async def test_a_void_agreement_that_may_be_seen_is_a_failure(desk: Desk) -> None:
    await desk.at("failed", problem_code="approval_void", may_be_visible=True)
    await revision_is(desk, "review")

    assert await desk.state() == "failed"


async def test_a_void_correction_leaves_what_is_live(desk: Desk) -> None:
    await desk.next_revision()
    await desk.at("failed", wanted=2, shows=1, problem_code="approval_void")
    await revision_is(desk, "review")
    standing = await desk.standing()

    assert await desk.state() == "published"
    assert (standing.live_revision, standing.open_revision, standing.open_state) == (1, 2, "review")


@pytest.mark.parametrize("state", ["draft", "review", "returned"])
async def test_a_next_revision_stands_beside_the_live_one(desk: Desk, state: str) -> None:
    await desk.at("live", shows=1)
    await desk.next_revision(state)
    standing = await desk.standing()

    assert await desk.state() == "published"
    assert (standing.open_revision, standing.open_state) == (2, state)


async def test_a_stopped_correction_is_not_open(desk: Desk) -> None:
    await desk.at("live", shows=1)
    await desk.next_revision("stopped")

    assert await desk.state() == "published"
    assert (await desk.standing()).open_revision is None


async def test_a_draft_stands_beside_what_was_withdrawn(desk: Desk) -> None:
    await desk.at("withdrawn", wanted=None, first_observed_at=NOW)
    await desk.next_revision("draft")
    standing = await desk.standing()

    assert (standing.state, standing.open_state) == ("withdrawn", "draft")


async def test_items_that_do_not_exist_are_left_out(session: AsyncSession) -> None:
    assert await board.standing(session, [new_id()]) == {}
    assert await board.standing(session, []) == {}


# ── Publications ─────────────────────────────────────────────────────────────────────────────────


async def test_a_live_publication_tells_all_that_is_known(desk: Desk) -> None:
    publication = await desk.at(
        "live", shows=1, observed_generation=1, remote_url="https://x.example/1", seen_at=NOW
    )
    await desk.attempt(publication, ended_at=NOW, outcome="done")
    shown = await desk.shown(publication)

    assert (shown.account.name, shown.account.channel) == (desk.accounts[0].name, "portal_rss")
    assert (shown.state, shown.operation, shown.live_revision) == ("live", "publish", 1)
    assert (shown.remote_url, shown.seen_at, shown.attempts) == ("https://x.example/1", NOW, 1)
    assert (shown.problem, shown.step, shown.paused, shown.frozen) == (None, None, None, False)


async def test_the_operation_is_what_closes_the_gap(desk: Desk) -> None:
    await desk.next_revision()
    fresh = await desk.shown(await desk.at("pending", wanted=2))
    corrected = await desk.shown(await desk.at("pending", wanted=2, shows=1))
    adopted = await desk.shown(await desk.at("pending", wanted=2, remote_id="7"))
    leaving = await desk.shown(await desk.at("pending", wanted=None, shows=1))

    assert [fresh.operation, corrected.operation, adopted.operation, leaving.operation] == [
        "publish",
        "update",
        "update",
        "withdraw",
    ]


async def test_an_open_attempt_tells_how_far_it_is(desk: Desk) -> None:
    publication = await desk.at("sending", remote_id="abc")
    await desk.attempt(publication, phase="token", calling="verify")
    shown = await desk.shown(publication)

    assert shown.step is not None
    assert (shown.step.phase, shown.step.calling) == ("token", "verify")
    assert shown.operation == "publish"


async def test_a_live_one_that_was_updated_says_so(desk: Desk) -> None:
    publication = await desk.at("live", shows=1, generation=2)
    await desk.attempt(publication, generation=1, ended_at=NOW, outcome="done")
    await desk.attempt(publication, operation="update", ended_at=NOW, outcome="done")
    shown = await desk.shown(publication)

    assert (shown.operation, shown.attempts) == ("update", 1)


async def test_a_problem_comes_with_the_channels_own_words(desk: Desk) -> None:
    publication = await desk.at(
        "failed",
        problem_code="media_refused",
        problem_remote_code="324",
        problem_words="Missing image",
        problem_at=NOW,
    )
    problem = (await desk.shown(publication)).problem

    assert problem is not None
    assert (problem.code, problem.remote_code, problem.words, problem.at) == (
        "media_refused",
        "324",
        "Missing image",
        NOW,
    )


async def test_drift_of_a_live_one_is_its_problem(desk: Desk) -> None:
    shown = await desk.shown(await desk.at("live", shows=1, drift="altered", drift_at=NOW))

    assert shown.problem is not None
    assert (shown.problem.code, shown.problem.at, shown.drift) == ("altered", NOW, "altered")


async def test_candidates_are_shown_as_they_were_read(desk: Desk) -> None:
    kept = {
        "remote_id": "1_9",
        "remote_url": None,
        "text": "Tin",
        "at": NOW.isoformat(),
        "similarity": 0.7,
    }
    [candidate] = (await desk.shown(await desk.at("undecided", candidates=[kept]))).candidates

    assert (candidate.remote_id, candidate.at, candidate.similarity) == ("1_9", NOW, 0.7)


async def paused(desk: Desk, code: str | None, reason: str | None) -> None:
    account = desk.accounts[-1]
    account.state, account.pause_code, account.pause_reason = "paused", code, reason
    account.paused_at = NOW
    await desk.session.flush()


async def test_who_waits_on_a_paused_account_says_so(desk: Desk) -> None:
    publication = await desk.at("pending", next_at=NOW)
    await paused(desk, None, "Đang đổi quản trị viên")
    shown = await desk.shown(publication)

    assert shown.problem is not None
    assert (shown.problem.code, shown.problem.words) == ("account_paused", "Đang đổi quản trị viên")
    assert shown.paused is not None
    assert shown.paused.reason == "Đang đổi quản trị viên"


async def test_the_answer_that_paused_an_account_keeps_its_remote_code(desk: Desk) -> None:
    publication = await desk.at(
        "pending", next_at=NOW, problem_code="needs_consent", problem_remote_code="190/463"
    )
    await paused(desk, "needs_consent", None)
    shown = await desk.shown(publication)

    assert shown.problem is not None
    assert (shown.problem.code, shown.problem.remote_code) == ("needs_consent", "190/463")


async def test_what_stands_on_a_paused_account_has_no_problem(desk: Desk) -> None:
    publication = await desk.at("live", shows=1)
    await paused(desk, "runaway", None)
    shown = await desk.shown(publication)

    assert shown.problem is None
    assert shown.paused is not None


async def test_a_freeze_is_the_problem_of_what_it_holds_and_of_nothing_else(desk: Desk) -> None:
    waiting = await desk.at("pending", next_at=NOW)
    leaving = await desk.at("pending", wanted=None, shows=1, next_at=NOW)
    looking = await desk.at("uncertain", next_at=NOW)
    await switches.freeze(desk.session, Actor(kind="cli", id="root"), "Nghi bị chiếm quyền")
    held = (await desk.shown(waiting)).problem

    assert held is not None
    assert (held.code, held.words) == ("frozen", "Nghi bị chiếm quyền")
    assert (await desk.shown(leaving)).problem is None
    assert (await desk.shown(looking)).problem is None
    assert (await desk.shown(leaving)).frozen


async def test_a_freeze_that_ends_before_the_time_holds_nothing(desk: Desk) -> None:
    later = NOW + timedelta(days=3650)
    publication = await desk.at("scheduled", next_at=later)
    await switches.freeze(
        desk.session, Actor(kind="cli", id="root"), "bảo trì", later - timedelta(days=1)
    )

    assert (await desk.shown(publication)).problem is None


async def test_the_fence_of_a_restored_hub_holds_withdrawals_too(desk: Desk) -> None:
    publication = await desk.at("pending", wanted=None, shows=1, next_at=NOW)
    await switches.fence_on(desk.session, Actor(kind="cli", id="root"), "phục hồi")
    problem = (await desk.shown(publication)).problem

    assert problem is not None
    assert problem.code == "fenced"


async def test_publications_are_read_page_by_page_newest_first(desk: Desk) -> None:
    made = [(await desk.at(state)).id for state in ("failed", "pending", "failed")]
    units = [desk.newsroom.unit]
    every = await board.publications(desk.session, unit_ids=units, limit=2)
    rest = await board.publications(desk.session, unit_ids=units, limit=2, cursor=every[-1].cursor)
    failed = await board.publications(
        desk.session, item_id=desk.item.id, state="failed", unit_ids=units, limit=9
    )

    assert [one.id for one in every + rest] == made[::-1]
    assert [one.id for one in failed] == [made[2], made[0]]


async def test_publications_of_other_units_are_not_shown(desk: Desk) -> None:
    publication = await desk.at("live", shows=1)

    assert await board.publications(desk.session, unit_ids=[new_id()], limit=9) == []
    assert await board.publication(desk.session, publication.id, [new_id()]) is None


@pytest.mark.parametrize("cursor", ["", "!", "x", "đ", "AAAA", "MjAyNi0xMi0wNCB4"])
async def test_a_cursor_that_is_not_ours_is_refused(session: AsyncSession, cursor: str) -> None:
    with pytest.raises(InvalidError, match="cursor_unknown"):
        await board.publications(session, unit_ids=[], limit=1, cursor=cursor)
    with pytest.raises(InvalidError, match="cursor_unknown"):
        await board.items(session, unit_ids=[], limit=1, cursor=cursor)


# ── Items ────────────────────────────────────────────────────────────────────────────────────────


async def add(newsroom: Newsroom, title: str, **facts: Any) -> UUID:
    """An item that search knows."""
    item, revision = await newsroom.item(title=title, **facts)
    item.search = search.vector(item, revision)  # type: ignore[assignment]  # filled by the flush
    await newsroom.session.flush()
    return item.id


async def asked(newsroom: Newsroom, **filters: Any) -> list[UUID]:
    found, _ = await board.items(newsroom.session, unit_ids=[newsroom.unit], limit=10, **filters)
    return found


async def test_search_folds_accents_and_finds_beginnings(session: AsyncSession) -> None:
    newsroom = await Newsroom(session=session).open()
    notice = await add(newsroom, "Thông báo lịch tiêm ở Đồng Tháp")
    await add(newsroom, "Bản tin khác")

    assert await asked(newsroom, q="thong bao") == [notice]
    assert await asked(newsroom, q="ĐỒNG thap lic") == [notice]
    assert await asked(newsroom, q="thong khong") == []
    assert await asked(newsroom, q="?!") == []
    assert await asked(newsroom, q="zz' & b:* | !c \\") == []
    assert len(await asked(newsroom, q="  ")) == 2


async def test_search_finds_codes_by_their_beginning(session: AsyncSession) -> None:
    newsroom = await Newsroom(session=session).open()
    first = await add(newsroom, "Một")
    code = f"U{newsroom.unit.hex[-11:].upper()}-2026-000001"

    assert await asked(newsroom, q=code) == [first]
    assert await asked(newsroom, q=code[:-2].lower()) == [first]


async def test_items_are_filtered_by_kind_tag_and_unit(session: AsyncSession) -> None:
    newsroom = await Newsroom(session=session).open()
    warning = await add(newsroom, "Cảnh báo", kind="warning", tags=["bão", "khẩn"])
    news = await add(newsroom, "Tin", tags=["bão lũ"])

    assert await asked(newsroom, kind="warning") == [warning]
    assert await asked(newsroom, tag="bão") == [warning]
    assert await asked(newsroom) == [news, warning]
    assert (await board.items(session, unit_ids=[new_id()], limit=9))[0] == []


async def test_a_state_that_does_not_exist_finds_nothing(desk: Desk) -> None:
    assert await asked(desk.newsroom, state="paused") == []
    assert await asked(desk.newsroom, state="published") == []


async def test_pages_of_items_neither_repeat_nor_lose_one(session: AsyncSession) -> None:
    newsroom = await Newsroom(session=session).open()
    made = [await add(newsroom, f"Tin {no}") for no in range(5)]
    first, cursor = await board.items(session, unit_ids=[newsroom.unit], limit=2)
    second, onward = await board.items(
        session, unit_ids=[newsroom.unit], limit=2, cursor=cursor, state="draft"
    )
    last, end = await board.items(session, unit_ids=[newsroom.unit], limit=2, cursor=onward)

    assert first + second + last == made[::-1]
    assert end is None


# ── All of an item's publications, counted and in order ──────────────────────────────────────────


async def test_each_publication_is_told_in_one_word_and_counted_by_it(desk: Desk) -> None:
    soon = utc_now() + timedelta(hours=1)
    made = {
        "undecided": await desk.at("undecided"),
        "failed": await desk.at("failed", problem_code="above_limit"),
        "not_gone": await desk.at("failed", wanted=None, shows=1),
        "expired": await desk.at("expired"),
        "uncertain": await desk.at("uncertain", problem_code="no_answer"),
        "drifted": await desk.at("live", shows=1, drift="altered"),
        "retrying": await desk.at("pending", problem_code="unreachable", next_at=soon),
        "updating": await desk.at("sending", wanted=None, shows=1),
        "leaving": await desk.at("pending", wanted=None, shows=1),
        "sending": await desk.at("sending"),
        "pending": await desk.at("pending", problem_code="unreachable"),
        "scheduled": await desk.at("scheduled", next_at=soon),
        "live": await desk.at("live", shows=1),
        "withdrawn": await desk.at("withdrawn", wanted=None, first_observed_at=NOW),
        "skipped": await desk.at("withdrawn", wanted=None),
    }
    # One that is being corrected: its new text has a rendition of its own.
    await desk.next_revision()
    updated = made["updating"]
    account = await desk.session.get_one(Account, updated.account_id)
    text_ = await desk.newsroom.rendition(desk.item, desk.revisions[-1], account)
    updated.desired_rendition_id = text_.id
    made["held"] = await desk.at("pending", next_at=soon)
    held = await desk.session.get_one(Account, made["held"].account_id)
    held.state = "paused"
    await desk.session.flush()
    assert set(made) == set(board.LOOKS)

    placed = await board.placed(desk.session, desk.item.id, limit=100)
    assert [(one.look, one.id) for one in placed.shown] == [
        (look, made[look].id) for look in board.LOOKS
    ]
    counted = await tally.tally(desk.session, desk.item.id)
    assert [(one.look, one.count) for one in counted.groups] == [(one, 1) for one in board.LOOKS]
    assert (counted.count, counted.wanted, counted.live, counted.gone) == (16, 12, 2, 2)
    assert (counted.standing, counted.waiting, counted.first_at) == (12, 5, soon)


async def test_a_part_of_the_publications_says_of_how_many(desk: Desk) -> None:
    for _ in range(3):
        await desk.at("live", shows=1)
    failed = await desk.at("failed", problem_code="above_limit")
    first = await board.placed(desk.session, desk.item.id, limit=2)
    assert (first.shown[0].id, first.total) == (failed.id, 4)
    rest = await board.placed(desk.session, desk.item.id, looks=["live"], skip=2, limit=2)
    assert (len(rest.shown), rest.total) == (1, 3)
    beyond = await board.placed(desk.session, desk.item.id, skip=9, limit=2)
    assert (beyond.shown, beyond.total) == ((), 0)
    alone = await board.placed(desk.session, desk.item.id, account_ids=[failed.account_id], limit=2)
    assert [one.id for one in alone.shown] == [failed.id]


async def test_accounts_on_which_a_change_does_the_same_are_told_together(desk: Desk) -> None:
    for state, shows in (("live", 1), ("live", 1), ("pending", None), ("sending", None)):
        await desk.at(state, shows=shows)
    await desk.at("withdrawn", wanted=None)
    found = await tally.alike(desk.session, desk.item.id, named=1)
    assert sorted((one.count, one.open, one.showing, len(one.names)) for one in found) == [
        (1, False, False, 1),
        (1, True, False, 1),
        (2, False, True, 1),
    ]
