"""Pictures, videos and documents for items."""

from typing import Annotated

from fastapi import APIRouter, File, Form, UploadFile, status

from services.api.gate import Poster, TheHub, Work
from services.api.problems import documented
from services.api.route import MediaRoute
from services.api.views import MediaOut, media_out
from services.content import media

router = APIRouter(route_class=MediaRoute, tags=["media"])


@router.post(
    "/media",
    status_code=status.HTTP_201_CREATED,
    responses=documented(401, 403, 409, 413, 415, 422, 500, 503),
)
async def add_media(
    caller: Poster,
    hub: TheHub,
    session: Work,
    file: Annotated[UploadFile, File(description="JPEG, PNG, WebP, MP4 or PDF")],
    alt: Annotated[
        str,
        Form(
            max_length=1_000,
            description="What is to be seen, for the blind; required unless `decorative`",
        ),
    ] = "",
    decorative: Annotated[
        bool, Form(description="A picture that tells nothing: it needs no description")
    ] = False,
    caption: Annotated[str, Form(max_length=1_000)] = "",
    credit: Annotated[str, Form(max_length=500)] = "",
) -> MediaOut:
    """Checks a file, takes hidden data out of a picture, and keeps it under its own hash."""
    added = await media.add(
        session,
        caller,
        hub.media,
        data=await file.read(),
        filename=file.filename or "",
        alt=alt,
        decorative=decorative,
        caption=caption,
        credit=credit,
    )
    return media_out(hub, added)
