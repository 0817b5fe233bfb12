"""A console of each test module's own, with a team in it."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Browser

from shared.fetch import Guard
from tests.support.browser import browser as open_browser
from tests.support.console import Console, Visitor, open_console
from tests.support.hub import Team
from tests.support.sister_site import SisterSite, sister_site


@pytest.fixture(scope="module")
def guard() -> Guard:
    """What the console may fetch; a module that reads a site of its own says so."""
    return Guard()


@pytest.fixture(scope="module")
async def sister() -> AsyncIterator[SisterSite]:
    async with sister_site() as opened:
        yield opened


@pytest.fixture(scope="module")
async def console(
    guard: Guard, database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Console]:
    media = Path(tmp_path_factory.mktemp("media"))
    async with open_console(database_url, media, guard=guard) as opened:
        yield opened


@pytest.fixture(scope="module")
async def team(console: Console) -> Team:
    return await console.bench.team()


@pytest.fixture(scope="module")
async def editor(console: Console, team: Team) -> Visitor:
    return await console.visitor(team.editor)


@pytest.fixture(scope="module")
async def approver(console: Console, team: Team) -> Visitor:
    return await console.visitor(team.approver)


@pytest.fixture(scope="module")
async def admin(console: Console, team: Team) -> Visitor:
    return await console.visitor(team.admin)


@pytest.fixture(scope="module")
async def browser() -> AsyncIterator[Browser]:
    async with open_browser() as opened:
        yield opened
