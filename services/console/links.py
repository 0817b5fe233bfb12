"""Gửi xem thử (S24): links with which people outside read a revision, and the page they read.

Source: console-ux.md section 4 (S24). To have read is no approval.
"""

from dataclasses import dataclass
from typing import Final

from markupsafe import Markup
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.datastructures import FormData
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.routing import Route

from services.channels.outlets import outlets
from services.console import previews, reading
from services.console.ask import Ask, faults_of, refusal_text, whole_number
from services.console.catalogue import Language, Words, language_of
from services.console.drawing import Drawing
from services.console.frame import brand_of
from services.console.guard import LANGUAGE, Guard, Page, begun, bounded_form, get, post
from services.console.moments import Moments
from services.console.previews import Look
from services.content import preview_links, queries
from services.content.preview_links import DAYS, Opened
from services.content.tables import Media
from services.delivery import preview
from services.delivery.hub import Hub
from services.staff.caller import caller_of
from shared.errors import ConflictError, ForbiddenError, InvalidError, LoaError
from shared.text import clean

_FORM_BYTES: Final = 32_768
_LISTED: Final = 30
_LOOKS: Final = 12


# ── For the team ─────────────────────────────────────────────────────────────────────────────────


async def show(ask: Ask) -> Response:
    """The links of an item, and who said that they have read."""
    return await _page(ask)


async def make(ask: Ask) -> Response:
    """A new link to the newest revision; its address is shown this once."""
    days = whole_number(ask.text("days")) or 0
    async with ask.work() as session:
        _, secret = await preview_links.make(
            session, ask.caller, ask.id("item_id"), days=days, now=ask.now
        )
    return await _page(ask, link=f"{ask.hub.public_url}/p/{secret}")


async def revoke(ask: Ask) -> Response:
    """Ends a link at once."""
    item_id = ask.id("item_id")
    async with ask.work() as session:
        await preview_links.revoke(session, ask.caller, item_id, ask.id("link_id"), now=ask.now)
    return ask.to(f"/posts/{item_id}/links", said=ask.t("Đã thu lại liên kết; nó không mở nữa."))


async def _page(ask: Ask, *, link: str | None = None) -> Response:
    async with ask.work() as session:
        item = await queries.item(session, ask.id("item_id"), ask.caller.unit_ids)
        newest = (await queries.newest(session, (item,)))[item.id]
        found = await preview_links.links(session, item.id, limit=_LISTED)
    return await ask.page(
        "links.html", item=item, revision=newest, links=found, link=link, days=DAYS
    )


_ROLES: Final = preview_links.ROLES

PAGES: Final[tuple[Page, ...]] = (
    get("/posts/{item_id}/links", show, roles=_ROLES),
    post("/posts/{item_id}/links", make, roles=_ROLES),
    post("/posts/{item_id}/links/{link_id}/revoke", revoke, roles=_ROLES),
)


# ── For people outside ───────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True, kw_only=True)
class _Visit:
    """A request of somebody whom Loa does not know: what drawing a text needs of it."""

    hub: Hub
    drawing: Drawing
    language: Language

    @property
    def moments(self) -> Moments:
        return self.drawing.moments(self.language)

    def url(self, path: str, **_: object) -> str:
        return self.drawing.url(path)

    def file(self, name: str) -> str:
        # As the public has it: what was withdrawn is gone for people outside too.
        return self.drawing.url(f"/media/{name}")

    def t(self, text: str, **values: object) -> str:
        told = Words(self.language).gettext(text)
        return told % values if values else told


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shown:
    """What stands behind a link, ready to be drawn: looks, or (no channel chosen) the words.

    `more` counts the accounts whose look does not stand on the page.
    """

    opened: Opened
    looks: tuple[Look, ...]
    more: int
    body: Markup
    cover: Media | None


def routes(guard: Guard) -> list[Route]:
    """The page behind a link; whoever holds the link may read, nobody is signed in here."""
    return [Route("/p/{token}", _Door(guard).answer, methods=["GET", "POST"])]


