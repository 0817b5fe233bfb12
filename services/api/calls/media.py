"""Pictures, videos and documents for items."""

from typing import Annotated, Final

from fastapi import APIRouter, File, Form, UploadFile, status
from fastapi.exceptions import RequestValidationError
from starlette.requests import Request

from services.api.gate import Poster, TheHub, Work
from services.api.problems import documented
from services.api.route import MediaRoute
from services.api.views import MediaOut, media_out
from services.content import media

router = APIRouter(route_class=MediaRoute, tags=["media"])

_FIELDS: Final = frozenset({"file", "alt", "decorative", "caption", "credit"})


@router.post(
    "/media",
    status_code=status.HTTP_201_CREATED,
    responses=documented(401, 403, 409, 413, 415, 422, 500, 503),
)
async def add_media(
    request: Request,
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
    # The framework has read the form by now, and gives it again as it is. A field it knows nothing
    # of it passes over: a caption with a slip in its name would be lost in silence.
    unknown = sorted(set(await request.form()) - _FIELDS)
    if unknown:
        raise RequestValidationError(
            [{"type": "extra_forbidden", "loc": ("body", name)} for name in unknown]
        )
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
