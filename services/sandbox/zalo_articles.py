"""Articles of a simulated OA: made in the background, listed, opened, replaced, removed.

Wire facts: zalo-oa-api.md section 3. What readers see goes through `posts.Post`, the ledger.
"""

import asyncio
import html
import re
import zlib
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

import httpx

from services.sandbox import naming
from services.sandbox.official_account import Job, OfficialAccount
from services.sandbox.posts import Face, Picture, Post, first_address
from services.sandbox.wire import Call
from services.sandbox.world import World
from services.sandbox.zalo_envelope import Refused, as_list, as_map, as_text, json_body

_TITLE_CHARS, _AUTHOR_CHARS, _DESCRIPTION_CHARS, _LINK_CHARS = 150, 50, 300, 250
_MOST_LISTED = 10
_MOST_IMAGE_BYTES = 1024 * 1024
_VIEWS = ("horizontal", "vertical", "square")
_BREAK = re.compile(r"(?i)<br\s*/?>|</(?:p|li|h[1-6]|div|blockquote|ul|ol)>")
_ITEM = re.compile(r"(?i)<li[^>]*>")
_TAG = re.compile(r"<[^>]*>")
_HREF = re.compile(r"""(?i)<a\s[^>]*href=["']([^"']+)["']""")


# ── The calls ────────────────────────────────────────────────────────────────────────────────────


async def create(call: Call, oa: OfficialAccount) -> object:
    """Takes an article in; it exists, hidden or shown, once it has been worked on."""
    article = _checked(json_body(call), oa)
    quota = oa.traits.article_quota
    if quota is not None and len(_articles(oa)) >= quota:
        raise Refused(-223, "OA has reached the limit quota create article of this month")
    oa.counts["creates"] += 1
    article_id = naming.mark(call.world.seed, "article", oa.id, oa.next_number())[:20]
    return {"token": _begin(call, oa, article, article_id, new=True)}


async def update(call: Call, oa: OfficialAccount) -> object:
    """Takes the whole article in again, under its `id`."""
    body = json_body(call)
    post = _living(oa, as_text(body.get("id")))
    article = _checked(body, oa)
    if "status" not in body:
        keeps = oa.traits.update_without_status == "keeps"
        article["status"] = post.raw.get("status", "hide") if keeps else "hide"
    oa.counts["updates"] += 1
    return {"token": _begin(call, oa, article, post.remote_id, new=False)}


async def verify(call: Call, oa: OfficialAccount) -> object:
    """The id, once the work behind a token is done; -214 so many times before."""
    job = oa.jobs.get(as_text(json_body(call).get("token")))
    if job is None:
        raise Refused(-201, "token is invalid")
    if job.polls_left > 0:
        job.polls_left -= 1
        raise Refused(-214, "Article is being processed")
    if job.state == "working":
        raise Refused(-214, "Article is being processed")
    if job.state == "failed":
        raise Refused(job.code, job.message)
    return {"id": job.article_id}


async def remove(call: Call, oa: OfficialAccount) -> object:
    """Takes an article away for good."""
    post = _living(oa, as_text(json_body(call).get("id")))
    post.remove(call.world.now())
    oa.counts["removes"] += 1
    return {}


async def detail(call: Call, oa: OfficialAccount) -> object:
    """One article with its body; parameters are flat."""
    query = call.request.query
    if "data" in query:
        raise Refused(-201, "Parameter id is required")
    post = _living(oa, query.get("id", ""))
    told = {"id": post.remote_id, **post.raw}
    if post.raw["type"] == "video":
        ready = 1 if oa.traits.video_status_as == "int" else "1"
        told |= {"status": ready, "status_message": "Khả dụng", "convert_percent": 100}
        told |= {"video_name": "video.mp4"}
    else:
        told |= {"cite": ""}
    if oa.traits.detail_extras:
        told |= {
            "create_date": _ms(post.at, oa),
            "total_view": _views(post, call.world.now()),
            "link_view": post.url,
        }
    return told


async def listing(call: Call, oa: OfficialAccount) -> object:
    """At most ten articles of one type, hidden ones too; parameters are flat."""
    query = call.request.query
    kind = query.get("type", "")
    if kind not in ("normal", "video"):
        raise Refused(-201, "Parameter type is invalid, accept only: normal, video")
    offset, limit = _whole(query, "offset", 0), _whole(query, "limit", _MOST_LISTED)
    if limit > _MOST_LISTED or limit < 1:
        raise Refused(oa.traits.list_limit_code, f"Parameter limit must be 1 to {_MOST_LISTED}")
    now = call.world.now()
    posts = [post for post in oa.listed(now) if post.raw["type"] == kind]
    match oa.traits.list_order:
        case "newest":
            posts.reverse()
        case "shuffled":
            posts.sort(key=lambda post: zlib.crc32(post.remote_id.encode()))
        case "oldest":
            pass
    return {
        "total": len(posts),
        "medias": [_listed(post, oa, now) for post in posts[offset : offset + limit]],
    }


