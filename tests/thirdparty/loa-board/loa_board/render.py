"""A revision as a notice: a title, plain text, and the item's address. Pure."""

from collections.abc import Iterator
from datetime import timedelta, timezone

from shared.contract.blocks import to_plain
from shared.contract.messages import Fingerprint, Limits, Payload, Problem, Rendition, Revision
from shared.text import clean, one_line

TITLE_CHARS = 120
TEXT_CHARS = 5_000
LIMITS = Limits(title_chars=TITLE_CHARS, text_chars=TEXT_CHARS)

_VIETNAM = timezone(timedelta(hours=7))


def render(revision: Revision) -> Rendition:
    """The notice, with what the board would refuse."""
    title, text = one_line(revision.title), _text(revision)
    payload: Payload = {"title": title, "text": text, "link": revision.url}
    return Rendition(payload=payload, problems=tuple(_problems(title, text)))


def fingerprint(payload: Payload) -> Fingerprint:
    """The notice as `words_of` gives it back."""
    return Fingerprint(
        link=str(payload["link"]),
        text=words_of(str(payload["title"]), str(payload["text"]), str(payload["link"])),
    )


def words_of(title: str, text: str, link: str) -> str:
    """A notice in one text, as two readings of it are compared."""
    return f"{title}\n{text}\n{link}"


def _text(revision: Revision) -> str:
    text = clean(revision.text or to_plain(revision.blocks)).strip()
    parts = [revision.summary.strip() if revision.text is None else "", text]
    if revision.corrected_at is not None:
        day = revision.corrected_at.astimezone(_VIETNAM)
        note = one_line(revision.correction_note) or "nội dung đã được sửa."
        parts.insert(0, f"Đính chính ngày {day:%d/%m/%Y}: {note}")
    return "\n\n".join(part for part in parts if part)


def _problems(title: str, text: str) -> Iterator[Problem]:
    if not title:
        yield Problem(
            field="title", code="title_missing", blocking=True, detail="Hãy viết tiêu đề."
        )
    for field, name, words, most in (
        ("title", "Tiêu đề", title, TITLE_CHARS),
        ("body", "Bài", text, TEXT_CHARS),
    ):
        if len(words) > most:
            yield Problem(
                field=field,
                code=f"{field}_too_long",
                blocking=True,
                detail=f"{name} có {len(words)} ký tự, bảng tin chỉ đủ chỗ cho {most}. "
                "Hãy viết ngắn hơn.",
            )
