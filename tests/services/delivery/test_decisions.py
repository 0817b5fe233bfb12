"""What people decide, on a real database, with a channel that is read over loopback."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar
from uuid import UUID

import httpx
import pytest
import uvicorn
from sqlalchemy import select, text, update
from sqlmodel import col

from services.audit.queries import entries
from services.audit.tables import AuditEntry
from services.channels.registry import Registry
from services.channels.tables import Account
from services.content.tables import Item
from services.delivery import decisions
from services.delivery.tables import Attempt, Lane, Publication, Rendition
from services.delivery.turn import Loop
from services.staff.caller import Caller, caller_of
from shared.clock import utc_now
from shared.contract import messages
from shared.contract.messages import Page, RemoteId, Seen
from shared.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError
from shared.http import classify
from tests.support.hub import Bench, Team, make_bench
from tests.support.one_call import OneCall, Receive, Scope, Send, WallServer, serving
from tests.support.ports import free_port

NOWHERE = "http://127.0.0.1:1"  # these tests call nobody; if one did, it would be refused at once


@dataclass(slots=True)
class Reading:
    """A server that gives posts back: id → what it shows; an unknown id is gone, None is a fault.

    `asked` runs while a question is being answered.
    """

    posts: dict[str, dict[str, object] | None] = field(default_factory=dict)
    base: str = ""
    asked: Callable[[], Awaitable[None]] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        if self.asked is not None:
            await self.asked()
        post = self.posts.get(str(scope["path"]).removeprefix("/"), {"gone": True})
        status = 500 if post is None else 404 if "gone" in post else 200
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": json.dumps(post).encode()})


class Readable(OneCall):
    """A channel whose posts can be read, one by one."""

    name: ClassVar[str] = "readable"

    def __init__(self, base: str) -> None:
        super().__init__()
        self.base = base

    async def listing(
        self, account: messages.Account, *, since: datetime, cursor: str | None
    ) -> Page:
        return Page(seen=())

    async def newest(self, account: messages.Account) -> Page:
        return Page(seen=())

    async def read(self, account: messages.Account, remote_id: RemoteId) -> Seen | None:
        async with self.clients.one() as client:
            try:
                answer = await client.get(f"{self.base}/{remote_id}")
            except httpx.HTTPError as error:
                raise classify(error) from error
        if answer.status_code == 404:
            return None
        if answer.status_code == 500:
            raise classify(httpx.ReadTimeout("odd"))
        post = answer.json()
        return Seen(
            remote_id=RemoteId(post.get("id", remote_id)),
            text=post["text"],
            at=utc_now(),
            remote_url=f"https://wall.example/{remote_id}",
            visible=post.get("visible", True),
            readable=post.get("readable", True),
        )


@dataclass(slots=True, kw_only=True)
class Case:
    """One publication in a state of its own, and the people around it."""

    bench: Bench
    team: Team
    item: Item
    account_id: UUID
    approver: Caller
    id: UUID

    async def now(self) -> Publication:
        async with self.bench.hub.open_work() as session:
            return await session.get_one(Publication, self.id)

    async def moved(self, *states: str, **values: object) -> None:
        """Moves the publication along these states; the values come with the last."""
        async with self.bench.hub.open_work() as session:
            for state in states:
                await session.execute(
                    update(Publication).where(col(Publication.id) == self.id).values(state=state)
                )
            if values:
                await session.execute(
                    update(Publication).where(col(Publication.id) == self.id).values(**values)
                )

    async def attempt(self, **facts: Any) -> UUID:
        """An attempt for what is desired now, as the send path writes one."""
        async with self.bench.hub.open_work() as session:
            row = await session.get_one(Publication, self.id)
            rendition = (
                await session.get(Rendition, row.desired_rendition_id)
                if row.desired_rendition_id
                else None
            )
            payload = rendition.payload if rendition else None
            attempt = Attempt(
                **{
                    "publication_id": self.id,
                    "account_id": self.account_id,
                    "generation": row.generation,
                    "no": 1,
                    "operation": "publish",
                    "rendition_id": rendition.id if rendition else None,
                    "fingerprint": {
                        "link": payload["link"],
                        "text": payload["text"],
                        "picture_count": None,
                    }
                    if payload
                    else None,
                    "fence": 1,
                    "started_at": utc_now(),
                    **facts,
                }
            )
            session.add(attempt)
            return attempt.id

    async def outcomes(self) -> list[str | None]:
        async with self.bench.hub.open_work() as session:
            found = await session.scalars(
                select(Attempt)
                .where(col(Attempt.publication_id) == self.id)
                .order_by(col(Attempt.started_at))
            )
            return [one.outcome for one in found]

    async def words(self) -> str:
        """The text that the channel should show now."""
        async with self.bench.hub.open_work() as session:
            row = await session.get_one(Publication, self.id)
            rendition = await session.get_one(Rendition, row.desired_rendition_id)
            return str(rendition.payload["text"])

    async def record(self) -> AuditEntry:
        async with self.bench.hub.open_work() as session:
            found = await entries(session, object=f"publication:{self.id}")
        assert len(found.entries) == 1
        return found.entries[0]

    async def retry(self, caller: Caller | None = None) -> Publication:
        async with self.bench.hub.open_work() as session:
            await decisions.retry(session, caller or self.approver, self.id)
        return await self.now()

    async def repair(self) -> Publication:
        async with self.bench.hub.open_work() as session:
            await decisions.repair(session, self.approver, self.id)
        return await self.now()

    async def decide(
        self, outcome: decisions.Verdict, remote_id: str | None = None, by: Caller | None = None
    ) -> Publication:
        hub = self.bench.hub
        await decisions.decide(
            hub.open_work, hub, by or self.approver, self.id, outcome=outcome, remote_id=remote_id
        )
        return await self.now()

    async def lane_due(self) -> datetime | None:
        async with self.bench.hub.open_work() as session:
            lane = await session.get_one(Lane, (self.account_id, False))
            return lane.next_due_at


@pytest.fixture(scope="module")
async def reading() -> AsyncIterator[Reading]:
    server = Reading()
    port = free_port()
    server.base = f"http://127.0.0.1:{port}"
    runner = uvicorn.Server(
        uvicorn.Config(
            server, host="127.0.0.1", port=port, log_config=None, log_level="error", lifespan="off"
        )
    )
    task = asyncio.create_task(runner.serve())
    while not runner.started:
        await asyncio.sleep(0.01)
    yield server
    runner.should_exit = True
    await task


@pytest.fixture(scope="module")
async def walls() -> AsyncIterator[WallServer]:
    async with serving(WallServer()) as server:
        yield server


@pytest.fixture(scope="module")
async def bench(
    database_url: str, reading: Reading, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Bench]:
    channels = (OneCall(), Readable(reading.base))
    made = make_bench(database_url, Path(tmp_path_factory.mktemp("media")), Registry.of(*channels))
    yield made
    for channel in channels:
        await channel.clients.aclose()
    await made.engine.dispose()


@pytest.fixture
async def own_bench(
    fresh_database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Bench]:
    """A hub of one test's own: a loop works on everything that its database holds."""
    channel = OneCall()
    made = make_bench(
        fresh_database_url, Path(tmp_path_factory.mktemp("media")), Registry.of(channel)
    )
    yield made
    await channel.clients.aclose()
    await made.engine.dispose()


