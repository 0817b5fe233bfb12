"""Facts that an adversarial review of the core found broken, on a real database and real calls."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from operator import contains
from pathlib import Path
from typing import ClassVar
from uuid import UUID

import asyncpg
import pytest
from sqlalchemy import text
from typing_extensions import override

from services.channels import accounts
from services.channels.registry import Registry
from services.cli import keeping
from services.content import workflow
from services.content.forms import ItemChanges
from services.content.tables import Item
from services.delivery import (
    crash,
    decisions,
    drifting,
    fan_out,
    intent,
    lanes,
    notices,
    preview,
    turn,
)
from services.delivery.choice import Facts, Fail, OpenAttempt, choose
from services.delivery.fan_out import SubmitForm
from services.delivery.intent import Ask, begin
from services.delivery.tables import State
from shared.clock import utc_now
from shared.contract import messages
from shared.contract.errors import ChannelUncertainError
from shared.contract.messages import Call, Operation, Page, RemoteId, Seen, Step
from shared.errors import InvalidError
from tests.services.delivery.walls import eventually, turning, until
from tests.support.hub import Bench, Team, make_bench
from tests.support.one_call import OneCall, Settings, WallServer, serving


class Listed(OneCall):
    """A wall that can be read back. What breaks, breaks by name of the wall or by a word."""

    name: ClassVar[str] = "listed"

    def __init__(self, server: WallServer) -> None:
        super().__init__()
        self.server = server

    def _posts(self, account: messages.Account) -> Mapping[str, str | None]:
        assert isinstance(account.settings, Settings)
        return self.server.wall(account.settings.wall).posts

    @override
    def step(self, call: Call) -> Step:
        if call.payload is not None and "poison" in str(call.payload["text"]):
            raise ValueError("a stranger's adapter breaks on one text")
        return super().step(call)

    async def newest(self, account: messages.Account) -> Page:
        assert isinstance(account.settings, Settings)
        if account.settings.wall.startswith("odd-baseline"):
            raise ValueError("a stranger's adapter breaks")
        return await self.listing(account, since=utc_now(), cursor=None)

    async def listing(
        self, account: messages.Account, *, since: datetime, cursor: str | None
    ) -> Page:
        assert isinstance(account.settings, Settings)
        if account.settings.wall.startswith("odd-listing"):
            raise ValueError("a stranger's adapter breaks")
        return Page(
            seen=tuple(
                Seen(remote_id=RemoteId(post), text=told, at=utc_now())
                for post, told in self._posts(account).items()
                if told is not None
            )
        )

    async def read(self, account: messages.Account, remote_id: RemoteId) -> Seen | None:
        assert isinstance(account.settings, Settings)
        if account.settings.wall.startswith("unreadable"):
            raise ChannelUncertainError("no_answer")
        told = self._posts(account).get(remote_id)
        return Seen(remote_id=remote_id, text=told, at=utc_now()) if told is not None else None


@pytest.fixture
async def server() -> AsyncIterator[WallServer]:
    async with serving(WallServer()) as one:
        yield one


@pytest.fixture
async def bench(
    server: WallServer, fresh_database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Bench]:
    plain, listed = OneCall(), Listed(server)
    made = make_bench(
        fresh_database_url, Path(tmp_path_factory.mktemp("media")), Registry.of(plain, listed)
    )
    yield made.ruled(absence={"listed": timedelta(seconds=0.6)})
    await plain.clients.aclose()
    await listed.clients.aclose()
    await made.engine.dispose()


@pytest.fixture
async def team(bench: Bench) -> Team:
    return await bench.team()


@pytest.fixture(autouse=True)
def without_sweep(monkeypatch: pytest.MonkeyPatch) -> None:
    """After its first one the loop sweeps no more: what it forgets stays forgotten."""
    monkeypatch.setattr(turn, "_SWEEP", 3600.0)


def patient(bench: Bench) -> Bench:
    """The same hub, but what is unclear stays so until a test says that it is time to look."""
    return bench.ruled(look_schedule=(timedelta(hours=1),) * 6)


async def stands(
    bench: Bench, team: Team, server: WallServer, name: str, channel: str = "listed"
) -> UUID:
    return await bench.account(team, channel, {"wall": name, "base": server.base}, {})


async def one(bench: Bench, item_id: UUID) -> Mapping[str, object]:
    async with bench.hub.open_work() as session:
        rows = await session.execute(
            text("SELECT * FROM publication WHERE item_id = :id"), {"id": item_id}
        )
        return dict(rows.mappings().one())


async def moved(bench: Bench, item_id: UUID, assignments: str) -> None:
    """Changes an item's publications as time or an earlier version of the code would have."""
    async with bench.hub.open_work() as session:
        await session.execute(
            text(f"UPDATE publication SET {assignments} WHERE item_id = :id"),
            {"id": item_id},
        )


