"""Bodies with files, read with Starlette's own parser."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass

from starlette.datastructures import Headers, UploadFile
from starlette.formparsers import FormParser, MultiPartException, MultiPartParser

from services.sandbox.wire import Request


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """One file of a form."""

    name: str
    mime: str
    content: bytes


async def read_form(request: Request) -> tuple[dict[str, str], dict[str, File]]:
    """Fields and files of a form; both empty for a body that is no form or a broken one."""
    headers = Headers(headers=request.headers)

    async def stream() -> AsyncGenerator[bytes, None]:
        yield request.body
        yield b""

    fields: dict[str, str] = {}
    files: dict[str, File] = {}
    try:
        if request.content_type == "multipart/form-data":
            form = await MultiPartParser(headers, stream()).parse()
        elif request.content_type == "application/x-www-form-urlencoded":
            form = await FormParser(headers, stream()).parse()
        else:
            return fields, files
    except (MultiPartException, KeyError):
        return {}, {}
    for name, value in form.multi_items():
        if isinstance(value, UploadFile):
            content = await value.read()
            files[name] = File(
                name=value.filename or "", mime=value.content_type or "", content=content
            )
        else:
            fields[name] = value
    await form.close()
    return fields, files
