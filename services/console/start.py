"""The start page and the form of the first admin: plain HTML, no script."""

from collections.abc import Awaitable, Callable, Sequence
from types import MappingProxyType
from typing import Final
from urllib.parse import urlsplit
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col
from starlette.requests import Request
from starlette.responses import FileResponse, HTMLResponse, Response
from starlette.routing import Route

from services.console.pages import (
    STYLES,
    STYLES_VERSION,
    Demo,
    Filled,
    Line,
    Mark,
    Pages,
)
from services.console.vocabulary import ITEM, PUBLICATION
from services.content.tables import Item, Revision
from services.delivery import board, words
from services.delivery.board import Shown, Standing
from services.delivery.hub import Hub
from services.staff import invitations
from services.staff.sign_in import caller_of_session
from services.staff.tables import Staff, Unit
from shared.clock import utc_now
from shared.errors import ConflictError, InvalidError, NotFoundError

Done = Callable[[], Awaitable[None]]

_NEWEST: Final = 14
_FORM_BYTES: Final = 16_384
_HEADERS: Final = MappingProxyType(
    {
        "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
        "img-src 'self' blob:; font-src 'self'; connect-src 'self'; media-src 'self' blob:; "
        "manifest-src 'self'; form-action 'self'; base-uri 'none'; object-src 'none'; "
        "frame-ancestors 'none'",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "same-origin",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
        "Cache-Control": "no-store",
    }
)
_OVER: Final = {
    "heading": "Liên kết này không còn dùng được",
    "detail": "Liên kết đã được dùng, đã quá hạn, hoặc đã có người quản trị. "
    "Chạy lại loa up để nhận liên kết mới nếu chưa có ai.",
    "english": "This link was used, has expired, or somebody is an admin already. "
    "Run loa up again for a new one if nobody is here yet.",
}
_WELCOME: Final = {
    "heading": "Đã tạo người quản trị đầu tiên",
    "detail": "Việc tiếp theo: kết nối kênh và mời người, bằng lệnh loa account add và "
    "loa user add, hoặc qua API sau khi đăng nhập.",
    "english": "The first admin exists. Next: connect accounts and add people, with "
    "loa account add and loa user add, or through the API after signing in.",
}
_ELSEWHERE: Final = {
    "heading": "Yêu cầu đến từ một trang khác",
    "detail": "Loa chỉ nhận biểu mẫu gửi từ chính trang này. Hãy mở lại liên kết rồi điền lại.",
    "english": "The form came from another site and was not accepted. Open the link again.",
}


def routes(hub: Hub, *, demo: Demo | None = None, first_admin: Done | None = None) -> list[Route]:
    """The routes of this door. `first_admin` is told when the first admin has been made."""
    pages = Pages(hub)
    door = _Door(hub, pages, demo, first_admin)
    return [
        Route("/", door.start, methods=["GET"]),
        Route("/start/{secret}", door.invited, methods=["GET", "POST"]),
        Route("/static/console/console.css", _styles, methods=["GET"]),
    ]


