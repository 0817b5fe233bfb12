"""Shapes one revision as one entry of a feed: plain facts, and HTML of a small allow-list.

Source: feeds.md sections 2 (entries), 5 (corrections), 10 (allow-list) and 11 (Vietnamese).
"""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta, timezone
from html import escape

from adapters.portal_rss.settings import PortalSettings
from shared.contract.blocks import Figure, figures, html_attributes, to_html
from shared.contract.messages import (
    AI_LABEL,
    Document,
    File,
    Fingerprint,
    Json,
    Payload,
    Picture,
    Problem,
    Rendition,
    Revision,
    Video,
)
from shared.text import clean, one_line

# Viet Nam is seven hours ahead of UTC all year, without daylight saving (feeds.md section 11).
_VIET_NAM = timezone(timedelta(hours=7))
_CORRECTED = "[Đính chính] "


def render(revision: Revision, settings: PortalSettings) -> Rendition:
    """The entry as the feed will carry it, with what keeps it from entering this feed.

    Keys: `guid` (stable over revisions), `title`, `summary` (plain text), `html`, `link`, `kind`,
    `category`, `tags`, `author`, `published_at` and `corrected_at` (ISO 8601 UTC or null),
    `correction_note`, `pictures`, `enclosure` (a document or a video of ours, or null).
    """
    pictures = _pictures(revision)
    payload: Payload = {
        "guid": f"tag:loa,2026:{revision.code}",
        "title": _title(revision),
        "summary": _summary(revision),
        "html": _html(revision, pictures),
        "link": revision.url,
        "kind": revision.kind,
        "category": one_line(revision.category),
        "tags": list(dict.fromkeys(one_line(tag) for tag in revision.tags)),
        "author": one_line(revision.agency),
        "published_at": _instant(revision.published_at),
        "correction_note": _note(revision),
        "corrected_at": _instant(revision.corrected_at),
        "pictures": [_picture(one) for one in pictures],
        "enclosure": _enclosure(revision),
    }
    return Rendition(payload=payload, problems=_problems(revision, settings))


def fingerprint(payload: Payload) -> Fingerprint:
    """The item's link and its words."""
    pictures = payload["pictures"]
    return Fingerprint(
        link=str(payload["link"]),
        text=f"{payload['title']}\n{payload['summary']}\n{payload['link']}",
        picture_count=len(pictures) if isinstance(pictures, list) else None,
    )


# ── Words ────────────────────────────────────────────────────────────────────────────────────────


def _title(revision: Revision) -> str:
    title = one_line(revision.title)
    return _CORRECTED + title if revision.corrected_at else title


def _note(revision: Revision) -> str:
    return one_line(revision.correction_note) if revision.corrected_at else ""


def _dated_note(revision: Revision) -> tuple[str, str] | None:
    """The words before and after the colon of a correction; None for a first version."""
    if revision.corrected_at is None:
        return None
    day = revision.corrected_at.astimezone(_VIET_NAM)
    head = f"Đính chính ngày {day:%d/%m/%Y}"
    return head, _note(revision) or "nội dung bài đã được sửa."


def _summary(revision: Revision) -> str:
    summary = clean(revision.summary).strip()
    note = _dated_note(revision)
    return f"{note[0]}: {note[1]}\n{summary}".strip() if note else summary


