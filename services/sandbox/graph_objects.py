"""One object of a Page: read with the asked-for fields, edited by its own app, deleted.

Wire facts: facebook-pages-api.md sections 3 and 4.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from urllib.parse import quote

from services.sandbox.graph_words import (
    GraphRefused,
    Parameters,
    facebook_time,
    narrowed,
    read_fields,
)
from services.sandbox.page import Page, Photo, Video
from services.sandbox.posts import Face, Post, first_address
from services.sandbox.wire import Call

_POST_DEFAULT, _VIDEO_DEFAULT = "id,message,created_time", "id,description,updated_time"
# Gone from the answers of post lists since v3.3 (section 4).
_DROPPED = frozenset({"link", "name", "caption", "description", "source", "object_id", "type"})


def missing(object_id: str) -> GraphRefused:
    """Gone, foreign and unreadable objects are told apart by nobody (section 4)."""
    return GraphRefused(
        100,
        f"Unsupported request. Object with ID '{object_id}' does not exist, cannot be loaded due "
        "to missing permissions, or does not support this operation",
        subcode=33,
    )


async def read(call: Call, page: Page, parameters: Parameters) -> dict[str, object]:
    """The Page, a post, a photo or a video."""
    target, fields = parameters.target, parameters.text("fields")
    if target == page.id:
        return _page(page, fields or "id,name", call, by_user=parameters.by_user)
    if parameters.by_user:
        raise GraphRefused(190, "A Page access token is required.", subcode=2069032)
    post = page.posts.get(target)
    if post is not None and post.gone_at is None:
        return post_as_told(post, page, fields, call)
    if (video := page.videos.get(target)) is not None:
        told = video_as_told(video, page, fields, call)
        video.polls_left = max(0, video.polls_left - 1)
        return told
    if (photo := page.photos.get(target)) is not None:
        return _photo(photo, page, fields, call)
    raise missing(target)


async def edit(call: Call, page: Page, parameters: Parameters) -> dict[str, object]:
    """New words for a post or video of the same app; its pictures and link stay."""
    now = call.world.now()
    video = page.videos.get(parameters.target)
    post = page.posts.get(video.post_id if video else parameters.target)
    if post is None or post.gone_at is not None:
        raise missing(parameters.target)
    if post.foreign or post.app_id != page.app_id:
        raise GraphRefused(10, "(#10) This post wasn't created by the application")
    words = "description" if video else "message"
    if words in parameters.given:
        text = parameters.text(words)
        kept_link = post.raw.get("link")
        link = kept_link if isinstance(kept_link, str) and kept_link else first_address(text)
        post.change(
            Face(text=text, pictures=post.face.pictures, link=link, kind=post.face.kind), now
        )
    if "is_hidden" in parameters.given:
        hidden = parameters.yes("is_hidden", default=False)
        post.raw["hidden"] = hidden
        post.hide(now) if hidden else post.show(now)
    if parameters.yes("is_published", default=False) and not post.raw["published"]:
        post.raw["published"] = True
        post.show(now)
    page.counts["edits"] += 1
    return {"success": True}


async def delete(call: Call, page: Page, parameters: Parameters) -> dict[str, object]:
    """Takes a post, photo or video away; a second time it is missing."""
    target, now = parameters.target, call.world.now()
    if page.photos.pop(target, None) is not None:
        return {"success": True}
    video = page.videos.pop(target, None)
    post = page.posts.get(video.post_id if video else target)
    if post is None or post.gone_at is not None:
        raise missing(target)
    post.remove(now)
    video_of_post = next((one for one in page.videos.values() if one.post_id == target), None)
    if video_of_post is not None:
        del page.videos[video_of_post.id]
    page.counts["deletes"] += 1
    return {"success": True}


# ── How objects are told ─────────────────────────────────────────────────────────────────────────


def post_as_told(post: Post, page: Page, fields: str, call: Call) -> dict[str, object]:
    """A post with the fields that were asked for; unknown names are refused."""
    wanted = read_fields(fields or _POST_DEFAULT)
    told: dict[str, object] = {"id": post.remote_id}
    for name, below in wanted.items():
        if name in _DROPPED:
            raise GraphRefused(12, f"(#12) {name} field is deprecated for versions v3.3 and higher")
        maker = _POST_FIELDS.get(name)
        if maker is None:
            raise GraphRefused(
                100, f"(#100) Tried accessing nonexisting field ({name}) on node type (PagePost)"
            )
        value = maker(post, page, call)
        if value is not None:
            told[name] = narrowed(value, below)
    return told


def _message(post: Post, page: Page, call: Call) -> object:
    text = post.face.text
    if page.traits.trim_text:
        text = "\n".join(line.rstrip() for line in text.split("\n")).strip()
    return text or None


def _created(post: Post, page: Page, call: Call) -> object:
    return facebook_time(skewed(post.at, page))


def _updated(post: Post, page: Page, call: Call) -> object:
    return facebook_time(skewed(post.updated_at, page))


def _application(post: Post, page: Page, call: Call) -> object:
    if post.foreign:
        return None
    return {"category": "Utilities", "name": "Loa (mô phỏng)", "id": post.app_id}


def _from(post: Post, page: Page, call: Call) -> object:
    return {"name": page.name, "id": page.id}


def _permalink(post: Post, page: Page, call: Call) -> object:
    return f"{call.request.base}/graph/view/{post.remote_id}"


def _is_published(post: Post, page: Page, call: Call) -> object:
    return post.raw["published"] is True or post.visible(call.world.now())


def _is_hidden(post: Post, page: Page, call: Call) -> object:
    return post.raw.get("hidden") is True


def _is_expired(post: Post, page: Page, call: Call) -> object:
    return False


def _scheduled(post: Post, page: Page, call: Call) -> object:
    return post.raw.get("scheduled")


def _status_type(post: Post, page: Page, call: Call) -> object:
    if post.face.kind == "video":
        return "added_video"
    return "added_photos" if post.face.pictures else "mobile_status_update"


def _full_picture(post: Post, page: Page, call: Call) -> object:
    pictures = post.face.pictures
    return f"{call.request.base}{pictures[0].url}" if pictures else None


def _story(post: Post, page: Page, call: Call) -> object:
    return post.remote_id.rpartition("_")[2]


def _attachments(post: Post, page: Page, call: Call) -> object:
    """Pictures as one photo or an album; else the link as a share (section 4)."""
    photos = [
        {
            "media_type": "photo",
            "type": "photo",
            "title": picture.alt,
            "media": {"image": {"src": f"{call.request.base}{picture.url}"}},
            "url": _permalink(post, page, call),
        }
        for picture in post.face.pictures
    ]
    if len(photos) > 1:
        album = {
            "media_type": "album",
            "type": "album",
            "url": _permalink(post, page, call),
            "subattachments": {"data": photos},
        }
        return {"data": [album]}
    if photos:
        return {"data": photos}
    if post.face.kind == "video":
        return {"data": [{"media_type": "video", "type": "video_inline"}]}
    link = post.raw.get("link")
    if not isinstance(link, str) or not link:
        return None
    url = link
    if page.traits.shim_links:
        url = f"https://l.facebook.com/l.php?u={quote(link, safe='')}&h=AT0"
    share: dict[str, object] = {
        "media_type": "link",
        "type": "share",
        "title": link,
        "url": url,
        "target": {"url": url},
        "unshimmed_url": link,
    }
    return {"data": [share]}


def _id(post: Post, page: Page, call: Call) -> object:
    return post.remote_id


def _nothing(post: Post, page: Page, call: Call) -> object:
    return None


def _privacy(post: Post, page: Page, call: Call) -> object:
    return {"value": "EVERYONE", "description": "Public"}


_POST_FIELDS: dict[str, Callable[[Post, Page, Call], object]] = {
    "id": _id,
    "message": _message,
    "created_time": _created,
    "updated_time": _updated,
    "application": _application,
    "from": _from,
    "permalink_url": _permalink,
    "is_published": _is_published,
    "is_hidden": _is_hidden,
    "is_expired": _is_expired,
    "scheduled_publish_time": _scheduled,
    "status_type": _status_type,
    "full_picture": _full_picture,
    "promotable_id": _story,
    "attachments": _attachments,
    "parent_id": _nothing,
    "message_tags": _nothing,
    "admin_creator": _nothing,
    "shares": _nothing,
    "privacy": _privacy,
}


def video_as_told(video: Video, page: Page, fields: str, call: Call) -> dict[str, object]:
    """A video; `status` says `processing` until it is ready (section 3.3)."""
    post = page.posts[video.post_id]
    ready = video.polls_left <= 0 and video.ready_at <= call.world.now()
    told: dict[str, object] = {
        "id": video.id,
        "title": video.title,
        "description": post.face.text,
        "created_time": facebook_time(skewed(video.at, page)),
        "updated_time": facebook_time(skewed(post.updated_at, page)),
        "permalink_url": f"{call.request.base}/graph/view/{post.remote_id}",
        "published": video.published,
        "status": {"video_status": "ready" if ready else "processing"},
        "post_id": post.remote_id.rpartition("_")[2],
        "length": 12.0,
    }
    return _chosen(told, fields or _VIDEO_DEFAULT, "Video")


def _photo(photo: Photo, page: Page, fields: str, call: Call) -> dict[str, object]:
    told: dict[str, object] = {
        "id": photo.id,
        "name": photo.caption,
        "alt_text": photo.alt,
        "alt_text_custom": photo.alt,
        "created_time": facebook_time(skewed(photo.at, page)),
        "link": f"{call.request.base}{photo.url}",
        "images": [{"source": f"{call.request.base}{photo.url}"}],
        "page_story_id": photo.post_id,
    }
    return _chosen(told, fields or "id,name,created_time", "Photo")


def _page(page: Page, fields: str, call: Call, *, by_user: bool) -> dict[str, object]:
    told: dict[str, object] = {
        "id": page.id,
        "name": page.name,
        "category": "Cơ quan chính phủ",
        "followers_count": page.traits.followers_count,
        "fan_count": page.traits.followers_count,
        "talking_about_count": 0,
        "rating_count": 0,
        "is_published": True,
        "link": f"{call.request.base}/ledger?account={page.id}",
        "username": f"trang{page.id[-6:]}",
        "verification_status": "blue_verified",
        "access_token": page.page_token,
        "tasks": ["MANAGE", "CREATE_CONTENT", "MODERATE", "MESSAGING", "ANALYZE"],
    }
    if not by_user:
        del told["tasks"]
    return _chosen(told, fields, "Page")


def _chosen(told: dict[str, object], fields: str, kind: str) -> dict[str, object]:
    chosen: dict[str, object] = {"id": told["id"]}
    for name, below in read_fields(fields).items():
        if name not in told:
            raise GraphRefused(
                100, f"(#100) Tried accessing nonexisting field ({name}) on node type ({kind})"
            )
        chosen[name] = narrowed(told[name], below)
    return chosen


def skewed(at: datetime, page: Page) -> datetime:
    """An instant as this Page's clock tells it."""
    return at + timedelta(seconds=page.traits.skew_seconds)
