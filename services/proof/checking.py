"""“Is it the agency's own?”: judges a code, a link or a text that somebody was sent."""

import asyncio
import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final
from urllib.parse import SplitResult, urlsplit, urlunsplit
from uuid import UUID

from pydantic import ValidationError
from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from services.channels.tables import Account
from services.content.tables import Item, Revision
from services.delivery.hub import Hub
from services.delivery.tables import Publication
from services.proof import ledger, listing, register, wording
from services.proof.page_words import KINDS
from services.proof.register import OfficialChannel
from services.proof.tables import PublicEvent, PublicText
from services.proof.wording import Comparison, Reading
from services.staff import agency
from services.staff.tables import Unit
from shared.contract.channel import Addressed
from shared.errors import NotFoundError
from shared.text import clean

MOST_CHARS: Final = 20_000
_FEWEST_WORDS: Final = 4
_TELLING: Final = 8  # fewer words prove nothing, unless they are a whole title
_ALTERED: Final = 0.5  # of a copy's words must be found, or it is another text
_COMPARED: Final = 6
_MOST_READ: Final = 1_000_000  # characters cut into words for one question, about a second's work
_LIKELY: Final = 12
_MOST_NAMED: Final = 3
_CODE: Final = re.compile(r"[^\W_][\w.-]*-\d{4}-\d{6,}")
# A code as people copy it: with another dash, which phones put in, or with blanks around or for it.
# Every part has an end, so that no text takes long.
_COPIED_CODE: Final = re.compile(
    r"(?<![\w.-])([^\W_][\w.-]{0,40})[-\s]{1,3}(\d{4})[-\s]{1,3}(\d{6,12})(?!\w)"
)
_DASH: Final = re.compile(r"\s{0,2}[-\u2010-\u2015\u2212]\s{0,2}")
# What a sentence puts around a code or a link.
_AROUND: Final = " \t\n.,;:!?…#*\"'“”‘’«»()[]{}<>"
_OUR_CODE: Final = re.compile(r"/tin/([^\s/?#\"'<>]+)", re.IGNORECASE)
_ADDRESS: Final = re.compile(r"(?:https?://)?[^\s/]+\.[^\s/]{2,}(?:[/?#:]\S*)?", re.IGNORECASE)
_LINK: Final = re.compile(r"https?://\S+", re.IGNORECASE)
_SUBDOMAINS: Final = ("www.", "m.", "web.", "mbasic.", "touch.")

# The word groups that stand in many texts, as PostgreSQL's own statistics know them.
_COMMON = text(
    "SELECT CAST(CAST(most_common_elems AS text) AS integer[]) FROM pg_stats"
    " WHERE schemaname = current_schema() AND tablename = 'public_text' AND attname = 'shingles'"
)
# The fewer texts hold a group, the more it tells: what stands in a thousand bulletins tells nearly
# nothing. `OFFSET 0` has the index gather them first: in order of id the planner would look through
# every text there is.
_MOST_LIKELY = text(
    """
    SELECT found.id, sum(1.0 / found.holders) AS telling
      FROM unnest(CAST(:numbers AS integer[])) AS asked(number)
     CROSS JOIN LATERAL (
       SELECT id, count(*) OVER () AS holders FROM (
         SELECT id FROM public_text WHERE shingles @> ARRAY[asked.number] OFFSET 0
       ) AS holding ORDER BY id DESC LIMIT 50
     ) AS found
     GROUP BY found.id ORDER BY telling DESC, found.id DESC LIMIT :most
    """
)
# Of the texts that hold a common group the index gives about so many, by chance.
_NOT_ALL_OF_THE_COMMON = text("SET LOCAL gin_fuzzy_search_limit = 200")
_COMMON_ASKED: Final = 4


