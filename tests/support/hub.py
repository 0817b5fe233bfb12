"""A hub on a real database for tests of the rooms: people, accounts, items in a few words each."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from uuid import UUID

from PIL import Image
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from services.audit.actor import SYSTEM
from services.channels import accounts
from services.channels.registry import Registry
from services.channels.sealing import Sealer
from services.content import drafting, media
from services.content.forms import ItemForm
from services.content.media_store import MediaStore
from services.content.tables import Item
from services.delivery import fan_out, preview
from services.delivery.fan_out import SubmitForm
from services.delivery.hub import Hub, Rules
from services.staff.caller import Caller, caller_of
from services.staff.tables import Staff, StaffRole, Unit
from services.storage.columns import new_id
from services.storage.session import make_engine, opener

# Nothing to wait for, but leases as in the house: half a lease is the deadline of each call, and a
# machine that halts for two seconds must not look like a channel that never answered.
QUICK = Rules(
    hold=timedelta(0),
    lane=timedelta(seconds=60),
    runaway_per_hour=0,
    look_schedule=tuple(timedelta(seconds=s) for s in (0.2, 0.4, 0.7, 1.0, 1.5, 2.0)),
    absence={"zalo_oa": timedelta(seconds=0.6), "facebook_page": timedelta(seconds=0.6)},
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Team:
    """One agency with the people whom most tests need."""

    unit_id: UUID
    unit_code: str
    editor: UUID
    approver: UUID
    second_approver: UUID
    admin: UUID


@dataclass(frozen=True, slots=True)
class Bench:
    """A hub with its engine; `rules` may be replaced for a test."""

    hub: Hub
    engine: AsyncEngine
    url: str

    def ruled(self, **changes: object) -> "Bench":
        """The same hub under other rules."""
        rules = replace(self.hub.rules, **changes)  # type: ignore[arg-type]
        return replace(self, hub=replace(self.hub, rules=rules))

    async def close(self) -> None:
        """Closes the connections of its adapters, which are the process's own, and its engine."""
        await self.hub.registry.aclose()
        await self.engine.dispose()

    async def team(self, code: str | None = None) -> Team:
        """A new unit with an editor, two approvers and an admin."""
        unit = Unit(id=new_id(), code=code or f"U{new_id().hex[-10:].upper()}", name="Đơn vị thử")
        people = {
            name: Staff(
                id=new_id(), email=f"{name}@{unit.code.lower()}.vn", name=name, unit_id=unit.id
            )
            for name in ("editor", "approver", "second_approver", "admin")
        }
        async with self.hub.open_work() as session:
            session.add(unit)
            await session.flush()
            session.add_all(people.values())
            await session.flush()
            for name, staff in people.items():
                role = "approver" if name == "second_approver" else name
                session.add(StaffRole(staff_id=staff.id, role=role))
        return Team(
            unit_id=unit.id,
            unit_code=unit.code,
            **{name: staff.id for name, staff in people.items()},
        )

    async def caller(self, staff_id: UUID) -> Caller:
        """The caller for a person, as a door would make it."""
        async with self.hub.open_work() as session:
            caller = await caller_of(session, staff_id)
        assert caller is not None
        return caller

    async def account(
        self,
        team: Team,
        channel: str,
        settings: Mapping[str, object],
        credentials: Mapping[str, object],
        *,
        name: str | None = None,
    ) -> UUID:
        """A connected account."""
        async with self.hub.open_work() as session:
            row = await accounts.add(
                session,
                SYSTEM,
                self.hub.registry,
                self.hub.sealer,
                unit_code=team.unit_code,
                channel=channel,
                name=name or f"{channel}-{new_id().hex[-12:]}",
                settings=settings,
                credentials=credentials,
            )
            return row.id

    async def picture(self, team: Team) -> UUID:
        """A small picture in the team's library."""
        drawn = io.BytesIO()
        Image.new("RGB", (640, 360), (17, 105, 59)).save(drawn, "JPEG")
        editor = await self.caller(team.editor)
        async with self.hub.open_work() as session:
            row = await media.add(
                session,
                editor,
                self.hub.media,
                data=drawn.getvalue(),
                filename="anh.jpg",
                alt="Trụ sở tiếp công dân",
            )
            return row.id

    async def draft(self, team: Team, **fields: object) -> Item:
        """A draft by the editor."""
        given = {"kind": "news", "title": "Thông báo lịch tiếp dân", "body": "Nội dung.", **fields}
        editor = await self.caller(team.editor)
        async with self.hub.open_work() as session:
            return await drafting.create(session, editor, ItemForm.model_validate(given))

    async def submitted(
        self,
        team: Team,
        item_id: UUID,
        account_ids: Sequence[UUID],
        *,
        publish_at: datetime | None = None,
        expires_at: datetime | None = None,
        urgent: bool = False,
    ) -> dict[UUID, str]:
        """Submits the draft; gives what an approver would see, account → rendition hash."""
        editor = await self.caller(team.editor)
        form = SubmitForm(
            accounts=tuple(account_ids),
            publish_at=publish_at,
            expires_at=expires_at,
            urgent=urgent,
        )
        async with self.hub.open_work() as session:
            await fan_out.submit(session, self.hub, editor, item_id, form)
        async with self.hub.open_work() as session:
            seen = await preview.render(session, self.hub, item_id, None)
        return {one.account_id: one.hash for one in seen.renditions}

    async def approved(
        self, team: Team, item_id: UUID, seen: Mapping[UUID, str], *, by: UUID | None = None
    ) -> Item:
        """Approves the newest revision as seen."""
        approver = await self.caller(by or team.approver)
        async with self.hub.open_work() as session:
            item = await session.get(Item, item_id)
            assert item is not None
            number = item.revision_no
        async with self.hub.open_work() as session:
            return await fan_out.approve(
                session, self.hub, approver, item_id, revision=number, seen=seen
            )

    async def published(self, team: Team, account_ids: Sequence[UUID], **fields: object) -> Item:
        """Draft, submit and approve in one go."""
        item = await self.draft(team, **fields)
        seen = await self.submitted(team, item.id, account_ids)
        await self.approved(team, item.id, seen)
        return item

    async def corrected(
        self, team: Team, item_id: UUID, account_ids: Sequence[UUID], **changes: object
    ) -> None:
        """Edits, submits and approves the next revision."""
        from services.content.forms import ItemChanges

        editor = await self.caller(team.editor)
        async with self.hub.open_work() as session:
            item = await session.get(Item, item_id)
            assert item is not None
            version = item.version
        async with self.hub.open_work() as session:
            await fan_out.edit(
                session, editor, item_id, ItemChanges.model_validate(changes), version=version
            )
        seen = await self.submitted(team, item_id, account_ids)
        await self.approved(team, item_id, seen)

    async def withdrawn(self, team: Team, item_id: UUID) -> None:
        """Withdraws the item everywhere."""
        approver = await self.caller(team.approver)
        async with self.hub.open_work() as session:
            await fan_out.withdraw(session, approver, item_id, reason="Thử gỡ")

    async def states(self, item_id: UUID) -> dict[UUID, str]:
        """Publication states of an item by account."""
        async with self.hub.open_work() as session:
            rows = await session.execute(
                text("SELECT account_id, state FROM publication WHERE item_id = :id"),
                {"id": item_id},
            )
            return {row.account_id: row.state for row in rows}


def make_bench(
    url: str,
    media_root: Path,
    registry: Registry,
    *,
    rules: Rules = QUICK,
    size: int = 20,
    by_key: bool = False,
) -> Bench:
    """A hub over a migrated database; the caller disposes of its engine."""
    engine = make_engine(url, size=size, application="loa-test", by_key=by_key)
    hub = Hub(
        open_work=opener(engine),
        registry=registry,
        sealer=Sealer(b"test key of thirty-two characters"),
        media=MediaStore(media_root),
        public_url="http://loa.test",
        agency="Sở Thông tin Hoa Sen",
        rules=rules,
    )
    return Bench(hub=hub, engine=engine, url=url)
