"""People who act at the same instant, while the loop turns: what the world then shows, and saw."""

import asyncio
import json
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import TypeAlias
from uuid import UUID

import pytest
from sqlalchemy import text
from typing_extensions import override

from services.audit.verify import verify
from services.channels.registry import Registry
from services.content import drafting
from services.content.forms import ItemChanges, ItemForm
from services.content.tables import Item
from services.delivery import fan_out, preview
from services.delivery.fan_out import SubmitForm
from services.staff.caller import Caller
from shared.clock import utc_now
from shared.errors import LoaError
from tests.services.delivery.walls import turning, wall
from tests.support.hub import Bench, make_bench
from tests.support.one_call import OneCall, Receive, Scope, Send, WallServer, serving

_UNSETTLED = text(
    """
    SELECT concat_ws(' ', state, problem_code, observed_generation, generation) FROM publication
     WHERE (state NOT IN ('live','withdrawn') OR observed_generation < generation)
       AND (CAST(:item AS uuid) IS NULL OR item_id = :item)
    """
)

RACES = 200
STOPS = 100
WALLS = 8
AT_ONCE = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """One call that reached a wall."""

    at: datetime
    method: str
    wall: str
    post: str
    text: str | None


@dataclass
class WatchedServer(WallServer):
    """The walls, and every call that ever reached one, in the order of arrival."""

    calls: list[Seen] = field(default_factory=list)

    @override
    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serves as the walls do, and notes what came."""
        at, body, answer = utc_now(), bytearray(), bytearray()

        async def receive_too() -> Scope:
            part = await receive()
            _take(body, part)
            return part

        async def send_too(part: Scope) -> None:
            _take(answer, part)
            await send(part)

        await WallServer.__call__(self, scope, receive_too, send_too)
        self.calls.append(
            Seen(
                at=at,
                method=str(scope["method"]),
                wall=str(scope["path"]).split("/")[2],
                post=json.loads(answer)["id"],
                text=json.loads(body)["text"] if body else None,
            )
        )


def _take(kept: bytearray, part: Scope) -> None:
    chunk = part.get("body", b"")
    kept += chunk if isinstance(chunk, bytes) else b""


@dataclass(frozen=True, slots=True, kw_only=True)
class Racing:
    """A hub with its walls and people, for many items at once.

    The loop has connections of its own, as a worker process has: people do not queue before it.
    """

    bench: Bench
    loop: Bench
    server: WatchedServer
    accounts: tuple[UUID, ...]
    editor: Caller
    approver: Caller
    second: Caller

    def chosen(self, no: int) -> tuple[UUID, ...]:
        """The accounts of the item of this number."""
        return tuple(self.accounts[(no + step) % WALLS] for step in (0, 3))

    async def in_review(self, no: int) -> tuple[Item, dict[UUID, str]]:
        """A submitted item, and what an approver of it has seen."""
        async with self.bench.hub.open_work() as session:
            form = ItemForm(kind="news", title=f"Tin {no}, bản 1", body="Nội dung.")
            item = await drafting.create(session, self.editor, form)
        return item, await self.submit(no, item.id)

    async def submit(self, no: int, item_id: UUID) -> dict[UUID, str]:
        """Submits the newest draft; gives what it will show."""
        hub = self.bench.hub
        async with hub.open_work() as session:
            form = SubmitForm(accounts=self.chosen(no))
            await fan_out.submit(session, hub, self.editor, item_id, form)
        async with hub.open_work() as session:
            shown = await preview.render(session, hub, item_id, None)
        return {one.account_id: one.hash for one in shown.renditions}

    async def approve(self, who: Caller, item_id: UUID, no: int, seen: dict[UUID, str]) -> None:
        """Agrees to a revision."""
        hub = self.bench.hub
        async with hub.open_work() as session:
            await fan_out.approve(session, hub, who, item_id, revision=no, seen=seen)

    async def correct(self, no: int, item_id: UUID) -> None:
        """Writes the second revision and brings it all the way."""
        async with self.bench.hub.open_work() as session:
            item = await session.get_one(Item, item_id)
            await fan_out.edit(
                session,
                self.editor,
                item_id,
                ItemChanges(title=f"Tin {no}, bản 2"),
                version=item.version,
            )
        seen = await self.submit(no, item_id)
        await self.approve(self.second, item_id, 2, seen)

    async def withdraw(self, item_id: UUID) -> Sequence[str]:
        """Takes it back; gives what that does."""
        async with self.bench.hub.open_work() as session:
            effects = await fan_out.withdraw(session, self.approver, item_id, reason="Đua")
        return [one.effect for one in effects]

    async def stop(self, item_id: UUID) -> None:
        """Presses stop."""
        async with self.bench.hub.open_work() as session:
            await fan_out.stop(session, self.editor, item_id)

    async def until_settled(self, item_id: UUID | None = None, *, seconds: float = 300) -> None:
        """Waits until the loop has nothing left to do: at all, or for one item."""
        left: list[str] = []
        for _ in range(int(seconds / 0.1)):
            async with self.bench.hub.open_work() as session:
                found = await session.scalars(_UNSETTLED, {"item": item_id})
                left = list(found)
            if not left:
                return
            # Nothing goes wrong on these walls: what asks for a person will not settle by itself.
            assert not [one for one in left if one.startswith(("failed", "undecided"))], left
            await asyncio.sleep(0.1)
        raise AssertionError(f"never settled: {left}")


@pytest.fixture
async def racing(
    fresh_database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Racing]:
    channel = OneCall()
    root: Path = tmp_path_factory.mktemp("media")
    bench = make_bench(fresh_database_url, root, Registry.of(channel), size=30)
    loop = make_bench(fresh_database_url, root, Registry.of(channel), size=10)
    async with serving(WatchedServer()) as server:
        assert isinstance(server, WatchedServer)
        team = await bench.team()
        yield Racing(
            bench=bench,
            loop=loop,
            server=server,
            accounts=tuple([await wall(bench, team, server, f"race-{no}") for no in range(WALLS)]),
            editor=await bench.caller(team.editor),
            approver=await bench.caller(team.approver),
            second=await bench.caller(team.second_approver),
        )
    await channel.clients.aclose()
    await bench.engine.dispose()
    await loop.engine.dispose()


Acts: TypeAlias = tuple[tuple[float, Callable[[], Awaitable[object]]], ...]
"""What people do at the same time, each within so many seconds."""


async def side_by_side(
    count: int, run: Callable[[int], Awaitable[None]], *, at_once: int = AT_ONCE
) -> None:
    """Runs it for every number below `count`, so many at a time."""
    slots = asyncio.Semaphore(at_once)

    async def one(no: int) -> None:
        async with slots:
            await run(no)

    async with asyncio.TaskGroup() as group:
        for no in range(count):
            group.create_task(one(no))


async def refused_or(act: Awaitable[object]) -> object:
    """What an act gives, or the refusal it met; anything else is a failure of the test."""
    try:
        return await act
    except LoaError as error:
        return error


@dataclass(frozen=True, slots=True, kw_only=True)
class Withdrawal:
    """A withdrawal that was answered with yes, and how many calls had arrived by then."""

    code: str
    calls: int
    effects: Sequence[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """One text that two people agreed to: from when on it may leave the house, and where to."""

    wall: str
    text: str
    since: datetime


async def agreed(bench: Bench) -> list[Wanted]:
    """Every text that may ever be seen: renditions of approvals, with the hash that was seen."""
    async with bench.hub.open_work() as session:
        rows = await session.execute(
            text(
                "SELECT account.remote_id AS wall, r.payload ->> 'text' AS text, a.at"
                "  FROM approval a JOIN rendition r ON r.revision_id = a.revision_id"
                "  JOIN account ON account.id = r.account_id"
                " WHERE a.seen ->> r.account_id::text = r.hash"
            )
        )
        return [Wanted(wall=row.wall, text=row.text, since=row.at) for row in rows]


async def stories(bench: Bench) -> dict[str, list[str]]:
    """For each item's code its approvals, stops and withdrawals, in the order of commit."""
    async with bench.hub.open_work() as session:
        rows = await session.execute(
            text(
                "SELECT item.code,"
                "       array_agg(e.act || ' ' || coalesce(e.details ->> 'revision', '')"
                "                 ORDER BY e.seq) AS acts"
                "  FROM item JOIN audit_entry e ON e.object = 'item:' || item.id"
                " WHERE e.act IN ('item.approved', 'item.stopped', 'item.withdrawn')"
                " GROUP BY 1"
            )
        )
        return {row.code: row.acts for row in rows}