class Answer(StrEnum):
    """What is known about something that was asked."""

    CURRENT = "official"  # ours, and as it stands now
    OUTDATED = "outdated"  # ours word for word, but it was corrected since
    ALTERED = "altered"  # ours, with words changed, added or left out
    WITHDRAWN = "withdrawn"  # ours once, and taken back
    CHANNEL = "official_channel"  # the address of a channel or page of ours
    CLOSED_CHANNEL = "closed_channel"  # the address of a channel that is ours no more
    UNKNOWN = "not_found"  # nothing that this agency has published
    TOO_SHORT = "too_short"  # too few words to say anything


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownItem:
    """An item of ours as a finding names it. Of a withdrawn one the title is not told."""

    code: str
    url: str
    title: str
    unit: str
    published_at: datetime | None
    corrected_at: datetime | None
    correction_note: str
    withdrawn_at: datetime | None
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """The answer, with what it rests on.

    `item` is what was asked about, also where an address merely imitates ours (`imitates`) or a
    text that is not its own links to it or gives its code. `where` names the account whose words
    were compared; empty for the item's page. `comparison` is set for texts.
    """

    answer: Answer
    item: KnownItem | None = None
    channel: OfficialChannel | None = None
    where: str = ""
    comparison: Comparison | None = None
    imitates: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Likely:
    """A published text that a copy may be of."""

    item_id: UUID
    revision_no: int
    current: bool
    account: str
    words: str
    asides: tuple[str, ...]


async def check(hub: Hub, asked: str) -> Finding:
    """Judges what somebody pasted, at most `MOST_CHARS` characters. Changes nothing."""
    await ledger.catch_up(hub, fresh=True)
    given = clean(asked).strip()
    bare = given.strip(_AROUND)
    if _CODE.fullmatch(bare):
        async with hub.open_work() as session:
            return await _by_code(session, hub, bare)
    if _ADDRESS.fullmatch(bare):
        return await _by_link(hub, bare)
    links = _LINK.findall(given)
    if links and _says_little(_LINK.sub(" ", given)):
        return await _by_link(hub, links[0])
    if not links and _says_little(_COPIED_CODE.sub(" ", _DASH.sub("-", given))):
        async with hub.open_work() as session:
            for code in _codes(given)[:_MOST_NAMED]:
                found = await _by_code(session, hub, code)
                if found.item is not None:
                    return found
    return await _by_text(hub, given)


def _says_little(rest: str) -> bool:
    """Whether what stands beside a code or a link is too short to be judged itself."""
    return len(wording.read(rest).tokens) < _FEWEST_WORDS


# ── Codes ────────────────────────────────────────────────────────────────────────────────────────


def _codes(given: str) -> list[str]:
    """What may be codes in a text, written as we write them."""
    return ["-".join(one) for one in _COPIED_CODE.findall(_DASH.sub("-", given))]


async def _by_code(session: AsyncSession, hub: Hub, code: str) -> Finding:
    item = await session.scalar(
        select(col(Item.id)).where(
            col(Item.code) == code.upper(), col(Item.released_no).is_not(None)
        )
    )
    return Finding(answer=Answer.UNKNOWN) if item is None else await _of_item(session, hub, item)


async def _of_item(session: AsyncSession, hub: Hub, item_id: UUID) -> Finding:
    known = await _known(session, hub, item_id)
    if known is None:
        return Finding(answer=Answer.UNKNOWN)
    return Finding(answer=Answer.WITHDRAWN if known.withdrawn_at else Answer.CURRENT, item=known)


