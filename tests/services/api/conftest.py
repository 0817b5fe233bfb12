from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import pytest

from tests.support.site import Person, Site, open_site


@pytest.fixture(scope="module")
async def site(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    root: Path = tmp_path_factory.mktemp("media")
    async with open_site(database_url, root) as opened:
        yield opened


@dataclass(frozen=True, slots=True, kw_only=True)
class Team:
    unit: UUID
    editor: Person
    approver: Person
    admin: Person
    auditor: Person
    leader: Person
    responder: Person
    program: Person
    stranger: Person
    portal: UUID


@pytest.fixture(scope="module")
async def team(site: Site) -> Team:
    unit = await site.unit()
    return Team(
        unit=unit,
        editor=await site.person(unit, "editor"),
        approver=await site.person(unit, "approver"),
        admin=await site.person(unit, "admin"),
        auditor=await site.person(unit, "auditor"),
        leader=await site.person(unit, "leader"),
        responder=await site.person(unit, "responder"),
        program=await site.program(unit),
        stranger=await site.person(await site.unit(), "editor", "approver", "admin", "auditor"),
        portal=await site.portal(unit),
    )