async def looked_soon(bench: Bench) -> None:
    async with bench.hub.open_work() as session:
        await session.execute(
            text("UPDATE publication SET look_at = now() WHERE look_at IS NOT NULL")
        )
        await session.execute(text("UPDATE lane SET next_due_at = now()"))


async def asked_now(bench: Bench, item_id: UUID) -> None:
    """It is time to look what became of an unclear call."""
    await moved(bench, item_id, "next_at = now()")
    async with bench.hub.open_work() as session:
        await session.execute(text("UPDATE lane SET next_due_at = now()"))


async def no_look_due(bench: Bench, item_id: UUID) -> None:
    """Waits until the loop has made the look that was due."""

    async def made() -> bool:
        due = (await one(bench, item_id))["look_at"]
        return due is None or (isinstance(due, datetime) and due > utc_now())

    await eventually(made)


async def problem_of(bench: Bench, item_id: UUID) -> object:
    return (await one(bench, item_id))["problem_code"]


async def shows(bench: Bench, item_id: UUID, account: UUID, state: str) -> bool:
    return (await bench.states(item_id))[account] == state


async def until_shown(server: WallServer, name: str, words: Sequence[str]) -> None:
    """Waits until a wall shows as many posts as there are words, each with its own."""

    async def shown() -> bool:
        told = server.wall(name).visible
        return len(told) == len(words) and all(map(contains, told, words))

    await eventually(shown)


def held_back(server: WallServer) -> asyncio.Event:
    """The first POST is answered once this is set; later ones at once."""
    go = asyncio.Event()

    async def before(method: str, name: str) -> int | None:
        if method == "POST":
            await go.wait()
        return None

    server.before = before
    return go


def fails_once(server: WallServer, *, commits: bool) -> list[str]:
    """The next POST is answered 500; with `commits` its text is up all the same."""
    seen: list[str] = []

    async def before(method: str, name: str) -> int | None:
        if method != "POST":
            return None
        seen.append(method)
        if len(seen) > 1:
            return None
        if commits:
            server.wall(name).posts["late"] = "Bài đã lên nhưng không ai biết"
        return 500

    server.before = before
    return seen


async def stopped(bench: Bench, team: Team, item_id: UUID) -> None:
    """An unclear publication that a person gave up: failed, and perhaps visible."""
    await until(bench, item_id, "undecided")
    row = await one(bench, item_id)
    approver = await bench.caller(team.approver)
    publication_id = row["id"]
    assert isinstance(publication_id, UUID)
    await decisions.decide(bench.hub.open_work, bench.hub, approver, publication_id, outcome="stop")


# ── Watched and compared publications ────────────────────────────────────────────────────────────


async def test_a_watch_that_has_ended_does_not_hold_up_its_lane(
    bench: Bench, team: Team, server: WallServer
) -> None:
    bench = bench.ruled(lane=timedelta(minutes=10))
    account = await stands(bench, team, server, "watched")
    async with turning(bench):
        old = await bench.published(team, [account])
        await until(bench, old.id, "live")
        await bench.withdrawn(team, old.id)
        await until(bench, old.id, "withdrawn")
        # As `_keep_watching` leaves it after the last look of a day's watch, and `_gone` at once.
        await moved(bench, old.id, "watch_until = now() - interval '1 s', look_at = now()")
        await looked_soon(bench)
        await no_look_due(bench, old.id)
        new = await bench.published(team, [account])
        await until(bench, new.id, "live")