async def placed(bench: Bench, *, channel: str = "readable", base: str = NOWHERE) -> Case:
    """An agreed item that waits on one account."""
    team = await bench.team()
    account = await bench.account(team, channel, {"wall": team.unit_code, "base": base}, {})
    item = await bench.published(team, [account])
    async with bench.hub.open_work() as session:
        publication_id = await session.scalar(
            text("SELECT id FROM publication WHERE item_id = :id"), {"id": item.id}
        )
    assert publication_id is not None
    return Case(
        bench=bench,
        team=team,
        item=item,
        account_id=account,
        approver=await bench.caller(team.approver),
        id=publication_id,
    )


@pytest.fixture
async def case(bench: Bench) -> Case:
    return await placed(bench)


async def unclear(case: Case) -> None:
    """As a call leaves it whose outcome reading could not tell."""
    await case.attempt(calling="publish", called_at=utc_now())
    await case.moved(
        "sending",
        "undecided",
        next_at=None,
        may_be_visible=True,
        problem_code="undecided",
        looks=6,
        candidates=[{"remote_id": "1", "remote_url": None, "text": "x", "at": None}],
    )


async def withdrawn(case: Case) -> None:
    await case.bench.withdrawn(case.team, case.item.id)


# ── Trying again ─────────────────────────────────────────────────────────────────────────────────


