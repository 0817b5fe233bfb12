"""Reading an OA back: the list of its articles, one article, and the proof that one is gone.

Reading changes nothing and may be repeated (zalo-oa-api.md sections 3.5 and 3.6).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from typing_extensions import TypedDict

from adapters.zalo_oa.client import Answer, ZaloClient, as_int, as_list, as_mapping, as_text
from adapters.zalo_oa.errors import GONE, refusal
from adapters.zalo_oa.markup import addresses, plain
from adapters.zalo_oa.settings import settings_of
from shared.contract.errors import ChannelRejectedError, ChannelUncertainError, Remedy
from shared.contract.messages import Account, Fingerprint, Page, Payload, RemoteId, Seen

PAGE = 10  # Zalo refuses a larger limit
KINDS = ("normal", "video")

# Zalo's clock may differ from ours by minutes, so a page must be clearly older to end the reading.
_SLACK = timedelta(minutes=10)
_STATUS_PAGES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class _Mark:
    """Where a listing stands, as its cursor tells: `newest-first` holds until a page breaks it.

    `last_ms` is the date of the last entry read; `total` what Zalo said the list holds.
    """

    kind: str
    offset: int = 0
    sorted: bool = True
    last_ms: int | None = None
    total: int | None = None

    def written(self) -> str:
        parts = (self.kind, self.offset, int(self.sorted), self.last_ms, self.total)
        return ":".join("" if part is None else str(part) for part in parts)


def _mark_from(cursor: str | None) -> _Mark:
    if cursor is None:
        return _Mark(kind=KINDS[0])
    kind, offset, in_order, last_ms, total = cursor.split(":")
    return _Mark(
        kind=kind,
        offset=int(offset),
        sorted=in_order == "1",
        last_ms=as_int(last_ms),
        total=as_int(total),
    )


# ── The list ─────────────────────────────────────────────────────────────────────────────────────


async def listing(
    client: ZaloClient, account: Account, *, since: datetime, cursor: str | None
) -> Page:
    """One page of the list, first of all articles, then of all videos, hidden ones too.

    Zalo documents no order. Only while every page so far ran from new to old does a full page older
    than `since` end the reading of a kind early; any other list is read to its end.
    """
    mark = _mark_from(cursor)
    answer = await _slice(client, account, mark.kind, offset=mark.offset)
    total = as_int(answer.fields.get("total"))
    if mark.offset and mark.total is not None and total is not None and total < mark.total:
        # Something was removed between two pages, so one entry may have slipped past: again.
        return Page(seen=(), cursor=_Mark(kind=mark.kind).written())
    medias = [as_mapping(media) for media in as_list(answer.fields.get("medias"))]
    dates = [as_int(media.get("create_date")) for media in medias]
    seen = [_listed(media, mark.kind) for media in medias]
    known = [mark.last_ms, *dates] if mark.offset else list(dates)
    in_order = mark.sorted and _newest_first(known)
    past = in_order and all(one.at is not None and one.at < since - _SLACK for one in seen)
    offset = mark.offset + len(medias)
    ended = not medias or past or (offset >= total if total is not None else len(medias) < PAGE)
    following = _Mark(
        kind=mark.kind,
        offset=offset,
        sorted=in_order,
        last_ms=dates[-1] if dates else None,
        total=total,
    )
    return Page(
        seen=tuple(one for one in seen if one.at is None or one.at >= since),
        cursor=_next_kind(mark.kind) if ended else following.written(),
    )


async def newest(client: ZaloClient, account: Account) -> Page:
    """The first page of articles, else of videos; with neither, the OA's own id is the proof."""
    for kind in KINDS:
        answer = await _slice(client, account, kind, offset=0)
        seen = [_listed(as_mapping(one), kind) for one in as_list(answer.fields.get("medias"))]
        if seen:
            seen.sort(key=lambda one: one.at.timestamp() if one.at else 0, reverse=True)
            return Page(seen=tuple(seen))
    await profile(client, account)
    return Page(seen=())


async def profile(client: ZaloClient, account: Account) -> Mapping[str, object]:
    """The OA's own description, provided that it is the OA we mean; else refuses."""
    answer = await client.profile(account)
    if answer.error:
        raise refusal(answer.error, answer.message, retry_after=answer.retry_after)
    # Sources spell the field both ways (section 2).
    found = as_text(answer.fields.get("oa_id")) or as_text(answer.fields.get("oaid"))
    if not found:
        raise ChannelUncertainError("unreadable_answer")
    if found != settings_of(account).oa_id:
        raise ChannelRejectedError("wrong_account", remedy=Remedy.HUMAN)
    return answer.fields


async def _slice(client: ZaloClient, account: Account, kind: str, *, offset: int) -> Answer:
    answer = await client.part(account, kind, offset=offset, limit=PAGE)
    if answer.error:
        raise refusal(answer.error, answer.message, retry_after=answer.retry_after)
    medias, total = answer.fields.get("medias"), as_int(answer.fields.get("total"))
    nothing_told = medias is None and total != 0
    if nothing_told or (offset == 0 and not as_list(medias) and (total or 0) > 0):
        raise ChannelUncertainError("unreadable_answer")
    return answer


def _listed(media: Mapping[str, object], kind: str) -> Seen:
    remote_id = as_text(media.get("id"))
    if not remote_id:
        raise ChannelUncertainError("unreadable_answer")
    visible = _shown(media.get("status"))
    return Seen(
        remote_id=RemoteId(remote_id),
        text=as_text(media.get("title")),
        at=_instant(media.get("create_date")),
        remote_url=as_text(media.get("link_view")) or None,
        picture_count=0 if kind == "video" else None,
        visible=visible is not False,
        complete=False,
        **_told_apart(media),
    )


