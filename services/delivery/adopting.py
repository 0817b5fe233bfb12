"""Brings in what an OA or a Page showed before it was connected, without publishing anything.

An admin asks; a worker reads the channel's list page by page, each post with what was made of it in
one transaction; a page that broke off is read again, and what was kept of it is known. A post that
the house knows (by its id, by a link to our page, by its words) joins that item; any other becomes
an item of its own, live where it stands, so that it is corrected and withdrawn like everything
else.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Literal, TypeAlias, cast
from uuid import UUID
from zoneinfo import ZoneInfo

import structlog
from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.audit.actor import SYSTEM
from services.audit.acts import Act
from services.audit.append import record
from services.channels import accounts, tokens
from services.channels.tables import Account
from services.content import drafting, plain_text
from services.content.tables import Item, Revision
from services.delivery import preview
from services.delivery.hub import Hub
from services.delivery.retries import told
from services.delivery.switches import fenced
from services.delivery.tables import AdoptedPost, Adoption, Publication, Rendition, State
from services.staff.caller import Caller
from shared.contract import messages
from shared.contract.channel import Lister
from shared.contract.errors import ChannelError, ChannelRejectedError, Remedy
from shared.contract.messages import Seen
from shared.errors import ConflictError, NotFoundError
from shared.text import clean, comparable, one_line, shorten, similarity

AdoptionState: TypeAlias = Literal["reading", "done", "failed"]
MatchedBy: TypeAlias = Literal["id", "link", "text", "new"]
Skipped: TypeAlias = Literal["hidden", "unreadable", "undated"]

_log = structlog.get_logger(__name__)

# Before this no channel of ours existed: the list is read to its beginning.
_EVER: Final = datetime(2004, 1, 1, tzinfo=UTC)
_LEASE: Final = timedelta(minutes=2)
_FAILURES: Final = 6
# The same notice is put on two channels within days, and reads alike on both.
_DAYS_APART: Final = timedelta(days=3)
_SAME: Final = 0.9
_TITLE_CHARS: Final = 150
_MOST: Final = 100

_CLAIM = text(
    """
    UPDATE adoption SET fence = fence + 1, until = now() + make_interval(secs => :lease)
     WHERE account_id = (SELECT account_id FROM adoption
                          WHERE state = 'reading' AND until <= now()
                          ORDER BY until LIMIT 1 FOR UPDATE SKIP LOCKED)
    RETURNING account_id, fence
    """
)
_HOLD = text(
    """
    UPDATE adoption SET until = now() + make_interval(secs => :lease)
     WHERE account_id = :account AND fence = :fence AND state = 'reading'
    RETURNING cursor, asked_by
    """
)
_OWNERS = text(
    """
    SELECT p.remote_id, p.item_id FROM publication p JOIN account a ON a.id = p.account_id
     WHERE a.channel = :channel AND a.remote_id = :outlet AND p.remote_id = ANY(:ids)
     ORDER BY a.stage = 'closed' DESC
    """
)
_ALIKE = text(
    """
    SELECT i.id, r.title || ' ' || r.summary || ' ' || r.body AS words
      FROM item i JOIN revision r ON r.item_id = i.id
       AND r.no = (SELECT max(p.observed_revision_no) FROM publication p
                    WHERE p.item_id = i.id AND p.state = 'live')
     WHERE i.unit_id = :unit AND i.published_at BETWEEN :first AND :last
       AND NOT EXISTS (SELECT 1 FROM publication p
                        WHERE p.item_id = i.id AND p.account_id = :account)
     ORDER BY i.published_at LIMIT 200
    """
)
_COUNTS = text(
    """
    SELECT count(*) AS read, count(*) FILTER (WHERE matched_by = 'new') AS made,
           count(*) FILTER (WHERE matched_by IN ('id','link','text')) AS matched,
           count(skipped) AS skipped, sum(views) AS views, min(at) AS first_at
      FROM adopted_post WHERE account_id = :account
    """
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """How far the posts of an account are read; `state` None: nobody has asked yet.

    `views` is the sum of what the channel counts, None where it counts nothing.
    """

    state: AdoptionState | None
    asked_at: datetime | None
    ended_at: datetime | None
    problem_code: str | None
    read: int
    made: int
    matched: int
    skipped: int
    views: int | None
    first_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """One post that was there before, and the item it stands for now."""

    id: UUID
    remote_id: str
    remote_url: str | None
    title: str
    at: datetime | None
    views: int | None
    shares: int | None
    matched_by: MatchedBy | None
    skipped: Skipped | None
    item_id: UUID | None
    item_code: str | None


# ── What a person asks and sees ──────────────────────────────────────────────────────────────────


async def ask(session: AsyncSession, hub: Hub, caller: Caller, account_id: UUID) -> Adoption:
    """Has the account's earlier posts read. Asking again reads on, or reads anew what has ended.

    Raises ForbiddenError, NotFoundError, ConflictError `account_closed`, or `account_not_readable`
    for a channel that cannot be read back.
    """
    caller.need_role("admin")
    account = await accounts.locked(session, account_id, by=caller)
    if account.stage == "closed":
        raise ConflictError("account_closed")
    if not readable(hub, account.channel):
        raise ConflictError("account_not_readable")
    known = await session.get(Adoption, account_id, with_for_update=True)
    if known is not None and known.state == "reading":
        return known
    if known is None:
        known = Adoption(account_id=account_id, asked_by=caller.staff_id)
        session.add(known)
    now = await session.scalar(text("SELECT now()"))
    known.asked_by, known.asked_at = caller.staff_id, now
    # A reading that gave up goes on where it stood; one that came to its end begins anew.
    if known.state == "done":
        known.cursor = None
    known.state, known.failures, known.problem_code, known.ended_at = "reading", 0, None, None
    known.until = now
    await session.flush()
    await record(
        session, caller.actor, Act.ACCOUNT_POSTS_ASKED, f"account:{account_id}",
        unit=account.unit_id,
    )  # fmt: skip
    return known


def readable(hub: Hub, channel: str) -> bool:
    """Whether this kind of channel can tell what stands on it."""
    return channel in hub.registry.names() and isinstance(hub.registry.get(channel), Lister)


async def reading(session: AsyncSession, account_id: UUID) -> Reading:
    """How far the account's earlier posts are read, and what became of them."""
    known = await session.get(Adoption, account_id, populate_existing=True)
    counts = (await session.execute(_COUNTS, {"account": account_id})).one()
    return Reading(
        state=cast("AdoptionState", known.state) if known else None,
        asked_at=known.asked_at if known else None,
        ended_at=known.ended_at if known else None,
        problem_code=known.problem_code if known else None,
        read=counts.read,
        made=counts.made,
        matched=counts.matched,
        skipped=counts.skipped,
        views=counts.views,
        first_at=counts.first_at,
    )


