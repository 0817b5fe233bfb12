"""What the Page will show: plain text, its pictures or video, and the item's link as last line."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta, timezone

from shared.contract.blocks import figures, to_plain
from shared.contract.messages import (
    AI_LABEL,
    Document,
    Fingerprint,
    Json,
    Limits,
    Payload,
    Picture,
    PictureLimit,
    Problem,
    Rendition,
    Revision,
    Video,
)
from shared.text import clean, one_line

# The text limit is from one source, no Meta page gives it (facebook-pages-api.md 3.1, "postiz").
TEXT_CHARS = 63_206
# Longer than this nobody reads on to the end; the link below leads to the whole.
ADVISED_CHARS = 5_000
# How many pictures one post holds is not established (section 11, 4); ten were posted by others.
PICTURE_COUNT = 10
# One POST with the file in it: older pages say 1 GB, likely stale (section 3.3).
VIDEO_BYTES = 500_000_000

LIMITS = Limits(
    text_chars=TEXT_CHARS,
    picture_count=PICTURE_COUNT,
    # Under 4 MB as section 3.2 asks, with room for how one counts a megabyte.
    picture=PictureLimit(max_bytes=3_900_000, max_side=2048, mimes=("image/jpeg",)),
    video_bytes=VIDEO_BYTES,
)

# Vietnam has one zone and no summer time; a fixed offset renders the same on every machine.
_VIETNAM = timezone(timedelta(hours=7))
_BLANK_LINES = re.compile(r"\n{3,}")
_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureFile:
    """A picture to upload: where its bytes stand, their hash, and the words for the blind."""

    sha256: str
    url: str
    alt: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoFile:
    """A video to upload; `sha256` is empty where the hub does not know it."""

    sha256: str
    url: str
    mime: str
    size_bytes: int
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """A stored payload, read back into names."""

    message: str
    link: str | None
    marker: str
    pictures: tuple[PictureFile, ...]
    video: VideoFile | None


def render(revision: Revision) -> Rendition:
    """The payload for one revision: `message`, `link`, `pictures`, `video`, `marker`.

    A link card is asked for only where there is no picture and no video: what Facebook does with a
    link beside attached media is not known (facebook-pages-api.md 3.1). A post holds one video or
    pictures, never both.
    """
    pictures = _pictures(revision)
    videos = [v for v in _videos(revision) if v.size_bytes > 0]
    video = videos[0] if videos else None
    shown = () if video else pictures[:PICTURE_COUNT]
    message = _message(revision, _credits(shown, video))
    payload: Payload = {
        "message": message,
        "link": None if shown or video else revision.url,
        "pictures": [{"sha256": p.sha256, "url": p.url, "alt": one_line(p.alt)} for p in shown],
        "video": None if video is None else _video_json(video, one_line(revision.title)),
        "marker": revision.url,
    }
    problems = (
        *_text_problems(revision, message),
        *_media_problems(pictures, shown, videos),
    )
    return Rendition(payload=payload, problems=problems)


def fingerprint(payload: Payload) -> Fingerprint:
    """How the post is known again: Facebook gives the text back as it was sent."""
    post = read_payload(payload)
    return Fingerprint(link=post.marker, text=post.message, picture_count=len(post.pictures))


def update_problems(old: Payload, new: Payload) -> tuple[Problem, ...]:
    """What a correction cannot change on the Page: the post keeps its pictures, video and link.

    Only the text of a post can be edited (facebook-pages-api.md section 4). Never blocking.
    """
    before, after = read_payload(old), read_payload(new)
    kept = (
        ("pictures", "Ảnh", _same_pictures(before) != _same_pictures(after)),
        ("video", "Video", _same_video(before) != _same_video(after)),
        ("link", "Thẻ liên kết", before.link != after.link),
    )
    return tuple(
        Problem(
            field=field,
            code="media_kept",
            blocking=False,
            detail=(
                f"{word} của bài trên Facebook giữ nguyên như lúc đăng, chỉ phần chữ được sửa. "
                "Muốn thay, hãy thu hồi rồi đăng lại."
            ),
        )
        for field, word, differs in kept
        if differs
    )


def read_payload(payload: Payload) -> Post:
    """A stored payload as a `Post`. Raises TypeError for what `render` cannot have made."""
    pictures, video = payload.get("pictures"), payload.get("video")
    link = payload.get("link")
    if not isinstance(pictures, list | tuple):
        raise TypeError("pictures")
    return Post(
        message=_text(payload, "message"),
        link=link if isinstance(link, str) else None,
        marker=_text(payload, "marker"),
        pictures=tuple(
            PictureFile(sha256=_text(p, "sha256"), url=_text(p, "url"), alt=_text(p, "alt"))
            for p in pictures
            if isinstance(p, Mapping)
        ),
        video=_video(video) if isinstance(video, Mapping) else None,
    )


# ── The words ────────────────────────────────────────────────────────────────────────────────────


def _message(revision: Revision, credits_: str) -> str:
    parts = [_correction(revision)]
    if revision.text is not None:
        parts.append(revision.text)
    else:
        parts += [one_line(revision.title), revision.summary, to_plain(revision.blocks)]
        parts += [
            _facts(revision.document),
            _elsewhere(revision),
            _source(revision),
            credits_,
            _hashtags(revision.tags),
        ]
    if revision.ai_made:
        parts.append(AI_LABEL)
    sound = [clean(part).strip() for part in parts]
    text = _BLANK_LINES.sub("\n\n", "\n\n".join(part for part in sound if part))
    # The last line is the marker by which the post is found again, also below an editor's text.
    if text == revision.url or text.endswith("\n" + revision.url):
        return text
    return f"{text}\n\n{revision.url}" if text else revision.url


def _correction(revision: Revision) -> str:
    if not revision.correction_note:
        return ""
    at = revision.corrected_at
    day = f" ({at.astimezone(_VIETNAM):%d/%m/%Y})" if at else ""
    return f"ĐÍNH CHÍNH{day}: {one_line(revision.correction_note)}"


def _facts(document: Document | None) -> str:
    if document is None:
        return ""
    facts = (
        ("Số, ký hiệu", document.number),
        ("Ngày ban hành", _vietnamese_day(document.issued_on)),
        ("Cơ quan ban hành", document.issuer),
        ("Người ký", document.signer),
    )
    return "\n".join(f"{name}: {one_line(value)}" for name, value in facts if value)


def _vietnamese_day(day: str) -> str:
    try:
        return f"{date.fromisoformat(day):%d/%m/%Y}"
    except ValueError:
        return day


def _elsewhere(revision: Revision) -> str:
    # A video that stands elsewhere cannot be uploaded: its address is written out instead.
    urls = [figure.url for figure in figures(revision.blocks) if figure.url]
    urls += [v.url for v in _videos(revision) if v.size_bytes == 0]
    return "\n".join(f"Video: {url}" for url in dict.fromkeys(urls))


def _source(revision: Revision) -> str:
    """Whose text this is: exact source, as re-publishing asks (government-rules.md section 4)."""
    told = " ".join(one for one in (one_line(revision.source_name), revision.source_url) if one)
    return f"Nguồn: {told}" if told else ""


def _credits(pictures: tuple[Picture, ...], video: Video | None) -> str:
    # The channel has no field for whom a picture is by, and leaving it out is not ours to decide.
    by = dict.fromkeys(one_line(one.credit) for one in pictures if one.credit.strip())
    lines = [f"Ảnh: {', '.join(by)}"] if by else []
    if video is not None and video.credit.strip():
        lines.append(f"Video: {one_line(video.credit)}")
    return "\n".join(lines)


def _hashtags(tags: tuple[str, ...]) -> str:
    # A hashtag ends at the first blank or hyphen, so the words of a tag are joined: #CảiCách.
    joined = ("".join(w[:1].upper() + w[1:] for w in _WORD.findall(clean(tag))) for tag in tags)
    return " ".join(dict.fromkeys(f"#{tag}" for tag in joined if tag))


def _text_problems(revision: Revision, message: str) -> Iterator[Problem]:
    field = "text" if revision.text is not None else "body"
    if message == revision.url:
        yield Problem(
            field=field,
            code="text_empty",
            blocking=True,
            detail="Bài chưa có chữ nào. Hãy viết tiêu đề hoặc nội dung cho Facebook.",
        )
    if len(message) > TEXT_CHARS:
        yield Problem(
            field=field,
            code="text_too_long",
            blocking=True,
            detail=(
                f"Bài dài {_count(len(message))} ký tự, Facebook nhận tối đa {_count(TEXT_CHARS)}. "
                "Hãy rút ngắn, hoặc viết riêng một bản ngắn cho Facebook."
            ),
        )
    elif len(message) > ADVISED_CHARS:
        yield Problem(
            field=field,
            code="text_long",
            blocking=False,
            detail=(
                f"Bài dài {_count(len(message))} ký tự; trên Facebook ít người đọc hết. "
                "Nên viết riêng một bản ngắn, bản đầy đủ đã có ở liên kết cuối bài."
            ),
        )


# ── Pictures and videos ──────────────────────────────────────────────────────────────────────────


def _pictures(revision: Revision) -> tuple[Picture, ...]:
    """The cover, then the pictures of the body in reading order; each once."""
    ids = [figure.media_id for figure in figures(revision.blocks) if figure.media_id]
    found = [revision.pictures[media_id] for media_id in ids if media_id in revision.pictures]
    # Decoration tells nothing without the text that it stands in, and a post has no such place.
    telling = [picture for picture in found if not picture.decorative]
    ordered = [revision.cover, *telling] if revision.cover else telling
    return tuple({picture.sha256: picture for picture in ordered}.values())


def _videos(revision: Revision) -> tuple[Video, ...]:
    """The videos in reading order, then those that the body does not name; each once."""
    ids = [figure.media_id for figure in figures(revision.blocks) if figure.media_id]
    named = [revision.videos[media_id] for media_id in ids if media_id in revision.videos]
    every = [*named, *revision.videos.values()]
    return tuple({video.url: video for video in every}.values())


def _media_problems(
    pictures: tuple[Picture, ...], shown: tuple[Picture, ...], videos: list[Video]
) -> Iterator[Problem]:
    if videos and pictures:
        yield Problem(
            field="pictures",
            code="pictures_left_out",
            blocking=False,
            detail="Một bài Facebook có video thì không kèm ảnh: ảnh của tin sẽ không hiện ở đây.",
        )
    elif len(pictures) > len(shown):
        yield Problem(
            field="pictures",
            code="too_many_pictures",
            blocking=False,
            detail=(
                f"Tin có {len(pictures)} ảnh, bài Facebook hiện {PICTURE_COUNT} ảnh đầu. "
                "Hãy xếp ảnh quan trọng lên trước."
            ),
        )
    if any(not picture.alt.strip() for picture in shown):
        yield Problem(
            field="pictures",
            code="alt_missing",
            blocking=False,
            detail="Có ảnh chưa có mô tả. Hãy viết mô tả để người khiếm thị hiểu được ảnh.",
        )
    if len(videos) > 1:
        yield Problem(
            field="video",
            code="too_many_videos",
            blocking=False,
            detail="Một bài Facebook chỉ có một video: chỉ video đầu tiên được đăng.",
        )
    if videos and videos[0].size_bytes > VIDEO_BYTES:
        yield Problem(
            field="video",
            code="video_too_large",
            blocking=True,
            detail=(
                f"Video nặng {_count(videos[0].size_bytes // 1_000_000)} MB, tối đa "
                f"{_count(VIDEO_BYTES // 1_000_000)} MB. Hãy nén hoặc cắt ngắn video."
            ),
        )


def _video_json(video: Video, title: str) -> Mapping[str, Json]:
    return {
        "sha256": video.sha256 or "",
        "url": video.url,
        "mime": video.mime,
        "size_bytes": video.size_bytes,
        "title": title,
    }


def _video(stored: Mapping[str, Json]) -> VideoFile:
    size = stored.get("size_bytes")
    return VideoFile(
        sha256=_text(stored, "sha256"),
        url=_text(stored, "url"),
        mime=_text(stored, "mime"),
        size_bytes=size if isinstance(size, int) else 0,
        title=_text(stored, "title"),
    )


def _same_pictures(post: Post) -> tuple[tuple[str, str], ...]:
    # Not the address: it may move, the bytes it names may not.
    return tuple((picture.sha256, picture.alt) for picture in post.pictures)


def _same_video(post: Post) -> tuple[str, str] | None:
    return (post.video.sha256, post.video.url) if post.video else None


def _text(stored: Mapping[str, Json], name: str) -> str:
    value = stored.get(name)
    if not isinstance(value, str):
        raise TypeError(name)
    return value


def _count(number: int) -> str:
    return f"{number:,}".replace(",", ".")
