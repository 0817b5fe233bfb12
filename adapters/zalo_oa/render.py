"""A revision as a Zalo article: ordered blocks of text, pictures and videos. Pure.

The payload is `{"link", "article", "videos"}`: `article` is what `article/create` takes, but for
`status` (the sender's) and for videos of ours, whose `video_id` reads `sha256:…` until Zalo has
given one; `videos` lists those files. Limits: zalo-oa-api.md sections 3.1 to 3.3 and 4.2, lengths
with the margin of reliability-security.md R102.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta, timezone
from html import escape

from adapters.zalo_oa.markup import block_pieces, joined, paragraph_pieces, text_pieces
from adapters.zalo_oa.settings import ZaloSettings
from shared.contract.blocks import Block, Figure, Span, figures, to_plain
from shared.contract.messages import (
    AI_LABEL,
    Json,
    Limits,
    Payload,
    PictureLimit,
    Problem,
    Rendition,
    Revision,
    Video,
)
from shared.text import one_line, shorten

# Zalo names 150 and 300 as limits and was seen refusing texts of exactly that length (R102).
TITLE_PLAN, TITLE_MOST = 140, 149
SUMMARY_PLAN, SUMMARY_MOST = 250, 299
AUTHOR_MOST = 50
TRACKING_MOST = 250

# Zalo tells no shape for covers; its app shows them as a wide strip, so what is cut off is chosen
# here, around the picture's own point, and not there (console-ux.md section 4, S13).
_COVER_RATIO = (16, 9)

LIMITS = Limits(
    title_chars=TITLE_PLAN,
    summary_chars=SUMMARY_PLAN,
    picture=PictureLimit(max_bytes=1_000_000, max_side=1280),
    cover=PictureLimit(max_bytes=1_000_000, max_side=1280, ratio=_COVER_RATIO),
    video_bytes=50_000_000,
)

OWN_VIDEO = "sha256:"
_VIDEO_NAMES: Mapping[str, str] = {
    "video/mp4": "mp4",
    "video/x-msvideo": "avi",
    "video/avi": "avi",
}
_VIETNAM = timezone(timedelta(hours=7))  # no daylight saving time (R39)

Tell = Callable[[Problem], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Film:
    """An own video as Zalo takes it: the file, and the picture shown before it plays."""

    video: Video
    sha256: str
    thumb: str


def render(revision: Revision, settings: ZaloSettings) -> Rendition:
    """What the OA will show of a revision; `problems` say what the editor should look at."""
    problems: list[Problem] = []
    tell = problems.append
    films = tuple(_films(revision, tell))
    alone = revision.kind == "multimedia" and len(films) == 1
    article = (
        _video_article(revision, settings, films[0], tell)
        if alone
        else _normal_article(revision, settings, tell)
    )
    payload: Payload = {
        "link": revision.url,
        "article": article,
        "videos": [_file(film) for film in {film.sha256: film for film in films}.values()],
    }
    return Rendition(payload=payload, problems=tuple(problems))


def update_problems(old: Payload, new: Payload) -> tuple[Problem, ...]:
    """What an update in place cannot change: an article stays an article, a video a video."""
    if _form_of(old) == _form_of(new):
        return ()
    return (
        Problem(
            field="body",
            code="form_changed",
            blocking=True,
            detail="Zalo không đổi được bài viết thành bài video hoặc ngược lại. "
            "Hãy thu hồi bài cũ rồi đăng bài mới.",
        ),
    )


def _form_of(payload: Payload) -> Json:
    article = payload["article"]
    return article.get("type") if isinstance(article, Mapping) else None


def _normal_article(revision: Revision, settings: ZaloSettings, tell: Tell) -> dict[str, Json]:
    cover: dict[str, Json] = {"cover_type": "photo", "photo_url": "", "status": "show"}
    if revision.cover is None:
        tell(
            _problem(
                "cover",
                "cover_missing",
                "Bài viết Zalo bắt buộc có ảnh bìa. Hãy chọn một ảnh bìa.",
            )
        )
    else:
        cover["photo_url"] = revision.cover.url
    article: dict[str, Json] = {
        "type": "normal",
        "title": _title(revision, tell),
        "author": _author(revision, settings, tell),
        "cover": cover,
        "description": _summary(revision, tell),
        "body": _body(revision, tell),
        "comment": settings.comments,
    }
    if 0 < len(revision.url) <= TRACKING_MOST:
        article["tracking_link"] = revision.url
    return article


def _video_article(
    revision: Revision, settings: ZaloSettings, film: _Film, tell: Tell
) -> dict[str, Json]:
    if not film.thumb:
        tell(_problem("cover", "cover_missing", "Video cần một ảnh bìa. Hãy chọn một ảnh bìa."))
    if revision.text or to_plain(revision.blocks) or len(figures(revision.blocks)) > 1:
        tell(
            _problem(
                "body",
                "body_not_shown",
                "Bài video trên Zalo chỉ hiển thị tiêu đề, tóm tắt và video; "
                "phần còn lại chỉ có trên cổng.",
                blocking=False,
            )
        )
    return {
        "type": "video",
        "title": _title(revision, tell),
        "description": _video_summary(revision, tell),
        "video_id": OWN_VIDEO + film.sha256,
        "avatar": film.thumb,
        "comment": settings.comments,
    }


# ── Lines above the body ─────────────────────────────────────────────────────────────────────────


def _title(revision: Revision, tell: Tell) -> str:
    title = one_line(revision.title)
    if not title:
        tell(_problem("title", "title_missing", "Hãy viết tiêu đề."))
    _measure("title", "Tiêu đề", title, TITLE_PLAN, TITLE_MOST, tell)
    return title


def _summary(revision: Revision, tell: Tell) -> str:
    summary = one_line(revision.summary)
    if not summary:
        body = revision.text or to_plain(revision.blocks)
        summary = shorten(one_line(body) or one_line(revision.title), SUMMARY_PLAN)
        tell(
            _problem(
                "summary",
                "summary_from_body",
                "Chưa có tóm tắt: Zalo sẽ hiển thị phần đầu của bài.",
                blocking=False,
            )
        )
    _measure("summary", "Tóm tắt", summary, SUMMARY_PLAN, SUMMARY_MOST, tell)
    return summary


def _video_summary(revision: Revision, tell: Tell) -> str:
    """Summary, correction and link in one text: a video article has no other place for words."""
    note = f"{_note_head(revision)} {one_line(revision.correction_note)} "
    words = (note if revision.correction_note else "") + one_line(revision.summary)
    # First of all, so that no shortening takes it away.
    words = f"{AI_LABEL} {words}" if revision.ai_made else words
    room = SUMMARY_MOST - len(revision.url) - 1
    short = shorten(words, max(room, 1))
    if short != words:
        tell(
            _problem(
                "summary",
                "summary_shortened",
                "Bài video trên Zalo ghi tóm tắt, đính chính và đường dẫn trong "
                f"{SUMMARY_MOST} ký tự, nên tóm tắt được rút gọn. Hãy viết ngắn hơn.",
                blocking=bool(revision.correction_note) or room < 1,
            )
        )
    return f"{short}\n{revision.url}".strip()


def _author(revision: Revision, settings: ZaloSettings, tell: Tell) -> str:
    author = settings.author or one_line(revision.agency)
    short = shorten(author, AUTHOR_MOST)
    if short != author:
        tell(
            _problem(
                "author",
                "author_shortened",
                f"Tên cơ quan dài quá {AUTHOR_MOST} ký tự nên được rút gọn thành “{short}”. "
                "Có thể đặt tên tác giả trong phần thiết lập kênh.",
                blocking=False,
            )
        )
    return short


def _measure(field: str, name: str, text: str, plan: int, most: int, tell: Tell) -> None:
    if len(text) > most:
        tell(
            _problem(
                field,
                f"{field}_too_long",
                f"{name} có {len(text)} ký tự, Zalo chỉ nhận {most}. Hãy rút ngắn.",
            )
        )
    elif len(text) > plan:
        tell(
            _problem(
                field,
                f"{field}_long",
                f"{name} có {len(text)} ký tự; nên giữ trong {plan} để Zalo chắc chắn nhận.",
                blocking=False,
            )
        )


def _note_head(revision: Revision) -> str:
    if revision.corrected_at is None:
        return "Đính chính:"
    return f"Đính chính ({revision.corrected_at.astimezone(_VIETNAM):%d/%m/%Y}):"


def _document_facts(revision: Revision) -> str:
    document = revision.document
    if revision.kind != "document" or document is None:
        return ""
    facts = (
        ("Số, ký hiệu", document.number),
        ("Ngày ban hành", _printed_date(document.issued_on)),
        ("Cơ quan ban hành", document.issuer),
        ("Người ký", document.signer),
    )
    return " · ".join(f"{name}: {one_line(value)}" for name, value in facts if value.strip())


def _printed_date(written: str) -> str:
    try:
        return f"{date.fromisoformat(written.strip()):%d/%m/%Y}"
    except ValueError:
        return written


# ── The body ─────────────────────────────────────────────────────────────────────────────────────


def _body(revision: Revision, tell: Tell) -> list[Json]:
    """Blocks in reading order; neighbouring texts share a block of at most 1000 characters."""
    body: list[Json] = []
    waiting: list[str] = []

    def flush() -> None:
        body.extend({"type": "text", "content": text} for text in joined(waiting))
        waiting.clear()

    for part in _parts(revision):
        if isinstance(part, str):
            waiting.append(part)
            continue
        block = _figure(part, revision, tell)
        if block is not None:
            flush()
            body.append(block)
    flush()
    return body


def _parts(revision: Revision) -> Iterator[str | Figure]:
    """Pieces of HTML and figures, in the order in which a citizen meets them."""
    if revision.correction_note:
        head = Span(text=_note_head(revision), strong=True)
        note = Span(text=f" {revision.correction_note.strip()}")
        yield from paragraph_pieces((head, note))
    if facts := _document_facts(revision):
        yield from paragraph_pieces((Span(text=facts, em=True),))
    if revision.text is None:
        for block in revision.blocks:
            yield from _block_parts(block)
    else:
        yield from text_pieces(revision.text)
        yield from figures(revision.blocks)
    yield from _source_pieces(revision)
    if revision.ai_made:
        yield from paragraph_pieces((Span(text=AI_LABEL, em=True),))
    if revision.url:
        address = escape(revision.url)
        yield f'<p>Xem trên cổng: <a href="{address}">{address}</a></p>'


def _source_pieces(revision: Revision) -> Iterator[str]:
    """Whose text this is: exact source, as re-publishing asks (government-rules.md section 4)."""
    name = one_line(revision.source_name) or revision.source_url
    if name:
        credit = Span(text=name, href=revision.source_url or None)
        yield from paragraph_pieces((Span(text="Nguồn: "), credit))


def _block_parts(block: Block) -> Iterator[str | Figure]:
    if isinstance(block, Figure):
        yield block
        return
    yield from block_pieces(block)
    yield from figures((block,))  # a list or quote cannot hold a picture here: it follows


def _figure(figure: Figure, revision: Revision, tell: Tell) -> dict[str, Json] | None:
    picture = revision.pictures.get(figure.media_id) if figure.media_id else None
    if picture is not None:
        block: dict[str, Json] = {"type": "image", "url": picture.url}
        if caption := _caption(figure.caption or picture.caption, picture.credit):
            block["caption"] = caption
        return block
    video = _video_of(figure, revision)
    if video is None:
        tell(
            _problem(
                "body",
                "media_missing",
                "Không tìm thấy tệp của một ảnh hoặc video trong bài. Hãy chọn lại tệp đó.",
            )
        )
        return None
    # Without any picture the missing cover is told already, and blocks.
    thumb = _thumb(video, revision)
    if video.size_bytes == 0:
        return {"type": "video", "url": video.url, "thumb": thumb}
    return {"type": "video", "video_id": f"{OWN_VIDEO}{video.sha256}", "thumb": thumb}


def _video_of(figure: Figure, revision: Revision) -> Video | None:
    if figure.url:
        known = revision.videos.get(figure.media_id) if figure.media_id else None
        if known is not None and known.size_bytes == 0:
            return known
        return Video(
            media_id=None,
            sha256=None,
            url=figure.url,
            mime="",
            size_bytes=0,
            alt=figure.alt,
            caption=figure.caption,
        )
    return revision.videos.get(figure.media_id) if figure.media_id else None


def _thumb(video: Video, revision: Revision) -> str:
    picture = video.thumb or revision.cover
    return picture.url if picture else ""


def _caption(caption: str, credit: str) -> str:
    parts = (one_line(caption), f"Ảnh: {one_line(credit)}" if credit.strip() else "")
    return " · ".join(part for part in parts if part)


# ── Videos of our own ────────────────────────────────────────────────────────────────────────────


def _films(revision: Revision, tell: Tell) -> Iterator[_Film]:
    for figure in figures(revision.blocks):
        video = _video_of(figure, revision)
        if video is None or video.size_bytes == 0 or video.sha256 is None:
            continue
        if video.size_bytes > (LIMITS.video_bytes or 0):
            tell(
                _problem(
                    "body",
                    "video_too_big",
                    "Zalo chỉ nhận video đến 50 MB. Hãy nén lại, hoặc chèn đường dẫn video.",
                )
            )
        if video.mime not in _VIDEO_NAMES:
            tell(
                _problem(
                    "body",
                    "video_format",
                    "Zalo chỉ nhận video MP4 hoặc AVI. Hãy chuyển định dạng rồi tải lên lại.",
                )
            )
        yield _Film(video=video, sha256=video.sha256, thumb=_thumb(video, revision))


def _file(film: _Film) -> Json:
    ending = _VIDEO_NAMES.get(film.video.mime, "mp4")
    return {
        "sha256": film.sha256,
        "url": film.video.url,
        "mime": film.video.mime,
        "size_bytes": film.video.size_bytes,
        "name": f"{film.sha256[:16]}.{ending}",
    }


def _problem(field: str, code: str, detail: str, *, blocking: bool = True) -> Problem:
    return Problem(field=field, code=code, blocking=blocking, detail=detail)
