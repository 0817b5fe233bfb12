"""Published items for tests: rows as delivery leaves them, rendered by the real adapter."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from adapters.portal_rss.channel import channel as portal_channel
from adapters.portal_rss.settings import PortalCredentials, PortalSettings
from services.channels.accounts import sealed_credentials
from services.channels.sealing import Sealer
from services.channels.tables import Account
from services.content.body import parse
from services.content.tables import Approval, Item, Media, Revision
from services.delivery.tables import Publication, Rendition, State
from services.staff.tables import Staff, Unit
from services.storage.columns import new_id
from shared.contract import messages

PUBLIC_URL = "https://hoasen.example"
AGENCY = "UBND tỉnh Hoa Sen"
KEY = b"k" * 32


@dataclass(slots=True, kw_only=True)
class Newsroom:
    """One unit with an author and an approver, and what they publish, straight into the tables."""

    session: AsyncSession
    unit: UUID = field(default_factory=new_id)
    author: UUID = field(default_factory=new_id)
    approver: UUID = field(default_factory=new_id)
    count: int = 0

    async def open(self) -> "Newsroom":
        """Adds the unit and its two people."""
        code = f"U{self.unit.hex[-11:].upper()}"
        self.session.add(Unit(id=self.unit, code=code, name="Sở Thông tin Hoa Sen"))
        await self.session.flush()
        for person, name in ((self.author, "Lê Thu Hà"), (self.approver, "Trần Minh Quân")):
            self.session.add(
                Staff(id=person, email=f"{person.hex}@x.example", name=name, unit_id=self.unit)
            )
        await self.session.flush()
        return self

    async def portal(
        self,
        slug: str,
        *,
        key: str | None = None,
        title: str = "Tin Hoa Sen",
        stage: str = "official",
    ) -> Account:
        """A connected portal feed."""
        account = Account(
            unit_id=self.unit,
            channel="portal_rss",
            name=f"Cổng {slug} {new_id().hex}",
            remote_id=slug,
            settings={"slug": slug, "title": title, "link": "https://cong.example/"},
            sealed_credentials=b"",
            stage=stage,
        )
        account.sealed_credentials = sealed_credentials(
            Sealer(KEY), account.id, PortalCredentials.model_validate({"fetch_key": key})
        )
        self.session.add(account)
        await self.session.flush()
        return account

    async def item(
        self,
        *,
        title: str = "Tạm dừng nộp hồ sơ trực tuyến",
        summary: str = "Hệ thống được nâng cấp trong đêm.",
        body: str = "Kính gửi **bà con**.",
        released: bool = True,
        published_at: datetime | None = None,
        **facts: Any,
    ) -> tuple[Item, Revision]:
        """An item with its first revision, approved; `facts` are further fields of the revision."""
        self.count += 1
        kind = str(facts.pop("kind", "news"))
        item = Item(
            code=f"U{self.unit.hex[-11:].upper()}-2026-{self.count:06}",
            unit_id=self.unit,
            kind=kind,
            released_no=1 if released else None,
            created_by=self.author,
            published_at=published_at,
        )
        self.session.add(item)
        await self.session.flush()
        revision = await self.revise(
            item,
            title=title,
            summary=summary,
            body=body,
            no=1,
            **facts,
        )
        return item, revision

    async def revise(
        self,
        item: Item,
        *,
        no: int,
        title: str,
        summary: str = "",
        body: str = "",
        approved_at: datetime | None = None,
        state: str = "approved",
        **facts: Any,
    ) -> Revision:
        """The next revision of an item, approved by the second person unless `state` says else."""
        revision = Revision(
            item_id=item.id,
            no=no,
            state=state,
            title=title,
            summary=summary,
            body=body,
            created_by=self.author,
            last_editor=self.author,
            **facts,
        )
        self.session.add(revision)
        await self.session.flush()
        if state == "approved":
            approval = Approval(revision_id=revision.id, by=self.approver)
            if approved_at is not None:
                approval.at = approved_at
            self.session.add(approval)
            await self.session.flush()
        return revision

    async def rendition(
        self,
        item: Item,
        revision: Revision,
        account: Account,
        *,
        corrected_at: datetime | None = None,
        cover: messages.Picture | None = None,
    ) -> Rendition:
        """What the real adapter shows of a revision on a portal."""
        settings = PortalSettings.model_validate(account.settings)
        told = messages.Revision(
            code=item.code,
            no=revision.no,
            kind=item.kind,
            title=revision.title,
            summary=revision.summary,
            blocks=parse(revision.body),
            url=f"{PUBLIC_URL}/tin/{item.code}",
            agency=AGENCY,
            category=revision.category,
            tags=tuple(revision.tags),
            cover=cover,
            correction_note=revision.correction_note,
            corrected_at=corrected_at,
        )
        payload = portal_channel.render(told, settings).payload
        rendition = Rendition(
            revision_id=revision.id,
            account_id=account.id,
            payload=json.loads(json.dumps(payload)),
            hash="0" * 64,
        )
        self.session.add(rendition)
        await self.session.flush()
        return rendition

    async def show(
        self, item: Item, account: Account, rendition: Rendition | None, *, at: datetime
    ) -> Publication:
        """A publication that became live at `at`, as the loop leaves it."""
        publication = Publication(
            item_id=item.id,
            account_id=account.id,
            observed_generation=1,
            desired_rendition_id=rendition.id if rendition else None,
            observed_rendition_id=rendition.id if rendition else None,
            state=State.LIVE,
            observed_at=at,
            first_observed_at=at,
        )
        self.session.add(publication)
        await self.session.flush()
        return publication

    async def change(self, publication: Publication, **values: object) -> None:
        """Moves a publication on, past the rows that the session remembers."""
        await self.session.execute(
            update(Publication).where(col(Publication.id) == publication.id).values(**values)
        )
        await self.session.refresh(publication)

    async def live(
        self, account: Account, *, at: datetime, title: str = "Tin", **facts: Any
    ) -> tuple[Item, Publication]:
        """An item that is live on a portal since `at`."""
        item, revision = await self.item(title=title, published_at=at, **facts)
        rendition = await self.rendition(item, revision, account)
        return item, await self.show(item, account, rendition, at=at)

    async def correct(
        self, item: Item, publication: Publication, account: Account, *, at: datetime, note: str
    ) -> None:
        """A correction that reached the portal at `at`."""
        no = item.revision_no + 1
        item.revision_no = item.released_no = no
        revision = await self.revise(
            item, no=no, title="Tin đã sửa", correction_note=note, approved_at=at
        )
        rendition = await self.rendition(item, revision, account, corrected_at=at)
        await self.change(
            publication,
            generation=publication.generation + 1,
            observed_generation=publication.generation + 1,
            observed_rendition_id=rendition.id,
            observed_at=at,
            seen_at=None,
        )

    async def withdraw(
        self, item: Item, publication: Publication, *, at: datetime, reason: str
    ) -> None:
        """A withdrawal that reached the portal at `at`."""
        item.withdrawn_at, item.withdrawn_reason = at, reason
        for state in (State.PENDING, State.WITHDRAWN):
            await self.change(publication, state=state)
        await self.change(
            publication,
            generation=publication.generation + 1,
            observed_generation=publication.generation + 1,
            desired_rendition_id=None,
            observed_rendition_id=None,
            observed_at=at,
            seen_at=None,
        )

    async def picture(
        self, *, sha256: str, alt: str, size: tuple[int, int] = (1600, 900), **more: Any
    ) -> Media:
        """A row of the media library; the bytes are the caller's to store."""
        facts: Mapping[str, Any] = {
            "kind": "image",
            "mime": "image/jpeg",
            "ext": "jpg",
            "size_bytes": 123_456,
        } | more
        media = Media(
            unit_id=self.unit,
            sha256=sha256,
            original_sha256=sha256,
            width=size[0],
            height=size[1],
            alt=alt,
            by=self.author,
            **facts,
        )
        self.session.add(media)
        await self.session.flush()
        return media