async def test_a_correction_that_waits_behind_a_first_call_does_not_hold_up_its_lane(
    bench: Bench, team: Team, server: WallServer
) -> None:
    bench = bench.ruled(lane=timedelta(minutes=10))
    account = await stands(bench, team, server, "waits")
    go = held_back(server)
    async with turning(bench):
        item = await bench.published(team, [account])
        await until(bench, item.id, "sending")
        editor, approver = await bench.caller(team.editor), await bench.caller(team.approver)
        async with bench.hub.open_work() as session:
            version = (await session.get_one(Item, item.id)).version
        async with bench.hub.open_work() as session:
            await fan_out.edit(
                session, editor, item.id, ItemChanges(title="Bản hai"), version=version
            )
        seen = await bench.submitted(
            team, item.id, [account], publish_at=utc_now() + timedelta(hours=1)
        )
        async with bench.hub.open_work() as session:
            await fan_out.approve(session, bench.hub, approver, item.id, revision=2, seen=seen)
        go.set()
        await until(bench, item.id, "pending")
        await looked_soon(bench)
        await no_look_due(bench, item.id)
        new = await bench.published(team, [account])
        await until(bench, new.id, "live")


async def test_what_was_urgent_is_watched_too(bench: Bench, team: Team, server: WallServer) -> None:
    account = await stands(bench, team, server, "urgent-watch")
    async with turning(bench):
        item = await bench.draft(team)
        seen = await bench.submitted(team, item.id, [account], urgent=True)
        await bench.approved(team, item.id, seen)
        await until(bench, item.id, "live")
        await bench.withdrawn(team, item.id)
        await until(bench, item.id, "withdrawn")
        await moved(bench, item.id, "watch_until = now() + interval '1 h', look_at = now()")
        await looked_soon(bench)
        await no_look_due(bench, item.id)
        row = await one(bench, item.id)
        await moved(bench, item.id, "look_at = NULL")  # else the loop never ends
    assert isinstance(row["look_at"], datetime)
    assert row["look_at"] > utc_now()


async def test_an_urgent_watch_does_not_make_the_lane_spin(
    bench: Bench, team: Team, server: WallServer
) -> None:
    account = await stands(bench, team, server, "urgent-spin")
    points: list[str] = []
    async with turning(bench):
        item = await bench.draft(team)
        seen = await bench.submitted(team, item.id, [account], urgent=True)
        await bench.approved(team, item.id, seen)
        await until(bench, item.id, "live")
        await bench.withdrawn(team, item.id)
        await until(bench, item.id, "withdrawn")
        await moved(bench, item.id, "watch_until = now() + interval '1 h', look_at = now()")
        await looked_soon(bench)
        crash.at_each_point(points.append)
        await asyncio.sleep(3)
        crash.at_each_point(None)
        await moved(bench, item.id, "look_at = NULL")  # else the loop never ends
    assert points.count("after comparing") < 10


async def test_a_post_that_surfaces_after_its_proven_absence_is_taken_down(
    bench: Bench, team: Team, server: WallServer
) -> None:
    account = await stands(bench, team, server, "surfaces")
    fails_once(server, commits=False)
    async with turning(patient(bench)):
        item = await bench.published(team, [account])
        await until(bench, item.id, "uncertain")
    await bench.withdrawn(team, item.id)
    await asked_now(bench, item.id)
    async with turning(bench):
        await until(bench, item.id, "withdrawn")
        async with bench.hub.open_work() as session:
            payload = await session.scalar(text("SELECT payload ->> 'text' FROM rendition"))
        server.wall("surfaces").posts["late"] = payload
        await looked_soon(bench)
        await until_shown(server, "surfaces", [])


