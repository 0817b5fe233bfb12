"""Bài đã có trên kênh (S16): what an account showed before it was connected, read and matched.

Reading takes minutes where there are hundreds of posts: the page tells how far it is, and may be
left meanwhile. Nothing is put on the channel.
"""

from collections.abc import Mapping
from typing import Final
from uuid import UUID

from starlette.responses import Response

from services.console.ask import Ask
from services.console.channels import seen
from services.console.guard import Page, get, post
from services.delivery import adopting, words
from shared.errors import NotFoundError

_SHOWN: Final = 50


async def show(ask: Ask) -> Response:
    """How far the reading is, and the posts with the items they stand for.

    A page that is left open asks for the first part alone.
    """
    view = await seen(ask)
    if not adopting.readable(ask.hub, view.channel):
        raise NotFoundError("account_not_found")
    after = _after(ask)
    async with ask.work() as session:
        reading = await adopting.reading(session, view.id)
        found = await adopting.posts(session, view.id, after=after, most=_SHOWN + 1)
    shown = found[:_SHOWN]
    here = f"/channels/{view.id}/posts"
    return await ask.page(
        "channels_posts.html",
        block="progress",
        view=view,
        reading=reading,
        trouble=words.problem(reading.problem_code, ask.language) if reading.problem_code else None,
        posts=shown,
        labels=_labels(ask),
        skipped=_skipped(ask),
        first=here if after else None,
        following=f"{here}?after={shown[-1].id}" if len(found) > _SHOWN else None,
    )


async def begin(ask: Ask) -> Response:
    """Has the posts read."""
    view = await seen(ask)
    async with ask.work() as session:
        await adopting.ask(session, ask.hub, ask.caller, view.id)
    return ask.to(f"/channels/{view.id}/posts")


def _after(ask: Ask) -> UUID | None:
    try:
        return UUID(ask.query("after"))
    except ValueError:
        return None


def _labels(ask: Ask) -> Mapping[str, str]:
    return {
        "new": ask.t("Đã đưa vào kho"),
        "id": ask.t("Bài của Loa"),
        "link": ask.t("Trùng theo liên kết"),
        "text": ask.t("Trùng theo nội dung"),
    }


def _skipped(ask: Ask) -> Mapping[str, str]:
    return {
        "hidden": ask.t("Đang ẩn trên kênh, không đưa vào kho"),
        "unreadable": ask.t("Kênh không cho đọc nội dung"),
        "undated": ask.t("Kênh không cho biết ngày đăng"),
    }


_ADMIN: Final = ("admin",)

PAGES: Final[tuple[Page, ...]] = (
    get("/channels/{account_id}/posts", show),
    post("/channels/{account_id}/posts", begin, roles=_ADMIN),
)
