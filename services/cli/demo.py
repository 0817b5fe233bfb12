"""Fills a hub with the sample province: its people, three simulated accounts, a dozen items.

Every step goes through the rooms as a person's would, by the person whom the plan names, and is
skipped where it was done: a start that was cut off goes on, a second one adds nothing.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from importlib import resources
from pathlib import Path
from typing import Final
from uuid import UUID

import httpx
import structlog
from pydantic import BaseModel, JsonValue
from sqlalchemy import select, text
from sqlmodel import col

from services.audit.actor import Actor
from services.channels import accounts
from services.channels.tables import Account
from services.cli import writing
from services.cli.opening import Opening, opened
from services.content import item_templates
from services.content.forms import ItemChanges
from services.content.ready_templates import READY
from services.content.tables import Item, Revision
from services.delivery import fan_out, preview
from services.delivery.fan_out import SubmitForm
from services.delivery.hub import Hub
from services.delivery.tables import State
from services.sandbox.demo import pictures
from services.sandbox.demo.people import IMPRINT, PEOPLE, UNITS
from services.sandbox.demo.plan import ITEMS, DemoItem, Outcome
from services.sources import managing, polling
from services.sources import queries as sources
from services.sources.forms import SourceForm
from services.staff import agency, units
from services.staff import people as staff_people
from services.staff.caller import Caller, caller_of
from services.staff.tables import Staff, Unit
from shared.clock import steady_seconds, utc_now
from shared.errors import LoaError

_ACTOR: Final = Actor(kind="system", id="demo")
_DONE: Final = "sample-data-complete"
_SLUG: Final = "cong-hoa-sen"
_PATIENCE_SECONDS: Final = 90.0
_POLL_SECONDS: Final = 0.25
_PORTAL_EVERY_SECONDS: Final = 5
# What a refused publication met: a parameter that the channel cannot take, before any effect.
_REFUSALS: Final[Mapping[str, tuple[str, int]]] = {
    "facebook_page": ("feed", 100),
    "zalo_oa": ("create", -201),
}
_MOVING: Final = (State.PENDING, State.SENDING, State.UNCERTAIN)

_log = structlog.get_logger()


class DemoStuckError(LoaError):
    """The sample data does not get where the plan wants it; the next try goes on from here."""

    default_code = "demo_stuck"


class _Registered(BaseModel):
    """One account as the sandbox made it: what Loa needs to connect it."""

    settings: dict[str, JsonValue]
    credentials: dict[str, JsonValue]


class _Answer(BaseModel):
    accounts: list[_Registered]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outlet:
    """One simulated account: how it is called, and its id on the channel."""

    channel: str
    name: str
    remote_id: str
    settings: Mapping[str, JsonValue] = field(default_factory=dict)


_OUTLETS: Final = (
    _Outlet(
        channel="zalo_oa",
        name="Zalo tỉnh Hoa Sen",
        remote_id="2816007400112233445",
        settings={"poll_seconds": 1},  # a simulated Zalo is ready sooner than the real one
    ),
    _Outlet(channel="facebook_page", name="Facebook tỉnh Hoa Sen", remote_id="100064112233445"),
)
_PORTAL: Final = "Cổng thông tin tỉnh Hoa Sen"
_ADMIN: Final = next(one.email for one in PEOPLE if "admin" in one.roles)
_SISTER: Final = "Sở Y tế tỉnh Sen Trắng"


async def people(hub: Hub) -> None:
    """The units and people of the sample province; those who are here already stay as they are."""
    async with hub.open_work() as session:
        codes = set(await session.scalars(select(col(Unit.code))))
        for unit in UNITS:
            if unit.code not in codes:
                await units.add(
                    session, _ACTOR, code=unit.code, name=unit.name, parent_code=unit.parent
                )
        emails = set(await session.scalars(select(col(Staff.email))))
        for person in PEOPLE:
            if person.email not in emails:
                await staff_people.add(
                    session,
                    _ACTOR,
                    email=person.email,
                    name=person.name,
                    roles=person.roles,
                    unit_code=person.unit,
                    password=person.password,
                )


def fill(opening: Opening, url: str, sandbox: str) -> None:
    """Connects the simulated accounts and drives the items; returns when all is as planned.

    Raises DemoStuckError when the channels do not follow in time; safe to repeat.
    """

    async def run() -> None:
        async with (
            opened(opening, url, application="loa-demo") as hub,
            httpx.AsyncClient(base_url=sandbox, timeout=10, trust_env=False) as client,
        ):
            await _until_answers(client)
            # Nobody is here yet who would want to press stop.
            quick = replace(hub, rules=replace(hub.rules, hold=timedelta(0)))
            await _Driver(quick, client, opening.folder).drive()

    asyncio.run(run())


class _Driver:
    def __init__(self, hub: Hub, client: httpx.AsyncClient, folder: Path) -> None:
        self._hub = hub
        self._client = client
        self._done = folder / _DONE
        self._accounts: dict[str, UUID] = {}

    async def drive(self) -> None:
        """Goes through the whole plan, unless it was gone through before."""
        for outlet in _OUTLETS:
            self._accounts[outlet.channel] = await self._connect(outlet)
        self._accounts["portal_rss"] = await self._connect_portal()
        await self._client.post(
            "/admin/portal",
            json={
                "feed_url": f"{self._hub.public_url}/feeds/{_SLUG}/rss.xml",
                "every": _PORTAL_EVERY_SECONDS,
                "name": f"{_PORTAL} (mẫu)",
            },
        )
        if self._done.exists():
            return
        writer = await self._caller(PEOPLE[0].email)
        await self._read_sister_site(writer)
        async with self._hub.open_work() as session:
            await item_templates.add_ready(session, writer, READY)
        admin = await self._caller(_ADMIN)
        async with self._hub.open_work() as session:
            await agency.change(session, admin, "imprint", {**IMPRINT})
        items: list[tuple[DemoItem, UUID]] = []
        # What must be refused goes first and alone: a scripted refusal hits whoever calls next.
        for plan in sorted(ITEMS, key=lambda plan: not plan.refused_by):
            items.append((plan, await self._reviewed(plan)))
            await self._agreed(*items[-1])
            if plan.refused_by:
                await self._until_settled(*items[-1])
        for plan, item_id in items:
            await self._until_settled(plan, item_id)
            await self._changed(plan, item_id)
        for plan, item_id in items:
            await self._until_settled(plan, item_id)
        self._done.touch()
        _log.info("demo.complete", items=len(ITEMS))

    # ── Accounts ─────────────────────────────────────────────────────────────────────────────────

    async def _connect(self, outlet: _Outlet) -> UUID:
        known = await self._known(outlet.channel)
        if known is not None:
            return known
        answer = await self._client.post(
            "/admin/accounts",
            json={"channel": outlet.channel, "id": outlet.remote_id, "name": outlet.name},
        )
        answer.raise_for_status()
        made = _Answer.model_validate_json(answer.content).accounts[0]
        settings = {**made.settings, **outlet.settings}
        return await self._add(outlet.channel, outlet.name, settings, made.credentials)

    async def _connect_portal(self) -> UUID:
        known = await self._known("portal_rss")
        if known is not None:
            return known
        portal = f"{str(self._client.base_url).rstrip('/')}/portal"
        settings: dict[str, JsonValue] = {
            "slug": _SLUG,
            "title": "Tin từ tỉnh Hoa Sen",
            "link": portal,
            "look_at": f"{portal}/1",  # the sandbox's first portal, which reads this feed
        }
        return await self._add("portal_rss", _PORTAL, settings, {})

    async def _known(self, channel: str) -> UUID | None:
        async with self._hub.open_work() as session:
            found: UUID | None = await session.scalar(
                select(col(Account.id)).where(
                    col(Account.channel) == channel, col(Account.stage) != "closed"
                )
            )
        return found

    async def _add(
        self,
        channel: str,
        name: str,
        settings: Mapping[str, JsonValue],
        credentials: Mapping[str, JsonValue],
    ) -> UUID:
        async with self._hub.open_work() as session:
            account = await accounts.add(
                session,
                _ACTOR,
                self._hub.registry,
                self._hub.sealer,
                unit_code=UNITS[0].code,
                channel=channel,
                name=name,
                settings=settings,
                credentials=credentials,
            )
            return account.id

    async def _read_sister_site(self, writer: Caller) -> None:
        """A sister agency's feed as a source, read twice: what was there before, then the news."""
        feed = f"{str(self._client.base_url).rstrip('/')}/sister/rss.xml"
        async with self._hub.open_work() as session:
            known = await sources.everywhere(session)
            if any(one.source.url == feed for one in known):
                return
            form = SourceForm(url=feed, title=_SISTER)
            guard = self._hub.guard
            made = await managing.add(session, writer, form, guard=guard, now=utc_now())
        for _ in range(2):
            await polling.read_source(
                self._hub.open_work, guard, made.id, public_url=self._hub.public_url
            )

    # ── Items ────────────────────────────────────────────────────────────────────────────────────

    async def _reviewed(self, plan: DemoItem) -> UUID:
        """Takes an item as far as its author does: to a draft, or into review."""
        item_id = await self._drafted(plan)
        if plan.outcome is not Outcome.DRAFT:
            await self._submit(plan, item_id)
        return item_id

    async def _agreed(self, plan: DemoItem, item_id: UUID) -> None:
        """Takes an item as far as its approver does at first: sent back, or agreed to."""
        if plan.approver_email is None or plan.outcome in (Outcome.DRAFT, Outcome.REVIEW):
            return
        if plan.outcome is Outcome.RETURNED:
            await self._send_back(item_id, plan.approver_email, plan.note)
        else:
            await self._agree(plan, item_id, plan.approver_email)

    async def _changed(self, plan: DemoItem, item_id: UUID) -> None:
        """What happens to an item after it was up: it is corrected, or taken back."""
        if plan.approver_email is None:
            return
        if plan.outcome is Outcome.CORRECTED:
            await self._correct(plan, item_id, plan.approver_email)
        if plan.outcome is Outcome.WITHDRAWN:
            await self._withdraw(item_id, plan.approver_email, plan.note)

    async def _drafted(self, plan: DemoItem) -> UUID:
        manuscript = writing.parse(_file(plan.file))
        async with self._hub.open_work() as session:
            known: UUID | None = await session.scalar(
                select(col(Revision.item_id)).where(
                    col(Revision.no) == 1, col(Revision.title) == manuscript.front.title
                )
            )
            if known is not None:
                return known
            item = await writing.draft(
                session, self._hub, await self._caller(plan.author_email), manuscript, pictures.draw
            )
            return item.id

    async def _submit(self, plan: DemoItem, item_id: UUID, *, revision: int = 1) -> None:
        if await self._revision_state(item_id, revision) != "draft":
            return
        reasons = (Outcome.RETURNED, Outcome.WITHDRAWN, Outcome.CORRECTED)
        form = SubmitForm(
            accounts=tuple(self._accounts[channel] for channel in plan.channels),
            publish_at=utc_now() + plan.publish_in if plan.publish_in else None,
            urgent=writing.parse(_file(plan.file)).front.urgent,
            note="" if plan.outcome in reasons else plan.note,
        )
        caller = await self._caller(plan.author_email)
        async with self._hub.open_work() as session:
            await fan_out.submit(session, self._hub, caller, item_id, form)

    async def _send_back(self, item_id: UUID, approver: str, reason: str) -> None:
        if await self._revision_state(item_id, 1) != "review":
            return
        caller = await self._caller(approver)
        async with self._hub.open_work() as session:
            await fan_out.send_back(session, caller, item_id, reason=reason)

    async def _agree(
        self, plan: DemoItem, item_id: UUID, approver: str, *, revision: int = 1
    ) -> None:
        """Approves exactly what stands there; the channels that must refuse it are told to."""
        if await self._revision_state(item_id, revision) != "review":
            return
        for channel in plan.refused_by:
            operation, code = _REFUSALS[channel]
            fault = {"channel": channel, "operation": operation, "kind": "throttle", "code": code}
            (await self._client.post("/faults", json=fault)).raise_for_status()
        caller = await self._caller(approver)
        async with self._hub.open_work() as session:
            stored = await preview.render(session, self._hub, item_id, None)
            await fan_out.approve(
                session,
                self._hub,
                caller,
                item_id,
                revision=revision,
                seen={one.account_id: one.hash for one in stored.renditions},
            )

    async def _correct(self, plan: DemoItem, item_id: UUID, approver: str) -> None:
        if plan.replace is None:
            return
        wrong, right = plan.replace
        caller = await self._caller(plan.author_email)
        async with self._hub.open_work() as session:
            item = await session.get_one(Item, item_id)
            if item.revision_no == 1:
                body = await session.scalar(
                    select(col(Revision.body)).where(
                        col(Revision.item_id) == item_id, col(Revision.no) == 1
                    )
                )
                changes = ItemChanges.model_validate(
                    {"body": (body or "").replace(wrong, right), "correction_note": plan.note}
                )
                await fan_out.edit(session, caller, item_id, changes, version=item.version)
        await self._submit(plan, item_id, revision=2)
        await self._agree(plan, item_id, approver, revision=2)

    async def _withdraw(self, item_id: UUID, approver: str, reason: str) -> None:
        caller = await self._caller(approver)
        async with self._hub.open_work() as session:
            item = await session.get_one(Item, item_id)
            if item.withdrawn_at is None:
                await fan_out.withdraw(session, caller, item_id, reason=reason)

    async def _until_settled(self, plan: DemoItem, item_id: UUID) -> None:
        """Waits for the loop; the next item may then meet the channels alone."""
        deadline = steady_seconds() + _PATIENCE_SECONDS
        moving = text(
            "SELECT count(*) FROM publication WHERE item_id = :item AND state = ANY(:moving)"
        )
        while True:
            async with self._hub.open_work() as session:
                left = await session.scalar(
                    moving, {"item": item_id, "moving": [str(state) for state in _MOVING]}
                )
            if not left:
                return
            if steady_seconds() > deadline:
                raise DemoStuckError(what=plan.file)
            await asyncio.sleep(_POLL_SECONDS)

    async def _revision_state(self, item_id: UUID, no: int) -> str | None:
        async with self._hub.open_work() as session:
            found: str | None = await session.scalar(
                select(col(Revision.state)).where(
                    col(Revision.item_id) == item_id, col(Revision.no) == no
                )
            )
        return found

    async def _caller(self, email: str) -> Caller:
        async with self._hub.open_work() as session:
            person = await staff_people.by_email(session, email)
            caller = await caller_of(session, person.id)
        if caller is None:
            raise DemoStuckError(what=email)
        return caller


async def _until_answers(client: httpx.AsyncClient) -> None:
    deadline = steady_seconds() + _PATIENCE_SECONDS
    while True:
        try:
            (await client.get("/ledger.json")).raise_for_status()
        except httpx.HTTPError as error:
            if steady_seconds() > deadline:
                raise DemoStuckError(what="sandbox") from error
            await asyncio.sleep(_POLL_SECONDS)
        else:
            return


def _file(name: str) -> str:
    return (resources.files("services.sandbox.demo") / "items" / name).read_text("utf-8")