async def test_a_proven_refusal_is_simply_tried_again(case: Case) -> None:
    await case.attempt(ended_at=utc_now(), outcome="rejected")
    await case.moved(
        "failed", next_at=None, tries=3, resends=2, problem_code="media_refused", problem_words="x"
    )

    row = await case.retry()

    assert (row.state, row.tries, row.resends) == ("pending", 0, 0)
    assert (row.problem_code, row.problem_words) == (None, None)
    assert row.next_at is not None
    assert row.next_at <= utc_now()
    due = await case.lane_due()
    assert due is not None
    assert due <= utc_now()


async def test_a_retry_is_recorded_with_what_it_changed(case: Case) -> None:
    await case.moved("failed", next_at=None, problem_code="not_able")
    await case.retry()

    entry = await case.record()

    assert (entry.act, entry.actor) == ("publication.retried", case.approver.actor.name)
    assert entry.details["from"] == "failed"
    assert entry.details["to"] == "pending"
    assert entry.details["code"] == "not_able"


@pytest.mark.parametrize("outcome", ["absent", "overtaken", "decided_stop"])
async def test_what_may_have_left_something_is_looked_for_first(case: Case, outcome: str) -> None:
    await case.attempt(ended_at=utc_now(), outcome=outcome)
    before = utc_now()
    await case.moved("failed", next_at=None, looks=6, absences=2, final=True)

    row = await case.retry()

    assert (row.state, row.looks, row.absences, row.final) == ("uncertain", 0, 0, False)
    assert row.left_at is not None
    assert row.left_at >= before
    assert row.next_at is not None


async def test_what_may_be_visible_is_looked_for_even_after_a_refusal(case: Case) -> None:
    await case.attempt(ended_at=utc_now(), outcome="rejected")
    await case.moved("failed", next_at=None, may_be_visible=True)

    assert (await case.retry()).state == "uncertain"


async def test_a_correction_by_id_is_made_again_without_a_look(case: Case) -> None:
    await case.attempt(operation="update", ended_at=utc_now(), outcome="decided_stop")
    await case.moved("failed", next_at=None, remote_id="1_2", may_be_visible=True)

    assert (await case.retry()).state == "pending"


async def test_what_came_too_late_is_tried_without_its_end(case: Case) -> None:
    await case.moved("expired", next_at=None, expires_at=utc_now(), problem_code="expired")

    row = await case.retry()

    assert (row.state, row.expires_at, row.problem_code) == ("pending", None, None)


async def test_a_void_agreement_needs_a_new_one_first(case: Case) -> None:
    await case.moved("failed", next_at=None, problem_code="approval_void")

    with pytest.raises(ConflictError, match="approval_needed"):
        await case.retry()


async def test_an_agreement_that_was_voided_since_needs_a_new_one_first(case: Case) -> None:
    await case.moved("failed", next_at=None, problem_code="media_refused")
    async with case.bench.hub.open_work() as session:
        await session.execute(
            text(
                "UPDATE approval SET voided_at = now() FROM publication p"
                " WHERE p.id = :id AND approval.id = p.approval_id"
            ),
            {"id": case.id},
        )

    with pytest.raises(ConflictError, match="approval_needed"):
        await case.retry()


async def test_a_failed_withdrawal_needs_no_agreement(case: Case) -> None:
    await case.moved("sending", "live", remote_id="1_3", observed_generation=1)
    await withdrawn(case)
    await case.moved("failed", next_at=None, problem_code="not_permitted")
    await case.attempt(operation="withdraw", ended_at=utc_now(), outcome="rejected")

    assert (await case.retry()).state == "pending"


