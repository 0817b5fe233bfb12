"""The words of an item's public page: those that count, and those that merely stand beside them."""

from collections.abc import Iterator, Mapping
from datetime import date, tzinfo
from typing import Final
from uuid import UUID

from services.content.tables import Media
from services.delivery.public_item import PublicItem
from services.proof.dates import long_day, long_time
from shared.contract.blocks import (
    Block,
    Figure,
    Heading,
    Listing,
    Paragraph,
    Quote,
    Span,
    figures,
)
from shared.contract.messages import AI_LABEL

_LABELS: Final = ("AI", "Đính chính", "Những gì đã sửa", "Công bố lần đầu", "Bản đầu", "Nguồn")
# What the page calls each kind.
KINDS: Final[Mapping[str, str]] = {
    "news": "Tin tức",
    "document": "Văn bản",
    "bulletin": "Bản tin",
    "multimedia": "Đa phương tiện",
    "warning": "Cảnh báo",
    "rebuttal": "Thông tin chính thức",
}


def words(item: PublicItem) -> str:
    """Title, summary and body as a reader sees them, a paragraph on each line."""
    return "\n".join(one for one in (item.title, item.summary, *_lines(item.blocks)) if one)


def asides(item: PublicItem, zone: tzinfo) -> list[str]:
    """What a person who copies the page may copy along: facts, dates, captions, labels, numbers."""
    told = [item.unit, item.author, item.code, item.correction_note, *_LABELS, AI_LABEL]
    told += [item.source_name, item.source_url]
    told += list(item.tags)
    if item.document:
        facts = item.document
        told += ["Thông tin văn bản", "Số, ký hiệu", "Ngày ban hành", "Cơ quan ban hành"]
        told += ["Người ký", facts.number, facts.issued_on, facts.issuer, facts.signer]
        told += [_day(facts.issued_on)]
    told += [one.note for one in item.corrections]
    told += [f"Bản {one.revision}" for one in item.corrections]
    instants = [item.published_at, *(one.at for one in item.corrections)]
    for at in instants:
        if at is not None:
            here = at.astimezone(zone)
            # As the page writes an instant, and as it did until November 2026.
            told += [long_time(at, zone), f"{here:%d/%m/%Y, %H:%M}", f"{here:%H:%M %d/%m/%Y}"]
    told += list(_captions(item.blocks, item.media, item.cover))
    told += [str(no) for no in _numbers(item.blocks)]
    return list(dict.fromkeys(one for one in told if one))


def _day(written: str) -> str:
    try:
        return long_day(date.fromisoformat(written))
    except ValueError:
        return written


def _lines(blocks: tuple[Block, ...]) -> Iterator[str]:
    for block in blocks:
        match block:
            case Paragraph(spans=spans) | Heading(spans=spans):
                yield _text(spans)
            case Quote(blocks=inner):
                yield from _lines(inner)
            case Listing(entries=entries):
                for entry in entries:
                    yield from _lines(entry)
            case Figure():
                pass


def _text(spans: tuple[Span, ...]) -> str:
    return "".join(span.text for span in spans)


def _captions(
    blocks: tuple[Block, ...], media: Mapping[UUID, Media], cover: UUID | None
) -> Iterator[str]:
    shown = {one.media_id: one for one in figures(blocks)}
    for one in shown.values():
        yield from (one.alt, one.caption)
    for key in (cover, *shown):
        row = media.get(key) if key else None
        if row is not None:
            yield from (row.alt, row.caption, row.credit, "Ảnh", "Video")


def _numbers(blocks: tuple[Block, ...]) -> Iterator[int]:
    for block in blocks:
        if isinstance(block, Listing):
            if block.ordered:
                yield from range(block.start, block.start + len(block.entries))
            for entry in block.entries:
                yield from _numbers(entry)