@pytest.mark.parametrize("again", [False, True])
async def test_a_post_that_surfaces_after_a_later_withdrawal_is_taken_down(
    bench: Bench, team: Team, server: WallServer, again: bool
) -> None:
    """Absence was proven, and the call to be made again: withdrawn before that, or after it."""
    name = f"surfaces-{again}"
    account = await stands(bench, team, server, name)
    fails_once(server, commits=False)
    async with turning(patient(bench)):
        item = await bench.published(team, [account])
        await until(bench, item.id, "uncertain")
    async with bench.hub.open_work() as session:
        payload = await session.scalar(
            text("SELECT payload ->> 'text' FROM rendition WHERE account_id = :id"), {"id": account}
        )
        if not again:
            await session.execute(
                text("INSERT INTO switch (name, reason, by, at) VALUES ('freeze','x','x',now())")
            )
    await asked_now(bench, item.id)
    try:
        async with turning(bench):
            await until(bench, item.id, "live" if again else "pending")
            await bench.withdrawn(team, item.id)
            await until(bench, item.id, "withdrawn")
            server.wall(name).posts["late"] = payload
            await looked_soon(bench)
            await until_shown(server, name, [])
    finally:
        async with bench.hub.open_work() as session:
            await session.execute(text("DELETE FROM switch"))


async def test_a_stopped_post_that_surfaces_is_told(
    bench: Bench, team: Team, server: WallServer
) -> None:
    account = await stands(bench, team, server, "told")
    fails_once(server, commits=False)
    async with turning(patient(bench)):
        item = await bench.published(team, [account])
        await until(bench, item.id, "uncertain")
    async with turning(bench):
        await moved(bench, item.id, "state = 'undecided', next_at = NULL")
        await stopped(bench, team, item.id)
        async with bench.hub.open_work() as session:
            payload = await session.scalar(text("SELECT payload ->> 'text' FROM rendition"))
        server.wall("told").posts["late"] = payload
        await looked_soon(bench)
        await no_look_due(bench, item.id)
    row = await one(bench, item.id)
    assert row["candidates"] or row["remote_id"]


async def test_a_failed_reading_does_not_wipe_out_a_drift(
    bench: Bench, team: Team, server: WallServer
) -> None:
    account = await stands(bench, team, server, "unreadable-drift")
    async with turning(bench):
        item = await bench.published(team, [account])
        await until(bench, item.id, "live")
        await moved(bench, item.id, "drift = 'missing', drift_at = now(), look_at = now()")
        await looked_soon(bench)
        await no_look_due(bench, item.id)
    assert (await one(bench, item.id))["drift"] == "missing"


async def test_a_drift_keeps_what_stands_there_and_is_told_when_it_begins_and_ends(
    bench: Bench, team: Team, server: WallServer
) -> None:
    account = await stands(bench, team, server, "drifting")

    async def told(staff: UUID) -> list[str]:
        async with bench.hub.open_work() as session:
            await notices.collect(session)
        async with bench.hub.open_work() as session:
            found = await notices.notices(session, staff, limit=20)
        return [one.cause for one in found if one.item_id == item.id]

    async with turning(bench):
        item = await bench.published(team, [account])
        await until(bench, item.id, "live")
        wall = server.wall("drifting")
        ((post, agreed),) = wall.posts.items()
        assert agreed is not None
        wall.posts[post] = f"{agreed} Gọi 0909."
        await looked(bench, item.id, drift="altered")
        row = await one(bench, item.id)
        async with bench.hub.open_work() as session:
            only = {row["id"]}
            (differs,) = (
                await drifting.altered(session, bench.hub, item.id, only=only)  # type: ignore[arg-type]  # an id
            ).values()
        assert differs.shown.removesuffix(" Gọi 0909.") == differs.agreed
        assert row["compared_at"] is not None
        for staff in (team.editor, team.approver, team.admin):
            assert (await told(staff)).count("drift") == 1
        assert "drift" not in await told(team.second_approver)

        wall.posts[post] = agreed
        await looked(bench, item.id, drift=None)
    for staff in (team.editor, team.approver, team.admin):
        assert (await told(staff)).count("mended") == 1
        assert (await told(staff)).count("mended") == 1
    assert (await one(bench, item.id))["drift_text"] is None
    async with bench.hub.open_work() as session:
        only = {row["id"]}
        assert await drifting.altered(session, bench.hub, item.id, only=only) == {}  # type: ignore[arg-type]  # an id