@pytest.mark.parametrize("state", ["pending", "live", "withdrawn"])
async def test_what_has_not_failed_is_not_retried(case: Case, state: str) -> None:
    await case.moved(state)

    with pytest.raises(ConflictError, match="not_failed"):
        await case.retry()


async def test_nothing_is_retried_on_a_closed_account(case: Case) -> None:
    await case.moved("failed", next_at=None)
    async with case.bench.hub.open_work() as session:
        account = await session.get_one(Account, case.account_id)
        account.stage = "closed"

    with pytest.raises(ConflictError, match="account_closed"):
        await case.retry()


async def test_an_editor_a_program_and_another_unit_may_not_decide(case: Case) -> None:
    await case.moved("failed", next_at=None)
    editor = await case.bench.caller(case.team.editor)
    stranger = await case.bench.caller((await case.bench.team()).approver)
    async with case.bench.hub.open_work() as session:
        program = await caller_of(session, case.team.approver, scopes=frozenset({"draft:write"}))
    assert program is not None

    with pytest.raises(ForbiddenError, match="role_needed"):
        await case.retry(editor)
    with pytest.raises(ForbiddenError, match="person_needed"):
        await case.decide("stop", by=program)
    with pytest.raises(NotFoundError, match="publication_not_found"):
        await case.retry(stranger)
    with pytest.raises(NotFoundError, match="publication_not_found"):
        await case.decide("absent", by=stranger)


async def test_a_retried_post_appears_once(own_bench: Bench, walls: WallServer) -> None:
    case = await placed(own_bench, channel="one_call", base=walls.base)
    await case.attempt(ended_at=utc_now(), outcome="rejected")
    await case.moved("failed", next_at=None)

    async with turning(own_bench):
        await asyncio.sleep(0.2)
        assert walls.wall(case.team.unit_code).calls == []
        await case.retry()
        await until(case, "live")

    assert len(walls.wall(case.team.unit_code).visible) == 1


# ── It is this post ──────────────────────────────────────────────────────────────────────────────


async def test_a_post_that_shows_what_is_wanted_makes_it_live(case: Case, reading: Reading) -> None:
    await unclear(case)
    reading.posts["p1"] = {"text": await case.words()}

    row = await case.decide("found", " p1 ")

    assert (row.state, row.remote_id, row.remote_url) == ("live", "p1", "https://wall.example/p1")
    assert (row.observed_generation, row.observed_revision_no) == (1, 1)
    assert row.observed_rendition_id == row.desired_rendition_id
    assert row.first_observed_at is not None
    assert row.look_at is not None
    assert (row.next_at, row.may_be_visible, row.candidates) == (None, False, [])
    assert row.problem_code is None
    assert await case.outcomes() == ["decided_found"]


async def test_a_decision_is_recorded_under_the_persons_name(case: Case, reading: Reading) -> None:
    await unclear(case)
    reading.posts["p2"] = {"text": await case.words()}
    await case.decide("found", "p2")

    entry = await case.record()

    assert (entry.act, entry.actor) == ("publication.decided", case.approver.actor.name)
    assert (entry.details["outcome"], entry.details["remote_id"]) == ("found", "p2")


@pytest.mark.parametrize(
    "post", [{"text": "Một bài khác hẳn"}, {"visible": False}], ids=["altered", "hidden"]
)
async def test_a_post_that_does_not_show_it_is_gone_on_with(
    case: Case, reading: Reading, post: dict[str, object]
) -> None:
    await unclear(case)
    reading.posts["p3"] = {"text": await case.words(), **post}
    await case.moved(remote_id=None)

    row = await case.decide("found", "p3")

    assert (row.state, row.remote_id) == ("pending", "p3")
    assert (row.observed_rendition_id, row.observed_generation) == (None, 0)
    assert row.next_at is not None
    reading.posts.clear()


async def test_a_post_of_what_is_not_wanted_any_more_is_taken_down(
    case: Case, reading: Reading
) -> None:
    await unclear(case)
    reading.posts["p4"] = {"text": await case.words()}
    await withdrawn(case)

    row = await case.decide("found", "p4")

    assert (row.state, row.remote_id, row.observed_rendition_id) == ("pending", "p4", None)
    assert row.desired_rendition_id is None