async def posts(
    session: AsyncSession, account_id: UUID, *, after: UUID | None = None, most: int = _MOST
) -> list[Post]:
    """The account's earlier posts, newest first; `after` is the last one seen."""
    query = (
        select(AdoptedPost, col(Item.code))
        .outerjoin(Item, col(Item.id) == col(AdoptedPost.item_id))
        .where(col(AdoptedPost.account_id) == account_id)
        .order_by(col(AdoptedPost.at).desc().nulls_last(), col(AdoptedPost.id).desc())
        .limit(most)
    )
    if after is not None:
        last = await session.get(AdoptedPost, after)
        if last is None or last.account_id != account_id:
            raise NotFoundError("publication_not_found")
        if last.at is None:
            query = query.where(col(AdoptedPost.at).is_(None), col(AdoptedPost.id) < last.id)
        else:
            earlier = (col(AdoptedPost.at) == last.at) & (col(AdoptedPost.id) < last.id)
            query = query.where(
                (col(AdoptedPost.at) < last.at) | earlier | col(AdoptedPost.at).is_(None)
            )
    return [_post(row, code) for row, code in await session.execute(query)]


# ── What the worker does ─────────────────────────────────────────────────────────────────────────


async def read_on(hub: Hub, *, pages: int = 10) -> int:
    """Reads up to so many pages of what was asked for; gives how many were read.

    For a timer, in any number of processes: each account is read by one of them at a time. Nothing
    is read behind the fence of a restore, nor for an account that is paused.
    """
    done = 0
    while done < pages:
        async with hub.open_work() as session:
            if await fenced(session):
                return done
            claimed = (
                await session.execute(_CLAIM, {"lease": _LEASE.total_seconds()})
            ).one_or_none()
        if claimed is None:
            return done
        while done < pages and await _page_or_later(hub, claimed.account_id, claimed.fence):
            done += 1
        async with hub.open_work() as session:
            await session.execute(
                text(
                    "UPDATE adoption SET until = greatest(now(), until - :lease * interval '1s')"
                    " WHERE account_id = :account AND fence = :fence AND problem_code IS NULL"
                ),
                {
                    "account": claimed.account_id,
                    "fence": claimed.fence,
                    "lease": _LEASE.total_seconds(),
                },
            )
    return done


