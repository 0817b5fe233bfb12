"""The words of a revision as the console's own pages show them, and how two revisions differ."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit
from uuid import UUID

from markupsafe import Markup, escape

from services.console import differences
from services.console.ask import Ask
from services.console.differences import Piece, Stretch
from services.console.place import Place
from services.content.body import media_id, parse
from services.content.tables import Media, Revision
from services.delivery.drifting import Altered
from shared.contract.blocks import Figure, html_attributes, to_html
from shared.contract.messages import AI_LABEL

# A picture in the body's text: for a reader of changes its description counts, and which file.
_FIGURE: Final = re.compile(r'!\[([^\]\n]*)\]\(media:([0-9a-fA-F-]{8,36})(?: "([^"\n]*)")?\)')


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One named thing about a revision, in words."""

    name: str
    label: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One field that differs: as pieces of one line, or (the body) as stretches of paragraphs."""

    name: str
    label: str
    pieces: tuple[Piece, ...] = ()
    stretches: tuple[Stretch, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Library:
    """What a revision names by id or slug: files, accounts and categories, as people call them."""

    media: Mapping[UUID, Media]
    accounts: Mapping[UUID, str]
    categories: Mapping[str, str]


def short_code(revision: Revision) -> str:
    """The four letters by which people name exactly this content: `7F3A`."""
    return (revision.content_hash or "")[:4].upper()


def body_html(place: Place, body: str, media: Mapping[UUID, Media]) -> Markup:
    """The body as the portal would show it, with pictures from this very site."""
    return Markup(to_html(parse(body), _figure(place, media)))  # noqa: S704  # of escaped parts


def address(place: Place, media: Media) -> str:
    """Where this site serves the file."""
    return place.file(f"{media.sha256}.{media.ext}")


def facts(ask: Ask, revision: Revision, library: Library) -> list[Fact]:
    """What stands beside the text: for readers, and for those who publish; empty ones left out."""
    return [one for one in _facts(ask, revision, library) if one.text]


def changes(ask: Ask, old: Revision, new: Revision, library: Library) -> list[Change]:
    """Every field in which the two differ, in the order in which a page shows them."""
    found: list[Change] = []
    before = {one.name: one for one in _compared(ask, old, library)}
    after = {one.name: one for one in _compared(ask, new, library)}
    for name in dict.fromkeys((*after, *before)):
        was, now = before.get(name), after.get(name)
        label = (now or was or Fact(name=name, label=name, text="")).label
        old_text, new_text = was.text if was else "", now.text if now else ""
        if old_text == new_text:
            continue
        if "\n" in old_text or "\n" in new_text:
            told = differences.stretches(old_text, new_text)
            found.append(Change(name=name, label=label, stretches=told))
        else:
            pieces = differences.words(old_text, new_text)
            found.append(Change(name=name, label=label, pieces=pieces))
    return found


def drifted(ask: Ask, altered: Altered) -> Change:
    """How the text on a channel differs from the one that was agreed for it."""
    told = differences.stretches(altered.agreed, altered.shown)
    return Change(name="drift", label=ask.t("Chữ trên kênh so với bản đã duyệt"), stretches=told)


def _compared(ask: Ask, revision: Revision, library: Library) -> Iterator[Fact]:
    yield Fact(name="title", label=ask.t("Tiêu đề"), text=revision.title)
    yield Fact(name="summary", label=ask.t("Tóm tắt"), text=revision.summary)
    yield Fact(name="body", label=ask.t("Nội dung"), text=_readable(ask, revision.body))
    cover = library.media.get(revision.cover) if revision.cover else None
    told = _named(cover.alt, cover) if cover else ""
    yield Fact(name="cover", label=ask.t("Ảnh bìa"), text=told)
    yield from _facts(ask, revision, library)


def _facts(ask: Ask, revision: Revision, library: Library) -> Iterator[Fact]:
    note = ask.t("Nội dung đính chính")
    yield Fact(name="correction_note", label=note, text=revision.correction_note)
    yield Fact(name="author", label=ask.t("Tác giả"), text=revision.author)
    category = library.categories.get(revision.category, revision.category)
    yield Fact(name="category", label=ask.t("Chuyên mục"), text=category)
    yield Fact(name="tags", label=ask.t("Nhãn"), text=", ".join(revision.tags))
    yield Fact(name="source_name", label=ask.t("Tên nguồn"), text=revision.source_name)
    yield Fact(name="source_url", label=ask.t("Đường dẫn gốc"), text=revision.source_url)
    label = ask.t("Nhãn trí tuệ nhân tạo")
    yield Fact(name="ai_made", label=label, text=AI_LABEL if revision.ai_made else "")
    yield from _document(ask, revision.document or {})
    yield from _overrides(ask, revision, library)
    if revision.accounts:
        names = sorted(library.accounts.get(one, str(one)) for one in revision.accounts)
        yield Fact(name="accounts", label=ask.t("Kênh"), text=", ".join(names))
        yield Fact(name="publish_at", label=ask.t("Thời điểm đăng"), text=_when(ask, revision))
    if revision.expires_at is not None:
        end = ask.moments.whole(revision.expires_at)
        yield Fact(name="expires_at", label=ask.t("Hạn cuối"), text=end)
    if revision.urgent:
        yield Fact(name="urgent", label=ask.t("Mức độ"), text=ask.t("Tin khẩn"))


def _document(ask: Ask, told: Mapping[str, str]) -> Iterator[Fact]:
    for name, label in (
        ("number", ask.t("Số, ký hiệu")),
        ("issued_on", ask.t("Ngày ban hành")),
        ("issuer", ask.t("Cơ quan ban hành")),
        ("signer", ask.t("Người ký")),
    ):
        yield Fact(name=f"document.{name}", label=label, text=told.get(name, ""))


def _overrides(ask: Ask, revision: Revision, library: Library) -> Iterator[Fact]:
    fields = {
        "title": ask.t("tiêu đề"),
        "summary": ask.t("tóm tắt"),
        "text": ask.t("nội dung"),
    }
    for account, own in sorted(revision.overrides.items()):
        name = library.accounts.get(UUID(account), account)
        for field, text in own.items():
            label = ask.t(
                "Riêng cho %(name)s: %(field)s", name=name, field=fields.get(field, field)
            )
            yield Fact(name=f"overrides.{account}.{field}", label=label, text=text)


def _when(ask: Ask, revision: Revision) -> str:
    if revision.publish_at is None:
        return ask.t("Ngay khi được duyệt")
    return ask.moments.whole(revision.publish_at)


def _readable(ask: Ask, body: str) -> str:
    def told(found: re.Match[str]) -> str:
        alt, name, caption = found[1], found[2], found[3] or ""
        words = " — ".join(one for one in (alt, caption) if one)
        file = ask.t("Ảnh hoặc tệp %(code)s", code=name[-4:].upper())
        return f"[{file}: {words}]"

    return _FIGURE.sub(told, body)


def _named(words: str, media: Media) -> str:
    return f"{words} ({media.sha256[:4].upper()})"


# ── Pictures and files ───────────────────────────────────────────────────────────────────────────


def _figure(place: Place, media: Mapping[UUID, Media]) -> Callable[[Figure], str]:
    def draw(figure: Figure) -> str:
        if figure.url:
            return _elsewhere(place, figure)
        shown = media.get(figure.media_id) if figure.media_id else None
        if shown is None:
            return f"<p>{escape(place.t('Không tìm thấy tệp này trong kho.'))}</p>"
        alt, caption = figure.alt or shown.alt, figure.caption or shown.caption
        src = address(place, shown)
        below = _caption(caption, shown.credit)
        if shown.kind == "image":
            told = html_attributes(
                {
                    "src": src,
                    "alt": alt,
                    "width": shown.width,
                    "height": shown.height,
                    "loading": "lazy",
                }
            )
            return f"<figure><img{told}>{below}</figure>"
        if shown.kind == "video":
            told = html_attributes({"src": src, "aria-label": alt, "preload": "metadata"})
            return f"<figure><video controls{told}></video>{below}</figure>"
        size = escape(f"{shown.ext.upper()}, {place.moments.size(shown.size_bytes)}")
        name = escape(alt or caption or shown.ext)
        return f"<p><a{html_attributes({'href': src})}>{name}</a> ({size})</p>"

    return draw


def _elsewhere(place: Place, figure: Figure) -> str:
    """A video of another site is a link: the page's policy would show nothing of it."""
    href = html_attributes({"href": figure.url, "rel": "noopener noreferrer external"})
    host = urlsplit(figure.url or "").hostname or ""
    name = escape(figure.alt or place.t("Xem video"))
    return f"<figure><a{href}>{name} ({escape(host)})</a>{_caption(figure.caption, '')}</figure>"


def _caption(caption: str, credit: str) -> str:
    told = " · ".join(str(escape(one)) for one in (caption, credit) if one)
    return f"<figcaption>{told}</figcaption>" if told else ""


def named_media(revision: Revision) -> set[UUID]:
    """Every file that the revision shows: its cover, and what stands in its body."""
    found = {one for one in (revision.cover,) if one is not None} | set(revision.media)
    for match in _FIGURE.finditer(revision.body):
        one = media_id(match[2])
        if one is not None:
            found.add(one)
    return found
