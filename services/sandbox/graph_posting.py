"""What a Page publishes: posts, photos, videos, and messages (facebook-pages-api.md section 3)."""

from datetime import datetime, timedelta
from urllib.parse import parse_qsl, urlsplit

import httpx

from services.sandbox.graph_objects import post_as_told
from services.sandbox.graph_words import GraphRefused, Parameters
from services.sandbox.page import Page, Photo, Video
from services.sandbox.posts import Face, Picture, Post, first_address
from services.sandbox.wire import Call

_MOST_CHARS = 63_206
_MOST_PHOTO_BYTES = 4 * 1024 * 1024
_SOONEST, _LATEST = timedelta(minutes=10), timedelta(days=30)
_KEPT_UNUSED = timedelta(hours=24)
_SIGNATURES = {
    b"\xff\xd8\xff": "image/jpeg",
    b"\x89PNG": "image/png",
    b"GIF8": "image/gif",
    b"BM": "image/bmp",
    b"II*\x00": "image/tiff",
    b"MM\x00*": "image/tiff",
}


def form_fields(body: bytes) -> dict[str, str]:
    """The fields of a urlencoded form."""
    return dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))


async def feed(call: Call, page: Page, parameters: Parameters) -> dict[str, object]:
    """A post of words, a link, or pictures uploaded before; visible at once unless told."""
    text, link = parameters.text("message"), parameters.text("link")
    photos = _attached(page, parameters, call.world.now())
    if not text and not link and not photos:
        raise GraphRefused(100, "(#100) The post is empty. Add a message, a link or media.")
    _words_fit(text)
    _link_fits(link)
    _no_repetition(page, text)
    face = Face(
        text=text,
        pictures=tuple(Picture(url=one.url, sha256=one.sha256, alt=one.alt) for one in photos),
        link=link or first_address(text),
    )
    post = _publish(call, page, parameters, face, link="" if photos else link)
    for one in photos:
        one.post_id = post.remote_id
    if fields := parameters.text("fields"):
        return {"id": post.remote_id} | post_as_told(post, page, fields, call)
    return {"id": post.remote_id}


async def photo(call: Call, page: Page, parameters: Parameters) -> dict[str, object]:
    """A picture, as a file or by its address; published it is a post as well."""
    caption = parameters.text("message") or parameters.text("caption")
    if len(caption) > _MOST_CHARS:
        raise GraphRefused(100, "(#100) Name parameter too long")
    published = parameters.yes("published", default=True)
    content = await _photo_bytes(call, page, parameters)
    if content is None:  # named by an address that this sandbox does not fetch
        url, name = parameters.text("url"), ""
    else:
        name = call.world.keep_picture(_photo_type(content), content)
        url = f"/pictures/{name}"
    one = Photo(
        id=page.new_id(call.world.seed),
        url=url,
        sha256=name,
        alt=parameters.text("alt_text_custom"),
        at=call.world.now(),
        caption=caption,
        published=published,
    )
    page.photos[one.id] = one
    page.counts["uploads"] += 1
    if not published:
        return {"id": one.id}
    face = Face(
        text=caption,
        pictures=(Picture(url=url, sha256=name, alt=one.alt),),
        link=first_address(caption),
    )
    one.post_id = _publish(call, page, parameters, face, link="").remote_id
    return {"id": one.id, "post_id": one.post_id}


async def video(call: Call, page: Page, parameters: Parameters) -> dict[str, object]:
    """A video, as a file or by its address; the answer's id is the video's, not the post's."""
    if parameters.text("upload_phase"):
        raise GraphRefused(100, "(#100) Chunked uploads are not simulated; send the file whole.")
    source = parameters.files.get("source")
    if source is None and not parameters.text("file_url"):
        raise GraphRefused(324, "(#324) Requires upload file")
    if source is not None and not (
        source.content[4:8] == b"ftyp" or source.content[:4] in (b"RIFF", b"\x1aE\xdf\xa3")
    ):
        raise GraphRefused(352, "(#352) The video file you selected is in an unsupported format")
    text = parameters.text("description")
    _words_fit(text)
    now = call.world.now()
    ready_at = now + timedelta(seconds=page.traits.video_seconds)
    face = Face(text=text, link=first_address(text), kind="video")
    post = _publish(call, page, parameters, face, link="", visible_from=ready_at)
    one = Video(
        id=page.new_id(call.world.seed),
        post_id=post.remote_id,
        at=now,
        ready_at=ready_at,
        title=parameters.text("title"),
        size_bytes=len(source.content) if source else 0,
        published=post.raw["published"] is True,
        polls_left=page.traits.video_polls,
    )
    page.videos[one.id] = one
    return {"id": one.id}


async def message(call: Call, page: Page, parameters: Parameters) -> dict[str, object]:
    """Words to one person through Messenger, or a private reply to a comment (section 5)."""
    recipient, words = parameters.nested("recipient"), parameters.nested("message")
    if not isinstance(recipient, dict) or not isinstance(words, dict):
        raise GraphRefused(100, "(#100) The parameters recipient and message are required")
    person = str(recipient.get("id") or recipient.get("comment_id") or recipient.get("post_id"))
    message_id = f"m_{page.new_id(call.world.seed)}"
    page.sent.append({"to": person, "message": words, "message_id": message_id})
    page.counts["messages"] += 1
    return {"recipient_id": person, "message_id": message_id}