async def _page_or_later(hub: Hub, account_id: UUID, fence: int) -> bool:
    """Reads one page; what nobody foresaw counts as a failure of the reading, and is given up."""
    try:
        return await _page(hub, account_id, fence)
    except OSError:
        raise  # the database is away: that says nothing of this account
    except Exception as error:
        if isinstance(error, DBAPIError) and error.connection_invalidated:
            raise
        _log.exception("adoption.broke", account=str(account_id))
    async with hub.open_work() as session:
        return await _put_off(session, account_id, fence, "reading_broke")


async def _page(hub: Hub, account_id: UUID, fence: int) -> bool:
    """Reads one page and keeps what came of it; False when there is no more to do for now."""
    async with hub.open_work() as session:
        held = (
            await session.execute(
                _HOLD,
                {"account": account_id, "fence": fence, "lease": _LEASE.total_seconds()},
            )
        ).one_or_none()
        if held is None:
            return False
        account = await accounts.row(session, account_id)
        if account.stage == "closed" or not readable(hub, account.channel):
            await _end(session, account_id, fence, state="failed", code="account_left")
            return False
        if account.state == "paused":
            return await _put_off(session, account_id, fence, "account_paused", minutes=1)
        version = account.credentials_version
        opened = accounts.opened(hub.registry, hub.sealer, account)
        channel = hub.registry.get(account.channel)
        connected_at = account.created_at
    assert isinstance(channel, Lister)  # noqa: S101  # `readable` asked
    try:
        page = await channel.listing(opened, since=_EVER, cursor=held.cursor)
        earlier = [one for one in page.seen if one.at is None or one.at < connected_at]
        whole = [await _whole(hub, channel, opened, one) for one in earlier]
    except Exception as error:  # noqa: BLE001  # a stranger's adapter may raise anything
        if not isinstance(error, ChannelError | TimeoutError):
            _log.exception("adapter.broke", channel=account.channel)
        await _failed(hub, account_id, fence, error, version)
        return False
    await asyncio.sleep(_pause(hub))
    for one in whole:
        if one is not None and not await _kept(hub, account_id, fence, one):
            return False
    async with hub.open_work() as session:
        if await _still(session, account_id, fence) is None:
            return False
        if page.cursor is None:
            await _end(session, account_id, fence, state="done", code=None)
            return False
        await session.execute(
            text(
                "UPDATE adoption SET cursor = :cursor, failures = 0, problem_code = NULL"
                " WHERE account_id = :account AND fence = :fence"
            ),
            {"cursor": page.cursor, "account": account_id, "fence": fence},
        )
    return True


