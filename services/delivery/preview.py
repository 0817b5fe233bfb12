"""What each account would show: rendered once, stored, hashed, and sent as it was seen."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from pydantic import BaseModel
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.channels.tables import Account
from services.content import media as media_room
from services.content.body import media_ids, parse
from services.content.tables import Item, Media, Revision
from services.delivery.hub import Hub
from services.delivery.tables import Publication, Rendition
from services.storage.columns import new_id
from shared.clock import utc_now
from shared.contract import messages
from shared.contract.blocks import Block
from shared.contract.channel import Amender, Channel
from shared.contract.messages import Payload, Picture, PictureLimit, Problem, Video
from shared.errors import NotFoundError


@dataclass(frozen=True, slots=True, kw_only=True)
class RenderedFor:
    """One account's stored rendition, and what is to be said about it."""

    account_id: UUID
    hash: str
    payload: Payload
    problems: tuple[Problem, ...]

    @property
    def blocked(self) -> bool:
        """Whether this rendition may not be submitted."""
        return any(problem.blocking for problem in self.problems)


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """The newest revision as its accounts would show it."""

    revision_no: int
    renditions: tuple[RenderedFor, ...]


def hash_of(payload: Payload) -> str:
    """SHA-256 of a payload in its canonical form: sorted keys, no blanks, UTF-8."""
    return hashlib.sha256(json_text(payload).encode()).hexdigest()