def make_post(
    page: Page,
    face: Face,
    *,
    post_id: str,
    now: datetime,
    lag: timedelta,
    link: str = "",
    foreign: bool = False,
) -> Post:
    """A post that the Page holds from now on, not yet shown."""
    post = Post(
        remote_id=post_id,
        face=face,
        at=now,
        updated_at=now,
        listed_from=now + lag,
        app_id="" if foreign else page.app_id,
        foreign=foreign,
        number=page.made,
        raw={"published": True, "link": link},
    )
    page.posts[post_id] = post
    return post


def _publish(
    call: Call,
    page: Page,
    parameters: Parameters,
    face: Face,
    *,
    link: str,
    visible_from: datetime | None = None,
) -> Post:
    now = call.world.now()
    scheduled = parameters.instant("scheduled_publish_time")
    published = parameters.yes("published", default=scheduled is None)
    if scheduled is not None:
        if published:
            raise GraphRefused(100, "(#100) You cannot schedule a post that is published")
        if not now + _SOONEST <= scheduled <= now + _LATEST:
            raise GraphRefused(
                100, "(#100) The specified scheduled publish time is invalid", subcode=1363097
            )
    post = make_post(
        page,
        face,
        post_id=f"{page.id}_{page.new_id(call.world.seed)}",
        now=now,
        lag=call.lag + timedelta(seconds=page.traits.list_lag_seconds),
        link=link,
    )
    post.raw["published"] = published
    page.counts["creates"] += 1
    if published:
        post.show(visible_from or now)
    elif scheduled is not None:
        # It appears by itself when its time has come, unless it is deleted before.
        post.raw["scheduled"] = int(scheduled.timestamp())
        post.show(scheduled)
    return post


def _attached(page: Page, parameters: Parameters, now: datetime) -> list[Photo]:
    """The photos of `attached_media`: a JSON array, or one parameter for each (section 3.1)."""
    whole = parameters.nested("attached_media")
    entries = whole if isinstance(whole, list) else []
    if "attached_media" in parameters.given and not entries:
        raise GraphRefused(100, "(#100) param attached_media must be an array.")
    number = 0
    while f"attached_media[{number}]" in parameters.given:
        entries = [*entries, parameters.nested(f"attached_media[{number}]")]
        number += 1
    photos: list[Photo] = []
    for entry in entries:
        named = str(entry.get("media_fbid", "")) if isinstance(entry, dict) else ""
        one = page.photos.get(named)
        if one is None or now - one.at > _KEPT_UNUSED:
            raise GraphRefused(100, f"(#100) Invalid parameter: media_fbid {named}")
        if one.post_id:
            raise GraphRefused(100, "(#100) These photos were already posted.", subcode=1366051)
        photos.append(one)
    return photos


async def _photo_bytes(call: Call, page: Page, parameters: Parameters) -> bytes | None:
    source = parameters.files.get("source")
    if source is not None:
        return source.content
    url = parameters.text("url")
    if not url:
        raise GraphRefused(324, "(#324) Requires upload file")
    if not call.world.fetches(page.traits.media_fetch):
        return None
    try:
        answer = await call.world.client.get(url)
    except (httpx.HTTPError, httpx.InvalidURL):
        raise GraphRefused(100, "(#100) Invalid image url", subcode=2069019) from None
    if answer.status_code != httpx.codes.OK:
        raise GraphRefused(100, "(#100) Invalid image url", subcode=2069019)
    return answer.content


def _photo_type(content: bytes) -> str:
    for signature, mime in _SIGNATURES.items():
        if content.startswith(signature) and len(content) <= _MOST_PHOTO_BYTES:
            return mime
    raise GraphRefused(
        100,
        "(#100) Your photos couldn't be uploaded. Photos should be less than 4 MB and saved as "
        "JPG, PNG, GIF or TIFF files.",
        subcode=1366046,
    )


def _words_fit(text: str) -> None:
    if len(text) > _MOST_CHARS:
        raise GraphRefused(100, f"(#100) Param message must be at most {_MOST_CHARS} characters")


def _link_fits(link: str) -> None:
    if not link:
        return
    try:
        host = urlsplit(link).hostname or ""
    except ValueError:
        host = ""
    if not host or not link.startswith(("http://", "https://")):
        raise GraphRefused(100, "(#100) link URL is not properly formatted", subcode=2061006)
    if host.removeprefix("www.") == "facebook.com":
        raise GraphRefused(1609008, "(#1609008) Cannot post a link to facebook.com")


def _no_repetition(page: Page, text: str) -> None:
    if page.traits.refuse_duplicates and text:
        last = next(reversed(page.posts.values()), None)
        if last is not None and last.gone_at is None and last.face.text == text:
            raise GraphRefused(506, "(#506) Duplicate status message")