async def _kept(hub: Hub, account_id: UUID, fence: int, one: Seen) -> bool:
    """Keeps one post in a transaction of its own; False when somebody else reads this account now.

    Whoever sends to the account, and whoever writes the audit record, waits for one post at most.
    """
    async with hub.open_work() as session:
        asked_by = await _still(session, account_id, fence)
        if asked_by is None:
            return False
        await _keep(session, hub, account_id, [one], by=asked_by)
    return True


async def _still(session: AsyncSession, account_id: UUID, fence: int) -> UUID | None:
    """Who asked for this reading, while it is still ours; its time begins anew."""
    held = (
        await session.execute(
            _HOLD, {"account": account_id, "fence": fence, "lease": _LEASE.total_seconds()}
        )
    ).one_or_none()
    return held.asked_by if held is not None else None


def _pause(hub: Hub) -> float:
    """Half of the account's budget of calls stays free for what is being published (R29)."""
    return 120 / hub.rules.calls_per_minute if hub.rules.calls_per_minute else 0.0


async def _whole(hub: Hub, channel: Lister, account: messages.Account, one: Seen) -> Seen | None:
    """The post with all its words, where the list gave a part; None when it has gone meanwhile."""
    if one.complete or not one.visible:
        return one
    await asyncio.sleep(_pause(hub))
    async with asyncio.timeout(hub.rules.call_deadline.total_seconds()):
        read = await channel.read(account, one.remote_id)
    if read is None:
        return None
    return Seen(
        remote_id=one.remote_id,
        text=read.text,
        at=one.at or read.at,
        remote_url=one.remote_url or read.remote_url,
        links=read.links,
        picture_count=read.picture_count,
        visible=one.visible,
        readable=read.readable,
        title=read.title or one.title,
        views=one.views if one.views is not None else read.views,
        shares=one.shares if one.shares is not None else read.shares,
    )


async def _failed(
    hub: Hub, account_id: UUID, fence: int, error: BaseException, version: int
) -> None:
    code = told(error)[0] if isinstance(error, ChannelError) else "reading_broke"
    async with hub.open_work() as session:
        await _put_off(session, account_id, fence, code)
    if isinstance(error, ChannelRejectedError) and error.remedy is Remedy.RENEW:
        await tokens.renew(
            hub.open_work, hub.registry, hub.sealer, account_id, seen_version=version
        )
    _log.info("adoption.put_off", account=str(account_id), code=code)


async def _put_off(
    session: AsyncSession, account_id: UUID, fence: int, code: str, *, minutes: int = 0
) -> bool:
    """Tries again later, each time later, and gives up in the end; waiting `minutes` is no try."""
    await session.execute(
        text(
            """
            UPDATE adoption SET failures = failures + :counts,
              state = CASE WHEN failures + :counts >= :most THEN 'failed' ELSE state END,
              ended_at = CASE WHEN failures + :counts >= :most THEN now() END,
              until = now() + CASE WHEN :minutes > 0 THEN make_interval(mins => :minutes)
                              ELSE make_interval(secs => 5 * power(2, failures)) END,
              problem_code = :code
             WHERE account_id = :account AND fence = :fence AND state = 'reading'
            """
        ),
        {
            "code": code,
            "counts": 0 if minutes else 1,
            "most": _FAILURES,
            "minutes": minutes,
            "account": account_id,
            "fence": fence,
        },
    )
    return False


async def _end(
    session: AsyncSession, account_id: UUID, fence: int, *, state: str, code: str | None
) -> None:
    await session.execute(
        text(
            "UPDATE adoption SET state = :state, problem_code = :code, ended_at = now()"
            " WHERE account_id = :account AND fence = :fence"
        ),
        {"state": state, "code": code, "account": account_id, "fence": fence},
    )


# ── What becomes of a post ───────────────────────────────────────────────────────────────────────


