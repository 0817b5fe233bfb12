"""A channel of several steps: when each was reached is kept, and asking again is no step."""

from datetime import datetime
from pathlib import Path
from typing import ClassVar

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError
from typing_extensions import override

from services.channels.registry import Registry
from shared.contract.messages import Call, Continue, Outcome, Step
from tests.services.delivery.walls import turning, until
from tests.support.hub import make_bench
from tests.support.one_call import OneCall, WallServer


class Stepwise(OneCall):
    """Two pictures, then a token that is not ready at first, then the post itself."""

    name: ClassVar[str] = "stepwise"

    @override
    def step(self, call: Call) -> Step:
        if call.phase == "token":
            return Step(name="verify", repeatable=True)
        done = call.phase == "photos" and call.handle.get("photos") == 2
        return Step(name="post" if done else "upload_photo", repeatable=not done)

    @override
    async def publish(self, call: Call) -> Outcome:
        if call.phase in (None, "photos") and call.handle.get("photos") != 2:
            count = 2 if call.handle.get("photos") else 1
            return Continue(handle={"photos": count}, phase="photos")
        if call.phase == "photos":
            return Continue(handle={"photos": 2, "asked": 0}, phase="token")
        if call.handle.get("asked") == 0:
            return Continue(handle={"photos": 2, "asked": 1}, phase="token", waiting=True)
        return await super().publish(call)


async def test_the_steps_of_an_attempt_keep_their_times(
    walls: WallServer, database_url: str, tmp_path: Path
) -> None:
    channel = Stepwise()
    bench = make_bench(database_url, tmp_path, Registry.of(channel))
    team = await bench.team()
    account = await bench.account(team, "stepwise", {"wall": "steps", "base": walls.base}, {})
    async with turning(bench):
        item = await bench.published(team, [account])
        await until(bench, item.id, "live")
    async with bench.hub.open_work() as session:
        row = (
            await session.execute(
                text(
                    "SELECT a.id, a.steps, a.started_at, a.ended_at, a.outcome FROM attempt a"
                    " JOIN publication p ON p.id = a.publication_id WHERE p.item_id = :item"
                ),
                {"item": item.id},
            )
        ).one()
    reached = [(one["phase"], datetime.fromisoformat(one["at"])) for one in row.steps]
    assert [phase for phase, _ in reached] == ["photos", "token"]
    assert row.started_at < reached[0][1] < reached[1][1] < row.ended_at
    with pytest.raises(IntegrityError, match="is closed"):
        async with bench.hub.open_work() as session:
            await session.execute(
                text("UPDATE attempt SET steps = '[]' WHERE id = :id"), {"id": row.id}
            )
    await channel.clients.aclose()
    await bench.close()
