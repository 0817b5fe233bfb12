"""Serves media: files of the library as they are, pictures in their smaller sizes, the mark.

A size is made by the first who asks for it; while too many wait for theirs, the picture itself is
sent.
"""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Final

import structlog
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, RedirectResponse, Response

from services.content import brand, media_sizes
from services.content.tables import Media
from services.content.withdrawn_media import withdrawn
from services.delivery.hub import Hub
from services.feeds.answers import SAFE, SOON
from services.feeds.conditional import asked, unchanged
from services.feeds.finishing import Endpoint
from services.staff import agency
from services.staff.agency import Logo
from shared.errors import InvalidError, NotFoundError

# Its bytes never change, but a picture of a withdrawn item must leave the caches of others too.
_HOUR: Final = "public, max-age=3600"
# What stands in for a size that is yet to be made.
_NOT_KEPT: Final = "no-store"
# What the store keeps, and as what it is served.
_MIMES: Final[Mapping[str, str]] = MappingProxyType(
    {"jpg": "image/jpeg", "png": "image/png", "mp4": "video/mp4", "pdf": "application/pdf"}
)
# Each takes a process half a second: visitors never make more than one at a time, so that the
# other place is left to who uploads; and few wait in line.
_WAITING: Final = 6

_log = structlog.get_logger()


def routes(hub: Hub) -> Mapping[str, Endpoint]:
    """The addresses of media, and what answers there."""
    return {
        "/media/{digest}-mark.{ext}": _mark(hub),
        "/media/{digest}-{size}.jpg": _sized(hub),
        "/media/{digest}.{ext}": _whole(hub),
    }


def _mark(hub: Hub) -> Endpoint:
    """The agency's mark as the head of every page shows it: made once, held by this process."""
    held: dict[str, tuple[bytes, str]] = {}
    turn = asyncio.Lock()

    async def make(name: str, logo: Logo) -> Response | None:
        try:
            made = await brand.for_head(hub.media, logo)
        except NotFoundError:
            return Response(status_code=404, headers=dict(SAFE))
        except InvalidError as error:
            # It was read once, when it was taken in; a reader sees it all the same.
            _log.warning("mark.not_sized", code=error.code)
            return RedirectResponse(hub.media_url(logo.sha256, logo.ext), 302)
        held[name] = made.data, made.mime
        return None

    async def serve(request: Request) -> Response:
        name = f"{request.path_params['digest']}-mark.{request.path_params['ext']}"
        if name not in held:
            async with hub.open_work() as session:
                logo = (await agency.settings(session)).logo
            if logo is None or brand.name(logo) != name:
                return Response(status_code=404, headers=dict(SAFE))
            async with turn:
                refused = None if name in held else await make(name, logo)
            if refused is not None:
                return refused
        body, mime = held[name]
        return Response(body, media_type=mime, headers={**SAFE, "Cache-Control": _HOUR})

    return serve


def _whole(hub: Hub) -> Endpoint:
    async def serve(request: Request) -> Response:
        digest, ext = request.path_params["digest"], request.path_params["ext"]
        path = await run_in_threadpool(_stored, hub, digest, ext)
        if path is None or ext not in _MIMES:
            return Response(status_code=404, headers=dict(SAFE))
        async with hub.open_work() as session:
            gone = await withdrawn(session, digest)
        return _gone() if gone else _file(request, path, digest, ext)

    return serve


def _sized(hub: Hub) -> Endpoint:
    turn = asyncio.Lock()
    waiting = 0

    async def make(digest: str, size: str) -> Media:
        nonlocal waiting
        waiting += 1
        try:
            async with turn, hub.open_work() as session:
                # Whoever was before us in line may have made this very one, or taken it back.
                media = await media_sizes.shown(session, digest)
                if media is None:
                    raise NotFoundError("media_not_found")
                return await media_sizes.make(session, hub.media, media, size)
        finally:
            waiting -= 1

    async def serve(request: Request) -> Response:
        digest, size = request.path_params["digest"], request.path_params["size"]
        if size not in media_sizes.SIZES:
            return Response(status_code=404, headers=dict(SAFE))
        async with hub.open_work() as session:
            if await withdrawn(session, digest):
                return _gone()
            found = await media_sizes.made(session, digest, size)
            whole = None if found else await media_sizes.shown(session, digest)
        kept = True
        if found is None and whole is not None:
            kept = waiting < _WAITING
            try:
                found = await make(digest, size) if kept else whole
            except InvalidError as error:
                # It was read once, when it was uploaded; a reader sees it all the same.
                _log.warning("picture.not_sized", media=str(whole.id), size=size, code=error.code)
                found = whole
            except NotFoundError:
                found = None
        if found is not None:
            path = await run_in_threadpool(_stored, hub, found.sha256, found.ext)
            if path is not None:
                return _file(request, path, found.sha256, found.ext, kept=kept)
        return Response(status_code=404, headers=dict(SAFE))

    return serve


def _stored(hub: Hub, digest: str, ext: str) -> Path | None:
    try:
        path = hub.media.path(digest, ext)
    except NotFoundError:
        return None
    return path if path.is_file() else None


def _gone() -> Response:
    return Response(status_code=410, headers={**SAFE, "Cache-Control": SOON})


def _file(request: Request, path: Path, digest: str, ext: str, *, kept: bool = True) -> Response:
    headers = {**SAFE, "Cache-Control": _HOUR if kept else _NOT_KEPT, "ETag": f'"{digest}"'}
    wanted = asked(request.scope["headers"])
    if wanted.tags is not None and unchanged(wanted, tag=headers["ETag"]):
        return Response(status_code=304, headers=headers)
    # A browser opens no PDF inside a sandbox, so a document is saved instead of shown.
    document = ext == "pdf"
    return FileResponse(
        path,
        media_type=_MIMES[ext],
        filename=f"{digest[:12]}.{ext}" if document else None,
        content_disposition_type="attachment" if document else "inline",
        headers=headers,
    )