async def looked(bench: Bench, item_id: UUID, *, drift: str | None) -> None:
    """Has the channel read until this is what was found."""
    async with asyncio.timeout(60):
        while (await one(bench, item_id))["drift"] != drift:
            await looked_soon(bench)
            await asyncio.sleep(0.1)


# ── What may be visible ──────────────────────────────────────────────────────────────────────────


async def test_a_correction_of_what_may_be_visible_is_not_a_second_post(
    bench: Bench, team: Team, server: WallServer
) -> None:
    account = await stands(bench, team, server, "maybe", "one_call")
    fails_once(server, commits=True)
    async with turning(bench):
        item = await bench.published(team, [account])
        await stopped(bench, team, item.id)
        await bench.corrected(team, item.id, [account], title="Bản đính chính")
        await until(bench, item.id, "undecided")
    assert len(server.wall("maybe").visible) == 1


async def test_what_may_be_visible_can_be_withdrawn_during_the_hold(
    bench: Bench, team: Team, server: WallServer
) -> None:
    account = await stands(bench, team, server, "hold", "one_call")
    fails_once(server, commits=True)
    async with turning(bench):
        item = await bench.published(team, [account])
        await stopped(bench, team, item.id)
    held = bench.ruled(hold=timedelta(seconds=30))
    await held.corrected(team, item.id, [account], title="Bản đính chính")
    await held.withdrawn(team, item.id)
    assert (await one(bench, item.id))["desired_rendition_id"] is None


async def test_editing_while_a_repair_waits_does_not_call_a_visible_post_withdrawn(
    bench: Bench, team: Team, server: WallServer
) -> None:
    account = await stands(bench, team, server, "repair", "one_call")
    editor, approver = await bench.caller(team.editor), await bench.caller(team.approver)
    async with turning(bench):
        item = await bench.published(team, [account])
        await until(bench, item.id, "live")
        async with bench.hub.open_work() as session:
            await accounts.pause(session, approver, account, "Chờ")
        await moved(bench, item.id, "drift = 'altered', drift_at = now()")
        publication_id = (await one(bench, item.id))["id"]
        assert isinstance(publication_id, UUID)
        async with bench.hub.open_work() as session:
            await decisions.repair(session, approver, publication_id)
        async with bench.hub.open_work() as session:
            version = (await session.get_one(Item, item.id)).version
        async with bench.hub.open_work() as session:
            await fan_out.edit(
                session, editor, item.id, ItemChanges(title="Bản hai"), version=version
            )
        async with bench.hub.open_work() as session:
            await accounts.resume(session, approver, account)
        await until(bench, item.id, "live", "withdrawn")
    assert server.wall("repair").visible
    assert (await one(bench, item.id))["state"] == "live"


async def test_a_text_that_was_corrected_elsewhere_does_not_go_out_any_more(
    bench: Bench, team: Team, server: WallServer
) -> None:
    bench = bench.ruled(hold=timedelta(seconds=0.3))
    first = await stands(bench, team, server, "first", "one_call")
    second = await stands(bench, team, server, "second", "one_call")
    approver = await bench.caller(team.approver)
    async with bench.hub.open_work() as session:
        await accounts.pause(session, approver, second, "Chờ")
    async with turning(bench):
        item = await bench.published(team, [first, second], title="Bản sai")
        await eventually(partial(shows, bench, item.id, first, "live"))
        assert (await bench.states(item.id))[second] == "scheduled"
        try:
            await bench.corrected(team, item.id, [first], title="Bản đúng")
        except InvalidError:
            return  # refused: the correction must name every account
        await asyncio.sleep(1.5)
        async with bench.hub.open_work() as session:
            await accounts.resume(session, approver, second)
        await asyncio.sleep(2.5)
        async with bench.hub.open_work() as session:
            released = (await session.get_one(Item, item.id)).released_no
    assert not any("Bản sai" in told for told in server.wall("second").visible)
    assert released == 2


# ── The queue ────────────────────────────────────────────────────────────────────────────────────