async def _keep(
    session: AsyncSession, hub: Hub, account_id: UUID, seen: Sequence[Seen], *, by: UUID
) -> None:
    # What is decided about the account's publications meanwhile waits, or is seen here.
    account = await accounts.locked(session, account_id)
    ids = [str(one.remote_id) for one in seen]
    known = {
        row.remote_id: row
        for row in await session.scalars(
            select(AdoptedPost).where(
                col(AdoptedPost.account_id) == account_id, col(AdoptedPost.remote_id).in_(ids)
            )
        )
    }
    owned = await session.execute(
        _OWNERS, {"channel": account.channel, "outlet": account.remote_id, "ids": ids}
    )
    owners: Mapping[str, UUID] = {row.remote_id: row.item_id for row in owned}
    for one in seen:
        row = known.get(str(one.remote_id))
        if row is not None:
            row.views, row.shares = one.views, one.shares
            row.remote_url = one.remote_url or row.remote_url
        else:
            await _take(session, hub, account, one, owners, by=by)
    await session.flush()


async def _take(
    session: AsyncSession,
    hub: Hub,
    account: Account,
    one: Seen,
    owners: Mapping[str, UUID],
    *,
    by: UUID,
) -> None:
    title, body = words_of(one)
    skipped = _skipped(one)
    item_id, matched_by = owners.get(str(one.remote_id)), "id"
    if item_id is None and skipped is None:
        item_id, matched_by = await _known(session, hub, account, one)
        if item_id is None:
            item, revision = await drafting.take_over(
                session,
                SYSTEM,
                account.unit_id,
                title=title or _untitled(one, ZoneInfo(hub.timezone)),
                body=body,
                shown_at=_at(one),
                by=by,
                zone=ZoneInfo(hub.timezone),
            )
            item_id, matched_by = item.id, "new"
        else:
            item, revision = await _live(session, item_id)
        await _stands(session, hub, account, item, revision, one)
    await session.execute(
        insert(AdoptedPost)
        .values(
            **AdoptedPost(
                account_id=account.id,
                remote_id=str(one.remote_id),
                remote_url=one.remote_url,
                title=title,
                at=one.at,
                views=one.views,
                shares=one.shares,
                item_id=item_id,
                matched_by=matched_by if item_id else None,
                skipped=None if item_id else skipped,
            ).model_dump()
        )
        .on_conflict_do_nothing()
    )


def _skipped(one: Seen) -> str | None:
    if not one.visible:
        return "hidden"
    if not one.readable:
        return "unreadable"
    return "undated" if one.at is None else None


async def _known(
    session: AsyncSession, hub: Hub, account: Account, one: Seen
) -> tuple[UUID | None, str]:
    """The item of ours that this post shows, and how that was found; one item, one post."""
    ours = f"{hub.public_url}/tin/"
    places = [link for link in (*one.links, *comparable(one.text).split()) if ours in link]
    codes = {link.split(ours, 1)[1].split("/", 1)[0].split("?", 1)[0].upper() for link in places}
    if len(codes) == 1:
        linked = await session.scalar(
            select(col(Item.id)).where(
                col(Item.code) == codes.pop(),
                col(Item.unit_id) == account.unit_id,
                col(Item.released_no).is_not(None),
                ~select(col(Publication.id))
                .where(
                    col(Publication.item_id) == col(Item.id),
                    col(Publication.account_id) == account.id,
                )
                .exists(),
            )
        )
        if linked is not None:
            return linked, "link"
    at = _at(one)
    rows = await session.execute(
        _ALIKE,
        {
            "unit": account.unit_id,
            "account": account.id,
            "first": at - _DAYS_APART,
            "last": at + _DAYS_APART,
        },
    )
    alike = [(row.id, row.words) for row in rows]
    # Comparing computes, and what is being sent from this process must not wait for it.
    found = await asyncio.to_thread(_closest, alike, one.text)
    if found is not None:
        return found, "text"
    return None, "new"