def _instant(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()


# ── HTML ─────────────────────────────────────────────────────────────────────────────────────────


def _html(revision: Revision, pictures: tuple[Picture, ...]) -> str:
    """Correction note, cover unless the body shows it, body, and the facts of a legal document."""
    parts: list[str] = []
    if note := _dated_note(revision):
        parts.append(f"<p><strong>{note[0]}:</strong> {escape(note[1], quote=False)}</p>")
    shown = (
        {figure.media_id for figure in figures(revision.blocks)} if revision.text is None else ()
    )
    if revision.cover and revision.cover.media_id not in shown:
        parts.append(_picture_html(revision.cover, revision.cover.alt, revision.cover.caption))
    if revision.text is not None:
        parts.append(_text_html(revision.text))
    else:
        parts.append(to_html(revision.blocks, _figure(revision, pictures)))
    if revision.document:
        parts.append(_document_html(revision.document))
    parts.append(_source_html(revision))
    if revision.ai_made:
        parts.append(f"<p><em>{AI_LABEL}</em></p>")
    return "".join(parts)


def _text_html(text: str) -> str:
    paragraphs = (one.strip() for one in clean(text).split("\n\n"))
    return "".join(
        f"<p>{escape(one, quote=False).replace(chr(10), '<br>')}</p>" for one in paragraphs if one
    )


def _figure(revision: Revision, pictures: tuple[Picture, ...]) -> Callable[[Figure], str]:
    by_id = {one.media_id: one for one in pictures}

    def draw(figure: Figure) -> str:
        if figure.url:
            return _video_html(figure.url, figure.alt, figure.caption, None)
        if figure.media_id is None:
            return ""
        if picture := by_id.get(figure.media_id):
            return _picture_html(
                picture, figure.alt or _alt(picture), figure.caption or picture.caption
            )
        if video := revision.videos.get(figure.media_id):
            words = figure.alt or video.alt, figure.caption or video.caption
            return _video_html(video.url, *words, video.thumb)
        if file := revision.files.get(figure.media_id):
            return _file_html(file, figure.alt or figure.caption or file.title)
        return ""

    return draw


def _picture_html(picture: Picture, alt: str, caption: str) -> str:
    attributes = html_attributes(
        {"src": picture.url, "alt": alt, "width": picture.width, "height": picture.height}
    )
    credit = f"Ảnh: {picture.credit}" if picture.credit else ""
    words = " · ".join(part for part in (caption, credit) if part)
    below = f"<figcaption>{escape(words, quote=False)}</figcaption>" if words else ""
    return f"<figure><img{attributes}>{below}</figure>"


def _video_html(url: str, alt: str, caption: str, thumb: Picture | None) -> str:
    """A link, with a picture where we have one: a feed carries no player."""
    words = escape(f"Xem video: {alt}" if alt else "Xem video", quote=False)
    href = html_attributes({"href": url})
    below = f"<br>{escape(caption, quote=False)}" if caption else ""
    if thumb is None:
        return f"<p><a{href}>{words}</a>{below}</p>"
    attributes = html_attributes(
        {"src": thumb.url, "alt": "", "width": thumb.width, "height": thumb.height}
    )
    return (
        f"<figure><a{href}><img{attributes}></a>"
        f"<figcaption><a{href}>{words}</a>{below}</figcaption></figure>"
    )


def _file_html(file: File, title: str) -> str:
    words = escape(title or "Tệp đính kèm", quote=False)
    kind = file.mime.rpartition("/")[2].upper()
    size = f"{max(1, round(file.size_bytes / 1000))} KB"
    return f"<p><a{html_attributes({'href': file.url})}>{words}</a> ({kind}, {size})</p>"


def _document_html(document: Document) -> str:
    facts = (
        ("Số, ký hiệu", document.number),
        ("Ngày ban hành", _day(document.issued_on)),
        ("Cơ quan ban hành", document.issuer),
        ("Người ký", document.signer),
    )
    rows = "".join(
        f"<li>{name}: {escape(one_line(value), quote=False)}</li>" for name, value in facts if value
    )
    return f"<ul>{rows}</ul>" if rows else ""


def _source_html(revision: Revision) -> str:
    """Whose text this is: exact source, as re-publishing asks (government-rules.md section 4)."""
    name = one_line(revision.source_name) or revision.source_url
    if not name:
        return ""
    words = escape(name, quote=False)
    href = html_attributes({"href": revision.source_url})
    return f"<p>Nguồn: {f'<a{href}>{words}</a>' if revision.source_url else words}</p>"


def _day(issued_on: str) -> str:
    """A date as people write it; what is no ISO date stays as it was typed."""
    try:
        return f"{datetime.fromisoformat(issued_on):%d/%m/%Y}"
    except ValueError:
        return issued_on


# ── Media ────────────────────────────────────────────────────────────────────────────────────────


def _pictures(revision: Revision) -> tuple[Picture, ...]:
    """Cover first, then the body's in reading order, each once."""
    known = dict(revision.pictures)
    ids = []
    if revision.cover:
        known[revision.cover.media_id] = revision.cover
        ids.append(revision.cover.media_id)
    ids += [one.media_id for one in figures(revision.blocks) if one.media_id]
    return tuple(known[one] for one in dict.fromkeys(ids) if one in known)


def _picture(picture: Picture) -> Mapping[str, Json]:
    return {
        "url": picture.url,
        "mime": picture.mime,
        "width": picture.width,
        "height": picture.height,
        "size_bytes": picture.size_bytes,
        "alt": _alt(picture),
        "caption": picture.caption,
        "credit": picture.credit,
    }


def _alt(picture: Picture) -> str:
    return "" if picture.decorative else picture.alt


def _enclosure(revision: Revision) -> Mapping[str, Json] | None:
    """The main document in the body, else the first video of ours: an entry holds one at most."""
    shown = [figure.media_id for figure in figures(revision.blocks) if figure.media_id]
    found: list[File | Video] = [revision.files[one] for one in shown if one in revision.files]
    found += [revision.videos[one] for one in shown if one in revision.videos]
    for one in found:
        if one.size_bytes:
            return {"url": one.url, "mime": one.mime, "size_bytes": one.size_bytes}
    return None


# ── Problems ─────────────────────────────────────────────────────────────────────────────────────


def _problems(revision: Revision, settings: PortalSettings) -> tuple[Problem, ...]:
    found: list[Problem] = []
    if settings.kinds and revision.kind not in settings.kinds:
        found.append(
            Problem(
                field="kind",
                code="kind_not_carried",
                blocking=True,
                detail=f"“{settings.title}” không nhận loại tin này. Hãy bỏ chọn kênh này hoặc "
                "đổi loại tin.",
            )
        )
    if settings.categories and revision.category not in settings.categories:
        found.append(
            Problem(
                field="category",
                code="category_not_carried",
                blocking=True,
                detail=f"“{settings.title}” chỉ nhận chuyên mục: "
                f"{', '.join(settings.categories)}. Hãy bỏ chọn kênh này hoặc đổi chuyên mục.",
            )
        )
    if not revision.summary.strip():
        found.append(
            Problem(
                field="summary",
                code="summary_missing",
                blocking=False,
                detail="Chưa có tóm tắt nên cổng chỉ hiện tiêu đề trong danh sách. Hãy viết một "
                "hai câu tóm tắt.",
            )
        )
    if revision.text is None and any(
        figure.media_id is not None
        and figure.media_id not in revision.pictures
        and figure.media_id not in revision.videos
        and figure.media_id not in revision.files
        and not (revision.cover and figure.media_id == revision.cover.media_id)
        for figure in figures(revision.blocks)
    ):
        found.append(
            Problem(
                field="body",
                code="file_not_carried",
                blocking=False,
                detail="Tệp đính kèm không đi cùng bài lên cổng; người đọc mở tệp ở trang của bài. "
                "Nếu cần, hãy thêm liên kết tới tệp.",
            )
        )
    return tuple(found)
