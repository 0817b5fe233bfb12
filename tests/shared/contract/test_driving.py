"""Following an operation to its end, without a database."""

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

from shared.contract.driving import plan, run_to_end, stored
from shared.contract.messages import Account, Call, Operation, RemoteId
from tests.support.one_call import Credentials, OneCall, Settings, WallServer, serving


@pytest.fixture(scope="module")
async def walls() -> AsyncIterator[WallServer]:
    async with serving(WallServer()) as server:
        yield server


def a_call(walls: WallServer, wall: str, *, remote_id: RemoteId | None = None) -> Call:
    account = Account(
        id=uuid4(),
        name=wall,
        remote_id=wall,
        settings=Settings(wall=wall, base=walls.base),
        credentials=Credentials(),
    )
    payload = {"text": "Thông báo", "link": "https://loa.example/tin/1"}
    return Call(operation=Operation.PUBLISH, account=account, payload=payload, remote_id=remote_id)


async def test_an_operation_is_followed_to_its_receipt(walls: WallServer) -> None:
    channel = OneCall()
    trip = await run_to_end(channel, a_call(walls, "driven"))
    await channel.clients.aclose()
    assert list(walls.wall("driven").posts) == [trip.receipt.remote_id]
    assert [step.name for step in trip.steps] == ["publish"]


async def test_a_step_that_is_made_once_is_made_once(walls: WallServer) -> None:
    channel = OneCall()
    await run_to_end(channel, a_call(walls, "once"), repeat=True)
    await channel.clients.aclose()
    assert walls.wall("once").calls == ["POST"]


def test_a_channel_that_publishes_nothing_plans_nothing(walls: WallServer) -> None:
    from adapters.portal_rss.channel import channel

    with pytest.raises(TypeError, match="portal_rss plans no steps"):
        plan(channel, a_call(walls, "none"))


@pytest.mark.parametrize("handle", [{"at": float("nan")}, {"who": object()}, {"x": "\ud800"}])
def test_a_handle_that_no_database_keeps_is_refused(handle: dict[str, float]) -> None:
    with pytest.raises((ValueError, TypeError)):
        stored(handle)