def _closest(alike: Sequence[tuple[UUID, str]], told: str) -> UUID | None:
    """The item whose words read like these; None when none does. Takes long for long texts."""
    mine = _bare(told)
    count = len(mine.split())
    best: tuple[float, UUID] | None = None
    for item_id, words in alike if mine else ():
        other = _bare(words)
        others = len(other.split())
        # No likeness is greater than what the two lengths allow, so most are never compared.
        if 2 * min(count, others) >= _SAME * (count + others):
            judged = (similarity(other, mine), item_id)
            best = judged if best is None else max(best, judged)
    return best[1] if best is not None and best[0] >= _SAME else None


async def _live(session: AsyncSession, item_id: UUID) -> tuple[Item, Revision]:
    """The item, and the revision of it that stands on the other channels."""
    item = await session.get_one(Item, item_id)
    shown = (
        select(col(Publication.observed_revision_no))
        .where(col(Publication.item_id) == item_id)
        .order_by(col(Publication.observed_revision_no).desc().nulls_last())
        .limit(1)
        .scalar_subquery()
    )
    revision = (
        await session.scalars(
            select(Revision).where(
                col(Revision.item_id) == item_id,
                col(Revision.state) == "approved",
                col(Revision.no) <= shown,
            ).order_by(col(Revision.no).desc()).limit(1)
        )
    ).one()  # fmt: skip
    return item, revision


async def _stands(
    session: AsyncSession, hub: Hub, account: Account, item: Item, revision: Revision, one: Seen
) -> None:
    """Notes that the item stands on the account: live under the post's id, nothing left to do."""
    await preview.render_draft(session, hub, item, revision, [account])
    rendition_id = await session.scalar(
        select(col(Rendition.id)).where(
            col(Rendition.revision_id) == revision.id, col(Rendition.account_id) == account.id
        )
    )
    at = _at(one)
    session.add(
        Publication(
            item_id=item.id,
            account_id=account.id,
            generation=1,
            desired_rendition_id=rendition_id,
            observed_generation=1,
            observed_rendition_id=rendition_id,
            observed_revision_no=revision.no,
            state=State.LIVE,
            remote_id=str(one.remote_id),
            remote_url=one.remote_url,
            not_before=at,
            observed_at=at,
            first_observed_at=at,
        )
    )
    await session.flush()


def words_of(one: Seen) -> tuple[str, str]:
    """A post's heading, and the rest of it as the body of an item.

    Where the channel has no headings its first line is one, cut where it is long; the whole text
    is then the body, so that nothing is lost.
    """
    lines = [line.strip() for line in clean(one.text).splitlines() if line.strip()]
    lines = [line for line in lines if line not in one.links] or lines
    title = one_line(one.title) or (one_line(lines[0]) if lines else "")
    rest = lines[1:] if lines and one_line(lines[0]) == title else lines
    if len(title) > _TITLE_CHARS:
        title, rest = shorten(title, _TITLE_CHARS), lines
    return title, plain_text.as_body("\n".join(rest))


def _untitled(one: Seen, zone: ZoneInfo) -> str:
    return f"Bài đăng lúc {_at(one).astimezone(zone):%H:%M ngày %d/%m/%Y}"


def _bare(words: str) -> str:
    """The words alone: neither addresses nor the signs of a body count for likeness."""
    plain = "".join(one if one.isalnum() or one.isspace() else " " for one in _without_links(words))
    return comparable(plain).casefold()


def _without_links(words: str) -> str:
    return " ".join(one for one in clean(words).split() if "://" not in one)


def _at(one: Seen) -> datetime:
    if one.at is None:
        raise ValueError("an undated post is never taken")
    return one.at


def _post(row: AdoptedPost, code: str | None) -> Post:
    return Post(
        id=row.id,
        remote_id=row.remote_id,
        remote_url=row.remote_url,
        title=row.title,
        at=row.at,
        views=row.views,
        shares=row.shares,
        matched_by=cast("MatchedBy | None", row.matched_by),
        skipped=cast("Skipped | None", row.skipped),
        item_id=row.item_id,
        item_code=code,
    )