def wanted_after(acts: Sequence[str]) -> str | None:
    """The revision that should show after these acts; None for nothing.

    A stop takes back the agreement before it: what was wanted until then is wanted again.
    """
    wanted: list[tuple[str, str | None]] = [("", None)]
    for act, _, number in (one.partition(" ") for one in acts):
        if act == "item.stopped":
            wanted = [one for one in wanted if one[0] != number]
        else:
            wanted.append((number, number or None))
    return wanted[-1][1]


def number_in(call: Seen) -> str:
    """The revision whose text a call put on a wall."""
    return (call.text or "").partition(", bản ")[2].partition("\n")[0]


def about(calls: Sequence[Seen], code: str) -> list[Seen]:
    """The calls that put a text of this item on a wall."""
    return [one for one in calls if one.text is not None and one.text.endswith(f"/tin/{code}")]


async def test_whoever_races_nothing_unapproved_twice_or_withdrawn_is_ever_seen(
    racing: Racing,
) -> None:
    chance = random.Random(20260801)
    reviewed: dict[int, tuple[Item, dict[UUID, str]]] = {}
    withdrawals: list[Withdrawal] = []
    answers: list[object] = []

    async def prepare(no: int) -> None:
        reviewed[no] = await racing.in_review(no)

    async def race(no: int) -> None:
        item, seen = reviewed[no]

        async def withdraw() -> None:
            effects = await racing.withdraw(item.id)
            withdrawals.append(
                Withdrawal(code=item.code, calls=len(racing.server.calls), effects=effects)
            )

        async def after(wait: float, act: Callable[[], Awaitable[object]]) -> object:
            await asyncio.sleep(wait)
            return await refused_or(act())

        agreeing: Acts = (
            (0.0, lambda: racing.approve(racing.approver, item.id, 1, seen)),
            (0.02, lambda: racing.approve(racing.second, item.id, 1, seen)),
        )
        changing: Acts = (
            (0.15, lambda: racing.correct(no, item.id)),
            (0.10, lambda: racing.stop(item.id)),
        )
        leaving: Acts = ((0.25, withdraw),)
        # In half of the races somebody comes late, so that later acts meet posts that are live.
        waves: tuple[Acts, ...] = (agreeing + changing + leaving,)
        if no % 4 >= 2:
            waves = (agreeing, changing, leaving) if no % 4 == 2 else (agreeing + changing, leaving)
        for wave in waves:
            acts = [after(chance.uniform(0, most), act) for most, act in wave]
            answers.extend(await asyncio.gather(*acts))
            if wave is not waves[-1]:
                await racing.until_settled(item.id)

    await side_by_side(RACES, prepare)
    async with turning(racing.loop):
        await side_by_side(RACES, race)
        await racing.until_settled()

    calls = list(racing.server.calls)
    allowed = await agreed(racing.bench)
    told = await stories(racing.bench)
    since = {(one.wall, one.text): one.since for one in allowed}

    # The races were races: each act won and lost some.
    refusals = [one.code for one in answers if isinstance(one, LoaError)]
    assert len(refusals) < len(answers)
    assert "already_approved" in refusals
    assert {one.method for one in calls} == {"POST", "PUT", "DELETE"}
    assert {effect for one in withdrawals for effect in one.effects} >= {"none", "withdraw"}

    # Nothing unapproved: each text was agreed to, for that very wall, before it left.
    sent = [one for one in calls if one.text is not None]
    assert [one for one in sent if (one.wall, one.text) not in since] == []
    assert [one for one in sent if one.at < since[one.wall, one.text or ""]] == []

    # Nothing twice: no text is posted a second time, and no wall ever holds two posts of one item.
    posts = [(one.wall, one.text) for one in calls if one.method == "POST"]
    assert len(posts) == len(set(posts))
    assert most_at_once(calls) == 1

    # Nothing after a withdrawal but what was agreed to later; at the end the last act holds.
    for code, acts in told.items():
        wanted = wanted_after(acts)
        shown = [wanted] * 2 if wanted else []
        assert [number_in(one) for one in about(_visible(calls), code)] == shown, acts
        ever = {number_in(one) for one in about(calls, code)}
        assert not [act for act in acts if act in {f"item.stopped {number}" for number in ever}]
    for one in withdrawals:
        if "wait" not in one.effects and told[one.code][-1].startswith("item.withdrawn"):
            assert about(calls[one.calls :], one.code) == []
    async with racing.bench.hub.open_work() as session:
        assert (await verify(session)).ok