class _Door:
    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        self._hub = guard.hub

    async def answer(self, request: Request) -> Response:
        """The revision, read-only; and what its form sends."""
        begun(request)
        token = str(request.path_params["token"])
        language = language_of(request.cookies.get(LANGUAGE))
        visit = _Visit(hub=self._hub, drawing=self._guard.drawing, language=language)
        sent = request.method == "POST"
        response = await (self._take if sent else self._show)(request, visit, token)
        response.headers["X-Robots-Tag"] = "noindex, nofollow"
        return self._guard.dressed(response)

    async def _show(self, request: Request, visit: _Visit, token: str) -> Response:
        thanked = request.query_params.get("thanks") == "1"
        return await self._drawn(request, visit, token, thanked=thanked)

    async def _take(self, request: Request, visit: _Visit, token: str) -> Response:
        """Keeps a “Tôi đã xem”. No session stands behind it, so only its origin is asked for."""
        if not self._guard.from_here(request):
            return await self._drawn(request, visit, token, error=ForbiddenError("origin"))
        try:
            form = await bounded_form(request, _FORM_BYTES)
        except LoaError as error:
            return await self._drawn(request, visit, token, error=error)
        name, comment = _text(form, "name"), _text(form, "comment")
        await form.close()
        try:
            async with self._hub.open_work() as session:
                view = await preview_links.seen(
                    session, token, name=name, comment=comment, now=request.state.now
                )
        except (InvalidError, ConflictError) as error:
            return await self._drawn(request, visit, token, error=error, name=name, comment=comment)
        if view is None:
            return await self._drawn(request, visit, token)
        return RedirectResponse(visit.url(f"/p/{token}") + "?thanks=1", 303)

    async def _drawn(
        self,
        request: Request,
        visit: _Visit,
        token: str,
        *,
        error: LoaError | None = None,
        name: str = "",
        comment: str = "",
        thanked: bool = False,
    ) -> Response:
        async with self._hub.open_work() as session:
            opened = await preview_links.opened(session, token, now=request.state.now)
            shown = await _shown(session, visit, opened, request) if opened else None
            house = await brand_of(session)
        faults = faults_of(error, visit.language) if isinstance(error, InvalidError) else {}
        html = visit.drawing.page(
            visit.language,
            "outside.html",
            {
                "shown": shown,
                "house": house,
                "address": f"/p/{token}",
                "name": name,
                "comment": comment,
                "faults": faults,
                "refused": refusal_text(error, visit.language) if error and not faults else "",
                "thanked": thanked,
                "now": request.state.now,
            },
        )
        return HTMLResponse(html, _status(error, found=shown is not None))


def _text(form: FormData, name: str) -> str:
    told = form.get(name)
    return clean(told) if isinstance(told, str) else ""


def _status(error: LoaError | None, *, found: bool) -> int:
    if isinstance(error, ForbiddenError):
        return 403
    if not found:
        return 404
    if error is None:
        return 200
    if error.code == "too_large":
        return 413
    return 429 if isinstance(error, ConflictError) else 422


async def _shown(session: AsyncSession, visit: _Visit, opened: Opened, request: Request) -> _Shown:
    revision = opened.revision
    stored = await preview.stored_renditions(session, revision.id)
    renditions = [stored[one] for one in revision.accounts if one in stored]
    left = 0
    if revision.state == "draft":
        # What is stored of a draft is the look of some earlier words.
        maker = await caller_of(session, opened.link.by)
        chosen = await outlets(session, revision.accounts)
        looked = previews.looked_at(
            chosen, [one for one in chosen if str(one) in revision.overrides]
        )
        left = len(chosen) - len(looked)
        unsaved = await preview.render_unsaved(
            session,
            visit.hub,
            opened.item,
            revision,
            looked,
            unit_ids=maker.unit_ids if maker is not None else (),
        )
        renditions = list(unsaved.renditions)
    known = await outlets(session, [one.account_id for one in renditions])
    at = revision.publish_at or request.state.now
    looks = previews.looks(visit, renditions, known, at=at)
    media = await queries.media(session, reading.named_media(revision))
    return _Shown(
        opened=opened,
        looks=tuple(looks[:_LOOKS]),
        more=left + sum(1 + len(one.same) for one in looks[_LOOKS:]),
        body=reading.body_html(visit, revision.body, media),
        cover=media.get(revision.cover) if revision.cover else None,
    )
