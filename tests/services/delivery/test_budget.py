"""The budget of calls of an account (R29), over several lanes and several workers."""

import asyncio
from datetime import datetime, timedelta
from itertools import pairwise
from uuid import UUID

import pytest
from sqlalchemy import text

from services.delivery import intent
from services.delivery.choice import Choice, Facts, Hold, Send, choose
from services.delivery.tables import State
from shared.clock import steady_seconds, utc_now
from tests.services.delivery.walls import eventually, turning, until, wall
from tests.support.hub import Bench
from tests.support.one_call import WallServer

_PER_MINUTE = 60  # one a second: easy to reckon with


def facts(now: datetime, **changes: object) -> Facts:
    """An ordinary first post, due now, on a sound account whose budget is whole."""
    given: dict[str, object] = {
        "now": now, "publication_id": UUID(int=3), "item_id": UUID(int=4),
        "account_id": UUID(int=5), "item_code": "X", "fence": 1, "state": State.PENDING,
        "generation": 1, "observed_generation": 0, "desired_rendition_id": UUID(int=2),
        "observed_rendition_id": None, "revision_no": 1, "payload": {}, "rendition_hash": "h",
        "remote_id": None, "remote_url": None, "not_before": now, "expires_at": None,
        "urgent": False, "tries": 0, "may_be_visible": False, "last_no": 0, "attempt": None,
        "approved": True, "frozen": False, "fenced": False, "paused": False, "rate_until": None,
        "quota_until": None, "breaker_until": None, "usage": None,
        "calls_per_minute": _PER_MINUTE, "budget": 1.0, "token_busy": False,
        "posts_last_hour": 0, "pulls": False, "reads_back": False, "runaway_per_hour": 0,
        **changes,
    }  # fmt: skip
    return Facts(**given)  # type: ignore[arg-type]


def waits(choice: Choice, now: datetime) -> float:
    """Seconds until it may go; 0 for now."""
    if isinstance(choice, Send):
        return 0.0
    assert isinstance(choice, Hold)
    assert choice.until is not None
    return (choice.until - now).total_seconds()


@pytest.mark.parametrize(
    ("changes", "seconds"),
    [
        ({"budget": 1.0}, 0),
        ({"budget": 0.3}, 0),
        ({"budget": 0.2}, 1),  # a fifth is kept for emergencies: wait for one call's worth
        ({"budget": 0.0}, 13),
        ({"budget": 0.0, "urgent": True}, 1),
        ({"budget": 0.1, "urgent": True}, 0),
        ({"budget": -0.1, "urgent": True}, 7),  # overdrawn by six calls
        ({"budget": 0.22, "usage": 0.75}, 0.8),  # at half its pace: a call counts for two
        ({"budget": 0.24, "usage": 0.75}, 0),
        ({"budget": 1.0, "usage": 0.95}, 60),
        ({"budget": 1.0, "usage": 0.95, "urgent": True}, 0),
        ({"budget": -1.0, "calls_per_minute": 0}, 0),  # no budget is kept
    ],
)
def test_ordinary_work_leaves_a_fifth_and_slows_as_the_channel_fills(
    changes: dict[str, object], seconds: float
) -> None:
    now = utc_now()
    assert waits(choose(facts(now, **changes)), now) == pytest.approx(seconds, abs=0.001)


def test_a_withdrawal_never_waits_for_the_budget() -> None:
    now = utc_now()
    gone = facts(now, desired_rendition_id=None, remote_id="1", budget=-1.0)
    assert isinstance(choose(gone), Send)


async def test_two_workers_together_keep_the_budget_and_an_alert_has_its_share(
    walled: Bench, walls: WallServer
) -> None:
    """Two loops over one account whose budget is ten calls a minute: eight ordinary, then none.

    None but what fills up again meanwhile, one in six seconds, however slow the machine is.
    """
    bench = walled.ruled(calls_per_minute=10, lane=timedelta(seconds=30))
    team = await bench.team()
    account = await wall(bench, team, walls, "budget")
    items = [await bench.published(team, [account], title=f"Tin {no}") for no in range(12)]
    calls, began = walls.wall("budget").calls, steady_seconds()

    async def spent() -> bool:
        return len(calls) >= 8

    async with turning(bench), turning(bench):
        await eventually(spent)
        await asyncio.sleep(1)
        ordinary, filled = len(calls), (steady_seconds() - began) / 6
        alert = await bench.draft(team, kind="warning", title="Cảnh báo lũ")
        seen = await bench.submitted(team, alert.id, [account], urgent=True)
        await bench.approved(team, alert.id, seen)
        await until(bench, alert.id, "live")
        await asyncio.sleep(0.5)
    later = (steady_seconds() - began) / 6
    assert 8 <= ordinary <= 8 + filled
    assert 9 <= len(calls) <= 9 + later
    states = [next(iter((await bench.states(item.id)).values())) for item in items]
    live = len(calls) - 1
    assert sorted(states) == ["live"] * live + ["pending"] * (12 - live)


async def test_calls_that_are_spent_at_once_by_many_are_all_counted(
    walled: Bench, walls: WallServer
) -> None:
    """Many transactions of many connections add to one row: none overwrites another."""
    bench = walled.ruled(calls_per_minute=600)
    team = await bench.team()
    account = await wall(bench, team, walls, "counted")

    async def spend() -> datetime:
        async with bench.hub.open_work() as session:
            await intent._spend(session, bench.hub, [(account, 1), (account, 2)])
            at = await session.scalar(
                text("SELECT full_at FROM call_budget WHERE account_id = :id"), {"id": account}
            )
        assert isinstance(at, datetime)
        return at

    began = utc_now()
    instants = sorted(await asyncio.gather(*(spend() for _ in range(20))))
    steps = [(later - one).total_seconds() for one, later in pairwise(instants)]
    assert steps == pytest.approx([0.3] * 19, abs=0.001)
    assert (instants[-1] - began).total_seconds() >= 6