def _newest_first(dates: list[int | None]) -> bool:
    told = [one for one in dates if one is not None]
    return len(told) == len(dates) and told == sorted(told, reverse=True)


def _next_kind(kind: str) -> str | None:
    at = KINDS.index(kind) + 1
    return _Mark(kind=KINDS[at]).written() if at < len(KINDS) else None


# ── One article ──────────────────────────────────────────────────────────────────────────────────


async def read(
    client: ZaloClient, account: Account, remote_id: RemoteId, *, want_link: bool = False
) -> Seen | None:
    """The article as it stands; None when it is proven to be gone.

    `want_link`: where the article itself does not tell its public link, look for it in the list.

    Zalo documents no code for an article that was removed; -201 is expected. Since that code also
    means a malformed call, it is a proof only beside a list that is readable and without this id,
    and a listed article that the very same call can open.
    """
    answer = await client.detail(account, remote_id)
    if answer.error == GONE:
        await _prove_gone(client, account, remote_id)
        return None
    if answer.error:
        raise refusal(answer.error, answer.message, retry_after=answer.retry_after)
    article = answer.fields
    if as_text(article.get("id")) not in ("", remote_id):
        raise ChannelUncertainError("unreadable_answer")
    seen = _opened(article, remote_id)
    if _shown(article.get("status")) is None or (want_link and seen.remote_url is None):
        return await _with_listed(client, account, seen, article)
    return seen


def fingerprint(payload: Payload) -> Fingerprint:
    """How the article made from a payload reads when Zalo gives it back."""
    article = as_mapping(payload["article"])
    text, _, pictures = _spoken(article)
    return Fingerprint(link=as_text(payload["link"]), text=text, picture_count=pictures)


def _opened(article: Mapping[str, object], remote_id: RemoteId) -> Seen:
    text, links, pictures = _spoken(article)
    return Seen(
        remote_id=remote_id,
        text=text,
        at=_instant(article.get("create_date")),
        remote_url=as_text(article.get("link_view")) or None,
        links=links,
        picture_count=pictures,
        visible=_shown(article.get("status")) is not False,
        readable=bool(as_text(article.get("title"))),
        **_told_apart(article),
    )


class _ToldApart(TypedDict):
    title: str
    views: int | None
    shares: int | None


def _told_apart(media: Mapping[str, object]) -> _ToldApart:
    return _ToldApart(
        title=as_text(media.get("title")),
        views=as_int(media.get("total_view")),
        shares=as_int(media.get("total_share")),
    )


def _spoken(article: Mapping[str, object]) -> tuple[str, tuple[str, ...], int]:
    """Words, addresses and number of pictures, alike for what we send and what we read."""
    lines = [as_text(article.get("title")), as_text(article.get("description"))]
    links = list(addresses(lines[1]))
    pictures = 0
    for block in map(as_mapping, as_list(article.get("body"))):
        match block.get("type"):
            case "text":
                words, targets = plain(as_text(block.get("content")))
                lines.append(words)
                links.extend(targets)
            case "image":
                lines.append(as_text(block.get("caption")))
                pictures += 1
            case "video":
                links.append(as_text(block.get("url")))
            case _:
                pass
    links.append(as_text(article.get("tracking_link")))
    told = tuple(dict.fromkeys(link for link in links if link))
    return "\n".join(line for line in (*lines, *told) if line), told, pictures


async def _with_listed(
    client: ZaloClient, account: Account, seen: Seen, article: Mapping[str, object]
) -> Seen:
    """The same article with what only the list tells: its link, and whether a video is shown.

    A video's `status` in the detail may be that of its file (section 3.5). An article older than
    the first pages keeps what the detail said.
    """
    kind = "video" if as_text(article.get("type")) == "video" else "normal"
    for page in range(_STATUS_PAGES):
        answer = await _slice(client, account, kind, offset=page * PAGE)
        medias = as_list(answer.fields.get("medias"))
        for one in (_listed(as_mapping(media), kind) for media in medias):
            if one.remote_id == seen.remote_id:
                told = _shown(article.get("status"))
                return replace(
                    seen,
                    remote_url=seen.remote_url or one.remote_url,
                    at=seen.at or one.at,
                    visible=one.visible if told is None else told,
                )
        if len(medias) < PAGE:
            break
    return seen


async def _prove_gone(client: ZaloClient, account: Account, remote_id: RemoteId) -> None:
    """Ends quietly when an id that Zalo refuses is provably no article any more."""
    control: RemoteId | None = None
    for kind in KINDS:
        answer = await _slice(client, account, kind, offset=0)
        for media in as_list(answer.fields.get("medias")):
            listed = _listed(as_mapping(media), kind).remote_id
            if listed == remote_id:
                raise ChannelUncertainError("absence_unproven")
            control = control or listed
    if control is not None and (await client.detail(account, control)).error:
        raise ChannelUncertainError("absence_unproven")


def _shown(status: object) -> bool | None:
    """Whether a status means visible; None for the numeric status of a video's file."""
    return {"show": True, "hide": False}.get(as_text(status))


def _instant(value: object) -> datetime | None:
    """Epoch milliseconds as an instant (seconds too, which no date of ours can be mistaken for)."""
    number = as_int(value)
    if number is None or number <= 0:
        return None
    try:
        return datetime.fromtimestamp(number / 1000 if number > 10**11 else number, tz=UTC)
    except (OverflowError, ValueError, OSError):
        return None