def _listed(post: Post, oa: OfficialAccount, now: datetime) -> dict[str, object]:
    return {
        "id": post.remote_id,
        "type": post.raw["type"],
        "title": post.raw["title"],
        "status": post.raw["status"],
        "total_view": _views(post, now),
        "total_share": 0,
        "create_date": _ms(post.at, oa),
        "update_date": _ms(post.updated_at, oa),
        "thumb": post.face.pictures[0].url if post.face.pictures else "",
        "link_view": post.url,
    }


# ── What an article may be ───────────────────────────────────────────────────────────────────────


def _checked(body: Mapping[str, object], oa: OfficialAccount) -> dict[str, object]:
    """The article's own fields, or the refusal that Zalo gives at once."""
    kind = body.get("type")
    if kind not in ("normal", "video"):
        raise Refused(-201, "type is invalid, accept only: normal, video")
    article: dict[str, object] = {
        "type": kind,
        "title": _words(body, "title", _TITLE_CHARS),
        "description": _words(body, "description", _DESCRIPTION_CHARS),
        "status": _choice(body, "status", ("show", "hide"), "hide"),
        "comment": _choice(body, "comment", ("show", "hide"), "show"),
    }
    if kind == "video":
        return article | {
            "video_id": _ready_video(oa, body.get("video_id")),
            "avatar": _address(body, "avatar"),
        }
    link = as_text(body.get("tracking_link"))
    if len(link) > _LINK_CHARS:
        raise Refused(-210, f"tracking_link exceeds {_LINK_CHARS} characters")
    blocks = as_list(body.get("body"))
    if not blocks:
        raise Refused(-201, "body is required")
    return article | {
        "author": _words(body, "author", _AUTHOR_CHARS),
        "cover": _cover(as_map(body.get("cover")), oa),
        "body": [_block(as_map(block), oa) for block in blocks],
        "related_medias": as_list(body.get("related_medias")),
        "tracking_link": link,
    }


def _words(body: Mapping[str, object], name: str, most: int) -> str:
    text = body.get(name)
    if not isinstance(text, str) or not text.strip():
        raise Refused(-201, f"{name} is required")
    if len(text) > most:
        raise Refused(-210, f"{name} exceeds {most} characters")
    return text


def _choice(body: Mapping[str, object], name: str, allowed: tuple[str, ...], default: str) -> str:
    value = body.get(name, default)
    if value not in allowed:
        raise Refused(-201, f"{name} is invalid, accept only: {', '.join(allowed)}")
    return str(value)


def _address(body: Mapping[str, object], name: str) -> str:
    url = as_text(body.get(name))
    if not url.startswith(("http://", "https://")):
        raise Refused(-201, f"{name} is not a valid url")
    return url


def _cover(cover: Mapping[str, object], oa: OfficialAccount) -> dict[str, object]:
    # `status` is looked at only later, when the work fails (section 3.1).
    told: dict[str, object] = {"cover_type": cover.get("cover_type"), "status": cover.get("status")}
    match cover.get("cover_type"):
        case "photo":
            return told | {"photo_url": _address(cover, "photo_url")}
        case "video":
            return told | {
                "video_id": _ready_video(oa, cover.get("video_id")),
                "cover_view": _choice(cover, "cover_view", _VIEWS, "horizontal"),
            }
        case _:
            raise Refused(-201, "cover.cover_type is invalid, accept only: photo, video")


def _block(block: Mapping[str, object], oa: OfficialAccount) -> dict[str, object]:
    match block.get("type"):
        case "text":
            if not isinstance(block.get("content"), str):
                raise Refused(-201, "body.content is required")
            return {"type": "text", "content": block["content"]}
        case "image":
            caption = as_text(block.get("caption"))
            return {"type": "image", "url": _address(block, "url"), "caption": caption}
        case "video":
            thumb = {"type": "video", "thumb": as_text(block.get("thumb"))}
            if "video_id" in block:
                return {**thumb, "video_id": _ready_video(oa, block["video_id"])}
            return {**thumb, "url": _address(block, "url")}
        case "product":
            return {"type": "product", "id": as_text(block.get("id"))}
        case _:
            raise Refused(-201, "body.type is invalid, accept only: text, image, video, product")


def _ready_video(oa: OfficialAccount, video_id: object) -> str:
    for upload in oa.uploads.values():
        if upload.video_id and upload.video_id == video_id and upload.polls_left <= 0:
            return upload.video_id
    raise Refused(-201, "video_id is invalid")


# ── The work behind a token ──────────────────────────────────────────────────────────────────────


def _begin(
    call: Call, oa: OfficialAccount, article: dict[str, object], article_id: str, *, new: bool
) -> str:
    world, traits = call.world, oa.traits
    token = naming.mark(world.seed, "job", oa.id, oa.next_number())
    job = Job(
        article=article,
        article_id=article_id,
        new=new,
        polls_left=traits.verify_polls,
        base=call.request.base,
        lag=call.lag + timedelta(seconds=traits.list_lag_seconds),
    )
    oa.jobs[token] = job
    if traits.verify_seconds or world.fetches(traits.media_fetch):
        world.start(_work(world, oa, job))
    else:
        _finish(world, oa, job, {})
    return token