class _Door:
    def __init__(self, hub: Hub, pages: Pages, demo: Demo | None, done: Done | None) -> None:
        self._hub = hub
        self._pages = pages
        self._demo = demo
        self._done = done

    async def start(self, request: Request) -> Response:
        """The start page, with the board for whoever may see it."""
        async with self._hub.open_work() as session:
            nobody = await session.scalar(select(col(Staff.id)).limit(1)) is None
            units = await self._units(session, request)
            lines = await _lines(session, self._hub, units) if units else None
        return self._page(self._pages.start(demo=self._demo, lines=lines, first_run=nobody))

    async def invited(self, request: Request) -> Response:
        """The form of the first admin, and what it sends."""
        secret = request.path_params["secret"]
        if request.method == "POST":
            return await self._accept(request, secret)
        async with self._hub.open_work() as session:
            good = await invitations.still_good(session, secret, utc_now())
        if not good:
            return self._page(self._pages.notice(**_OVER), 404)
        return self._page(self._pages.first_admin(secret, Filled()))

    async def _accept(self, request: Request, secret: str) -> Response:
        if not self._from_here(request):
            return self._page(self._pages.notice(**_ELSEWHERE), 403)
        if int(request.headers.get("content-length") or _FORM_BYTES + 1) > _FORM_BYTES:
            return self._page(self._pages.notice(**_ELSEWHERE), 413)
        form = {name: str(value).strip() for name, value in (await request.form()).items()}
        filled = Filled(
            name=form.get("name", ""),
            email=form.get("email", ""),
            unit_name=form.get("unit_name", ""),
            unit_code=form.get("unit_code", ""),
        )
        try:
            async with self._hub.open_work() as session:
                await invitations.accept(
                    session,
                    secret,
                    name=filled.name,
                    email=filled.email,
                    password=form.get("password", ""),
                    now=utc_now(),
                    unit_code=filled.unit_code,
                    unit_name=filled.unit_name,
                    address=request.client.host if request.client else None,
                )
        except InvalidError as error:
            return self._page(self._pages.first_admin(secret, filled, error.fields), 422)
        except (NotFoundError, ConflictError):
            return self._page(self._pages.notice(**_OVER), 404)
        if self._done is not None:
            await self._done()
        return self._page(self._pages.notice(**_WELCOME))

    async def _units(self, session: AsyncSession, request: Request) -> Sequence[UUID]:
        """The units whose items this visitor may see: all of a rehearsal, else those of theirs."""
        if self._demo is not None:
            return (await session.scalars(select(col(Unit.id)))).all()
        name = "__Host-loa" if self._hub.public_url.startswith("https://") else "loa"
        cookie = request.cookies.get(name)
        caller = await caller_of_session(session, cookie, utc_now()) if cookie else None
        return tuple(caller.unit_ids) if caller is not None else ()

    def _from_here(self, request: Request) -> bool:
        site = request.headers.get("sec-fetch-site", "same-origin")
        origin = request.headers.get("origin")
        here = urlsplit(self._hub.public_url)
        return site in ("same-origin", "none") and origin in (
            None,
            f"{here.scheme}://{here.netloc}",
        )

    def _page(self, html: str, status: int = 200) -> Response:
        headers = dict(_HEADERS)
        if self._hub.public_url.startswith("https://"):
            headers["Strict-Transport-Security"] = "max-age=31536000; includeSubDomains"
        return HTMLResponse(html, status, headers=headers)


async def _lines(session: AsyncSession, hub: Hub, units: Sequence[UUID]) -> list[Line]:
    ids, _ = await board.items(session, unit_ids=units, limit=_NEWEST)
    standings = await board.standing(session, ids)
    rows = await session.execute(
        select(Item, col(Revision.title))
        .join(
            Revision,
            (col(Revision.item_id) == col(Item.id)) & (col(Revision.no) == col(Item.revision_no)),
        )
        .where(col(Item.id).in_(ids))
    )
    found = {item.id: (item, title) for item, title in rows}
    lines = []
    for item_id in ids:
        item, title = found[item_id]
        shown = await board.publications(session, item_id=item_id, unit_ids=units, limit=50)
        lines.append(_line(hub, item, title, standings[item_id], shown))
    return lines


def _line(hub: Hub, item: Item, title: str, standing: Standing, shown: list[Shown]) -> Line:
    marks = tuple(
        Mark(
            channel=one.account.channel,
            account=one.account.name,
            state=one.state,
            url=one.remote_url if one.state == "live" else None,
        )
        for one in sorted(shown, key=lambda one: _place(hub, one))
    )
    troubles = [one for one in shown if one.problem is not None]
    waiting = [PUBLICATION[one.state].waits_on for one in shown]
    if standing.open_state is not None:
        waiting.append(ITEM[standing.open_state].waits_on)
    if not any(waiting):
        waiting.append(ITEM[standing.state].waits_on)
    return Line(
        code=item.code,
        title=title,
        kind=item.kind,
        state=standing.state,
        open_state=standing.open_state,
        at=item.updated_at,
        url=hub.item_url(item.code) if item.released_no is not None else None,
        marks=marks,
        waits_on=" · ".join(dict.fromkeys(told.partition(" · ")[0] for told in waiting if told)),
        problem=_problem(troubles[0]) if troubles else None,
    )


def _place(hub: Hub, shown: Shown) -> tuple[bool, str, str]:
    """Where an account stands in a line: channels to which we go first, then outlets that pull."""
    channel = shown.account.channel
    pulls = channel in hub.registry.names() and hub.registry.get(channel).pull
    return pulls, channel, shown.account.name


def _problem(shown: Shown) -> str:
    trouble = shown.problem
    if trouble is None:
        return ""
    return f"{shown.account.name}: {words.problem(trouble.code, 'vi').happened}"


async def _styles(request: Request) -> Response:
    current = request.query_params.get("v") == STYLES_VERSION
    return FileResponse(
        STYLES,
        media_type="text/css",
        headers={
            "Cache-Control": "public, max-age=31536000, immutable" if current else "no-cache",
            "X-Content-Type-Options": "nosniff",
        },
    )
