"""From what a format told of its entries to entries as the hub takes them: clean, keyed, dated."""

import hashlib
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from services.sources import dates, legacy_text
from services.sources.cleaning import clean_html, pictures, plain
from services.sources.feed import Attachment, KeyKind, ReadEntry
from services.sources.links import absolute, canonical
from shared.text import clean, one_line, shorten

ENTRIES: Final = 2000
TEXT_CHARS: Final = 1_000_000
_TITLE_CHARS: Final = 1000
_TITLE_MADE_CHARS: Final = 120
_NAME_CHARS: Final = 300
_DATE_CHARS: Final = 100
_KEY_CHARS: Final = 500
_CATEGORIES: Final = 50
_FILES: Final = 50
_VIETNAMESE: Final = re.compile("[ăđơưĂĐƠƯ\u1ea0-\u1ef9]")
_ADDRESS: Final = re.compile(r"[^\s@()<>]+@[^\s@()<>]+")


@dataclass(slots=True, kw_only=True)
class Draft:
    """One entry as its format told it. `title` is plain, `summary` and `content` are any HTML.

    `base` is the address that its relative links stand on.
    """

    base: str
    guid: str = ""
    link: str = ""
    title: str = ""
    summary: str = ""
    content: str = ""
    published: str = ""
    updated: str = ""
    author: str = ""
    categories: Sequence[str] = ()
    pictures: Sequence[Attachment] = ()
    enclosures: Sequence[Attachment] = ()


def finished(drafts: Sequence[Draft], *, now: datetime, language: str) -> tuple[ReadEntry, ...]:
    """The entries in their order, each key once: of two with one key and link the first is kept."""
    looks = " ".join(one.title + one.summary[:200] for one in drafts[:20])
    vietnamese = language.lower().startswith("vi") or bool(_VIETNAMESE.search(looks))
    shared = _shared_guids(drafts)
    found: dict[str, ReadEntry] = {}
    written: dict[str, dates.Dated] = {}
    for draft in drafts:
        here = vietnamese or ".vn" in draft.base
        dated = dates.read(draft.published or draft.updated, now=now, vietnamese=here)
        updated = dates.read(draft.updated or draft.published, now=now, vietnamese=here)
        entry = _entry(draft, dated, updated, shared)
        if entry.key not in found:
            found[entry.key] = entry
            written[entry.key] = dated
    return _without_false_minutes(found, written)


def _entry(
    draft: Draft, dated: dates.Dated, updated: dates.Dated, shared: frozenset[str]
) -> ReadEntry:
    warnings: list[str] = []
    link = absolute(draft.link, draft.base)
    base = link or draft.base
    summary, content = (_html(text, base, warnings) for text in (draft.summary, draft.content))
    title = one_line(draft.title)[:_TITLE_CHARS]
    if not title:
        title = shorten(plain(content or summary), _TITLE_MADE_CHARS)
        warnings.append("no_title")
    if link is None:
        warnings.append("no_link")
    if dated.doubt:
        told = bool(draft.published or draft.updated)
        warnings.append(f"date_{dated.doubt}" if told else "date_missing")
    guid = clean(draft.guid).strip()
    if guid in shared:
        warnings.append("shared_guid")
    found = {one.url: one for one in reversed(draft.pictures)}
    for source in (draft.summary, draft.content):
        for one in pictures(source[:TEXT_CHARS], base):
            known = found.get(one.url)
            if known is None or not known.alt:
                found[one.url] = replace(one, mime=known.mime if known else None)
    canonical_link = canonical(link) if link else None
    kind, key = _key(guid if guid not in shared else "", canonical_link, title, draft)
    return ReadEntry(
        key=key,
        key_kind=kind,
        guid=guid[:_KEY_CHARS] or None,
        link=link,
        canonical_link=canonical_link,
        title=title,
        summary_html=summary,
        content_html=content,
        published_at=dated.at,
        published_text=one_line(draft.published or draft.updated)[:_DATE_CHARS],
        updated_at=updated.at,
        updated_text=one_line(draft.updated)[:_DATE_CHARS],
        author=_name(draft.author),
        categories=_names(draft.categories),
        pictures=tuple(found.values())[:_FILES],
        enclosures=tuple({one.url: one for one in draft.enclosures}.values())[:_FILES],
        legacy=legacy_text.detect(f"{title}\n{plain(summary[:20_000])}"),
        warnings=tuple(dict.fromkeys(warnings)),
    )


def _html(text: str, base: str, warnings: list[str]) -> str:
    if len(text) > TEXT_CHARS:
        warnings.append("too_long")
        return ""
    return clean_html(text, base) if text else ""


def _key(guid: str, link: str | None, title: str, draft: Draft) -> tuple[KeyKind, str]:
    """What tells the entry from the others of its feed (feeds.md section 12.5)."""
    if guid:
        return "guid", guid if len(guid) <= _KEY_CHARS else _digest(guid)
    if link:
        return "link", link if len(link) <= _KEY_CHARS else _digest(link)
    return "hash", _digest(f"{title}\n{one_line(draft.published or draft.updated)}")


def _digest(text: str) -> str:
    return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def _shared_guids(drafts: Sequence[Draft]) -> frozenset[str]:
    """Guids that several entries with different links carry: they tell nothing apart."""
    links: dict[str, set[str]] = {}
    for draft in drafts:
        links.setdefault(clean(draft.guid).strip(), set()).add(draft.link.strip())
    return frozenset(guid for guid, several in links.items() if guid and len(several) > 1)


def _name(author: str) -> str:
    """A person's or an office's name; a bare address of a mailbox is none."""
    return one_line(_ADDRESS.sub(" ", author)).strip(" ()<>,;")[:_NAME_CHARS]


def _names(told: Sequence[str]) -> tuple[str, ...]:
    names = Counter(one_line(one)[:_NAME_CHARS] for one in told)
    return tuple(name for name in names if name)[:_CATEGORIES]


def _without_false_minutes(
    found: Mapping[str, ReadEntry], written: Mapping[str, dates.Dated]
) -> tuple[ReadEntry, ...]:
    told = [one.written for one in written.values() if one.written and one.doubt != "no_time"]
    if not dates.minutes_are_months(told):
        return tuple(found.values())
    return tuple(
        replace(
            one,
            published_at=_hour_of(one.published_at),
            updated_at=_hour_of(one.updated_at),
            warnings=(*one.warnings, "minutes_unknown"),
        )
        for one in found.values()
    )


def _hour_of(at: datetime | None) -> datetime | None:
    # Whole hours in Vietnam are whole hours in UTC.
    return None if at is None else at - timedelta(minutes=at.minute, seconds=at.second)