async def test_what_was_stopped_in_time_never_appears_however_close_it_was(
    racing: Racing,
) -> None:
    close = replace(racing, bench=racing.bench.ruled(hold=timedelta(seconds=0.15)))
    # Some are stopped for certain in time and some for certain too late, on whatever machine.
    early = replace(racing, bench=racing.bench.ruled(hold=timedelta(hours=1)))
    chance = random.Random(20260802)
    reviewed: dict[int, tuple[Item, dict[UUID, str]]] = {}
    stopped: set[str] = set()
    late: set[str] = set()

    async def prepare(no: int) -> None:
        reviewed[no] = await close.in_review(no)

    async def race(no: int) -> None:
        item, seen = reviewed[no]
        team = early if no % 10 == 0 else close
        await team.approve(team.approver, item.id, 1, seen)
        if no % 10 == 1:
            await close.until_settled(item.id)
        else:
            await asyncio.sleep(chance.uniform(0.0, 0.4))
        answer = await refused_or(close.stop(item.id))
        if isinstance(answer, LoaError):
            assert answer.code == "already_started"
            late.add(item.code)
        else:
            stopped.add(item.code)

    await side_by_side(STOPS, prepare)
    async with turning(racing.loop):
        await side_by_side(STOPS, race)
        await close.until_settled()
        await asyncio.sleep(0.5)

    calls = racing.server.calls
    assert stopped
    assert late
    assert [code for code in sorted(stopped) if about(calls, code)] == []
    assert [len(about(calls, code)) for code in sorted(late)] == [2] * len(late)


def most_at_once(calls: Sequence[Seen]) -> int:
    """The most posts of one item that any wall held at one time."""
    standing: dict[tuple[str, str], str] = {}
    most = 0
    for one in calls:
        if one.text is None:
            standing.pop((one.wall, one.post), None)
            continue
        code = one.text.rsplit("/", 1)[1]
        standing[one.wall, one.post] = code
        most = max(most, sum(1 for (w, _), c in standing.items() if (w, c) == (one.wall, code)))
    return most


def _visible(calls: Sequence[Seen]) -> Sequence[Seen]:
    """What the walls show after all these calls."""
    standing: dict[tuple[str, str], Seen] = {}
    for one in calls:
        standing.pop((one.wall, one.post), None)
        if one.text is not None:
            standing[one.wall, one.post] = one
    return list(standing.values())
