"""One agency's items in every standing, for the tests of what lists and calendars read."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text

from services.delivery import fan_out
from tests.support.hub import Bench, Team


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """A team with two feeds of its own."""

    bench: Bench
    team: Team
    accounts: tuple[UUID, UUID]

    async def draft(self, title: str, **fields: object) -> UUID:
        """A draft by the editor."""
        return (await self.bench.draft(self.team, title=title, **fields)).id

    async def review(self, title: str, at: datetime | None = None, **fields: object) -> UUID:
        """Somebody must agree."""
        urgent = bool(fields.pop("urgent", False))
        item = await self.draft(title, **fields)
        await self.bench.submitted(self.team, item, self.accounts[:1], publish_at=at, urgent=urgent)
        return item

    async def returned(self, title: str, reason: str = "Sai số điện thoại") -> UUID:
        """Sent back."""
        item = await self.review(title)
        approver = await self.bench.caller(self.team.approver)
        async with self.bench.hub.open_work() as session:
            await fan_out.send_back(session, approver, item, reason=reason)
        return item

    async def scheduled(self, title: str, at: datetime, *, accounts: int = 1) -> UUID:
        """Agreed, and its time has not come."""
        item = await self.draft(title)
        seen = await self.bench.submitted(self.team, item, self.accounts[:accounts], publish_at=at)
        await self.bench.approved(self.team, item, seen)
        return item

    async def live(self, title: str, at: datetime) -> UUID:
        """Shown since then."""
        item = await self.draft(title)
        seen = await self.bench.submitted(self.team, item, self.accounts[:1])
        await self.bench.approved(self.team, item, seen)
        await self.run(
            "UPDATE publication SET state = 'live', observed_generation = generation,"
            " observed_rendition_id = desired_rendition_id, first_observed_at = :at,"
            " observed_at = :at, next_at = NULL, remote_id = CAST(id AS text) WHERE item_id = :id",
            item,
            at=at,
        )
        await self.run(
            "UPDATE item SET published_at = :at, released_no = 1 WHERE id = :id", item, at=at
        )
        return item

    async def failed(self, title: str, *, accounts: int = 1) -> UUID:
        """It certainly did not happen."""
        item = await self.draft(title)
        seen = await self.bench.submitted(self.team, item, self.accounts[:accounts])
        await self.bench.approved(self.team, item, seen)
        await self.run(
            "UPDATE publication SET state = 'failed', problem_code = 'rejected', next_at = NULL,"
            " problem_at = now() WHERE item_id = :id",
            item,
        )
        return item

    async def undecided(self, title: str) -> UUID:
        """Reading could not tell."""
        item = await self.draft(title)
        seen = await self.bench.submitted(self.team, item, self.accounts[:1])
        await self.bench.approved(self.team, item, seen)
        for state in ("sending", "undecided"):
            await self.run(
                f"UPDATE publication SET state = '{state}', next_at = NULL, problem_at = now()"
                " WHERE item_id = :id",
                item,
            )
        return item

    async def another(self, name: str) -> UUID:
        """A further feed."""
        return await _feed(self.bench, self.team, name)

    async def run(self, statement: str, item: UUID, **more: object) -> None:
        """Changes rows as time or the loop would have."""
        async with self.bench.hub.open_work() as session:
            await session.execute(text(statement), {"id": item, **more})


async def open_desk(bench: Bench) -> Desk:
    """A new agency with two feeds."""
    team = await bench.team()
    accounts = [await _feed(bench, team, name) for name in ("cong", "xa")]
    return Desk(bench=bench, team=team, accounts=(accounts[0], accounts[1]))


async def _feed(bench: Bench, team: Team, name: str) -> UUID:
    slug = f"{name}-{team.unit_code.lower()}"
    settings = {"slug": slug, "title": name, "link": "https://x.example"}
    return await bench.account(team, "portal_rss", settings, {}, name=f"{name} {team.unit_code}")
