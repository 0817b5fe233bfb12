"""Lists of a Page, its subscriptions, and what tokens are (facebook-pages-api.md sections 2, 4)."""

import base64
import zlib
from datetime import datetime, timedelta
from urllib.parse import urlencode

from services.sandbox.graph_objects import post_as_told, video_as_told
from services.sandbox.graph_words import GraphRefused, Parameters
from services.sandbox.page import Page
from services.sandbox.posts import Post
from services.sandbox.wire import Call

_MOST_LISTED = 100
_USUAL_LISTED = 25
_MOST_EVER = 600  # chosen by ranking, a year's worth [section 4]
_SHUFFLE = 9


async def published_posts(call: Call, page: Page, parameters: Parameters) -> dict[str, object]:
    """The Page's own posts that are published, ranked."""
    now = call.world.now()
    posts = [post for post in page.listed(now) if _published(post, now)]
    return _posts(call, page, parameters, posts)


async def whole_feed(call: Call, page: Page, parameters: Parameters) -> dict[str, object]:
    """Every post, unpublished ones and those of others too."""
    return _posts(call, page, parameters, page.listed(call.world.now()))


async def scheduled_posts(call: Call, page: Page, parameters: Parameters) -> dict[str, object]:
    """Posts whose time has not come."""
    now = call.world.now()
    posts = [post for post in page.living() if post.raw.get("scheduled") and not post.visible(now)]
    return _posts(call, page, parameters, posts)


async def videos(call: Call, page: Page, parameters: Parameters) -> dict[str, object]:
    """The Page's videos, newest first."""
    now = call.world.now()
    fields = parameters.text("fields")
    known = [
        video
        for video in reversed(page.videos.values())
        if page.posts[video.post_id].listed_from <= now
    ]
    part, paging = _part(call, page, parameters, [video.id for video in known])
    data = [video_as_told(known[at], page, fields, call) for at in part]
    return {"data": data} | paging


async def subscribe(call: Call, page: Page, parameters: Parameters) -> dict[str, object]:
    """Switches webhooks on for this Page."""
    page.counts["subscriptions"] += 1
    return {"success": True}


async def subscriptions(call: Call, page: Page, parameters: Parameters) -> dict[str, object]:
    """Which app is told of this Page's events."""
    app = {"name": "Loa (mô phỏng)", "id": page.app_id, "subscribed_fields": ["feed", "messages"]}
    return {"data": [app] if page.counts["subscriptions"] else []}


async def accounts(call: Call, parameters: Parameters, token: str) -> dict[str, object]:
    """The Pages of a person, each with its token and what the person may do."""
    pages = call.world.users.get(token)
    if pages is None:
        page = call.world.page_by_token(token)
        if page is None:
            raise GraphRefused(190, "Invalid OAuth access token - Cannot parse access token")
        raise GraphRefused(100, "(#100) Tried accessing nonexisting field (accounts)")
    tasks = ["MANAGE", "CREATE_CONTENT", "MODERATE", "MESSAGING", "ANALYZE"]
    data = [
        {"id": page.id, "name": page.name, "access_token": page.page_token, "tasks": tasks}
        for page in pages
    ]
    return {"data": data}


async def inspect(call: Call, parameters: Parameters, token: str) -> dict[str, object]:
    """What a token is; asked with the app's own token, `id|secret`."""
    page = call.world.page_by_token(parameters.text("input_token"))
    app_id, _, secret = token.partition("|")
    asked_by_app = any(
        known.app_id == app_id and known.app_secret == secret for known in call.world.pages.values()
    )
    if not asked_by_app and call.world.page_by_token(token) is None:
        raise GraphRefused(190, "Invalid OAuth access token.")
    if page is None:
        error = {"code": 190, "message": "Invalid OAuth access token.", "subcode": 467}
        return {"data": {"error": error, "is_valid": False, "scopes": []}}
    scopes = list(page.traits.scopes)
    return {
        "data": {
            "app_id": page.app_id,
            "type": "PAGE",
            "application": "Loa (mô phỏng)",
            "data_access_expires_at": 0,
            "expires_at": 0,
            "is_valid": True,
            "issued_at": int((call.world.now() - timedelta(days=1)).timestamp()),
            "profile_id": page.id,
            "scopes": scopes,
            "granular_scopes": [{"scope": scope, "target_ids": [page.id]} for scope in scopes],
            "user_id": "122000000000001",
        }
    }


# ── Lists ────────────────────────────────────────────────────────────────────────────────────────


def _published(post: Post, now: datetime) -> bool:
    return post.raw["published"] is True or post.visible(now)


def _posts(call: Call, page: Page, parameters: Parameters, posts: list[Post]) -> dict[str, object]:
    since, until = parameters.instant("since"), parameters.instant("until")
    if since is not None:
        posts = [post for post in posts if post.at >= since]
    if until is not None:
        posts = [post for post in posts if post.at <= until]
    ranked = _ranked(posts, page.traits.ranked_from)[:_MOST_EVER]
    fields = parameters.text("fields")
    part, paging = _part(call, page, parameters, [post.remote_id for post in ranked])
    data = [post_as_told(ranked[at], page, fields, call) for at in part]
    return {"data": data} | paging


def _ranked(posts: list[Post], most_in_order: int) -> list[Post]:
    """Newest first; a long list is only roughly so, as a ranking would have it."""
    newest_first = posts[::-1]
    if len(newest_first) <= most_in_order:
        return newest_first
    return sorted(newest_first, key=_rank)


def _rank(post: Post) -> int:
    # By the post's own number, so that what is added or deleted moves none of the others.
    return zlib.crc32(post.remote_id.encode()) % _SHUFFLE - post.number


def _part(
    call: Call, page: Page, parameters: Parameters, ids: list[str]
) -> tuple[range, dict[str, object]]:
    """Which entries stand on the asked-for page, and the paging beside them (section 1)."""
    limit = parameters.whole("limit", default=_USUAL_LISTED)
    if not 1 <= limit <= _MOST_LISTED:
        raise GraphRefused(100, f"(#100) Param limit must be 1 to {_MOST_LISTED}")
    limit = min(limit, page.traits.page_limit)
    start, total = 0, len(ids)
    if after := parameters.text("after"):
        start = _place(after, ids, behind=1)
    elif before := parameters.text("before"):
        start = max(0, _place(before, ids, behind=0) - limit)
    part = range(min(start, total), min(start + limit, total))
    if not part:
        return part, {}
    first, last = part[0], part[-1]
    cursors = {"before": _cursor(first, ids[first]), "after": _cursor(last, ids[last])}
    paging: dict[str, object] = {"cursors": cursors}
    if part.stop < total:
        # The real one carries the token in clear as well (section 1).
        query = {**call.request.query, "access_token": page.page_token, "after": cursors["after"]}
        paging["next"] = f"{call.request.base}{call.request.full_path}?{urlencode(query)}"
    return part, {"paging": paging}


def _cursor(place: int, object_id: str) -> str:
    return base64.urlsafe_b64encode(f"{place}:{object_id}".encode()).rstrip(b"=").decode()


def _place(cursor: str, ids: list[str], *, behind: int) -> int:
    """The place at a cursor's object, or where it would stand if it has gone since."""
    try:
        told = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
        place, _, object_id = told.partition(":")
        return ids.index(object_id) + behind if object_id in ids else int(place)
    except ValueError:
        raise GraphRefused(100, "(#100) Invalid cursors values") from None