async def test_an_outage_of_a_day_is_still_recorded(
    bench: Bench, team: Team, server: WallServer
) -> None:
    account = await stands(bench, team, server, "outage", "one_call")
    async with bench.hub.open_work() as session:
        await session.execute(
            text("UPDATE account SET breaker_failures = 45 WHERE id = :id"), {"id": account}
        )

    async def before(method: str, name: str) -> int | None:
        return 429

    server.before = before
    async with turning(bench):
        item = await bench.published(team, [account])
        await eventually(partial(problem_of, bench, item.id))
    row = await one(bench, item.id)
    assert (row["state"], row["problem_code"]) == ("pending", "slow_down")


@pytest.mark.parametrize("concurrency", [1, 4])
async def test_a_small_worker_does_ordinary_work(
    bench: Bench, team: Team, server: WallServer, concurrency: int
) -> None:
    account = await stands(bench, team, server, f"small-{concurrency}", "one_call")
    async with turning(bench.ruled(concurrency=concurrency)):
        item = await bench.published(team, [account])
        await until(bench, item.id, "live")


async def test_an_urgent_correction_behind_an_ordinary_call_is_not_left_to_the_sweep(
    bench: Bench, team: Team, server: WallServer
) -> None:
    account = await stands(bench, team, server, "moves", "one_call")
    go = held_back(server)
    async with turning(bench):
        await asyncio.sleep(0.5)  # past the first sweep
        item = await bench.published(team, [account])
        await until(bench, item.id, "sending")
        editor = await bench.caller(team.editor)
        async with bench.hub.open_work() as session:
            version = (await session.get_one(Item, item.id)).version
        async with bench.hub.open_work() as session:
            await fan_out.edit(session, editor, item.id, ItemChanges(title="Khẩn"), version=version)
        seen = await bench.submitted(team, item.id, [account], urgent=True)
        await bench.approved(team, item.id, seen)
        go.set()
        await until_shown(server, "moves", ["Khẩn"])


async def test_one_item_an_adapter_breaks_on_does_not_stop_its_lane(
    bench: Bench, team: Team, server: WallServer
) -> None:
    account = await stands(bench, team, server, "poisoned")
    async with turning(bench):
        await bench.published(team, [account], title="poison")
        good = await bench.published(team, [account], title="good")
        await until(bench, good.id, "live")


async def test_an_adapter_that_breaks_at_the_baseline_is_told(
    bench: Bench, team: Team, server: WallServer
) -> None:
    account = await stands(bench, team, server, "odd-baseline")
    async with turning(bench):
        item = await bench.published(team, [account])
        await eventually(partial(problem_of, bench, item.id))


async def test_an_adapter_that_breaks_at_the_listing_leads_to_a_person(
    bench: Bench, team: Team, server: WallServer
) -> None:
    account = await stands(bench, team, server, "one-then")
    fails_once(server, commits=False)
    async with turning(patient(bench)):
        item = await bench.published(team, [account])
        await until(bench, item.id, "uncertain")
    async with bench.hub.open_work() as session:
        await session.execute(
            text(
                "UPDATE account SET settings = jsonb_set(settings, '{wall}',"
                " '\"odd-listing\"') WHERE id = :id"
            ),
            {"id": account},
        )
    await asked_now(bench, item.id)
    async with turning(bench):
        await until(bench, item.id, "undecided")


async def test_a_foreign_post_with_odd_letters_does_not_stop_the_reading(
    bench: Bench, team: Team, server: WallServer
) -> None:
    account = await stands(bench, team, server, "nul")
    fails_once(server, commits=False)
    async with turning(patient(bench)):
        item = await bench.published(team, [account])
        await until(bench, item.id, "uncertain")
    async with bench.hub.open_work() as session:
        payload = await session.scalar(text("SELECT payload ->> 'text' FROM rendition"))
    assert payload is not None
    server.wall("nul").posts["foreign"] = f"{payload} \x00 và thêm nhiều chữ khác nữa vào đây"
    await asked_now(bench, item.id)
    async with turning(bench):
        await until(bench, item.id, "undecided")