async def _known(session: AsyncSession, hub: Hub, item_id: UUID) -> KnownItem | None:
    row = (
        await session.execute(
            select(Item, Revision, col(Unit.name))
            .join(Unit, col(Unit.id) == col(Item.unit_id))
            .join(Revision, col(Revision.item_id) == col(Item.id))
            .where(col(Item.id) == item_id, col(Revision.no) == col(Item.released_no))
        )
    ).one_or_none()
    if row is None:
        return None
    item, revision, unit = row
    told = await session.execute(
        select(col(PublicEvent.revision_no), col(PublicEvent.at))
        .where(col(PublicEvent.item_id) == item_id, col(PublicEvent.what) == "published")
        .order_by(col(PublicEvent.id))
    )
    moments = {row[0]: row[1] for row in told}
    corrected = min(moments, default=revision.no) < revision.no
    gone = item.withdrawn_at is not None
    return KnownItem(
        code=item.code,
        url=hub.item_url(item.code),
        title="" if gone else revision.title,
        unit=unit,
        published_at=item.published_at,
        corrected_at=moments.get(revision.no) if corrected else None,
        correction_note=revision.correction_note if corrected and not gone else "",
        withdrawn_at=item.withdrawn_at,
        reason=item.withdrawn_reason or "",
    )


# ── Links ────────────────────────────────────────────────────────────────────────────────────────


async def _by_link(hub: Hub, given: str) -> Finding:
    parts = _parts(given)
    if parts is None:
        return Finding(answer=Answer.UNKNOWN)
    named = _OUR_CODE.search(parts.path)
    async with hub.open_work() as session:
        if _same_site(parts, hub.public_url):
            if named:
                return await _by_code(session, hub, named.group(1))
            return Finding(answer=Answer.CHANNEL)
        post = await _post(session, hub, parts)
        if post is not None:
            known = await _of_item(session, hub, post.item_id)
            if known.answer is not Answer.UNKNOWN:
                return known
        official = await register.channels(session, hub.registry)
        found = _account_of(official, post) if post else _channel_at(official, parts)
        if found is not None:
            answer = Answer.CHANNEL if found.until is None else Answer.CLOSED_CHANNEL
            return Finding(answer=answer, channel=found)
        if named:
            # A page elsewhere that borrows a code of ours: the code is real, the page is not ours.
            real = await _by_code(session, hub, named.group(1))
            return Finding(answer=Answer.UNKNOWN, item=real.item, imitates=real.item is not None)
    return Finding(answer=Answer.UNKNOWN)


def _parts(given: str) -> SplitResult | None:
    given = given.strip(_AROUND)
    whole = given if re.match(r"https?://", given, re.IGNORECASE) else f"https://{given}"
    try:
        parts = urlsplit(whole)
        known = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        return None
    return parts if known else None


def _same_site(parts: SplitResult, public_url: str) -> bool:
    ours = urlsplit(public_url)
    below = ours.path.rstrip("/")
    return (
        _host(parts) == _host(ours)
        and _port(parts) == _port(ours)
        and (not below or parts.path == below or parts.path.startswith(f"{below}/"))
    )


def _host(parts: SplitResult) -> str:
    return (parts.hostname or "").rstrip(".").removeprefix("www.")


def _port(parts: SplitResult) -> int | None:
    return None if parts.port in (None, 80, 443) else parts.port


async def _post(session: AsyncSession, hub: Hub, parts: SplitResult) -> Publication | None:
    """What stands on one of our channels where the link leads."""
    found = await session.scalar(
        select(Publication)
        .join(Account, col(Account.id) == col(Publication.account_id))
        .where(col(Publication.remote_url).in_(_variants(parts)), col(Account.stage) != "trial")
        .limit(1)
    )
    if found is not None:
        return found
    url = urlunsplit(parts)
    accounts = await session.scalars(select(Account).where(col(Account.stage) != "trial"))
    for account in accounts:
        try:
            adapter = hub.registry.get(account.channel)
            if not isinstance(adapter, Addressed):
                continue
            named = adapter.post_in(url, adapter.settings_form.model_validate(account.settings))
        except (NotFoundError, ValidationError):
            continue
        if named is not None:
            return await session.scalar(
                select(Publication).where(
                    col(Publication.account_id) == account.id,
                    col(Publication.remote_id) == str(named),
                )
            )
    return None