async def test_a_post_that_shows_an_earlier_text_of_ours_is_observed_and_corrected(
    case: Case, reading: Reading
) -> None:
    await unclear(case)
    reading.posts["p5"] = {"text": await case.words()}
    await case.bench.corrected(case.team, case.item.id, [case.account_id], title="Thông báo đã sửa")

    row = await case.decide("found", "p5")

    assert (row.state, row.generation, row.observed_generation) == ("pending", 2, 1)
    assert row.observed_revision_no == 1
    assert row.observed_rendition_id != row.desired_rendition_id


@pytest.mark.parametrize(
    "post", [{"gone": True}, None, {"text": "", "readable": False}], ids=["gone", "fault", "blank"]
)
async def test_a_post_that_cannot_be_read_is_not_believed(
    case: Case, reading: Reading, post: dict[str, object] | None
) -> None:
    await unclear(case)
    reading.posts["p6"] = post

    with pytest.raises(InvalidError, match="post_unreadable"):
        await case.decide("found", "p6")

    assert (await case.now()).state == "undecided"
    assert await case.outcomes() == [None]


async def test_a_channel_that_cannot_be_read_lets_nobody_claim_a_post(bench: Bench) -> None:
    case = await placed(bench, channel="one_call")
    await unclear(case)

    with pytest.raises(InvalidError, match="post_unreadable"):
        await case.decide("found", "p7")


async def test_a_post_of_another_publication_is_not_taken(case: Case, reading: Reading) -> None:
    await unclear(case)
    other = await case.bench.published(case.team, [case.account_id])
    async with case.bench.hub.open_work() as session:
        await session.execute(
            text("UPDATE publication SET remote_id = 'p8' WHERE item_id = :id"), {"id": other.id}
        )
    reading.posts["p8"] = {"text": "x"}
    reading.posts["alias"] = {"text": "x", "id": "p8"}

    with pytest.raises(InvalidError, match="post_taken"):
        await case.decide("found", "p8")
    with pytest.raises(InvalidError, match="post_taken"):
        await case.decide("found", "alias")


@pytest.mark.parametrize(
    "told", ["", "  ", "a b", "../me", "me/accounts", "p?x=1", "x" * 201, ".."]
)
async def test_what_is_no_id_is_not_asked_for(case: Case, told: str) -> None:
    await unclear(case)

    with pytest.raises(InvalidError, match="post_id_missing"):
        await case.decide("found", told)


async def test_what_changed_while_the_post_was_read_is_decided_anew(
    case: Case, reading: Reading
) -> None:
    await unclear(case)
    reading.posts["p9"] = {"text": await case.words()}

    async def meanwhile() -> None:
        reading.asked = None
        await withdrawn(case)

    reading.asked = meanwhile
    with pytest.raises(ConflictError, match="changed_meanwhile"):
        await case.decide("found", "p9")

    assert (await case.now()).state == "undecided"


async def test_a_second_decision_finds_the_first(case: Case, reading: Reading) -> None:
    await unclear(case)
    reading.posts["p10"] = {"text": await case.words()}

    async def meanwhile() -> None:
        reading.asked = None
        await case.decide("stop")

    reading.asked = meanwhile
    with pytest.raises(ConflictError, match="not_undecided"):
        await case.decide("found", "p10")

    assert (await case.now()).state == "failed"


# ── It is not there; stop ────────────────────────────────────────────────────────────────────────


async def test_an_absent_post_is_sent_again_at_its_time(case: Case) -> None:
    await unclear(case)
    later = utc_now() + timedelta(hours=2)
    await case.moved(not_before=later)

    row = await case.decide("absent")

    assert (row.state, row.next_at, row.may_be_visible) == ("pending", later, False)
    assert (row.candidates, row.looks, row.problem_code) == ([], 0, None)
    assert await case.outcomes() == ["decided_absent"]


async def test_an_absent_post_that_nobody_wants_is_withdrawn_and_watched(case: Case) -> None:
    await unclear(case)
    await withdrawn(case)

    row = await case.decide("absent")

    assert (row.state, row.observed_generation, row.generation) == ("withdrawn", 2, 2)
    assert (row.next_at, row.remote_id) == (None, None)
    assert row.watch_until is not None
    assert row.watch_until > utc_now() + timedelta(hours=23)
    assert row.look_at is not None