async def _work(world: World, oa: OfficialAccount, job: Job) -> None:
    if oa.traits.verify_seconds:
        await asyncio.sleep(oa.traits.verify_seconds)
    kept: dict[str, str] = {}
    if world.fetches(oa.traits.media_fetch):
        for url in dict.fromkeys(_picture_addresses(job.article)):
            name = await _fetched(world, url)
            if name is None:
                _fail(job, oa.traits.media_fail_code, "create media fail")
                return
            kept[url] = name
    _finish(world, oa, job, kept)


async def _fetched(world: World, url: str) -> str | None:
    """The name of the copy of a picture; None if it cannot be had or is no picture up to 1 MB."""
    content = bytearray()
    try:
        async with world.client.stream("GET", url) as answer:
            mime = answer.headers.get("content-type", "").partition(";")[0].strip()
            if answer.status_code != httpx.codes.OK or not mime.startswith("image/"):
                return None
            async for chunk in answer.aiter_bytes():
                content += chunk
                if len(content) > _MOST_IMAGE_BYTES:
                    return None
    except (httpx.HTTPError, httpx.InvalidURL):
        return None
    return world.keep_picture(mime, bytes(content))


def _finish(world: World, oa: OfficialAccount, job: Job, kept: Mapping[str, str]) -> None:
    """The moment at which an article comes into being, or is replaced."""
    now = world.now()
    article = job.article
    if article["type"] == "normal" and not as_map(article["cover"]).get("status"):
        _fail(job, oa.traits.media_fail_code, "create media fail")
        return
    face = face_of(article, kept)
    if job.new:
        post = Post(
            remote_id=job.article_id,
            face=face,
            at=now,
            updated_at=now,
            listed_from=now + job.lag,
            app_id=oa.app_id,
            url=f"{job.base}/zalo/view/{job.article_id}",
        )
        oa.posts[job.article_id] = post
    else:
        post = oa.posts[job.article_id]
        if post.gone_at is not None:
            _fail(job, -201, "id is invalid")
            return
        post.change(face, now)
    post.raw = article
    if article["status"] == "show":
        post.show(now)
    else:
        post.hide(now)
    job.state = "done"


def _fail(job: Job, code: int, message: str) -> None:
    job.state, job.code, job.message = "failed", code, message


def face_of(article: Mapping[str, object], kept: Mapping[str, str]) -> Face:
    """What a reader sees of an article; `kept` names the copies of its pictures by address."""
    words = [as_text(article.get("description"))]
    pictures: list[Picture] = []
    links: list[str] = []
    cover = as_text(as_map(article.get("cover")).get("photo_url")) or as_text(article.get("avatar"))
    if cover:
        pictures.append(Picture(url=cover, sha256=kept.get(cover, "")))
    for block in map(as_map, as_list(article.get("body"))):
        match block.get("type"):
            case "text":
                content = as_text(block.get("content"))
                links += _HREF.findall(content)
                words.append(spoken(content))
            case "image":
                url, caption = as_text(block.get("url")), as_text(block.get("caption"))
                pictures.append(Picture(url=url, sha256=kept.get(url, ""), alt=caption))
            case _:
                pass
    text = "\n".join(word for word in words if word)
    link = as_text(article.get("tracking_link")) or (html.unescape(links[0]) if links else "")
    return Face(
        title=as_text(article.get("title")),
        text=text,
        pictures=tuple(pictures),
        link=link or first_address(text),
        kind="video" if article.get("type") == "video" else "article",
    )


def spoken(content: str) -> str:
    """The words of a text block, a line for each paragraph."""
    lined = _ITEM.sub("• ", _BREAK.sub("\n", content))
    lines = (line.strip() for line in html.unescape(_TAG.sub("", lined)).split("\n"))
    return "\n".join(line for line in lines if line)


def _picture_addresses(article: Mapping[str, object]) -> Iterator[str]:
    yield from (picture.url for picture in face_of(article, {}).pictures)


# ── Small parts ──────────────────────────────────────────────────────────────────────────────────


def _articles(oa: OfficialAccount) -> list[Post]:
    return [post for post in oa.living() if not post.foreign]


def _living(oa: OfficialAccount, article_id: str) -> Post:
    post = oa.posts.get(article_id)
    if post is None or post.gone_at is not None:
        raise Refused(-201, "id is invalid")
    return post


def _whole(query: Mapping[str, str], name: str, default: int) -> int:
    text = query.get(name, str(default))
    if not text.isdecimal():
        raise Refused(-201, f"Parameter {name} is invalid")
    return int(text)


def _ms(at: datetime, oa: OfficialAccount) -> int:
    return int((at.timestamp() + oa.traits.skew_seconds) * 1000)


def _views(post: Post, now: datetime) -> int:
    # Some number that grows while the post can be seen, the same for the same moment.
    shown = post.open_interval
    if shown is None:
        return 0
    return max(0, int((now - shown.visible_from).total_seconds() // 6))
