"""A hub of each test module's own, and another agency's site for each test."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import select, text
from sqlmodel import col

from services.channels.registry import Registry
from services.sources import managing, polling
from services.sources.forms import SourceForm
from services.sources.polling import Went
from services.sources.tables import Source, SourceEntry
from shared.clock import utc_now
from tests.support.hub import Bench, Team, make_bench
from tests.support.sister_site import SisterSite, sister_site


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """A team with one sister site: adds its feed, reads it, and lets time pass."""

    bench: Bench
    team: Team
    site: SisterSite

    async def source(self, path: str = "/rss.xml", **fields: object) -> UUID:
        """The site's feed as a source, added by the editor."""
        form = SourceForm.model_validate(
            {"url": f"{self.site.url}{path}", "title": "Sở Y tế", **fields}
        )
        editor = await self.bench.caller(self.team.editor)
        async with self.bench.hub.open_work() as session:
            made = await managing.add(session, editor, form, guard=self.site.guard, now=utc_now())
            return made.id

    async def read(self, source_id: UUID) -> Went:
        """Reads it now."""
        went = await polling.read_source(
            self.bench.hub.open_work,
            self.site.guard,
            source_id,
            public_url=self.bench.hub.public_url,
        )
        assert went is not None
        return went

    async def row(self, source_id: UUID) -> Source:
        """The source as it stands."""
        async with self.bench.hub.open_work() as session:
            return await session.get_one(Source, source_id)

    async def entries(self, source_id: UUID) -> list[SourceEntry]:
        """Its entries, in the order of the feed."""
        async with self.bench.hub.open_work() as session:
            found = await session.scalars(
                select(SourceEntry)
                .where(col(SourceEntry.source_id) == source_id)
                .order_by(col(SourceEntry.first_seen_at), col(SourceEntry.position))
            )
            return list(found)

    async def named(self, source_id: UUID, title: str) -> SourceEntry:
        """The entry of that title."""
        return next(one for one in await self.entries(source_id) if one.title == title)

    async def earlier(self, source_id: UUID, by: timedelta) -> None:
        """Makes everything that happened to the source, and its entries, as long ago as that."""
        source = (
            "asked_at", "read_at", "next_at", "missing_since", "moved_since", "result_at", "rule_at"
        )  # fmt: skip
        entry = ("first_seen_at", "last_seen_at", "gone_seen_at", "edited_at")
        async with self.bench.hub.open_work() as session:
            for table, key, names in (
                ("source", "id", source),
                ("source_entry", "source_id", entry),
            ):
                moved = ", ".join(f"{name} = {name} - CAST(:by AS interval)" for name in names)
                await session.execute(
                    text(f"UPDATE {table} SET {moved} WHERE {key} = :id"),
                    {"by": by, "id": source_id},
                )


@pytest.fixture(scope="module")
async def bench(
    database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Bench]:
    media = Path(tmp_path_factory.mktemp("media"))
    made = make_bench(database_url, media, Registry.load({}))
    yield made
    await made.engine.dispose()


@pytest.fixture
async def site() -> AsyncIterator[SisterSite]:
    async with sister_site() as opened:
        yield opened


@pytest.fixture
async def desk(bench: Bench, site: SisterSite) -> Desk:
    hub = replace(bench.hub, guard=site.guard)
    return Desk(bench=replace(bench, hub=hub), team=await bench.team(), site=site)


def hours_ago(hours: float) -> datetime:
    """An instant of not long ago, without what a feed cannot tell."""
    return (utc_now() - timedelta(hours=hours)).replace(microsecond=0)
