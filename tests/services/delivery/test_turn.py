"""The loop's own helpers: a busy database does not end them, and their end is not hidden."""

import asyncio

import pytest
from sqlalchemy.exc import TimeoutError as NoConnectionError
from sqlalchemy.ext.asyncio import AsyncSession

from services.delivery import turn, wake
from services.delivery.turn import Loop
from tests.support.hub import Bench


def _sweeping(monkeypatch: pytest.MonkeyPatch, error: Exception) -> asyncio.Event:
    """The first sweep meets with an error; the event tells of one that went well."""
    well, errors = asyncio.Event(), [error]

    async def derive(session: AsyncSession) -> None:
        if errors:
            raise errors.pop()
        await wake.derive(session)
        well.set()

    monkeypatch.setattr(turn, "derive", derive)
    monkeypatch.setattr(turn, "_SWEEP", 0.05)
    return well


async def test_a_sweep_that_got_no_connection_is_made_again(
    walled: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    well = _sweeping(monkeypatch, NoConnectionError("all in use"))
    loop = Loop(walled.hub)
    running = asyncio.create_task(loop.run())
    async with asyncio.timeout(60):
        await well.wait()
        loop.stop()
        await running


async def test_the_loop_does_not_go_on_without_its_sweep(
    walled: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    _sweeping(monkeypatch, RuntimeError("nobody foresaw this"))
    with pytest.raises(RuntimeError, match="nobody foresaw"):
        await asyncio.wait_for(Loop(walled.hub).run(), 60)