async def test_a_new_text_is_tried_though_the_old_one_was_final(
    bench: Bench, team: Team, server: WallServer
) -> None:
    account = await stands(bench, team, server, "final")
    fails_once(server, commits=False)
    async with turning(patient(bench)):
        item = await bench.published(team, [account])
        await until(bench, item.id, "uncertain")
    await moved(bench, item.id, "final = true")  # e.g. Facebook 368
    await bench.corrected(team, item.id, [account], title="Bản khác")
    await asked_now(bench, item.id)
    async with turning(bench):
        await until(bench, item.id, "live", "failed", "undecided")
    assert set((await bench.states(item.id)).values()) == {"live"}


# ── After a restore ──────────────────────────────────────────────────────────────────────────────


async def test_what_the_lost_hub_sent_after_a_refusal_is_found_again(
    bench: Bench, team: Team, server: WallServer
) -> None:
    account = await stands(bench, team, server, "restored")

    async def busy(method: str, name: str) -> int | None:
        return 429

    server.before = busy
    async with turning(bench):
        item = await bench.published(team, [account])
        await eventually(partial(problem_of, bench, item.id))
    # The backup was taken here; the lost hub then tried again, and it worked.
    async with bench.hub.open_work() as session:
        payload = await session.scalar(text("SELECT payload ->> 'text' FROM rendition"))
    server.wall("restored").posts["sent"] = payload
    connection = await asyncpg.connect(bench.url)
    await connection.execute(keeping._after_sql(bench.hub.registry, "Thử"))
    await connection.close()
    async with bench.hub.open_work() as session:
        await keeping._note_untried(session, bench.hub.registry, utc_now() - timedelta(minutes=1))
    async with turning(bench):
        await until(bench, item.id, "live", "undecided")
    assert (await one(bench, item.id))["remote_id"] == "sent"


# ── Races ────────────────────────────────────────────────────────────────────────────────────────


async def test_a_person_and_the_loop_do_not_lock_each_other_out(
    bench: Bench, team: Team, server: WallServer
) -> None:
    account = await stands(bench, team, server, "locks", "one_call")
    item = await bench.published(team, [account])
    approver = await bench.caller(team.approver)
    async with bench.hub.open_work() as session:
        held = await lanes.claim(
            session, owner="t", most=5, lease=timedelta(seconds=30), urgent_only=False
        )

    async def loop() -> None:
        async with bench.hub.open_work() as session:
            await begin(session, bench.hub, [Ask(lane=lane) for lane in held])

    locked = asyncio.Event()

    async def person() -> None:
        async with bench.hub.open_work() as session:
            await workflow.lock_item(session, approver, item.id)
            locked.set()
            await asyncio.sleep(0.4)
            await fan_out.withdraw(session, approver, item.id, reason="Gỡ")

    first = asyncio.create_task(person())
    await asyncio.wait_for(locked.wait(), 60)
    ended = await asyncio.gather(first, loop(), return_exceptions=True)
    assert [one for one in ended if isinstance(one, BaseException)] == []