def _variants(parts: SplitResult) -> list[str]:
    """The address as a channel may have told it: other scheme, other subdomain, no query."""
    host = (parts.netloc or "").lower()
    bare = next((host.removeprefix(one) for one in _SUBDOMAINS if host.startswith(one)), host)
    hosts = dict.fromkeys((parts.netloc, host, bare, f"www.{bare}", f"m.{bare}"))
    paths = dict.fromkeys((parts.path, parts.path.rstrip("/"), parts.path.rstrip("/") + "/"))
    return [
        urlunsplit((scheme, one, path, query, ""))
        for scheme in ("https", "http")
        for one in hosts
        for path in paths
        for query in dict.fromkeys((parts.query, ""))
    ]


def _account_of(official: Iterable[OfficialChannel], post: Publication) -> OfficialChannel | None:
    """The channel of a post that has no page here: it was there before the account was connected.

    A post that was taken back is no post any more: its id is forgotten with it.
    """
    return next((one for one in official if one.id == post.account_id), None)


def _channel_at(official: Iterable[OfficialChannel], parts: SplitResult) -> OfficialChannel | None:
    """The channel at this address, or the portal on this site."""
    for one in official:
        place = _parts(one.address) if one.address else None
        if place is None or _bare_host(place) != _bare_host(parts):
            continue
        if one.pull or place.path.strip("/").lower() == parts.path.strip("/").lower():
            return one
    return None


def _bare_host(parts: SplitResult) -> str:
    host = (parts.hostname or "").rstrip(".")
    return next((host.removeprefix(one) for one in _SUBDOMAINS if host.startswith(one)), host)


# ── Texts ────────────────────────────────────────────────────────────────────────────────────────


async def _by_text(hub: Hub, given: str) -> Finding:
    copied = wording.read(given)
    if len(copied.tokens) < _FEWEST_WORDS:
        return Finding(answer=Answer.TOO_SHORT)
    async with hub.open_work() as session:
        likely = await _likely(session, given)
        named = await _named(session, hub, given)
        house = await agency.settings(session)
    sections = (*KINDS.values(), *(one.name for one in house.categories))
    # Reading and comparing computes for a second at worst: not on the loop that answers everybody.
    judged = await asyncio.to_thread(_best, copied, likely, sections)
    if judged is None:
        return Finding(answer=Answer.UNKNOWN, item=named)
    best, comparison = judged
    async with hub.open_work() as session:
        item = await _known(session, hub, best.item_id)
    if item is None:
        return Finding(answer=Answer.UNKNOWN, item=named)
    if item.withdrawn_at is not None:
        # Its words are not repeated here: they were taken back.
        return Finding(answer=Answer.WITHDRAWN, item=item)
    answer = Answer.ALTERED
    if comparison.exact and len(copied.tokens) < _TELLING and not _is_title(copied, item):
        return Finding(answer=Answer.TOO_SHORT)  # so few words stand in many a text
    if comparison.exact:
        answer = Answer.CURRENT if best.current else Answer.OUTDATED
    return Finding(answer=answer, item=item, where=best.account, comparison=comparison)


def _is_title(copied: Reading, item: KnownItem) -> bool:
    return copied.compact == wording.read(item.title).compact


async def _named(session: AsyncSession, hub: Hub, given: str) -> KnownItem | None:
    """The item that a text links to or names by its code, whatever its words are."""
    for link in _LINK.findall(given):
        parts = _parts(link)
        code = _OUR_CODE.search(parts.path) if parts else None
        if parts is not None and code and _same_site(parts, hub.public_url):
            return (await _by_code(session, hub, code.group(1))).item
    plain = _LINK.sub(" ", given)
    found = [(await _by_code(session, hub, code)).item for code in _codes(plain)[:_MOST_NAMED]]
    return next((one for one in found if one is not None), None)


