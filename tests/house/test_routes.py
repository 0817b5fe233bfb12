"""Every address that is not public asks who is there; every change wants a sign of intent."""

import re
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from pathlib import Path

import httpx
import pytest
from starlette.routing import BaseRoute, Mount, Route

from services.api.app import PREFIX
from services.cli.web import Site as WebSite
from tests.support.site import PUBLIC_URL, Person, Site, open_site

UNSAFE = frozenset({"POST", "PUT", "PATCH", "DELETE"})
# Without sign-in by contract.md section 5, or because one signs in there.
PUBLIC = frozenset(
    {
        "GET /sign-in",
        "POST /sign-in",
        "GET /language",  # of this browser
        "GET /start/{secret}",  # whoever holds the one-time link
        "POST /start/{secret}",
        "GET /p/{token}",  # whoever holds the link to a preview
        "POST /p/{token}",
        "GET /static/console/{file}",
        "GET /static/public/{name}",
        "GET /feeds",
        "GET /feeds/{slug}",
        "GET /feeds/{slug}/rss.xml",
        "GET /feeds/{slug}/atom.xml",
        "GET /feeds/{slug}/feed.json",
        "GET /feeds/opml.xml",
        "GET /websub",
        "POST /websub",
        "GET /tin",
        "GET /tin/{code}/record.json",
        "GET /tin/{code}/ban-chu.txt",
        "GET /tin/{code}/the.png",
        "GET /chuyen-muc/{slug}",
        "GET /robots.txt",
        "GET /sitemap.xml",
        "GET /sitemap/{month}.xml",
        "GET /kenh-chinh-thuc",
        "GET /kenh-chinh-thuc.json",
        "GET /kiem-tra",
        "POST /kiem-tra",  # asks, changes nothing
        "GET /kiem-tra.json",
        "POST /kiem-tra.json",
        "GET /kiem-tra/khoa",
        "GET /.well-known/loa-keys.json",
        "GET /tin/{code}",
        "GET /tin/{code}/{slug}",
        "GET /media/{digest}.{ext}",
        "GET /media/{digest}-mark.{ext}",
        "GET /media/{digest}-{size}.jpg",
        "GET /hooks/{channel}/{account_id:uuid}",  # the channel's signature speaks for it
        "POST /hooks/{channel}/{account_id:uuid}",
        "GET /health/live",
        "GET /health/ready",
        "GET /metrics",  # from allowed addresses only
        "GET /api/v1/openapi.json",
        "POST /api/v1/session",
    }
)


@pytest.fixture(scope="module")
async def site(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Site]:
    async with open_site(database_url, Path(tmp_path_factory.mktemp("media"))) as opened:
        yield opened


@pytest.fixture(scope="module")
async def editor(site: Site) -> Person:
    return await site.person(await site.unit(), "editor", "approver", "admin")


def _walk(routes: Iterable[BaseRoute], prefix: str = "") -> Iterator[tuple[str, str]]:
    """Method and path of every route, also of routers and applications inside."""
    for route in routes:
        if isinstance(route, Mount):
            yield from _walk(route.routes, prefix + route.path)
        elif isinstance(route, Route):
            for method in sorted((route.methods or set()) - {"HEAD", "OPTIONS"}):
                yield method, prefix + route.path
        else:
            # FastAPI keeps an included router as it is.
            inner = getattr(route, "original_router", None)
            assert inner is not None, f"an unknown kind of route: {route!r}"
            yield from _walk(inner.routes, prefix)


def _doors(site: Site) -> list[tuple[str, str]]:
    doors = WebSite(site.hub, redis=None, demo=None)._doors
    return list(_walk(doors.routes))  # an ASGI app with routes


def _guarded(site: Site) -> list[tuple[str, str]]:
    return [one for one in _doors(site) if " ".join(one) not in PUBLIC]


def _visitor(site: Site, person: Person | None = None) -> httpx.AsyncClient:
    """A browser before the whole site; with a person's session, but without its code."""
    whole = WebSite(site.hub, redis=None, demo=None)
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app=whole, raise_app_exceptions=False),
        cookies=person.client.cookies if person else None,
    )


async def _call(
    client: httpx.AsyncClient, method: str, path: str, form: Mapping[str, str] | None = None
) -> httpx.Response:
    some = re.sub(r"\{\w+_id(?::uuid)?\}", "0190a6e0-0000-7000-8000-000000000000", path)
    some = re.sub(r"\{\w+(?::int)?\}", "1", some)
    return await client.request(
        method, f"{PUBLIC_URL}{some}", params={"state": "x", "object": "x"}, json=form
    )


def test_the_doors_hold_what_we_think(site: Site) -> None:
    paths = {path for _, path in _doors(site)}
    assert {"/", "/tin/{code}", f"{PREFIX}/items", f"{PREFIX}/session", "/metrics"} <= paths
    assert len(_guarded(site)) > 30


async def test_every_other_address_asks_for_sign_in(site: Site) -> None:
    told = {}
    async with _visitor(site) as nobody:
        for method, path in _guarded(site):
            answer = await _call(nobody, method, path)
            to_sign_in = answer.status_code in (302, 303) and "sign-in" in answer.headers.get(
                "location", ""
            )
            if answer.status_code != 401 and not to_sign_in:
                told[f"{method} {path}"] = answer.status_code
    assert told == {}


async def test_every_change_by_a_browser_wants_its_code(site: Site, editor: Person) -> None:
    told = {}
    async with _visitor(site, editor) as without_code:
        for method, path in _guarded(site):
            if method in UNSAFE:
                answer = await _call(without_code, method, path)
                told_so = "csrf" in answer.text or "mã bảo vệ của phiên" in answer.text
                if answer.status_code != 403 or not told_so:
                    told[f"{method} {path}"] = f"{answer.status_code} {answer.text[:100]}"
    assert told == {}


async def test_every_change_from_another_site_is_refused(site: Site, editor: Person) -> None:
    told = {}
    async with _visitor(site, editor) as tricked:
        tricked.headers.update(
            {
                "Origin": "https://elsewhere.example",
                "Sec-Fetch-Site": "cross-site",
                "X-CSRF-Token": editor.client.headers["X-CSRF-Token"],
            }
        )
        signing_in = {"POST /api/v1/session", "POST /start/{secret}", "POST /sign-in"}
        by_a_link = {"POST /p/{token}"}
        for method, path in _doors(site):
            name = f"{method} {path}"
            if method in UNSAFE and name not in PUBLIC - signing_in - by_a_link:
                form = {"email": "a@b.vn", "password": "x"} if path.endswith("/session") else None
                answer = await _call(tricked, method, path, form)
                if answer.status_code != 403:
                    told[name] = f"{answer.status_code} {answer.text[:100]}"
    assert told == {}
