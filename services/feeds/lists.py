"""The lists of what is public, by category and by words, and what search engines are told."""

import re
from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import urlencode
from xml.sax.saxutils import escape  # it writes, nothing is parsed

from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response

from services.delivery.hub import Hub
from services.feeds.answers import SAFE, SOON
from services.feeds.finishing import Endpoint, page, problem
from services.feeds.page import Pages, Problem
from services.proof import ledger, listing
from services.staff import agency
from services.staff.agency import PARTS, Agency, Category
from services.syndication import catalogue
from shared.text import one_line

NO_CATEGORY: Final = Problem(
    heading="Không có chuyên mục này",
    detail="Có thể chuyên mục đã đổi tên. Vui lòng chọn trong danh sách tin.",
    english="There is no such category.",
)
NO_MONTH: Final = Problem(
    heading="Không có sơ đồ này",
    detail="Vui lòng xem sitemap.xml.",
    english="There is no such part of the sitemap.",
)
_ASKED_CHARS: Final = 200
_PART: Final = re.compile(r"(\d{4}-\d\d)(?:-([2-9]|[1-9]\d{1,3}))?")
_XML: Final = "application/xml; charset=utf-8"
_SITEMAPS: Final = "http://www.sitemaps.org/schemas/sitemap/0.9"


def routes(hub: Hub, pages: Pages) -> Mapping[str, Endpoint]:
    """The addresses of these lists, and what answers there."""
    return {
        "/tin": _newest(hub, pages),
        "/chuyen-muc/{slug}": _category(hub, pages),
        "/robots.txt": _robots(hub),
        "/sitemap.xml": _sitemap(hub, pages),
        "/sitemap/{month}.xml": _month(hub, pages),
    }


def _newest(hub: Hub, pages: Pages) -> Endpoint:
    async def serve(request: Request) -> Response:
        asked = one_line(request.query_params.get("q", ""))[:_ASKED_CHARS]
        after = request.query_params.get("sau")
        await ledger.catch_up(hub, fresh=True)
        async with hub.open_work() as session:
            house = await agency.settings(session)
            if asked:
                shown = await listing.found(session, asked, after=after)
            else:
                shown = await listing.newest(session, after=after)
            offered = await catalogue.offers(session, hub, house)
        first = f"{pages.base}/tin"
        return page(
            _draw(
                pages, house, shown, heading="Tin đã công bố", canonical=f"{hub.public_url}/tin",
                first=first, asked=asked, after=after, offered=offered,
            )
        )  # fmt: skip

    return serve


def _category(hub: Hub, pages: Pages) -> Endpoint:
    async def serve(request: Request) -> Response:
        slug = str(request.path_params["slug"])
        if slug != slug.lower():
            return RedirectResponse(f"{hub.public_url}/chuyen-muc/{slug.lower()}", 301)
        after = request.query_params.get("sau")
        await ledger.catch_up(hub, fresh=True)
        async with hub.open_work() as session:
            house = await agency.settings(session)
            one = house.category(slug)
            if one is None and slug not in PARTS:
                return problem(pages, house, NO_CATEGORY, 404)
            wanted = _within(slug, house)
            shown = await listing.newest(session, categories=wanted, after=after)
            offered = await catalogue.offers(session, hub, house, category=slug if one else "")
        return page(
            _draw(
                pages, house, shown, heading=PARTS[slug] if one is None else one.name,
                canonical=f"{hub.public_url}/chuyen-muc/{slug}", offered=offered,
                first=f"{pages.base}/chuyen-muc/{slug}", after=after, place=slug,
                part=slug if slug in PARTS or one is None else one.part,
            )
        )  # fmt: skip

    return serve


def _within(slug: str, house: Agency) -> Sequence[str]:
    """The categories that a place of the menu holds: a part holds all of its own."""
    return [slug, *(one.slug for one in house.categories if one.part == slug)]


def _draw(
    pages: Pages,
    house: Agency,
    shown: listing.Page,
    *,
    heading: str,
    canonical: str,
    first: str,
    after: str | None,
    offered: Sequence[catalogue.Written],
    asked: str = "",
    part: str = "",
    place: str = "",
) -> str:
    def section(line: listing.Line) -> tuple[str, ...]:
        return pages.section(line.kind, line.category, house)

    query = {"q": asked} if asked else {}
    narrower: Sequence[Category] = [one for one in house.categories if one.part == part]
    return pages.draw(
        "list.html",
        house,
        here="tin",
        heading=heading,
        canonical=canonical,
        offered=offered,
        parts=tuple(PARTS.items()),
        part=part,
        place=place,
        narrower=narrower if part else (),
        asked=asked,
        lines=shown.lines,
        section=section,
        older=after is not None,
        first=f"{first}?{urlencode(query)}" if query else first,
        next=f"{first}?{urlencode({**query, 'sau': shown.after})}" if shown.after else None,
    )


def _robots(hub: Hub) -> Endpoint:
    # Feeds must not be forbidden (feeds.md section 9); the console says itself that it is private.
    told = f"User-agent: *\nAllow: /\n\nSitemap: {hub.public_url}/sitemap.xml\n"

    async def serve(request: Request) -> Response:
        return PlainTextResponse(told, headers={**SAFE, "Cache-Control": SOON})

    return serve


def _sitemap(hub: Hub, pages: Pages) -> Endpoint:
    async def serve(request: Request) -> Response:
        async with hub.open_work() as session:
            months = await listing.months(session, pages.zone)
        rows = "".join(
            f"<sitemap><loc>{escape(hub.public_url)}/sitemap/{one.name}"
            f"{'' if part == 1 else f'-{part}'}.xml</loc></sitemap>\n"
            for one in months
            for part in range(1, one.parts + 1)
        )
        if rows:
            return _xml(f'<sitemapindex xmlns="{_SITEMAPS}">\n{rows}</sitemapindex>\n')
        # An index must hold something, and the list is there before the first item.
        return _xml(_urls([f"<url><loc>{escape(hub.public_url)}/tin</loc></url>\n"]))

    return serve


def _month(hub: Hub, pages: Pages) -> Endpoint:
    async def serve(request: Request) -> Response:
        month, part = _part(request.path_params["month"])
        rows: list[str] = []
        async with hub.open_work() as session:
            try:
                told = listing.places(session, month, pages.zone, part=part)
                rows.extend([_located(hub, pages, some) async for some in told])
            except ValueError:
                rows.clear()
            if not any(rows):
                return problem(pages, await agency.settings(session), NO_MONTH, 404)
        return _xml(_urls(rows))

    return serve


def _part(told: str) -> tuple[str, int]:
    """Which month, and which of its parts: `2026-11` is the first, then `2026-11-2` and on."""
    found = _PART.fullmatch(told)
    return (found[1], int(found[2] or 1)) if found else ("", 1)


def _located(hub: Hub, pages: Pages, found: Sequence[listing.Place]) -> str:
    return "".join(
        f"<url><loc>{escape(hub.item_url(one.code))}</loc>"
        f"<lastmod>{one.changed_at.astimezone(pages.zone).isoformat(timespec='seconds')}</lastmod>"
        "</url>\n"
        for one in found
    )


def _urls(rows: Sequence[str]) -> str:
    return f'<urlset xmlns="{_SITEMAPS}">\n{"".join(rows)}</urlset>\n'


def _xml(body: str) -> Response:
    told = f'<?xml version="1.0" encoding="UTF-8"?>\n{body}'
    return Response(told, media_type=_XML, headers={**SAFE, "Cache-Control": SOON})