async def _likely(session: AsyncSession, given: str) -> list[_Likely]:
    ids: list[int] = []
    numbers = wording.asked(given)
    if numbers:
        # Rare groups decide, and cost the same however many texts there are. Common ones are only
        # asked for where a copy has no rare one in common with anything.
        common = set(await session.scalar(_COMMON) or ())
        rare = [one for one in numbers if one not in common]
        ids = await _holding(session, rare)
        if not ids:
            often = [one for one in numbers if one in common]
            ids = await _holding(session, often[:: max(1, len(often) // _COMMON_ASKED)])
    items: set[UUID] = set()
    if not ids:
        # A line too short to share a word group with anything: all of its words must occur.
        items |= set(await listing.holding(session, given, most=_LIKELY))
    if ids:
        owners = select(col(PublicText.item_id)).where(col(PublicText.id).in_(ids))
        items |= set(await session.scalars(owners))
    return await _texts_of(session, items)


async def _holding(session: AsyncSession, numbers: Sequence[int]) -> list[int]:
    """The texts that hold the most telling of these word groups."""
    if not numbers:
        return []
    await session.execute(_NOT_ALL_OF_THE_COMMON)
    rows = await session.execute(_MOST_LIKELY, {"numbers": list(numbers), "most": _LIKELY})
    return [row.id for row in rows]


async def _texts_of(session: AsyncSession, items: Collection[UUID]) -> list[_Likely]:
    """Everything that these items ever said in public: every revision, on every channel."""
    if not items:
        return []
    rows = (
        await session.execute(
            select(PublicText, col(Account.name), col(Item.released_no))
            .join(Item, col(Item.id) == col(PublicText.item_id))
            .outerjoin(Account, col(Account.id) == col(PublicText.account_id))
            .where(col(PublicText.item_id).in_(items))
            .order_by(col(PublicText.revision_no).desc(), col(PublicText.account_id).nulls_first())
            .limit(200)
        )
    ).all()
    beside = {
        (words.item_id, words.revision_no): tuple(words.asides)
        for words, _, _ in rows
        if words.account_id is None
    }
    return [
        _Likely(
            item_id=words.item_id,
            revision_no=words.revision_no,
            current=words.revision_no == released,
            account=account or "",
            words=words.words,
            asides=beside.get((words.item_id, words.revision_no), ()),
        )
        for words, account, released in rows
    ]


def _best(
    copied: Reading, likely: Sequence[_Likely], sections: Sequence[str]
) -> tuple[_Likely, Comparison] | None:
    """The published text that the copy is most like: the same before nearly, now before once.

    `sections` are the words that may stand over any item. Computes for long: not for the loop.
    """
    read = _readings(likely)
    likely = [one for one in likely if one.words in read]
    same = [one for one in likely if wording.stands_in(read[one.words], copied)]
    if same:
        best = max(same, key=lambda one: (one.current, one.account == ""))
        return best, wording.compare(read[best.words], copied)
    promising = sorted(
        likely,
        key=lambda one: (wording.overlap(read[one.words], copied), one.current),
        reverse=True,
    )
    judged = [
        (one, wording.compare(read[one.words], copied, (*one.asides, *sections)))
        for one in promising[:_COMPARED]
    ]
    alike = [pair for pair in judged if _is_alike(pair[1])]
    if not alike:
        return None

    def worth(pair: tuple[_Likely, Comparison]) -> tuple[bool, bool, float]:
        one, comparison = pair
        return comparison.exact, one.current, comparison.shared

    # Of one item the words that stand now are what a copy is held against.
    nearest = max(alike, key=lambda pair: (pair[1].exact, pair[1].shared))[0]
    return max((pair for pair in alike if pair[0].item_id == nearest.item_id), key=worth)


def _readings(likely: Sequence[_Likely]) -> dict[str, Reading]:
    """The texts as they are compared, each once, as far as `_MOST_READ` goes: newest first."""
    read: dict[str, Reading] = {}
    left = _MOST_READ
    for words in dict.fromkeys(one.words for one in likely):
        left -= len(words)
        if left < 0 and read:
            break
        read[words] = wording.read(words)
    return read


def _is_alike(comparison: Comparison) -> bool:
    return comparison.exact or (comparison.shared >= _ALTERED and comparison.found > _FEWEST_WORDS)