def json_text(value: object) -> str:
    """JSON in its canonical form: sorted keys, no blanks, letters as they are."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


async def render(
    session: AsyncSession, hub: Hub, item_id: UUID, account_ids: Sequence[UUID] | None
) -> Preview:
    """Renders the newest revision for these accounts, or for those chosen, or for all of its unit.

    A draft is rendered anew each time; a submitted revision gives back what was stored then.
    """
    item = await session.get(Item, item_id)
    if item is None:
        raise NotFoundError("item_not_found")
    revision = (
        await session.execute(
            select(Revision).where(
                col(Revision.item_id) == item.id, col(Revision.no) == item.revision_no
            )
        )
    ).scalar_one()
    accounts = await _accounts(session, item, revision, account_ids)
    if revision.state == "draft":
        return Preview(
            revision_no=revision.no,
            renditions=await render_draft(session, hub, item, revision, accounts),
        )
    stored = await stored_renditions(session, revision.id)
    return Preview(
        revision_no=revision.no,
        renditions=tuple(stored[one.id] for one in accounts if one.id in stored),
    )


async def stored_renditions(session: AsyncSession, revision_id: UUID) -> dict[UUID, RenderedFor]:
    """What was stored for a revision, by account."""
    rows = await session.scalars(select(Rendition).where(col(Rendition.revision_id) == revision_id))
    return {
        row.account_id: RenderedFor(
            account_id=row.account_id,
            hash=row.hash,
            payload=_payload(row.payload),
            problems=tuple(_problem(one) for one in row.problems),
        )
        for row in rows
    }


async def render_draft(
    session: AsyncSession,
    hub: Hub,
    item: Item,
    revision: Revision,
    accounts: Sequence[Account],
) -> tuple[RenderedFor, ...]:
    """Renders and stores a draft for these accounts; replaces what an earlier preview stored."""
    blocks = parse(revision.body)
    library = await _library(session, revision)
    shown: list[RenderedFor] = []
    for account in accounts:
        channel = hub.registry.get(account.channel)
        told = await _as_told(session, hub, item, revision, account, channel, library, blocks)
        settings = channel.settings_form.model_validate(account.settings)
        rendition = channel.render(told, settings)
        problems = rendition.problems + await _kept(session, item, account, channel, rendition)
        shown.append(
            RenderedFor(
                account_id=account.id,
                hash=hash_of(rendition.payload),
                payload=rendition.payload,
                problems=problems,
            )
        )
    if shown:
        await _store(session, revision, shown)
    return tuple(shown)


async def _accounts(
    session: AsyncSession, item: Item, revision: Revision, asked: Sequence[UUID] | None
) -> list[Account]:
    query = (
        select(Account)
        .where(col(Account.stage) != "closed")
        .order_by(col(Account.created_at), col(Account.id))
    )
    if asked is not None:
        query = query.where(col(Account.id).in_(asked))
    elif revision.accounts:
        query = query.where(col(Account.id).in_(revision.accounts))
    else:
        query = query.where(col(Account.unit_id) == item.unit_id)
    found = list(await session.scalars(query))
    if asked is not None and len(found) != len(set(asked)):
        raise NotFoundError("account_not_found")
    return found


async def _library(session: AsyncSession, revision: Revision) -> dict[UUID, Media]:
    wanted = {*media_ids(revision.body)} | ({revision.cover} if revision.cover else set())
    if not wanted:
        return {}
    rows = await session.scalars(select(Media).where(col(Media.id).in_(wanted)))
    return {row.id: row for row in rows}


async def _as_told(
    session: AsyncSession,
    hub: Hub,
    item: Item,
    revision: Revision,
    account: Account,
    channel: Channel,
    library: Mapping[UUID, Media],
    blocks: tuple[Block, ...],
) -> messages.Revision:
    own = revision.overrides.get(str(account.id), {})
    pictures: dict[UUID, Picture] = {}
    videos: dict[UUID, Video] = {}
    for media in library.values():
        if media.kind == "image":
            pictures[media.id] = await _picture(session, hub, media, channel, revision)
        elif media.kind == "video":
            videos[media.id] = Video(
                media_id=media.id,
                sha256=media.sha256,
                url=hub.media_url(media.sha256, media.ext),
                mime=media.mime,
                size_bytes=media.size_bytes,
                alt=media.alt,
                caption=media.caption,
                credit=media.credit,
            )
    correcting = item.released_no is not None
    facts = revision.document
    return messages.Revision(
        code=item.code,
        no=revision.no,
        kind=item.kind,
        title=own.get("title") or revision.title,
        summary=own.get("summary") or revision.summary,
        text=own.get("text") or None,
        blocks=blocks,
        url=hub.item_url(item.code),
        agency=revision.author or hub.agency,
        category=revision.category,
        tags=tuple(revision.tags),
        cover=pictures.get(revision.cover) if revision.cover else None,
        pictures=pictures,
        videos=videos,
        document=messages.Document(**facts) if facts else None,
        correction_note=revision.correction_note if correcting else "",
        corrected_at=revision.updated_at if correcting else None,
        published_at=item.published_at,
        urgent=revision.urgent,
    )


async def _picture(
    session: AsyncSession, hub: Hub, media: Media, channel: Channel, revision: Revision
) -> Picture:
    limit: PictureLimit | None = channel.limits.picture
    shown = media
    if limit is not None:
        shown = await media_room.variant(
            session,
            hub.media,
            media,
            limit,
            made_for=f"{limit.max_bytes}-{limit.max_side}",
            by=revision.last_editor,
        )
    return Picture(
        media_id=media.id,
        sha256=shown.sha256,
        url=hub.media_url(shown.sha256, shown.ext),
        mime=shown.mime,
        width=shown.width or 0,
        height=shown.height or 0,
        size_bytes=shown.size_bytes,
        alt=media.alt,
        caption=media.caption,
        credit=media.credit,
    )


async def _kept(
    session: AsyncSession,
    item: Item,
    account: Account,
    channel: Channel,
    rendition: messages.Rendition,
) -> tuple[Problem, ...]:
    """What a correction cannot change on this account, said before anyone agrees to it."""
    if item.released_no is None or not isinstance(channel, Amender):
        return ()
    found = await session.execute(
        select(col(Rendition.payload))
        .join(Publication, col(Publication.observed_rendition_id) == col(Rendition.id))
        .where(col(Publication.item_id) == item.id, col(Publication.account_id) == account.id)
    )
    live = found.scalar_one_or_none()
    return channel.update_problems(_payload(live), rendition.payload) if live else ()


async def _store(session: AsyncSession, revision: Revision, shown: Sequence[RenderedFor]) -> None:
    statement = insert(Rendition).values(
        [
            {
                "id": new_id(),
                "revision_id": revision.id,
                "account_id": one.account_id,
                "payload": one.payload,
                "hash": one.hash,
                "problems": [_plain(problem) for problem in one.problems],
                "made_at": utc_now(),
            }
            for one in shown
        ]
    )
    await session.execute(
        statement.on_conflict_do_update(
            index_elements=["revision_id", "account_id"],
            set_={
                name: statement.excluded[name]
                for name in ("payload", "hash", "problems", "made_at")
            },
        )
    )


class _StoredProblem(BaseModel):
    field: str
    code: str
    blocking: bool
    detail: str


def _problem(stored: Mapping[str, object]) -> Problem:
    return Problem(**_StoredProblem.model_validate(stored).model_dump())


def _plain(problem: Problem) -> dict[str, object]:
    return {
        "field": problem.field,
        "code": problem.code,
        "blocking": problem.blocking,
        "detail": problem.detail,
    }


def _payload(stored: Mapping[str, object]) -> Payload:
    # What was stored is what an adapter rendered: JSON by construction.
    return stored  # type: ignore[return-value]