async def test_an_agreement_that_comes_while_the_loop_reads_is_not_voided(
    bench: Bench, team: Team, server: WallServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The loop's statement is drawn out to a second, so that the race is met every time."""
    account = await stands(bench, team, server, "voids", "one_call")
    async with turning(bench):
        item = await bench.published(team, [account], title="Bản một")
        await until(bench, item.id, "live")
    await bench.corrected(team, item.id, [account], title="Bản hai")  # due, not begun
    async with bench.hub.open_work() as session:
        await session.execute(
            text(
                "INSERT INTO attempt (id, publication_id, account_id, generation, no, operation,"
                " repeatable, handle, urgent, fence, waits, started_at, ended_at, outcome)"
                " SELECT gen_random_uuid(), id, account_id, generation, 1, 'update', true, '{}',"
                " false, 1, 0, now(), now(), 'not_sent' FROM publication"
            )
        )
    editor, approver = await bench.caller(team.editor), await bench.caller(team.approver)
    async with bench.hub.open_work() as session:
        version = (await session.get_one(Item, item.id)).version
    async with bench.hub.open_work() as session:
        await fan_out.edit(session, editor, item.id, ItemChanges(title="Bản ba"), version=version)
    async with bench.hub.open_work() as session:
        form = SubmitForm(accounts=(account,))
        await fan_out.submit(session, bench.hub, editor, item.id, form)
    async with bench.hub.open_work() as session:
        shown = await preview.render(session, bench.hub, item.id, None)
    seen = {row.account_id: row.hash for row in shown.renditions}
    async with bench.hub.open_work() as session:
        await session.execute(text("UPDATE lane SET until = now(), next_due_at = now()"))
    async with bench.hub.open_work() as session:
        held = await lanes.claim(
            session, owner="t", most=5, lease=timedelta(seconds=30), urgent_only=False
        )
    slow = str(intent._NEXT).replace("CROSS JOIN (SELECT", "CROSS JOIN (SELECT pg_sleep(1),", 1)
    monkeypatch.setattr(intent, "_NEXT", text(slow))

    async def loop() -> None:
        async with bench.hub.open_work() as session:
            await begin(session, bench.hub, [Ask(lane=lane) for lane in held])

    async with bench.hub.open_work() as session:
        await fan_out.approve(session, bench.hub, approver, item.id, revision=3, seen=seen)
        turning_once = asyncio.create_task(loop())
        await asyncio.sleep(0.4)
    await turning_once
    async with bench.hub.open_work() as session:
        voided = await session.scalar(
            text("SELECT count(*) FROM approval WHERE voided_at IS NOT NULL")
        )
    assert voided == 0


# ── Rules ────────────────────────────────────────────────────────────────────────────────────────


def test_a_publication_of_several_steps_that_came_too_late_does_not_appear() -> None:
    now = utc_now()
    attempt = OpenAttempt(
        id=UUID(int=1), generation=1, no=1, operation=Operation.PUBLISH, phase="token",
        calling=None, repeatable=True, handle={"token": "t"}, rendition_id=UUID(int=2), waits=0,
        fence=1,
    )  # fmt: skip
    facts = Facts(
        now=now, publication_id=UUID(int=3), item_id=UUID(int=4), account_id=UUID(int=5),
        item_code="X", fence=1, state=State.SENDING, generation=1, observed_generation=0,
        desired_rendition_id=UUID(int=2), observed_rendition_id=None, revision_no=1, payload={},
        rendition_hash="h", remote_id=None, remote_url=None, not_before=now - timedelta(days=3),
        expires_at=now - timedelta(days=1), urgent=False, tries=0, may_be_visible=False, last_no=1,
        attempt=attempt, approved=True, frozen=False, fenced=False, paused=False, rate_until=None,
        quota_until=None, breaker_until=None, usage=None, calls_per_minute=0, budget=1.0,
        token_busy=False, posts_last_hour=0,
        pulls=False, reads_back=True, runaway_per_hour=0,
    )  # fmt: skip
    assert isinstance(choose(facts), Fail)


def test_an_alert_is_not_held_half_an_hour_by_the_failures_of_ordinary_work() -> None:
    now = utc_now()
    facts = Facts(
        now=now, publication_id=UUID(int=3), item_id=UUID(int=4), account_id=UUID(int=5),
        item_code="X", fence=1, state=State.PENDING, generation=1, observed_generation=0,
        desired_rendition_id=UUID(int=2), observed_rendition_id=None, revision_no=1, payload={},
        rendition_hash="h", remote_id=None, remote_url=None, not_before=now, expires_at=None,
        urgent=True, tries=0, may_be_visible=False, last_no=0, attempt=None, approved=True,
        frozen=False, fenced=False, paused=False, rate_until=None, quota_until=None,
        breaker_until=now + timedelta(minutes=30), usage=None, calls_per_minute=0, budget=1.0,
        token_busy=False,
        posts_last_hour=0, pulls=False, reads_back=True, runaway_per_hour=0,
    )  # fmt: skip
    chosen = choose(facts)
    until_ = getattr(chosen, "until", now)
    assert until_ is not None
    assert until_ <= now + timedelta(seconds=60)