async def test_stopping_leaves_it_failed_and_watched(case: Case) -> None:
    await unclear(case)

    row = await case.decide("stop")

    assert (row.state, row.problem_code, row.may_be_visible) == (
        "failed",
        "stopped_by_person",
        True,
    )
    assert row.next_at is None
    assert row.watch_until is not None
    assert row.look_at is not None
    assert row.look_at > utc_now() + timedelta(minutes=14)
    assert await case.outcomes() == ["decided_stop"]


@pytest.mark.parametrize("outcome", ["found", "absent", "stop"])
async def test_what_is_not_undecided_is_not_decided(case: Case, outcome: decisions.Verdict) -> None:
    with pytest.raises(ConflictError, match="not_undecided"):
        await case.decide(outcome, "p11")


async def test_what_was_said_to_be_absent_appears_once(own_bench: Bench, walls: WallServer) -> None:
    case = await placed(own_bench, channel="one_call", base=walls.base)
    await unclear(case)
    await case.decide("absent")

    async with turning(own_bench):
        await until(case, "live")

    assert len(walls.wall(case.team.unit_code).visible) == 1


# ── Repair ───────────────────────────────────────────────────────────────────────────────────────


async def shown_wrongly(case: Case, drift: str | None) -> None:
    row = await case.now()
    await case.moved(
        "sending",
        "live",
        next_at=None,
        remote_id=f"live-{case.id}",
        observed_rendition_id=row.desired_rendition_id,
        observed_revision_no=1,
        observed_generation=1,
        first_observed_at=utc_now(),
        drift=drift,
        drift_at=utc_now() if drift else None,
        look_at=utc_now() + timedelta(days=1),
    )


@pytest.mark.parametrize("drift", ["altered", "hidden", "unreadable"])
async def test_an_altered_post_is_written_over_by_its_id(case: Case, drift: str) -> None:
    await shown_wrongly(case, drift)

    row = await case.repair()

    assert (row.state, row.generation, row.observed_generation) == ("pending", 2, 1)
    assert (row.remote_id, row.observed_rendition_id) == (f"live-{case.id}", None)
    assert (row.drift, row.drift_at, row.look_at) == (None, None, None)
    assert row.next_at is not None
    entry = await case.record()
    assert (entry.act, entry.details["drift"]) == ("publication.repaired", drift)


async def test_a_post_that_is_gone_is_looked_for_before_another_is_made(case: Case) -> None:
    await shown_wrongly(case, "missing")

    row = await case.repair()

    assert (row.state, row.generation, row.remote_id) == ("uncertain", 2, None)
    assert (row.may_be_visible, row.looks) == (True, 0)
    assert row.left_at is not None
    assert row.next_at is not None


async def test_what_shows_as_agreed_needs_no_repair(case: Case) -> None:
    await shown_wrongly(case, None)

    with pytest.raises(ConflictError, match="nothing_to_repair"):
        await case.repair()


async def test_a_repair_is_one_update_of_the_same_post(own_bench: Bench, walls: WallServer) -> None:
    case = await placed(own_bench, channel="one_call", base=walls.base)
    async with turning(own_bench):
        await until(case, "live")
        await case.moved(drift="altered", drift_at=utc_now())
        await case.repair()
        await until(case, "live")
    row = await case.now()

    assert walls.wall(case.team.unit_code).calls == ["POST", "PUT"]
    assert (row.generation, row.observed_generation, row.drift) == (2, 2, None)


# ── The loop ─────────────────────────────────────────────────────────────────────────────────────


@asynccontextmanager
async def turning(bench: Bench) -> AsyncIterator[None]:
    loop = Loop(bench.hub)
    task = asyncio.create_task(loop.run())
    try:
        yield
    finally:
        loop.stop()
        await task


async def until(case: Case, state: str, *, seconds: float = 60.0) -> None:
    for _ in range(int(seconds / 0.05)):
        if (await case.now()).state == state:
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"still {(await case.now()).state}, not {state}")
