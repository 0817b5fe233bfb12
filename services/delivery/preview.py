"""What each account would show: rendered once, stored, hashed, and sent as it was seen."""

import hashlib
import itertools
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID
from zoneinfo import ZoneInfo

from pydantic import BaseModel
from sqlalchemy import Select, select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.channels.accounts import one_of
from services.channels.tables import Account
from services.content import media as media_room
from services.content.body import BodyProblem, read
from services.content.item_templates import gaps_left
from services.content.tables import Item, Media, Revision
from services.delivery.hub import Hub
from services.delivery.tables import Publication, Rendition
from services.staff import agency
from services.staff.agency import Agency, Logo
from services.storage.columns import new_id
from shared.clock import utc_now
from shared.contract import messages
from shared.contract.blocks import Block, figures
from shared.contract.channel import Amender, Channel
from shared.contract.messages import File, Payload, Picture, PictureLimit, Problem, Video
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
class Fix:
    """A picture that Loa makes smaller for a channel by itself.

    `to_bytes` is None while that form has not been made yet.
    """

    media_id: UUID
    account_id: UUID
    from_bytes: int
    most_bytes: int
    to_bytes: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsaved:
    """What accounts would show of words that are not stored, and what Loa will mend by itself."""

    renditions: tuple[RenderedFor, ...]
    fixes: tuple[Fix, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredJson:
    """A submitted revision as its accounts would show it; `renditions` is a list in JSON."""

    revision_no: int
    renditions: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Preview:
    """The newest revision as its accounts would show it."""

    revision_no: int
    renditions: tuple[RenderedFor, ...]


_STORED_JSON = text(
    """
    SELECT CAST(json_agg(json_build_object('account', r.account_id, 'hash', r.hash,
                                           'payload', r.payload, 'problems', r.problems)
                         ORDER BY wanted.place) AS text)
      FROM unnest(CAST(:accounts AS uuid[])) WITH ORDINALITY AS wanted(id, place)
      JOIN rendition r ON r.revision_id = :revision AND r.account_id = wanted.id
    """
)

_STORE = text(
    """
    INSERT INTO rendition (id, revision_id, account_id, payload, hash, problems, made_at)
    SELECT n.id, :revision, n.account_id, n.payload, n.hash, n.problems, :made_at
      FROM jsonb_to_recordset(CAST(:rows AS jsonb))
             AS n(id uuid, account_id uuid, payload jsonb, hash text, problems jsonb)
    ON CONFLICT (revision_id, account_id) DO UPDATE SET
      payload = excluded.payload, hash = excluded.hash, problems = excluded.problems,
      made_at = excluded.made_at
    """
)


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
    item = await _item(session, item_id)
    revision = await _newest(session, item)
    asked = await _accounts(session, item, revision, account_ids)
    if revision.state == "draft":
        accounts = list(await session.scalars(asked))
        _need_all(account_ids, accounts)
        return Preview(
            revision_no=revision.no,
            renditions=await render_draft(session, hub, item, revision, accounts),
        )
    ids = list(await session.scalars(asked.with_only_columns(col(Account.id))))
    _need_all(account_ids, ids)
    stored = await stored_renditions(session, revision.id)
    return Preview(
        revision_no=revision.no,
        renditions=tuple(stored[one] for one in ids if one in stored),
    )


async def stored_json(
    session: AsyncSession, item_id: UUID, account_ids: Sequence[UUID] | None
) -> StoredJson | None:
    """What `render` gives of a submitted revision, as PostgreSQL tells it; None for a draft.

    Thousands of renditions then pass through this process as one text.
    """
    item = await _item(session, item_id)
    revision = await _newest(session, item)
    if revision.state == "draft":
        return None
    asked = await _accounts(session, item, revision, account_ids)
    ids = list(await session.scalars(asked.with_only_columns(col(Account.id))))
    _need_all(account_ids, ids)
    told = await session.scalar(_STORED_JSON, {"revision": revision.id, "accounts": ids})
    return StoredJson(revision_no=revision.no, renditions=told or "[]")


# What thousands of accounts show alike comes once: equal hashes are equal payloads.
_STORED = text(
    """
    SELECT account_id, hash, problems,
           CASE WHEN row_number() OVER (PARTITION BY hash ORDER BY id) = 1 THEN payload END
             AS payload
      FROM rendition WHERE revision_id = :id
    """
)


async def stored_renditions(session: AsyncSession, revision_id: UUID) -> dict[UUID, RenderedFor]:
    """What was stored for a revision, by account."""
    rows = (await session.execute(_STORED, {"id": revision_id})).all()
    payloads = {row.hash: _payload(row.payload) for row in rows if row.payload is not None}
    return {
        row.account_id: RenderedFor(
            account_id=row.account_id,
            hash=row.hash,
            payload=payloads[row.hash],
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
    told = await _told(session, item, revision)
    await _make_variants(session, hub, told, _forms(hub, told, accounts))
    shown = await _rendered(session, hub, told, accounts)
    if shown:
        await _store(session, revision, shown)
    return tuple(shown)


async def render_unsaved(
    session: AsyncSession,
    hub: Hub,
    item: Item,
    revision: Revision,
    account_ids: Sequence[UUID],
    *,
    unit_ids: Collection[UUID],
) -> Unsaved:
    """The same for words that only stand in a form: nothing is stored, no picture is made smaller.

    `item` and `revision` come from `content.imagining`. A picture in a form that is yet to be made
    is shown as it is. Accounts and files outside these units are left out.
    """
    told = await _told(session, item, revision, unit_ids=unit_ids)
    rows = await session.scalars(
        select(Account)
        .where(
            one_of(account_ids),
            col(Account.unit_id).in_(unit_ids),
            col(Account.stage) != "closed",
        )
        .order_by(col(Account.created_at), col(Account.id))
    )
    accounts = [one for one in rows if one.channel in hub.registry.names()]
    return Unsaved(
        renditions=tuple(await _rendered(session, hub, told, accounts)),
        fixes=tuple(_fixes(hub, told, accounts)),
    )


async def prepare(
    session: AsyncSession, hub: Hub, item_id: UUID, account_ids: Sequence[UUID], *, most: int
) -> int:
    """Makes at most `most` pictures of a draft in the forms that its channels need.

    So a submission does not wait for all of them at once. Gives how many are still to be made.
    """
    item = await _item(session, item_id)
    revision = await _newest(session, item)
    told = await _told(session, item, revision)
    accounts = list(await session.scalars(select(Account).where(one_of(account_ids))))
    return await _make_variants(session, hub, told, _forms(hub, told, accounts), most=most)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    """One revision, read once for all accounts that are to show it."""

    item: Item
    revision: Revision
    blocks: tuple[Block, ...]
    problems: tuple[Problem, ...]
    library: Mapping[UUID, Media]
    variants: dict[tuple[UUID, str], Media]
    house: Agency


async def _told(
    session: AsyncSession,
    item: Item,
    revision: Revision,
    *,
    unit_ids: Collection[UUID] | None = None,
) -> _Told:
    found = read(revision.body)
    wanted = {figure.media_id for figure in figures(found.blocks)} | {revision.cover}
    ids = [one for one in wanted if one is not None]
    library: dict[UUID, Media] = {}
    variants: dict[tuple[UUID, str], Media] = {}
    if ids:
        rows = await session.scalars(
            select(Media).where(col(Media.id).in_(ids) | col(Media.made_from).in_(ids))
        )
        for row in rows:
            if row.made_from is not None and row.made_for is not None:
                variants[row.made_from, row.made_for] = row
            if row.id in wanted and (
                unit_ids is None or row.unit_id in unit_ids or row.id in revision.media
            ):
                library[row.id] = row
    return _Told(
        item=item,
        revision=revision,
        blocks=found.blocks,
        problems=(
            *(_of_body(one) for one in found.problems if not _may_be_bare(one, library)),
            *_of_cover(revision, library),
        ),
        library=library,
        variants=variants,
        house=await agency.settings(session),
    )


def _of_body(problem: BodyProblem) -> Problem:
    # A picture of ours always has the description of the library, so an empty one here is no
    # reason to hold the item back; the writer is told all the same.
    return Problem(
        field="body",
        code=problem.code,
        blocking=problem.blocking and problem.code != "alt_missing",
        detail=problem.detail,
    )


def _may_be_bare(problem: BodyProblem, library: Mapping[UUID, Media]) -> bool:
    """Whether it is only a picture that somebody called decoration."""
    media = library.get(problem.media_id) if problem.media_id else None
    return problem.code == "alt_missing" and media is not None and media.decorative


def _of_cover(revision: Revision, library: Mapping[UUID, Media]) -> Iterator[Problem]:
    # A cover stands alone in lists, where a reader who sees nothing would meet nothing at all.
    media = library.get(revision.cover) if revision.cover else None
    if media is not None and media.decorative:
        yield Problem(
            field="cover",
            code="cover_decorative",
            blocking=True,
            detail="Ảnh bìa không thể là ảnh trang trí. Hãy mở ảnh trong kho, viết mô tả và bỏ "
            "dấu “Ảnh trang trí”, hoặc chọn ảnh khác.",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Worded:
    """What one account is to show, in the channel's terms."""

    revision: messages.Revision
    gaps: tuple[Problem, ...]


def _worded(hub: Hub, told: _Told, account: Account, channel: Channel) -> _Worded:
    return _Worded(
        revision=_as_told(hub, told, account, channel),
        gaps=tuple(_gaps(told.revision, account.id)),
    )


async def _rendered(
    session: AsyncSession, hub: Hub, told: _Told, accounts: Sequence[Account]
) -> list[RenderedFor]:
    shown: list[RenderedFor] = []
    live = await _live(session, told.item)
    quiet = _quiet(hub, told)
    # Accounts of one channel that show the common words differ in their settings alone.
    common: dict[str, _Worded] = {}
    for account in accounts:
        channel = hub.registry.get(account.channel)
        own = str(account.id) in told.revision.overrides
        words = None if own else common.get(channel.name)
        if words is None:
            words = _worded(hub, told, account, channel)
        if not own:
            common[channel.name] = words
        settings = channel.settings_form.model_validate(account.settings)
        rendition = channel.render(words.revision, settings)
        kept: tuple[Problem, ...] = ()
        if account.id in live and isinstance(channel, Amender):
            kept = channel.update_problems(live[account.id], rendition.payload)
        shown.append(
            RenderedFor(
                account_id=account.id,
                hash=hash_of(rendition.payload),
                payload=rendition.payload,
                problems=(*rendition.problems, *kept, *told.problems, *words.gaps, *quiet),
            )
        )
    return shown


def _gaps(revision: Revision, account_id: UUID) -> Iterator[Problem]:
    """What a template left to fill in, in the words that this account would show."""
    own = revision.overrides.get(str(account_id), {})
    words = {"title": revision.title, "summary": revision.summary, "body": revision.body}
    shown = {name: own.get(name) or common for name, common in words.items()}
    if own.get("text"):
        shown["text"] = own["text"]
        del shown["body"]
    for name, written in shown.items():
        left = gaps_left(written)
        if left:
            told = ", ".join(f"“{one}”" for one in left[:_GAPS_NAMED])
            more = f" và {len(left) - _GAPS_NAMED} chỗ khác" if len(left) > _GAPS_NAMED else ""
            yield Problem(
                field=name,
                code="gap_left",
                blocking=True,
                detail=f"Chỗ trống của mẫu chưa điền: {told}{more}. Hãy điền, hoặc xoá chỗ ấy.",
            )


def _quiet(hub: Hub, told: _Told) -> tuple[Problem, ...]:
    """The note on an item that is due in the quiet hours; an urgent one carries none."""
    at = told.revision.publish_at
    if at is None or told.revision.urgent or not told.house.is_quiet(at, ZoneInfo(hub.timezone)):
        return ()
    detail = "Giờ đăng rơi vào giờ yên tĩnh của cơ quan; nên chọn giờ khác nếu không gấp."
    return (Problem(field="publish_at", code="quiet_hours", blocking=False, detail=detail),)


_GAPS_NAMED: Final = 3

# A channel without limits gets pictures as they are; with a mark they are made anew within these.
_MARKED: Final = PictureLimit(max_bytes=5_000_000, max_side=4_096)


def _limit_of(channel: Channel, mark: Logo | None, *, cover: bool = False) -> PictureLimit | None:
    limits = channel.limits
    return (limits.cover if cover else None) or limits.picture or (_MARKED if mark else None)


def _forms(hub: Hub, told: _Told, accounts: Sequence[Account]) -> list[tuple[Media, PictureLimit]]:
    """The pictures and the forms of them that these accounts need, each pair once."""
    mark = told.house.picture_mark
    names = {account.channel for account in accounts} & set(hub.registry.names())
    channels = [hub.registry.get(name) for name in sorted(names)]
    in_body = {figure.media_id for figure in figures(told.blocks)}
    found: dict[tuple[UUID, str], tuple[Media, PictureLimit]] = {}
    for media in told.library.values():
        if media.kind != "image":
            continue
        places = {media.id == told.revision.cover, media.id not in in_body}
        for channel, cover in itertools.product(channels, places):
            limit = _limit_of(channel, mark, cover=cover)
            if limit is not None:
                found[media.id, _form(media, limit, mark)] = media, limit
    return list(found.values())


def _form(media: Media, limit: PictureLimit, mark: Logo | None) -> str:
    """What a form is remembered by: whoever moves the point gets another one."""
    form = f"{limit.max_bytes}-{limit.max_side}"
    if limit.ratio:
        form += f"-{limit.ratio[0]}x{limit.ratio[1]}-{media.focal_x}-{media.focal_y}"
    return f"{form}-{mark.sha256[:16]}" if mark else form


def _fits(media: Media, limit: PictureLimit, mark: Logo | None) -> bool:
    return mark is None and media_room.fits(media, limit)


async def _make_variants(
    session: AsyncSession,
    hub: Hub,
    told: _Told,
    forms: Sequence[tuple[Media, PictureLimit]],
    *,
    most: int | None = None,
) -> int:
    """Makes what is missing, at most `most` of it; gives how many are still missing."""
    mark = told.house.picture_mark
    missing = [
        (media, limit)
        for media, limit in forms
        if not _fits(media, limit, mark)
        and (media.id, _form(media, limit, mark)) not in told.variants
    ]
    for media, limit in missing[:most]:
        told.variants[media.id, _form(media, limit, mark)] = await media_room.variant(
            session,
            hub.media,
            media,
            limit,
            made_for=_form(media, limit, mark),
            mark=mark,
            by=told.revision.last_editor,
        )
    return len(missing) - len(missing[:most])


def _fixes(hub: Hub, told: _Told, accounts: Sequence[Account]) -> Iterator[Fix]:
    for account in accounts:
        channel = hub.registry.get(account.channel)
        for media in told.library.values():
            limit = _limit_of(channel, None, cover=media.id == told.revision.cover)
            if limit is not None and media.kind == "image" and media.size_bytes > limit.max_bytes:
                made = told.variants.get((media.id, _form(media, limit, told.house.picture_mark)))
                yield Fix(
                    media_id=media.id,
                    account_id=account.id,
                    from_bytes=media.size_bytes,
                    most_bytes=limit.max_bytes,
                    to_bytes=made.size_bytes if made else None,
                )


async def _item(session: AsyncSession, item_id: UUID) -> Item:
    item = await session.get(Item, item_id)
    if item is None:
        raise NotFoundError("item_not_found")
    return item


async def _accounts(
    session: AsyncSession, item: Item, revision: Revision, asked: Sequence[UUID] | None
) -> Select[Account]:
    """What finds the accounts to show a revision for, in their order."""
    query = (
        select(Account)
        .where(col(Account.stage) != "closed")
        .order_by(col(Account.created_at), col(Account.id))
    )
    if asked is not None:
        return query.where(one_of(asked))
    if revision.accounts:
        return query.where(one_of(revision.accounts))
    query = query.where(col(Account.unit_id) == item.unit_id, col(Account.stage) == "official")
    chosen = (await agency.settings(session)).accounts
    return query if chosen is None else query.where(one_of(chosen))


def _need_all(asked: Sequence[UUID] | None, found: Sequence[object]) -> None:
    if asked is not None and len(found) != len(set(asked)):
        raise NotFoundError("account_not_found")


async def _newest(session: AsyncSession, item: Item) -> Revision:
    found = await session.execute(
        select(Revision).where(
            col(Revision.item_id) == item.id, col(Revision.no) == item.revision_no
        )
    )
    return found.scalar_one()


def _as_told(hub: Hub, told: _Told, account: Account, channel: Channel) -> messages.Revision:
    item, revision = told.item, told.revision
    own = revision.overrides.get(str(account.id), {})
    pictures: dict[UUID, Picture] = {}
    videos: dict[UUID, Video] = {}
    files: dict[UUID, File] = {}
    for media in told.library.values():
        if media.kind == "image":
            pictures[media.id] = _picture(hub, media, channel, told)
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
        else:
            files[media.id] = File(
                media_id=media.id,
                url=hub.media_url(media.sha256, media.ext),
                mime=media.mime,
                size_bytes=media.size_bytes,
                title=media.alt or media.caption,
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
        blocks=told.blocks,
        url=hub.item_url(item.code),
        agency=revision.author or told.house.name or hub.agency,
        category=revision.category,
        tags=tuple(revision.tags),
        cover=_cover(hub, told, channel),
        pictures=pictures,
        videos=videos,
        files=files,
        document=messages.Document(**facts) if facts else None,
        correction_note=revision.correction_note if correcting else "",
        source_name=revision.source_name,
        source_url=revision.source_url,
        ai_made=revision.ai_made,
        corrected_at=revision.updated_at if correcting else None,
        published_at=item.published_at,
        urgent=revision.urgent,
    )


def _cover(hub: Hub, told: _Told, channel: Channel) -> Picture | None:
    media = told.library.get(told.revision.cover) if told.revision.cover else None
    if media is None or media.kind != "image":
        return None
    return _picture(hub, media, channel, told, cover=True)


def _picture(
    hub: Hub, media: Media, channel: Channel, told: _Told, *, cover: bool = False
) -> Picture:
    mark = told.house.picture_mark
    limit = _limit_of(channel, mark, cover=cover)
    shown = media
    if limit is not None and not _fits(media, limit, mark):
        shown = told.variants.get((media.id, _form(media, limit, mark)), media)
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
        decorative=media.decorative and not cover,
    )


async def _live(session: AsyncSession, item: Item) -> dict[UUID, Payload]:
    """What each account shows now: a correction must say what it cannot change there."""
    if item.released_no is None:
        return {}
    found = await session.execute(
        select(col(Publication.account_id), col(Rendition.payload))
        .join(Rendition, col(Publication.observed_rendition_id) == col(Rendition.id))
        .where(col(Publication.item_id) == item.id)
    )
    return {row.account_id: _payload(row.payload) for row in found}


async def _store(session: AsyncSession, revision: Revision, shown: Sequence[RenderedFor]) -> None:
    rows = [
        {
            "id": str(new_id()),
            "account_id": str(one.account_id),
            "payload": one.payload,
            "hash": one.hash,
            "problems": [_plain(problem) for problem in one.problems],
        }
        for one in shown
    ]
    await session.flush()
    await session.execute(
        _STORE, {"revision": revision.id, "made_at": utc_now(), "rows": json.dumps(rows)}
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
